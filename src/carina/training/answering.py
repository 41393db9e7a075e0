"""A trained network's answers to films, found the way a training finds those of validation."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from carina.domain.input_spec import InputSpec
from carina.domain.progress import Progress
from carina.domain.recipe import AugmentSection, TrainSection
from carina.imaging.prepare import from_levels
from carina.models.network import Network, set_memory_layout
from carina.training.allocator import keeping_memory
from carina.training.device import own_chance, torch_threads, training_device, usable_threads
from carina.training.feed import Feed, Plan
from carina.training.films import FilmPart, TrainingFilms
from carina.training.frozen_part import FrozenPart, with_frozen_part
from carina.training.precision import PrecisionChoice

_TIMED_FILMS = 4


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
    """

    spec: InputSpec
    train: TrainSection
    precision: PrecisionChoice
    cache_dir: Path | None
    progress: Progress


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
        plan = Plan(way.train, AugmentSection(), way.precision, device, way.cache_dir, way.progress)
        return Feed(network, films, plan).validation_logits()


def fixed_layer_seconds(network: Network, part: FilmPart, way: Answering) -> tuple[float, float]:
    """Return what a film takes in the layers that are held fixed, now and not from a cache.

    Args:
        network: on the CPU before and after.
        part: some films; a few of them are timed.
        way: how.

    Returns:
        Seconds of a film that is trained on, and of one that is only answered (in float32);
        0 and 0 where no layer is held fixed.
    """
    if with_frozen_part(network) is None or not len(part):
        return 0.0, 0.0
    few = part.read_levels(part.keys[:_TIMED_FILMS])
    with _on_the_device(network, way.train) as device:
        backbone = with_frozen_part(network)
        assert backbone is not None  # the same network, on the device
        films = torch.from_numpy(from_levels(few)).unsqueeze(1).to(device)
        precision = way.precision
        trained = FrozenPart(
            backbone, way.spec, precision.name == "bf16", precision.runtime, precision.compiled
        )
        parts = (trained, replace(trained, bf16=False))
        trained_s, answered_s = (_seconds(each, films) for each in parts)
        return trained_s, answered_s


def _seconds(part: FrozenPart, films: torch.Tensor) -> float:
    """Return the seconds of one film; the first one, which starts the runtime, is not timed."""
    part(films[:1])
    began = time.perf_counter()
    part(films).cpu()  # waits for a GPU to be done
    return (time.perf_counter() - began) / len(films)


@contextmanager
def _on_the_device(network: Network, train: TrainSection) -> Iterator[torch.device]:
    device = training_device()
    with torch_threads(usable_threads(train.threads)), own_chance(device), keeping_memory():
        set_memory_layout(network.to(device), torch.channels_last)
        try:
            yield device
        finally:
            set_memory_layout(network.to("cpu"), torch.contiguous_format)
