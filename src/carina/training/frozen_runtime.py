"""What computes the layers that are held fixed: torch, or OpenVINO where it pays."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.util import find_spec

import torch

from carina.domain.recipe import TrainSection
from carina.training.allocator import keeping_memory
from carina.training.device import torch_threads, training_device, usable_threads
from carina.training.frozen_part import FrozenPart, FrozenRuntime
from carina.training.timings import Seconds, Timings

# OpenVINO is asked only about work that takes torch so long: it needs about 5 s to start
# (export, reading, compiling) and was seen to save a quarter of the time (VGG16, bf16).
_WORTH_ASKING_S = 20.0
_TIMED_FILMS = 4
_TIMED_ROUNDS = 2
_START = "start"


@dataclass(frozen=True, slots=True)
class RuntimeChoice:
    """What computes the fixed layers, and why.

    Attributes:
        name: "torch" or "openvino".
        reason: in words.
        seconds: for a film, by runtime, and "start"; empty if they were not timed.
    """

    name: FrozenRuntime
    reason: str
    seconds: Mapping[str, float] = field(default_factory=dict)


def choose_runtime(
    part: FrozenPart, *, n_fixed: int, train: TrainSection, timings: Timings
) -> RuntimeChoice:
    """Return what computes the fixed layers of a training in the least time.

    Args:
        part: the fixed layers.
        n_fixed: how many films they will be shown in all.
        train: threads.
        timings: what was timed before.
    """
    if training_device().type != "cpu":
        return RuntimeChoice("torch", "a GPU computes them")
    if find_spec("openvino") is None:
        return RuntimeChoice("torch", "OpenVINO is not installed")
    with torch_threads(usable_threads(train.threads)), keeping_memory():
        alone, _ = timings.known_or([f"torch {part.dtype}"], lambda: _torch_alone(part))
        (film_s,) = alone.values()
        if n_fixed * film_s < _WORTH_ASKING_S:
            return RuntimeChoice(
                "torch", f"{n_fixed} films take torch {n_fixed * film_s:.0f} s: too few for another"
            )
        names = [f"{name} {part.dtype}" for name in ("torch", "openvino", _START)]
        found, when = timings.known_or(names, lambda: dict(zip(names, _both(part), strict=True)))
    by_torch, by_openvino, start = (found[name] for name in names)
    saved = n_fixed * (by_torch - by_openvino) - start
    return RuntimeChoice(
        "openvino" if saved > 0 else "torch",
        f"a film takes OpenVINO {by_openvino:.3f} s after a start of {start:.1f} s, and torch "
        f"{by_torch:.3f} s ({when}); there are {n_fixed}",
        {"torch": by_torch, "openvino": by_openvino, _START: start},
    )


def _torch_alone(part: FrozenPart) -> Seconds:
    films = _films(part)
    part(films)
    return {f"torch {part.dtype}": _seconds(part, films)}


def _both(part: FrozenPart) -> tuple[float, float, float]:
    """Return the seconds of a film by torch and by OpenVINO, and those of OpenVINO's start."""
    films = _films(part)
    began = time.perf_counter()
    other = replace(part, runtime="openvino")
    other(films[:1])
    start = time.perf_counter() - began
    other(films)
    rounds = [(_seconds(part, films), _seconds(other, films)) for _ in range(_TIMED_ROUNDS)]
    by_torch, by_openvino = (statistics.median(taken) for taken in zip(*rounds, strict=True))
    return by_torch, by_openvino, start


def _seconds(part: FrozenPart, films: torch.Tensor) -> float:
    began = time.perf_counter()
    part(films)
    return (time.perf_counter() - began) / len(films)


def _films(part: FrozenPart) -> torch.Tensor:
    shape = (_TIMED_FILMS, 1, part.spec.height, part.spec.width)
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))
