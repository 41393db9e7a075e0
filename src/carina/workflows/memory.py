"""How much memory a training may take, and what is chosen by that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from carina.domain.recipe import TrainSection
from carina.settings import Settings
from carina.workflows.start import Start

if TYPE_CHECKING:
    from carina.training.memory import MemoryChoice, Work
    from carina.training.precision import Precision

FILMS_AT_ONCE = "films at once"
"""What the circumstances of a training call its parts of a batch; whole batches are not named."""


def timed_section(start: Start, settings: Settings) -> TrainSection:
    """Return a recipe's train section with the batch that the probe of precisions may take.

    Raises:
        TrainingError: if there is not enough memory for one film.
    """
    from carina.training.memory import films_to_time, training_memory

    train = start.recipe.train
    free = training_memory(settings.memory_bytes)
    n_films = films_to_time(_work(start, "fp32", kept=False), free)
    return train.model_copy(update={"batch_size": n_films})


def chosen_memory(
    start: Start, precision: Precision, settings: Settings, *, kept: Mapping[str, Any], probe: bool
) -> MemoryChoice:
    """Return how many films a training computes at a time.

    Args:
        start: what will be trained.
        precision: what it computes in.
        settings: what it may take.
        kept: the circumstances of a training that goes on or is repeated, which choose; empty
            for one that begins.
        probe: whether a masked probe will follow.

    Raises:
        TrainingError: if there is not enough memory for one film at a time.
    """
    from carina.training.memory import choose_memory, memory_as_before, training_memory

    work = _work(start, precision, kept=probe)
    free = training_memory(settings.memory_bytes)
    if kept:
        return memory_as_before(work, int(kept.get(FILMS_AT_ONCE, 0)), free)
    return choose_memory(work, free)


def circumstances_with(
    circumstances: Mapping[str, str | int], choice: MemoryChoice
) -> dict[str, str | int]:
    """Return the circumstances of a training with the parts of its batches, if it has any."""
    parts = {FILMS_AT_ONCE: choice.films_at_once} if choice.is_split else {}
    return {**circumstances, **parts}


def _work(start: Start, precision: Precision, *, kept: bool) -> Work:
    from carina.training.memory import Work

    recipe = start.recipe
    return Work(start.network, recipe.input, recipe.train, recipe.augment, precision, kept)
