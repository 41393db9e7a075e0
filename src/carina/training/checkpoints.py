"""Where a training stands, kept on disk, so that it can go on after anything."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from carina.errors import RunError, StoppedBySignal
from carina.files.generations import Generation, Generations
from carina.models.network import Network
from carina.models.weights import weights_from_bytes, weights_to_bytes

TRAINING, PROBE = "training", "masked-probe"
_KEPT = {TRAINING: 2, PROBE: 1}
DUE_AFTER_COSTS = 40.0
"""A checkpoint is due when so many times the seconds of the last one have passed: 2.5 % of a
training's time."""
# What the first one will cost, before one was written: a slow disk and one flush.
_BYTES_PER_SECOND = 100e6
_FLUSH_S = 0.05
_MOMENTS = ("exp_avg", "exp_avg_sq")
_NETWORK, _BEST = "network", "best"


@dataclass(slots=True, eq=False)
class EpochSoFar:
    """An epoch that has begun.

    Attributes:
        number: from 1.
        steps: steps taken in it.
        logits: float32 `[films so far, classes]`, before each step; None before the first.
        loss: float64 `[]`, summed over those films.
        seconds: spent on it.
    """

    number: int
    steps: int = 0
    logits: Tensor | None = None
    loss: Tensor | None = None
    seconds: float = 0.0

    def note(self, steps: int, logits: Sequence[Tensor], loss: Tensor, *, seconds: float) -> None:
        """Note how far it is: all that was answered in it, and the summed loss."""
        self.steps, self.seconds = steps, seconds
        self.logits, self.loss = torch.cat(list(logits)), loss.clone()

    @property
    def answers(self) -> Tensor:
        """`logits`, of an epoch of which a step was noted."""
        assert self.logits is not None  # noted before
        return self.logits


@dataclass(slots=True, eq=False)
class Standing:
    """Where a training stands, beside its network and its optimiser.

    Attributes:
        epoch: the epoch that comes next, or is under way.
        history: a row for each epoch that is done.
        rates: films trained on a second, of each.
        validation_seconds: of each.
        best_epoch: the best so far, from 1; 0 before the first is done.
        best: what was trained of its weights, on the CPU.
        seconds: spent on the epochs that are done.
    """

    epoch: EpochSoFar
    history: list[dict[str, float]] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    validation_seconds: list[float] = field(default_factory=list)
    best_epoch: int = 0
    best: dict[str, Tensor] = field(default_factory=dict)
    seconds: float = 0.0


class Checkpoints:
    """The checkpoints of one training.

    A checkpoint holds what a training changes: the trained values and running statistics of
    its network, the optimiser's moments, the best epoch's, and the figures so far. What is
    held fixed comes from where the training began. Restored, every bit is as it was.

    Attributes:
        stop_signal: the number of the signal that asks for an end after a checkpoint, or None.
        is_stoppable: whether the training may be ended right now, since a checkpoint can be
            written of where it stands.
        is_writing: whether one is being written.
        threads_anew: CPU threads that the training would get if it began now.
        read_s: seconds that it took to find and read the newest.
        remarks: sentences on what was found when the newest was read: damaged ones that were
            passed over, and circumstances that have changed since.
    """

    def __init__(
        self,
        folder: Path,
        *,
        name: str = TRAINING,
        identity: Mapping[str, Any],
        circumstances: Mapping[str, Any],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make it; nothing is read or written yet.

        Args:
            folder: the run's `checkpoints/`.
            name: `TRAINING`, or `PROBE`, of which one generation is kept: it is short.
            identity: what tells this training from another, as plain values; a checkpoint
                of another one is not taken.
            circumstances: what the last digits depend on beside it: versions, processor,
                threads, precision.
            clock: seconds.
        """
        self.remarks: tuple[str, ...] = ()
        self._generations = _generations(folder, name)
        self._identity = dict(identity)
        self._circumstances = dict(circumstances)
        self._clock = clock
        self._written_at = clock()
        self._cost_s = 0.0
        self.stop_signal: int | None = None
        self.is_stoppable = False
        self.is_writing = False
        self.threads_anew = 0
        self.read_s = 0.0

    def restore(self, network: Network, optimizer: torch.optim.Optimizer) -> Standing | None:
        """Give network and optimiser the state of the newest whole checkpoint, if there is one.

        Args:
            network: on its device, in the memory layout of the training, as it began.
            optimizer: new, over its values.

        Returns:
            Where the training stands; None if it begins.

        Raises:
            RunError: if the checkpoint is of another training.
        """
        began = self._clock()
        found, self.remarks = self._generations.newest(_read)
        self._written_at = self._clock()
        self.read_s = self._written_at - began
        if found is None:
            return None
        tensors, facts, standing = found
        if facts["identity"] != self._identity:
            raise RunError(
                "the checkpoint is of another training "
                f"({_difference(facts['identity'], self._identity)}); resume it with the recipe "
                "and the films that it began with, or train anew"
            )
        changed = _difference(facts["circumstances"], self._circumstances)
        if changed:
            self.remarks += (
                f"the training goes on under other circumstances ({changed}), so that its last "
                "digits may differ from those of a training that was not interrupted",
            )
        _fill(_changing(network), tensors, _NETWORK)
        _fill_moments(network, optimizer, tensors, steps=int(facts["optimizer_steps"]))
        return standing

    def is_due(self, network: Network) -> bool:
        """Return whether it is time for another checkpoint, or for the last one."""
        if self.stop_signal is not None:
            return True
        if not self._cost_s:
            n_bytes = sum(values.nbytes for values in _changing(network).values())
            self._cost_s = _FLUSH_S + 4 * n_bytes / _BYTES_PER_SECOND
        return self._clock() - self._written_at > DUE_AFTER_COSTS * self._cost_s

    def write(
        self,
        network: Network,
        optimizer: torch.optim.Optimizer,
        standing: Standing,
        *,
        is_last: bool = False,
    ) -> None:
        """Write a checkpoint.

        Args:
            network, optimizer, standing: what is kept.
            is_last: whether no step follows, so that no moments are needed, nor the best
                epoch's values where the last one is the best.

        Raises:
            StorageError: if there is no room or no permission; the last ones stay.
        """
        began = self._clock()
        self.is_writing = True
        try:
            tensors, steps = _tensors(network, optimizer, standing)
            if is_last:
                tensors = _without_what_steps_need(tensors, standing)
            content = weights_to_bytes(tensors, {})
            self._generations.write(content, self._facts(standing, steps))
        finally:
            self.is_writing = False
        self._written_at = self._clock()
        self._cost_s = max(self._written_at - began, _FLUSH_S)

    @contextmanager
    def stoppable(self) -> Iterator[None]:
        """Let whoever hears a signal end the block at once.

        Raises:
            StoppedBySignal: if one was heard before.
        """
        if self.stop_signal is not None:
            raise StoppedBySignal(self.stop_signal)
        self.is_stoppable = True
        try:
            yield
        finally:
            self.is_stoppable = False

    def _facts(self, standing: Standing, optimizer_steps: int) -> dict[str, Any]:
        return {
            "identity": self._identity,
            "circumstances": self._circumstances,
            "optimizer_steps": optimizer_steps,
            "epoch": standing.epoch.number,
            "steps": standing.epoch.steps,
            "epoch_seconds": standing.epoch.seconds,
            "history": [_without_nan(row) for row in standing.history],
            "rates": standing.rates,
            "validation_seconds": standing.validation_seconds,
            "best_epoch": standing.best_epoch,
            "seconds": standing.seconds,
        }


def has_checkpoint(folder: Path) -> bool:
    """Return whether a checkpoint of a training was written to its end; it may be damaged.

    Args:
        folder: the run's `checkpoints/`.
    """
    return _generations(folder, TRAINING).any


def remove_checkpoints(folder: Path) -> None:
    """Let go of the checkpoints of a training whose results are written.

    Args:
        folder: the run's `checkpoints/`.

    Raises:
        StorageError: if that is not permitted.
    """
    for name in _KEPT:
        _generations(folder, name).remove()


def _generations(folder: Path, name: str) -> Generations:
    return Generations(folder, name, ending="safetensors", kept=_KEPT[name])


def trained_values(network: Network) -> dict[str, Tensor]:
    """Return a copy on the CPU of what a training changes of a network, in the plain layout."""
    return {
        name: values.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        for name, values in _changing(network).items()
    }


def _changing(network: Network) -> dict[str, Tensor]:
    """Return the values that a training changes: those with a gradient, and all buffers."""
    fixed = {name for name, one in network.named_parameters() if not one.requires_grad}
    return {name: one for name, one in network.state_dict().items() if name not in fixed}


def _tensors(
    network: Network, optimizer: torch.optim.Optimizer, standing: Standing
) -> tuple[dict[str, Tensor], int]:
    """Return what a checkpoint holds, and how many steps the optimiser has taken."""
    tensors = {f"{_NETWORK}.{name}": one for name, one in _changing(network).items()}
    tensors |= {f"{_BEST}.{name}": one for name, one in standing.best.items()}
    if standing.epoch.logits is not None and standing.epoch.loss is not None:
        tensors |= {"epoch.logits": standing.epoch.logits, "epoch.loss": standing.epoch.loss}
    steps = 0
    for name, parameter in network.named_parameters():
        state = optimizer.state.get(parameter)
        if state:
            steps = int(state["step"])
            tensors |= {f"{moment}.{name}": state[moment] for moment in _MOMENTS}
    return tensors, steps


def _without_what_steps_need(
    tensors: Mapping[str, Tensor], standing: Standing
) -> dict[str, Tensor]:
    """Return what is needed of a training that is done."""
    left_out: tuple[str, ...] = _MOMENTS
    if standing.best_epoch == len(standing.history):
        left_out += (_BEST,)
    return {name: one for name, one in tensors.items() if name.partition(".")[0] not in left_out}


def _fill(values: Mapping[str, Tensor], tensors: Mapping[str, Tensor], prefix: str) -> None:
    """Copy a checkpoint's tensors into a network's own, whose memory layout stays."""
    with torch.no_grad():
        for name, own in values.items():
            found = tensors.get(f"{prefix}.{name}")
            if found is None or found.shape != own.shape or found.dtype != own.dtype:
                raise RunError(
                    f"the checkpoint does not fit the network ('{name}'); resume it with the "
                    "recipe that it began with, or train anew"
                )
            own.copy_(found)


def _fill_moments(
    network: Network,
    optimizer: torch.optim.Optimizer,
    tensors: Mapping[str, Tensor],
    *,
    steps: int,
) -> None:
    """Give the optimiser its moments, in the memory layout of the values that they belong to.

    Fused Adam walks both in the order of memory: plain moments beside channels-last weights
    make it silently wrong.
    """
    for name, parameter in network.named_parameters():
        if steps and parameter.requires_grad and f"exp_avg.{name}" in tensors:
            own = {moment: torch.empty_like(parameter) for moment in _MOMENTS}
            _fill(own, {f"x.{moment}": tensors[f"{moment}.{name}"] for moment in _MOMENTS}, "x")
            taken = torch.tensor(float(steps), dtype=torch.float32, device=parameter.device)
            optimizer.state[parameter] = {"step": taken, **own}


def _read(generation: Generation) -> tuple[dict[str, Tensor], Mapping[str, Any], Standing]:
    """Return what a checkpoint holds, and where the training stood.

    Raises:
        RunError: if it is none of a training's.
    """
    tensors, _ = weights_from_bytes(generation.content, name="the checkpoint")
    facts = generation.facts
    try:
        standing = _standing(tensors, facts)
        int(facts["optimizer_steps"])
        is_whole = all(isinstance(facts[name], dict) for name in ("identity", "circumstances"))
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise RunError(f"its facts are not those of a training: {problem!r}") from problem
    if not is_whole or not 0 <= standing.best_epoch <= len(standing.history):
        raise RunError("its facts are not those of a training")
    return tensors, facts, standing


def _standing(tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> Standing:
    best_epoch = int(facts["best_epoch"])
    return Standing(
        epoch=EpochSoFar(
            number=int(facts["epoch"]),
            steps=int(facts["steps"]),
            logits=tensors.get("epoch.logits"),
            loss=tensors.get("epoch.loss"),
            seconds=float(facts["epoch_seconds"]),
        ),
        history=[_with_nan(row) for row in facts["history"]],
        rates=list(facts["rates"]),
        validation_seconds=list(facts["validation_seconds"]),
        best_epoch=best_epoch,
        best=_named(tensors, _BEST) or (_named(tensors, _NETWORK) if best_epoch else {}),
        seconds=float(facts["seconds"]),
    )


def _named(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    start = f"{prefix}."
    return {
        name.removeprefix(start): one for name, one in tensors.items() if name.startswith(start)
    }


def _without_nan(row: Mapping[str, float]) -> dict[str, float | None]:
    return {name: None if math.isnan(value) else value for name, value in row.items()}


def _with_nan(row: Mapping[str, float | None]) -> dict[str, float]:
    return {name: math.nan if value is None else value for name, value in row.items()}


def _difference(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """Return what differs between a checkpoint's training and this one, in words."""
    names: Sequence[str] = sorted({*there, *here})
    return "; ".join(
        f"{name}: {there.get(name)} there, {here.get(name)} here"
        for name in names
        if there.get(name) != here.get(name)
    )
