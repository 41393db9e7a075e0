"""A trained network's answers to films, found the way a training finds those of validation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from carina.domain.input_spec import InputSpec
from carina.domain.progress import Progress
from carina.domain.recipe import AugmentSection, TrainSection
from carina.models.network import Network, set_memory_layout
from carina.training.allocator import keeping_memory
from carina.training.device import own_chance, torch_threads, training_device, usable_threads
from carina.training.feed import Feed, Plan
from carina.training.films import FilmPart, TrainingFilms
from carina.training.precision import PrecisionChoice


@dataclass(frozen=True, slots=True)
class Answering:
    """How films are answered.

    Attributes:
        spec: how the films were prepared.
        train: threads and batch size.
        precision: what computes the layers that are held fixed; answers are exact in float32
            whatever it says.
        cache_dir: where features of fixed layers are kept; None: in memory.
        progress: told while features are computed.
        films_at_once: the most films that are computed at a time; 0 for whole batches.
    """

    spec: InputSpec
    train: TrainSection
    precision: PrecisionChoice
    cache_dir: Path | None
    progress: Progress
    films_at_once: int = 0


def answers(network: Network, part: FilmPart, way: Answering) -> NDArray[np.float64]:
    """Return a network's logits of films as they are, as `scoring.torch_logits` does, but on
    the training's device and with fixed layers computed the way that was found quickest.

    Args:
        network: on the CPU before and after.
        part: the films.
        way: how.

    Returns:
        float64 `[n, classes]`, in the order of `part.keys`.

    Raises:
        StorageError: if there is no room for features.
    """
    nothing = FilmPart((), part.labels[:0], part.read_levels)
    films = TrainingFilms(nothing, part, way.spec)
    with _on_the_device(network, way.train) as device:
        plan = Plan(
            train=way.train,
            augment=AugmentSection(),
            precision=way.precision,
            device=device,
            cache_dir=way.cache_dir,
            progress=way.progress,
            films_at_once=way.films_at_once,
        )
        return Feed(network, films, plan).validation_logits()


@contextmanager
def _on_the_device(network: Network, train: TrainSection) -> Iterator[torch.device]:
    device = training_device()
    with torch_threads(usable_threads(train.threads)), own_chance(device), keeping_memory():
        set_memory_layout(network.to(device), torch.channels_last)
        try:
            yield device
        finally:
            set_memory_layout(network.to("cpu"), torch.contiguous_format)
