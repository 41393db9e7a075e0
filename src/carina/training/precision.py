"""Whether a training computes in bf16 or fp32: decided once, before it, and recorded."""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from carina.domain.input_spec import InputSpec
from carina.domain.recipe import TrainSection
from carina.models.network import Network, set_memory_layout
from carina.training.allocator import keeping_memory
from carina.training.device import own_chance, torch_threads, training_device, usable_threads
from carina.training.frozen_part import CompiledStages, FrozenPart, FrozenRuntime, with_frozen_part
from carina.training.frozen_runtime import choose_runtime
from carina.training.step import adam, training_step
from carina.training.timings import Timings

Precision = Literal["fp32", "bf16"]
_PRECISIONS: tuple[Precision, ...] = ("fp32", "bf16")
_CPU_BF16 = ("avx512_bf16", "amx_bf16", "arm_bf16", "bf16")
# What the probe may take in all; only its first steps, of a few films, are taken in any case.
_BUDGET_S = 3.0
# So many times faster is no accident of the machine's: nothing more is timed.
_DECISIVE = 1.5
# Few films tell of a whole batch if they take so long; short steps are mostly overhead.
_TELLING_S = 0.2
_TIMED_STEPS = 3


@dataclass(frozen=True, slots=True)
class PrecisionChoice:
    """What a training computes in, and why.

    Attributes:
        name: "fp32", or "bf16": the layers in bfloat16; weights, loss and steps in float32.
        reason: in words.
        step_seconds: seconds of one training step in each precision, if they were timed.
        runtime: what computes the layers that are held fixed, as `RuntimeChoice` names it.
        runtime_reason: in words; "" where no layer is held fixed.
        runtime_seconds: seconds of a film in the fixed layers by each runtime, and "start":
            those that OpenVINO needs before the first; empty if they were not timed.
        compiled: the fixed layers as they were timed, so that they start once.
    """

    name: Precision
    reason: str
    step_seconds: Mapping[str, float] = field(default_factory=dict)
    runtime: FrozenRuntime = "torch"
    runtime_reason: str = ""
    runtime_seconds: Mapping[str, float] = field(default_factory=dict)
    compiled: CompiledStages = field(default_factory=CompiledStages, compare=False, repr=False)

    def facts(self) -> dict[str, str | float]:
        """Return it all as plain values, for `environment.json`."""
        facts: dict[str, str | float] = {"chosen": self.name, "reason": self.reason}
        facts |= {f"{name}_step_seconds": value for name, value in self.step_seconds.items()}
        if self.runtime_reason:
            facts |= {"fixed_layers": self.runtime, "fixed_layers_reason": self.runtime_reason}
        facts |= {f"fixed_layers_{name}_s": value for name, value in self.runtime_seconds.items()}
        return facts


def choose_precision(
    network: Network,
    spec: InputSpec,
    *,
    train: TrainSection,
    cache_file: Path | None = None,
    n_fixed: int = 0,
) -> PrecisionChoice:
    """Return the precision to train in; what the recipe names is taken as it is.

    "auto" times a few real steps of a copy in both precisions where the CPU has bf16
    instructions, and takes the faster; a GPU that has bf16 takes it untimed. Where layers
    are held fixed, what computes them is chosen too.

    Args:
        network: neither it nor torch's generators are touched.
        spec: its images.
        train: the recipe's section.
        cache_file: JSON file that keeps timings by machine, network and batch; a damaged
            one is written anew.
        n_fixed: how many films the fixed layers will be shown in all, over the epochs
            (`feed.n_through_fixed_layers`).

    Raises:
        StorageError: if the cache file cannot be written.
    """
    timings = Timings(cache_file, network, spec, train)
    choice = _chosen_precision(network, spec, train=train, timings=timings)
    if with_frozen_part(network) is None:
        return choice
    still = with_frozen_part(copy.deepcopy(network))
    assert still is not None  # a copy has the same fixed layers
    set_memory_layout(still, torch.channels_last)
    part = FrozenPart(still, spec, bf16=choice.name == "bf16")
    runtime = choose_runtime(part, n_fixed=n_fixed, train=train, timings=timings)
    return replace(
        choice,
        runtime=runtime.name,
        runtime_reason=runtime.reason,
        runtime_seconds=runtime.seconds,
        compiled=part.compiled,
    )


def expected_step_seconds(
    network: Network, spec: InputSpec, *, train: TrainSection, cache_file: Path | None = None
) -> float:
    """Return the seconds that a step of a training will take here, fixed layers included.

    Args:
        network, spec, train, cache_file: as in `choose_precision`, whose timings these are.

    Raises:
        StorageError: if the cache file cannot be written.
    """
    timings = Timings(cache_file, network, spec, train)
    seconds, _ = timings.known_or(_PRECISIONS, lambda: step_seconds(network, spec, train=train))
    return seconds[_chosen_precision(network, spec, train=train, timings=timings).name]


def step_seconds(network: Network, spec: InputSpec, *, train: TrainSection) -> dict[str, float]:
    """Return the median seconds of a real training step in "fp32" and in "bf16".

    The two take turns, so that whatever else the machine does meets both; the first
    step of each is not counted. Large networks are timed on fewer films, as many as a
    budget of 3 s allows, and their seconds scaled to the whole batch.

    Args:
        network: a copy of it is trained; fixed layers compute without gradients, as they
            will.
        spec: its images.
        train: batch size and threads.
    """
    step = _real_step(network, spec, train)
    threads = usable_threads(train.threads)
    n_films = min(_first_films(network, threads), train.batch_size)
    with (
        torch_threads(threads),
        keeping_memory(),
        own_chance(training_device()),
    ):
        end = time.perf_counter() + _BUDGET_S
        taken = _rounds(step, n_films, at_most=1, end=end)
        round_s = sum(statistics.median(seconds) for seconds in taken.values())
        if round_s > _TELLING_S and _is_decided(taken):
            end = 0.0
        # As many films as leave time for a round that is not counted and one that is.
        affordable = int((end - time.perf_counter()) / (2 * round_s) * n_films)
        if affordable > n_films:
            n_films = min(affordable, train.batch_size)
            taken = _rounds(step, n_films, at_most=_TIMED_STEPS, end=end)
    scale = train.batch_size / n_films
    return {name: scale * statistics.median(seconds) for name, seconds in taken.items()}


def cpu_has_bf16() -> bool:
    """Return whether this CPU computes in bf16 by instructions of its own."""
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name) for name in _CPU_BF16)


def _chosen_precision(
    network: Network, spec: InputSpec, *, train: TrainSection, timings: Timings
) -> PrecisionChoice:
    if train.precision != "auto":
        return _as_asked(train.precision)
    if training_device().type == "cuda":
        if torch.cuda.is_bf16_supported():
            return PrecisionChoice("bf16", "this GPU has bf16")
        return PrecisionChoice("fp32", "this GPU has no bf16")
    if not cpu_has_bf16():
        return PrecisionChoice("fp32", "this CPU has no bf16 instructions")
    return _faster(*timings.known_or(_PRECISIONS, lambda: step_seconds(network, spec, train=train)))


def _real_step(
    network: Network, spec: InputSpec, train: TrainSection
) -> Callable[[Precision, int], None]:
    """Return what takes a training step of a copy, in a precision and with some films."""
    chance = torch.Generator().manual_seed(0)
    device = training_device()
    films = torch.rand((train.batch_size, 1, spec.height, spec.width), generator=chance).to(device)
    labels = (torch.arange(train.batch_size) % network.n_classes).to(device)
    copied = copy.deepcopy(network).to(device).train()
    set_memory_layout(copied, torch.channels_last)
    optimizer = adam(copied, train)
    backbone = with_frozen_part(copied)

    def take(precision: Precision, n_films: int) -> None:
        bf16 = precision == "bf16"
        images = films[:n_films]
        answer: Callable[[Tensor], Tensor] = copied
        if backbone is None:
            images = images.expand(-1, spec.channels, -1, -1)
        else:
            part = FrozenPart(backbone, spec, bf16)
            images, answer = part.for_trained_layers(part(images)), backbone.from_frozen
            bf16 = part.trained_in_bf16
        loss, _ = training_step(
            answer, optimizer, images=images, labels=labels[:n_films], weights=None, bf16=bf16
        )
        float(loss)  # waits for a GPU to be done

    return take


def _first_films(network: Network, threads: int) -> int:
    """Return the films of the first steps: as few as batch normalisation can be trained on.

    On one thread torch computes 1x1 convolutions of fewer than 16 films in fp32 another,
    slower way, which a step of a whole batch would not take.
    """
    kernels = {m.kernel_size for m in network.modules() if isinstance(m, nn.Conv2d)}
    return 16 if threads == 1 and (1, 1) in kernels else 2


def _rounds(
    step: Callable[[Precision, int], None], n_films: int, *, at_most: int, end: float
) -> dict[Precision, list[float]]:
    """Return the seconds of steps: one of each precision uncounted, then at least one of
    each, and more until the clock says `end`."""
    taken: dict[Precision, list[float]] = {name: [] for name in _PRECISIONS}
    for number in range(1 + at_most):
        if number > 1 and (time.perf_counter() > end or _is_decided(taken)):
            break
        for name, seconds in taken.items():
            began = time.perf_counter()
            step(name, n_films)
            if number:
                seconds.append(time.perf_counter() - began)
    return taken


def _is_decided(taken: Mapping[Precision, list[float]]) -> bool:
    """Return whether one precision was so much faster that timing more would not help."""
    fp32, bf16 = (statistics.median(taken[name]) for name in _PRECISIONS)
    return max(fp32, bf16) > _DECISIVE * min(fp32, bf16)


def _as_asked(name: Precision) -> PrecisionChoice:
    reason = f"the recipe says train.precision = {name}"
    if name == "bf16" and training_device().type == "cpu" and not cpu_has_bf16():
        reason += "; this CPU has no bf16 instructions, so it is slower than fp32"
    return PrecisionChoice(name, reason)


def _faster(seconds: Mapping[str, float], when: str) -> PrecisionChoice:
    name: Precision = "bf16" if seconds["bf16"] < seconds["fp32"] else "fp32"
    other = "fp32" if name == "bf16" else "bf16"
    return PrecisionChoice(
        name,
        f"{name} takes {seconds[name]:.3f} s a step here, {other} {seconds[other]:.3f} s ({when})",
        dict(seconds),
    )
