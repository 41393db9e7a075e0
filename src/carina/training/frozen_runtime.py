"""What computes the layers that are held fixed: torch, directly or with Winograd's products,
or OpenVINO where it pays."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec

import torch

from carina.domain.recipe import TrainSection
from carina.training.allocator import keeping_memory
from carina.training.device import torch_threads, training_device, usable_threads
from carina.training.frozen_part import FrozenPart, FrozenRuntime
from carina.training.timings import Seconds, Timings

# OpenVINO is asked only about work that takes torch so long: it needs about 5 s to start
# (export, reading, compiling).
_WORTH_ASKING_S = 60.0
_TIMED_FILMS = 4
_TIMED_ROUNDS = 2
_START = "start"


@dataclass(frozen=True, slots=True)
class RuntimeChoice:
    """What computes the fixed layers, and why.

    Attributes:
        name: "torch", "winograd" or "openvino".
        reason: in words.
        seconds: for a film, by runtime, and OpenVINO's "start"; empty if there was no choice.
    """

    name: FrozenRuntime
    reason: str
    seconds: Mapping[str, float] = field(default_factory=dict)


def choose_runtime(
    part: FrozenPart, *, n_fixed: int, train: TrainSection, timings: Timings
) -> RuntimeChoice:
    """Return what computes the fixed layers of a training in the least time.

    Args:
        part: the fixed layers, to be computed by "torch".
        n_fixed: how many films they will be shown in all.
        train: threads.
        timings: what was timed before.
    """
    if training_device().type != "cpu":
        return RuntimeChoice("torch", "a GPU computes them")
    has_openvino = find_spec("openvino") is not None
    if not has_openvino and not part.can_use_winograd:
        return RuntimeChoice("torch", "OpenVINO is not installed")
    ways: list[FrozenRuntime] = ["torch", "winograd"] if part.can_use_winograd else ["torch"]
    with torch_threads(usable_threads(train.threads)), keeping_memory():
        found, when = _timed(part, ways, timings)
        film_s = min(found.values())
        if has_openvino and n_fixed * film_s >= _WORTH_ASKING_S:
            found, when = _timed(part, [*ways, "openvino"], timings)
    totals = {way: n_fixed * found[way] for way in ways}
    if "openvino" in found:
        totals["openvino"] = n_fixed * found["openvino"] + found[_START]
    elif len(ways) == 1:
        return RuntimeChoice(
            "torch", f"{n_fixed} films take torch {totals['torch']:.0f} s: too few for another"
        )
    chosen = min(totals, key=lambda way: totals[way])
    said = "; ".join(f"{_in_words(way, found)} {found[way]:.3f} s" for way in totals)
    reason = f"seconds of a film by {said} ({when}); there are {n_fixed}"
    return RuntimeChoice(chosen, reason, found)


def _in_words(way: FrozenRuntime, seconds: Seconds) -> str:
    return {
        "torch": "torch",
        "winograd": "torch with Winograd's products",
        "openvino": f"OpenVINO (after a start of {seconds.get(_START, 0):.1f} s)",
    }[way]


def _timed(
    part: FrozenPart, ways: Sequence[FrozenRuntime], timings: Timings
) -> tuple[Seconds, str]:
    """Return the seconds of a film each way, the start of OpenVINO's if it is among them, and
    when they were taken."""
    names = [*ways, _START] if "openvino" in ways else list(ways)
    kept_as = [f"{name} {part.dtype}" for name in names]
    kept, when = timings.known_or(
        kept_as,
        lambda: {f"{name} {part.dtype}": s for name, s in _measured(part, ways).items()},
    )
    return {name: kept[key] for name, key in zip(names, kept_as, strict=True)}, when


def _measured(part: FrozenPart, ways: Sequence[FrozenRuntime]) -> Seconds:
    """Return the seconds of a film each way, the ways taking turns, and those of OpenVINO's
    start if it is one of them."""
    films = _films(part)
    parts = {way: replace(part, runtime=way) for way in ways}
    start: dict[str, float] = {}
    for way, each in parts.items():
        began = time.perf_counter()
        each(films[:1])
        if way == "openvino":
            start[_START] = time.perf_counter() - began
        each(films)
    rounds = [
        {way: _seconds(each, films) for way, each in parts.items()} for _ in range(_TIMED_ROUNDS)
    ]
    return {way: statistics.median(taken[way] for taken in rounds) for way in ways} | start


def _seconds(part: FrozenPart, films: torch.Tensor) -> float:
    began = time.perf_counter()
    part(films)
    return (time.perf_counter() - began) / len(films)


def _films(part: FrozenPart) -> torch.Tensor:
    shape = (_TIMED_FILMS, 1, part.spec.height, part.spec.width)
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))
