"""The networks of a recipe with their start weights: drawn, pretrained, or an earlier run's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from carina.data.labels import spelling_key
from carina.domain.input_spec import InputSpec
from carina.domain.progress import Progress
from carina.domain.recipe import NetworkSection, Recipe, StageSection, TrainSection
from carina.domain.sentences import listed
from carina.errors import RecipeError
from carina.inference.bundle import load_classifier
from carina.runs import Run
from carina.settings import Settings
from carina.workflows.films import Films

if TYPE_CHECKING:
    from carina.models.network import Network


@dataclass(frozen=True, slots=True)
class Start:
    """A network before its training, with what it will learn from.

    Attributes:
        name: the stage's name in a cascade, else "".
        films: what it learns from, with its own classes.
        recipe: its own recipe.
        network: with its start weights.
        origin: where these come from, in words; "" if they were drawn.
        seen: rows as in `seen.csv` of the films that the start weights have seen.
    """

    name: str
    films: Films
    recipe: Recipe
    network: Network
    origin: str = ""
    seen: tuple[Mapping[str, str], ...] = ()


def require_architectures(recipe: Recipe) -> None:
    """Refuse an unknown architecture before any work is done for it.

    Raises:
        UnknownNameError: with the nearest names.
    """
    from carina.models.architectures import ARCHITECTURES

    for section in (
        (stage.network for stage in recipe.stages) if recipe.stages else [recipe.network]
    ):
        ARCHITECTURES.get(section.architecture)


def start_networks(
    films: Films, recipe: Recipe, settings: Settings, progress: Progress
) -> tuple[Start, ...]:
    """Return the recipe's network, or one for each stage of a cascade.

    Raises:
        RecipeError: if a network or a choice of epoch does not fit the films, or the stages
            do not fit together.
        InputError: if pretrained weights cannot be had or used, or there is no earlier run.
    """
    if not recipe.stages:
        return (_started("", films, recipe, settings, progress),)
    from carina.models.cascade import Question, joined_answers

    parts = []
    for stage in recipe.stages:
        own = stage_recipe(recipe, stage)
        parts.append((stage.name, films.relabelled(own.labels), own))
    joined_answers(
        [Question(name, own_films.dataset.labels.names) for name, own_films, _ in parts],
        films.dataset.labels.names,
    )
    return tuple(_started(*part, settings, progress) for part in parts)


def started_again(
    starts: Sequence[Start], by: int, settings: Settings, progress: Progress
) -> tuple[Start, ...]:
    """Return the same starts with every seed moved: the same films, other drawn weights.

    Args:
        starts: of one run.
        by: how far the seeds are moved.
        settings: caches.
        progress: told about weights that are fetched.
    """
    return tuple(
        _started(start.name, start.films, reseeded(start.recipe, by), settings, progress)
        for start in starts
    )


def reseeded(recipe: Recipe, by: int) -> Recipe:
    """Return the recipe with the seed of its training, and of every stage's, moved.

    >>> reseeded(Recipe(), 2).train.seed
    2
    """

    def moved(train: TrainSection) -> TrainSection:
        return train.model_copy(update={"seed": train.seed + by})

    stages = tuple(s.model_copy(update={"train": moved(s.train)}) for s in recipe.stages)
    return recipe.model_copy(update={"train": moved(recipe.train), "stages": stages})


def stage_recipe(recipe: Recipe, stage: StageSection) -> Recipe:
    """Return the recipe of one stage: its own sections, with the cascade's for the rest.

    Raises:
        RunError: if `network.init` is no run.
        RecipeError: if it is a run without a stage of that name.
    """
    network = stage.network
    if recipe.network.init and not network.init:
        earlier = _stage_of(Run.open(recipe.network.init), stage.name)
        network = network.model_copy(update={"init": str(earlier.folder)})
    return recipe.model_copy(
        update={
            "name": f"{recipe.name}-{stage.name}",
            "purpose": f"stage '{stage.name}' of the recipe {recipe.name}",
            "notes": (),
            "labels": stage.labels,
            "input": recipe.input.model_copy(
                update={"channels": stage.channels or recipe.input.channels}
            ),
            "network": network,
            "augment": stage.augment,
            "train": stage.train,
            # how the cascade answers; a stage has other classes and is never asked alone
            "evaluate": recipe.evaluate.model_copy(
                update={"positive": "", "decide_by": "highest", "abstain": 0.0}
            ),
            "stages": (),
        }
    )


def _stage_of(run: Run, name: str) -> Run:
    stages = {stage.name: stage for stage in run.stages}
    if name not in stages:
        raise RecipeError(
            f"network.init = {run.folder} has no stage '{name}' (its stages: "
            f"{listed(list(stages)) or 'none, it is no cascade'}); name a run of this cascade, or "
            "the run of one stage with --set stages.0.network.init=RUN"
        )
    return stages[name]


def _started(
    name: str, films: Films, recipe: Recipe, settings: Settings, progress: Progress
) -> Start:
    from carina.models.build import build_network
    from carina.training.fit import require_choosable

    labels = films.dataset.labels
    watched = [labels.index(r.label) for r in films.of("validation") if r.label is not None]
    require_choosable(recipe.train, np.array(watched, dtype=np.int64), len(labels))
    section = recipe.network
    network = build_network(
        section, spec=recipe.input, n_classes=len(labels), seed=recipe.train.seed
    )
    start = Start(name, films, recipe, network)
    if section.init:
        return _from_earlier_run(start, section, recipe.input)
    if section.weights == "none":
        return start
    from carina.models.pretrained import load_pretrained

    weights = load_pretrained(
        network,
        section.weights,
        architecture=section.architecture,
        cache_dir=settings.cache_dir,
        progress=progress,
    )
    return replace(start, origin=weights.note)


def _from_earlier_run(start: Start, section: NetworkSection, spec: InputSpec) -> Start:
    """Return the start with the weights of an earlier run's chosen epoch."""
    from carina.models.initial import take_weights
    from carina.models.weights import weights_of_file

    run = Run.open(section.init)
    earlier = run.recipe
    if earlier.stages or earlier.network.architecture != section.architecture:
        kind = "a cascade" if earlier.stages else earlier.network.architecture
        raise RecipeError(
            f"network.init = {section.init} is a run of {kind}, and this recipe trains "
            f"{section.architecture}; take --recipe {run.recipe_file}, or a run of the same network"
        )
    classifier = load_classifier(run.folder)
    if classifier.card.input != spec:
        raise RecipeError(
            f"the network of {section.init} learned from other pixels "
            f"({_differences(classifier.card.input, spec)}); take --recipe {run.recipe_file}"
        )
    state, _ = weights_of_file(run.checkpoints_dir / "best.safetensors")
    names = start.films.dataset.labels.names
    same = tuple(map(spelling_key, classifier.labels.names)) == tuple(map(spelling_key, names))
    took_output = take_weights(start.network, state, same_classes=same)
    drawn = "" if took_output else "; its output layer was drawn anew, for other classes"
    seen = tuple(classifier.seen)
    key = classifier.card.provenance.patient_key_fingerprint
    unchecked = ""
    if key != start.films.dataset.patient_key_fingerprint:
        # Hashed with another key, its patients cannot be told beside those of this run.
        if any(row["patient"] for row in seen):
            unchecked = (
                "; patient overlap with its films cannot be checked, since its patients were "
                "hashed with another key"
            )
        seen = tuple({**row, "patient": ""} for row in seen)
    return replace(
        start,
        films=start.films.knowing(seen),
        origin=f"the chosen epoch of the run {run.name}{drawn}{unchecked}",
        seen=seen,
    )


def _differences(earlier: InputSpec, now: InputSpec) -> str:
    before, after = earlier.model_dump(), now.model_dump()
    return ", ".join(
        f"input.{name} = {before[name]} there, {after[name]} here"
        for name in after
        if before[name] != after[name]
    )
