"""A network and its films become a trained network."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carina.domain.recipe import Recipe
from carina.domain.record import Part, Record
from carina.errors import TrainingError
from carina.files.atomic import write_bytes
from carina.files.tables import write_table
from carina.runs import HISTORY_COLUMNS, Run
from carina.settings import Settings
from carina.workflows.environment import machine_facts
from carina.workflows.films import Films
from carina.workflows.going_on import identity_of, stopping_at_signals
from carina.workflows.log import Log
from carina.workflows.start import Start

if TYPE_CHECKING:
    from carina.models.network import ImageNetwork, Network
    from carina.models.weights import Weights
    from carina.training.films import FilmPart
    from carina.training.fit import DivergedError, Fitted
    from carina.training.precision import PrecisionChoice


_AS_BEFORE = "as before the interruption"


@dataclass(frozen=True, slots=True)
class Course:
    """How a training went, for one that repeats it on other pixels.

    Attributes:
        start: what was trained, and on what.
        start_state: the weights that it began with.
        precision: what it computed in.
        seconds: the whole training.
        epoch_seconds: each epoch's, validation included.
        answer_seconds: what a validation film took in the epoch where that was most.
    """

    start: Start
    start_state: Weights
    precision: PrecisionChoice
    seconds: float
    epoch_seconds: tuple[float, ...]
    answer_seconds: float


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
    from carina.training.checkpoints import Checkpoints, kept_circumstances
    from carina.training.circumstances import circumstances_of
    from carina.training.device import training_device, usable_threads
    from carina.training.feed import n_through_fixed_layers
    from carina.training.films import TrainingFilms
    from carina.training.fit import DivergedError, fit
    from carina.training.precision import PrecisionChoice, choose_precision

    recipe, network, films = start.recipe, start.network, start.films
    shown = TrainingFilms(film_part(films, "train"), film_part(films, "validation"), recipe.input)
    kept = kept_circumstances(run.checkpoints_dir)
    threads = int(kept.get("threads", usable_threads(recipe.train.threads)))
    with log.stage("precision probe"):
        if kept:
            precision = PrecisionChoice(kept["precision"], _AS_BEFORE, runtime=kept["fixed layers"])
        else:
            precision = choose_precision(
                network,
                recipe.input,
                train=recipe.train,
                cache_file=settings.cache_dir / "precision.json",
                n_fixed=n_through_fixed_layers(shown, recipe.train, recipe.augment),
            )
    if start.origin:
        log.say(f"start weights: {start.origin}")
    log.say(
        f"training {recipe.network.architecture} ({network.n_parameters:,} parameters) "
        f"in {precision.name}: {precision.reason}"
    )
    if precision.runtime_reason:
        log.say(f"the fixed layers are computed by {precision.runtime}: {precision.runtime_reason}")
    start_state = _copied(network) if has_masked_probe(recipe) else None
    checkpoints = Checkpoints(
        run.checkpoints_dir,
        identity=identity_of(recipe, shown),
        circumstances=circumstances_of(
            precision, threads=threads, processor=str(machine_facts()["processor"])
        ),
    )
    with log.stage("training"), stopping_at_signals(checkpoints):
        try:
            fitted = fit(
                network,
                shown,
                train=recipe.train.model_copy(update={"threads": threads}),
                augment=recipe.augment,
                precision=precision,
                cache_dir=settings.cache_dir,
                checkpoints=checkpoints,
                progress=log.progress,
            )
        except DivergedError as error:
            raise _with_best_kept(run, error) from error
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
        course=_course(start, start_state, precision, fitted) if start_state else None,
    )


def learned_before(run: Run, start: Start) -> Learned:
    """Return what a run has learned that was finished before.

    Args:
        run: of the start's training.
        start: its network gets the weights of the chosen epoch.

    Raises:
        RunError: if they are damaged.
    """
    from carina.models.weights import weights_from_bytes

    file = run.checkpoints_dir / "best.safetensors"
    state, facts = weights_from_bytes(file.read_bytes(), name=str(file))
    start.network.load_state_dict(state)
    environment = run.environment
    return Learned(
        network=start.network,
        epoch=int(facts["epoch"]),
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


def _with_best_kept(run: Run, error: DivergedError) -> TrainingError:
    """Keep the best epoch before a training diverged, and return the error that says where."""
    remove_training_state(run)  # from there it would diverge again
    if not error.best_epoch:
        return TrainingError(str(error))
    write_checkpoint(run, "best", error.best_state, epoch=error.best_epoch)
    file = run.checkpoints_dir / "best.safetensors"
    return TrainingError(
        f"{error}; the weights of epoch {error.best_epoch}, the best before that, are in {file}"
    )


def has_masked_probe(recipe: Recipe) -> bool:
    """Return whether a training by the recipe is repeated on films without their middle; one
    that sees no other films is such a probe itself."""
    return recipe.evaluate.masked_probe and recipe.input.mask == "none"


def _copied(network: Network) -> Weights:
    return {name: values.clone() for name, values in network.state_dict().items()}


def _course(
    start: Start, start_state: Weights, precision: PrecisionChoice, fitted: Fitted
) -> Course:
    return Course(
        start=start,
        start_state=start_state,
        precision=precision,
        seconds=fitted.seconds,
        epoch_seconds=tuple(row["seconds"] for row in fitted.history),
        answer_seconds=max(fitted.validation_seconds) / len(start.films.of("validation")),
    )


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
