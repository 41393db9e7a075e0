"""The layers of a network that are held fixed, ready to compute."""

from __future__ import annotations

import copy
import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from carina.domain.input_spec import InputSpec
from carina.inference.runtimes import LoadedNetwork
from carina.inference.runtimes.openvino import Hint, compile_with_openvino
from carina.models.backbone import BackboneNetwork
from carina.models.export import export_frozen
from carina.models.network import Network
from carina.models.winograd import is_worth_it, use_winograd
from carina.training.device import float32_products
from carina.version import VERSION

FrozenRuntime = Literal["torch", "winograd", "openvino"]
# A new number when what the fixed layers are given or how they are kept changes.
_FEATURES_VERSION = 1
# So few films' maps stay in the processor's cache from one layer to the next.
_WINOGRAD_FILMS = 4


def with_frozen_part(network: Network) -> BackboneNetwork | None:
    """Return the network if some of its layers are held fixed, else None."""
    is_partly_fixed = isinstance(network, BackboneNetwork) and network.n_frozen > 0
    return network if isinstance(network, BackboneNetwork) and is_partly_fixed else None


class CompiledStages:
    """Fixed layers as OpenVINO computes them: exported once, compiled once a precision.

    The probe hands them on to the training, and the training's precision shares them with
    the exact one of validation; a network with other weights gets its own.
    """

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._exported: tuple[str, bytes] | None = None
        self._compiled: dict[tuple[str, Hint, int], LoadedNetwork] = {}

    def of(self, part: FrozenPart) -> LoadedNetwork:
        """Return the fixed layers of a part, in its precision."""
        digest = part.stages_digest
        if self._exported is None or self._exported[0] != digest:
            self._exported = (digest, export_frozen(part.network, part.spec))
            self._compiled.clear()
        precision: Hint = "bf16" if part.bf16 else "f32"
        key = (digest, precision, torch.get_num_threads())
        if key not in self._compiled:
            _, data = self._exported
            self._compiled[key] = compile_with_openvino(data, threads=key[2], precision=precision)
        return self._compiled[key]


@dataclass(frozen=True, eq=False)
class FrozenPart:
    """The fixed layers of a network in one precision.

    Attributes:
        network: its first stages are held fixed; its device is the one computed on.
        spec: the images that it takes.
        bf16: whether the layers compute in bfloat16; what they return is then bfloat16 too.
        runtime: what computes them: "torch", or on the CPU "winograd" (torch too, with fewer
            multiplications; in float32 it is "torch") or "openvino".
        compiled: where OpenVINO's are kept; parts of one network may share them.
    """

    network: BackboneNetwork
    spec: InputSpec
    bf16: bool
    runtime: FrozenRuntime = "torch"
    compiled: CompiledStages = field(default_factory=CompiledStages)

    def __call__(self, films: Tensor) -> Tensor:
        """Return what the fixed layers make of films.

        Args:
            films: float32 `[n, 1, height, width]` in `[0, 1]`, on the network's device.

        Returns:
            As `BackboneNetwork.frozen`, on that device; float32 or bfloat16 (`dtype`).
        """
        images = films.expand(-1, self.network.channels, -1, -1)
        if self.runtime == "openvino":
            (values,) = self.compiled.of(self).run(
                ["frozen"], {"image": np.ascontiguousarray(images)}
            )
            return torch.from_numpy(values).to(self.dtype)
        with (
            torch.no_grad(),
            torch.autocast(films.device.type, torch.bfloat16, self.bf16),
            float32_products(films.device, exact=True),
        ):
            if not self._uses_winograd:
                return self.network.frozen(images).to(self.dtype)
            few = torch.split(images, _WINOGRAD_FILMS)
            return torch.cat([self._with_winograd.frozen(some).to(self.dtype) for some in few])

    @property
    def _uses_winograd(self) -> bool:
        return self.runtime == "winograd" and self.bf16

    @cached_property
    def _with_winograd(self) -> BackboneNetwork:
        network = copy.deepcopy(self.network)
        use_winograd(network.stages[: network.n_frozen], self.dtype)
        return network

    @property
    def can_use_winograd(self) -> bool:
        """Whether "winograd" computes any layer otherwise than "torch"."""
        stages = self.network.stages[: self.network.n_frozen]
        return self.bf16 and any(is_worth_it(layer) for layer in stages.modules())

    @property
    def dtype(self) -> torch.dtype:
        """What the fixed layers return, and what is kept of them: nothing is rounded again."""
        return torch.bfloat16 if self.bf16 else torch.float32

    @property
    def trained_in_bf16(self) -> bool:
        """Whether the layers behind compute in bfloat16 too. New dense layers do not: they
        cost little, and would lose by it."""
        return self.bf16 and self.network.n_frozen < len(self.network.stages)

    def for_trained_layers(self, values: Tensor) -> Tensor:
        """Return what `__call__` returned in the type that the layers behind take."""
        return values if self.trained_in_bf16 else values.float()

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """What the fixed layers return of one film, without the film's dimension."""
        device = next(self.network.parameters()).device
        film = torch.zeros(1, 1, self.spec.height, self.spec.width, device=device)
        with torch.no_grad():
            return tuple(
                self.network.frozen(film.expand(-1, self.network.channels, -1, -1))[0].shape
            )

    @cached_property
    def digest(self) -> str:
        """Hex sha256 over all that decides what the fixed layers return of a film's pixels:
        weights, structure, precision, and what computes it on what kind of machine."""
        device = next(self.network.parameters()).device
        runtime = "torch" if self.runtime == "winograd" and not self.bf16 else self.runtime
        facts = (
            (_FEATURES_VERSION, VERSION, torch.__version__, runtime, version("numpy")),
            (version("openvino") if self.runtime == "openvino" else ""),
            (str(self.dtype), self.shape, _machine(device), self.stages_digest),
        )
        return hashlib.sha256(repr(facts).encode()).hexdigest()

    @cached_property
    def stages_digest(self) -> str:
        """Hex sha256 over the fixed layers themselves and the images that they take."""
        network = self.network
        stages = network.stages[: network.n_frozen]
        facts = (
            (type(network).__qualname__, repr(network.scaling), repr(stages)),
            (self.spec.digest, self.spec.channels),
        )
        digest = hashlib.sha256(repr(facts).encode())
        for part in (network.scaling, stages):
            for name, values in part.state_dict().items():
                digest.update(f"{name} {values.dtype} {tuple(values.shape)}".encode())
                digest.update(values.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()


def _machine(device: torch.device) -> str:
    """Return what decides how a sum is rounded: the instructions and the number of threads."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    instructions = sorted(name for name, has in torch.cpu.get_capabilities().items() if has is True)
    return f"{' '.join(instructions)} {torch.get_num_threads()}"
