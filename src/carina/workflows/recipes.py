"""What a training can be told to do, and what it would cost on this machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from carina.domain.estimate import Estimate
from carina.domain.progress import Progress, Step, silent
from carina.domain.recipe import Recipe
from carina.files.recipes import read_recipe, shipped_recipes
from carina.settings import Settings
from carina.workflows.extras import extra_is_installed

if TYPE_CHECKING:
    from carina.models.network import ImageNetwork, Network

FILMS_OF_THE_ESTIMATE = 1000


@dataclass(frozen=True, slots=True)
class Layer:
    """One line of a network's summary.

    Attributes:
        name: of the layer, with its kind.
        output_shape: None for the batch, channels last, as Keras prints it.
        parameters: the values that it holds.
    """

    name: str
    output_shape: tuple[int | None, ...]
    parameters: int


@dataclass(frozen=True, slots=True)
class MeasuredResult:
    """What a recipe reached on the folder that it was described for.

    Attributes:
        data: the folder's name.
        n_test: films of the test part.
        seeds: trainings.
        metrics: test metric -> mean over the seeds, with the lowest and the highest.
        interval: test metric -> the chosen seed's value with its 95 % interval.
    """

    data: str
    n_test: int
    seeds: int
    metrics: Mapping[str, Estimate]
    interval: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class RecipeFacts:
    """A recipe, its network, and what it costs and reaches.

    Attributes:
        recipe: in full.
        layers: of the network, for `recipe.n_classes` classes; empty without the extra
            `train`.
        parameters: the values that the network holds; None without the extra `train`.
        trained: those that are trained.
        seconds: expected time of a training on `FILMS_OF_THE_ESTIMATE` films here, from a
            probe of a few steps; None where it was not timed.
        measured: results, if any are kept with this version.
    """

    recipe: Recipe
    layers: tuple[Layer, ...] = ()
    parameters: int | None = None
    trained: int | None = None
    seconds: float | None = None
    measured: tuple[MeasuredResult, ...] = ()


def recipes(
    name: str | None = None,
    *,
    timed: bool = True,
    settings: Settings | None = None,
    progress: Progress = silent,
) -> tuple[RecipeFacts, ...]:
    """Return the recipes that ship, or the one called `name` (or of a `.toml` file).

    Args:
        name: a shipped recipe, or a file; None for all that ship.
        timed: whether a probe of a few steps is made where none was kept (about 3 s for
            each network); without the extra `train` there is none.
        settings: where timings are kept; from the environment if None.
        progress: told which network is being timed.

    Raises:
        UnknownNameError: if none ships under that name; it lists the nearest.

    >>> recipes("two-conv", timed=False)[0].recipe.train.epochs
    5
    """
    names = shipped_recipes() if name is None else (name,)
    settings = settings or Settings.from_environment()
    found = []
    for number, own in enumerate(names):
        if timed:
            progress(Step("looking at the networks", number, len(names), {"recipe": own}))
        found.append(_facts(read_recipe(own), settings, timed=timed))
    if timed:
        progress(Step("looking at the networks", len(names), len(names)))
    return tuple(found)


def _facts(recipe: Recipe, settings: Settings, *, timed: bool) -> RecipeFacts:
    measured = _measured(recipe.name)
    if not extra_is_installed("train"):
        return RecipeFacts(recipe, measured=measured)
    whole, parts = _networks(recipe)
    seconds = sum(_seconds(own, network, settings) for own, network in parts) if timed else None
    layers = tuple(Layer(*row) for row in whole.summary())
    trained = sum(p.numel() for p in whole.parameters() if p.requires_grad)
    return RecipeFacts(recipe, layers, whole.n_parameters, trained, seconds, measured)


def _networks(recipe: Recipe) -> tuple[ImageNetwork, list[tuple[Recipe, Network]]]:
    """Return the recipe's whole network, and what is trained: itself, or a cascade's stages."""
    from carina.models.build import build_network
    from carina.models.cascade import Cascade
    from carina.workflows.start import stage_recipe

    if not recipe.stages:
        network = build_network(
            recipe.network, spec=recipe.input, n_classes=recipe.n_classes, seed=0
        )
        return network, [(recipe, network)]
    parts = []
    for stage in recipe.stages:
        own = stage_recipe(recipe, stage)
        network = build_network(own.network, spec=own.input, n_classes=2, seed=0)
        parts.append((own, network))
    n_last = recipe.n_classes - len(parts) + 1
    plan: list[tuple[int | None, ...]] = [(number, None) for number in range(len(parts) - 1)]
    plan.append(tuple(range(len(parts) - 1, len(parts) - 1 + n_last)))
    return Cascade([network for _, network in parts], plan), parts


def _seconds(recipe: Recipe, network: Network, settings: Settings) -> float:
    """Return the expected time of a recipe's epochs, from a step's.

    Where what fixed layers make of films is kept, only the epochs in which they compute
    are counted; the others take a small part of that.
    """
    from carina.training.feed import epochs_through_fixed_layers
    from carina.training.frozen_part import with_frozen_part
    from carina.training.precision import expected_step_seconds

    step = expected_step_seconds(
        network,
        recipe.input,
        train=recipe.train,
        cache_file=settings.cache_dir / "precision.json",
    )
    steps = FILMS_OF_THE_ESTIMATE / recipe.train.batch_size
    epochs = recipe.train.epochs
    if with_frozen_part(network) is not None:
        epochs = epochs_through_fixed_layers(recipe.train, recipe.augment)
    return step * steps * epochs


def _measured(name: str) -> tuple[MeasuredResult, ...]:
    """Return the results that are kept beside the recipes."""
    file = resources.files("carina") / "recipes" / "measured.json"
    rows = json.loads(file.read_text("utf-8"))
    return tuple(
        MeasuredResult(
            data=row["data"],
            n_test=row["n_test"],
            seeds=row["seeds"],
            metrics={k: Estimate.model_validate(v) for k, v in row["metrics"].items()},
            interval={k: Estimate.model_validate(v) for k, v in row["interval"].items()},
        )
        for row in rows
        if row["recipe"] == name
    )
