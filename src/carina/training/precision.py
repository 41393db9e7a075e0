"""Whether a training computes in bf16 or fp32: decided once, before it, and recorded."""

from __future__ import annotations

import copy
import hashlib
import json
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch

from carina.domain.input_spec import InputSpec
from carina.domain.recipe import TrainSection
from carina.files.atomic import write_text
from carina.models.network import Network, set_memory_layout
from carina.training.allocator import keeping_memory
from carina.training.device import own_chance, torch_threads, training_device, usable_threads
from carina.training.step import adam, training_step

Precision = Literal["fp32", "bf16"]
_TIMED_STEPS = 3
_CPU_BF16 = ("avx512_bf16", "amx_bf16", "arm_bf16", "bf16")


@dataclass(frozen=True, slots=True)
class PrecisionChoice:
    """What a training computes in, and why.

    Attributes:
        name: "fp32", or "bf16": the layers in bfloat16; weights, loss and steps in float32.
        reason: in words.
        step_seconds: seconds of one training step in each precision, if they were timed.
    """

    name: Precision
    reason: str
    step_seconds: Mapping[str, float] = field(default_factory=dict)


def choose_precision(
    network: Network, spec: InputSpec, *, train: TrainSection, cache_file: Path | None = None
) -> PrecisionChoice:
    """Return the precision to train in; what the recipe names is taken as it is.

    "auto" times a few real steps of a copy in both precisions where the CPU has bf16
    instructions, and takes the faster; a GPU that has bf16 takes it untimed.

    Args:
        network: neither it nor torch's generators are touched.
        spec: its images.
        train: the recipe's section.
        cache_file: JSON file that keeps timings by machine, network and batch; a damaged
            one is written anew.

    Raises:
        StorageError: if the cache file cannot be written.
    """
    if train.precision != "auto":
        return _as_asked(train.precision)
    if training_device().type == "cuda":
        if torch.cuda.is_bf16_supported():
            return PrecisionChoice("bf16", "this GPU has bf16")
        return PrecisionChoice("fp32", "this GPU has no bf16")
    if not cpu_has_bf16():
        return PrecisionChoice("fp32", "this CPU has no bf16 instructions")
    key = _machine_and_network(network, spec, train)
    known = _read_timings(cache_file)
    measured_before = key in known
    seconds = known[key] if measured_before else step_seconds(network, spec, train=train)
    if cache_file is not None and not measured_before:
        write_text(cache_file, json.dumps({**known, key: seconds}, indent=1, sort_keys=True))
    return _faster(seconds, "timed earlier on this machine" if measured_before else "timed now")


def step_seconds(network: Network, spec: InputSpec, *, train: TrainSection) -> dict[str, float]:
    """Return the median seconds of a real training step in "fp32" and in "bf16".

    The two take turns, so that whatever else the machine does meets both; the first
    step of each is not counted.

    Args:
        network: a copy of it is trained.
        spec: its images.
        train: batch size and threads.
    """
    chance = torch.Generator().manual_seed(0)
    films = (train.batch_size, 1, spec.height, spec.width)
    images = torch.rand(films, generator=chance).expand(-1, spec.channels, -1, -1)
    labels = torch.arange(train.batch_size) % network.n_classes
    copied = copy.deepcopy(network).train()
    set_memory_layout(copied, torch.channels_last)
    images = images.contiguous(memory_format=torch.channels_last)
    optimizer = adam(copied, train)
    seconds: dict[str, list[float]] = {"fp32": [], "bf16": []}
    with (
        torch_threads(usable_threads(train.threads)),
        keeping_memory(),
        own_chance(torch.device("cpu")),
    ):
        for _ in range(1 + _TIMED_STEPS):
            for name, taken in seconds.items():
                began = time.perf_counter()
                training_step(
                    copied,
                    optimizer,
                    images=images,
                    labels=labels,
                    weights=None,
                    bf16=name == "bf16",
                )
                taken.append(time.perf_counter() - began)
    return {name: statistics.median(taken[1:]) for name, taken in seconds.items()}


def cpu_has_bf16() -> bool:
    """Return whether this CPU computes in bf16 by instructions of its own."""
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name) for name in _CPU_BF16)


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


def _machine_and_network(network: Network, spec: InputSpec, train: TrainSection) -> str:
    facts = (
        sorted(torch.cpu.get_capabilities().items()),
        torch.__version__,
        usable_threads(train.threads),
        repr(network),
        (spec.channels, spec.height, spec.width),
        train.batch_size,
    )
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def _read_timings(cache_file: Path | None) -> dict[str, dict[str, float]]:
    """Return the timings of a cache file; what is not a timing is passed over."""
    if cache_file is None:
        return {}
    try:
        found = json.loads(cache_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {key: value for key, value in found.items() if _is_timing(value)}


def _is_timing(value: object) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"fp32", "bf16"}
        and all(isinstance(seconds, float) for seconds in value.values())
    )
