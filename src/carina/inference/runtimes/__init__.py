"""What runs an ONNX network: one file for each runtime."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from carina.errors import CouldNotError, UsageError
from carina.registry import Registry

Arrays = Mapping[str, NDArray[np.float32]]
# The sizes of an input or output; None where any size fits.
Shape = tuple[int | None, ...]
NumberFormat = Literal["f32", "bf16"]


class LoadedNetwork(Protocol):
    """A network that is ready to run; threads may share it.

    It takes and gives float32, whatever number format its layers compute in.

    Attributes:
        inputs: name -> shape of what it takes.
        outputs: name -> shape of what it gives.
    """

    @property
    def inputs(self) -> Mapping[str, Shape]: ...  # noqa: D102  said in the class

    @property
    def outputs(self) -> Mapping[str, Shape]: ...  # noqa: D102

    def run(self, outputs: Sequence[str], inputs: Arrays) -> list[NDArray[np.float32]]:
        """Return the named outputs for the named inputs."""


class LoadNetwork(Protocol):
    """How a runtime loads a network."""

    def __call__(
        self, data: bytes, *, threads: int = 0, precision: NumberFormat = "f32"
    ) -> LoadedNetwork:
        """Return the network in the bytes of an ONNX file.

        Args:
            data: the file's bytes, already checked against their digest.
            threads: CPU threads of one run; 0 for all cores.
            precision: what the layers compute in; one that the runtime has here.
        """


@dataclass(frozen=True, slots=True)
class Runtime:
    """A way to run a network; called with an ONNX file's bytes it returns the network.

    Attributes:
        title: what it is called.
        device: "cpu" or "cuda".
        load: loads a network, once it is known that the runtime and the precision are there.
        version: returns its version.
        absence: returns why it cannot run on this machine, and what would help; None if
            it can.
        without_bf16: returns why it does not compute in bf16 on this machine, as a sentence's
            end; "" if it does.
    """

    title: str
    device: Literal["cpu", "cuda"]
    load: LoadNetwork
    version: Callable[[], str]
    absence: Callable[[], CouldNotError | None]
    without_bf16: Callable[[], str]

    def __call__(
        self, data: bytes, *, threads: int = 0, precision: NumberFormat = "f32"
    ) -> LoadedNetwork:
        """Return the network in the bytes of an ONNX file (see `LoadNetwork`).

        Raises:
            CouldNotError: if the runtime is not there.
            UsageError: if it does not compute in that precision here.
            ClassifierError: if the bytes are no network that it can run.
        """
        self.require(precision)
        return self.load(data, threads=threads, precision=precision)

    def require(self, precision: NumberFormat = "f32") -> None:
        """Refuse what is not there, before anything is loaded.

        Raises:
            CouldNotError: if the runtime is not there.
            UsageError: if it does not compute in that precision here.
        """
        absence = self.absence()
        if absence is not None:
            raise absence
        if precision == "bf16" and (why_not := self.without_bf16()):
            raise UsageError(f"{self.title} cannot compute in bf16 here: {why_not}")


RUNTIMES: Registry[Runtime] = Registry("runtime", package="carina.inference.runtimes")
