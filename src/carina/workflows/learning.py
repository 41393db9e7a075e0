"""A network and its films become a trained network."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carina.domain.recipe import Recipe
from carina.domain.record import Part, Record
from carina.errors import RunError
from carina.files.atomic import write_bytes
from carina.files.tables import write_table
from carina.runs import HISTORY_COLUMNS, Run
from carina.settings import Settings
from carina.workflows.diverged import keep_diverged
from carina.workflows.environment import machine_facts
from carina.workflows.films import Films
from carina.workflows.going_on import (
    identity_of,
    stopping_at_signals,
    threads_of_others,
    was_interrupted,
)
from carina.workflows.log import Log
from carina.workflows.memory import chosen_memory, circumstances_with, timed_section
from carina.workflows.record import note_facts, recorded_circumstances
from carina.workflows.sharing import fit_of, sharing_facts, threads_of_worker
from carina.workflows.start import Start
from carina.workflows.start_weights import note_start_weights

if TYPE_CHECKING:
    from carina.models.network import ImageNetwork, Network
    from carina.models.weights import Weights
    from carina.training.films import FilmPart
    from carina.training.fit import Fitted
    from carina.training.precision import PrecisionChoice


_NOTHING_KEPT = (
    "no checkpoint was written before: the training begins at its first step, so that to train "
    "anew would take no longer than to go on"
)
_AS_BEFORE = "as the run's record says"


@dataclass(frozen=True, slots=True)
class Course:
    """How a training went, for one that repeats it on other pixels.

    Attributes:
        start: what was trained, and on what.
        start_state: the weights that it began with.
        precision: what it computed in.
        epochs: how many it had.
        films_at_once: the most films that were computed at a time; 0 for whole batches.
    """

    start: Start
    start_state: Weights
    precision: PrecisionChoice
    epochs: int
    films_at_once: int = 0


@dataclass(frozen=True, slots=True)
class Learned:
    """A trained network.

    Attributes:
        network: holds the weights of the chosen epoch.
        epoch: the chosen epoch; 0 for a cascade, whose stages chose their own.
        last_state: the last epoch's weights; None for a cascade.
        last_epoch: its number.
        threads: CPU threads of the training.
        precision: the precision chosen, and why.
        device: "cpu" or the name of the GPU.
        images_per_second: training speed.
        course: what a masked probe repeats; None where there will be none.
    """

    network: ImageNetwork
    epoch: int
    last_state: Weights | None
    last_epoch: int
    threads: int
    precision: Mapping[str, str | float]
    device: str
    images_per_second: float
    course: Course | None = None


def learn(run: Run, start: Start, *, settings: Settings, log: Log) -> Learned:
    """Train a network, and write history and checkpoints.

    Raises:
        TrainingError: if the training diverges.
        StorageError: if the run cannot be written.
    """
    from carina.training.checkpoints import Checkpoints, has_checkpoint
    from carina.training.circumstances import circumstances_of
    from carina.training.device import training_device
    from carina.training.divergence import DivergedError
    from carina.training.feed import n_through_fixed_layers
    from carina.training.films import TrainingFilms
    from carina.training.memory import telling_of_memory
    from carina.training.precision import PrecisionChoice, choose_precision

    recipe, network, films = start.recipe, start.network, start.films
    shown = TrainingFilms(film_part(films, "train"), film_part(films, "validation"), recipe.input)
    kept = recorded_circumstances(run)
    threads_now = threads_of_worker(recipe, run, settings)
    threads = int(kept.get("threads", threads_of_others(run, recipe) or threads_now))
    with log.stage("precision probe"):
        if kept:
            _require_choices(run, kept)
            precision = PrecisionChoice(kept["precision"], _AS_BEFORE, runtime=kept["fixed layers"])
        else:
            precision = choose_precision(
                network,
                recipe.input,
                train=timed_section(start, settings),
                cache_file=settings.cache_dir / "precision.json",
                n_fixed=n_through_fixed_layers(shown, recipe.train, recipe.augment),
            )
    note_start_weights(run, start)
    if start.origin:
        log.say(f"start weights: {start.origin}")
    log.say(
        f"training {recipe.network.architecture} ({network.n_parameters:,} parameters) "
        f"in {precision.name}: {precision.reason}"
    )
    if workers := sharing_facts(run).get("workers"):
        log.say(f"{workers} workers share the training")
    if precision.runtime_reason:
        log.say(f"the fixed layers are computed by {precision.runtime}: {precision.runtime_reason}")
    has_probe = has_masked_probe(recipe)
    memory = chosen_memory(start, precision.name, settings, kept=kept, probe=has_probe)
    for sentence in (memory.sentence, *memory.cautions):
        log.say(sentence)
    start_state = _copied(network) if has_probe else None
    circumstances = circumstances_with(
        circumstances_of(precision, threads=threads, processor=str(machine_facts()["processor"])),
        memory,
    ) | sharing_facts(run)
    note_facts(run, circumstances=circumstances, memory=memory.facts())
    checkpoints = Checkpoints(
        run.checkpoints_dir.absolute(),
        identity=identity_of(recipe, shown),
        circumstances=circumstances,
    )
    checkpoints.threads_anew = threads_now
    if was_interrupted(run) and not has_checkpoint(run.checkpoints_dir):
        log.say(_NOTHING_KEPT)
    with log.stage("training"), stopping_at_signals(checkpoints), telling_of_memory(memory):
        try:
            fitted = fit_of(run, settings)(
                network,
                shown,
                train=recipe.train.model_copy(update={"threads": threads}),
                augment=recipe.augment,
                precision=precision,
                cache_dir=settings.cache_dir,
                films_at_once=memory.at_once,
                checkpoints=checkpoints,
                progress=log.progress,
            )
        except DivergedError as error:
            raise keep_diverged(run, error) from error
    _write_training(run, fitted)
    network.load_state_dict(fitted.best_state)
    return Learned(
        network=network,
        epoch=fitted.best_epoch,
        last_state=fitted.last_state,
        last_epoch=len(fitted.history),
        threads=threads,
        precision=precision.facts(),
        device=str(training_device()),
        images_per_second=round(fitted.images_per_second, 1),
        course=Course(start, start_state, precision, len(fitted.history), memory.at_once)
        if start_state
        else None,
    )


def _require_choices(run: Run, kept: Mapping[str, object]) -> None:
    """Refuse to repeat a training whose record has lost a part of how it computes."""
    lost = [name for name in ("precision", "fixed layers") if name not in kept]
    if lost:
        raise RunError(
            f"{run.environment_file} does not say how the training computes: its circumstances "
            f"have no {' and no '.join(lost)}; put the file back as it was, or train anew"
        )


def learned_before(run: Run, start: Start) -> Learned:
    """Return what a run has learned that was finished before.

    Args:
        run: of the start's training.
        start: its network gets the weights of the chosen epoch.

    Raises:
        RunError: if they are damaged.
    """
    from carina.models.weights import weights_of_file

    file = run.checkpoints_dir / "best.safetensors"
    state, facts = weights_of_file(file)
    try:
        start.network.load_state_dict(state)
        epoch = int(facts["epoch"])
    except (RuntimeError, KeyError, TypeError, ValueError) as problem:  # torch: other shapes
        raise RunError(
            f"{file} does not fit the recipe of {run.folder}; put back what the run wrote, or "
            f"remove {run.folder}: it is then made again"
        ) from problem
    environment = run.environment
    return Learned(
        network=start.network,
        epoch=epoch,
        last_state=None,
        last_epoch=len(run.history),
        threads=environment.threads,
        precision=environment.precision,
        device=environment.device,
        images_per_second=environment.images_per_second,
    )


def remove_training_state(run: Run) -> None:
    """Let go of what an interrupted training would go on from: the run is whole.

    Raises:
        StorageError: if that is not permitted.
    """
    from carina.training.checkpoints import remove_checkpoints

    remove_checkpoints(run.checkpoints_dir)


def has_masked_probe(recipe: Recipe) -> bool:
    """Return whether a training by the recipe is repeated on films without their middle; one
    that sees no other films is such a probe itself."""
    return recipe.evaluate.masked_probe and recipe.input.mask == "none"


def _copied(network: Network) -> Weights:
    return {name: values.clone() for name, values in network.state_dict().items()}


def joined(stages: Mapping[str, Learned], starts: Mapping[str, Start], films: Films) -> Learned:
    """Return the cascade of trained stages, by name in their order.

    Args:
        stages: the trained stages.
        starts: what each learned from.
        films: with the cascade's own classes.
    """
    from carina.models.cascade import Cascade, Question, joined_answers
    from carina.models.network import Network

    questions = [Question(name, starts[name].films.dataset.labels.names) for name in stages]
    plan = joined_answers(questions, films.dataset.labels.names)
    networks = [one.network for one in stages.values() if isinstance(one.network, Network)]
    every = list(stages.values())
    return Learned(
        network=Cascade(networks, plan),
        epoch=0,
        last_state=None,
        last_epoch=0,
        threads=every[0].threads,
        precision={
            "chosen": ", ".join(f"{one.precision['chosen']} ({n})" for n, one in stages.items()),
            "reason": "each stage by its own probe",
        },
        device=every[0].device,
        images_per_second=0.0,
    )


def film_part(films: Films, part: Part) -> FilmPart:
    """Return a part as training takes it: films named by their content, not by their paths."""
    from carina.training.films import FilmPart

    records = films.of(part)
    pixels, facts = films.scan.pixels, films.scan.facts
    assert pixels is not None  # open_films scans with an input spec
    key_of = {facts[record.key].sha256: record.key for record in records}
    return FilmPart(
        keys=tuple(facts[record.key].sha256 for record in records),
        labels=np.array([_label_index(films, record) for record in records], dtype=np.int64),
        read_levels=lambda digests: pixels.levels([key_of[digest] for digest in digests]),
    )


def _label_index(films: Films, record: Record) -> int:
    assert record.label is not None  # a split holds labelled records only
    return films.dataset.labels.index(record.label)


def _write_training(run: Run, fitted: Fitted) -> None:
    rows = [{n: None if math.isnan(v) else v for n, v in row.items()} for row in fitted.history]
    write_table(run.history_file, HISTORY_COLUMNS, rows)
    write_checkpoint(run, "best", fitted.best_state, epoch=fitted.best_epoch)
    write_checkpoint(run, "last", fitted.last_state, epoch=len(fitted.history))


def write_checkpoint(run: Run, name: str, state: Weights, *, epoch: int) -> None:
    """Write weights into a run's `checkpoints/`.

    Raises:
        StorageError: if there is no room or no permission.
    """
    from carina.models.weights import weights_to_bytes

    data = weights_to_bytes(state, {"epoch": epoch})
    write_bytes(run.checkpoints_dir / f"{name}.safetensors", data)
