"""What runs an ONNX network: one file for each runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from carina.registry import Registry

Arrays = Mapping[str, NDArray[np.float32]]
# The sizes of an input or output; None where any size fits.
Shape = tuple[int | None, ...]


class LoadedNetwork(Protocol):
    """A network that is ready to run, in float32; threads may share it.

    Attributes:
        inputs: name -> shape of what it takes.
        outputs: name -> shape of what it gives.
    """

    @property
    def inputs(self) -> Mapping[str, Shape]: ...  # noqa: D102  said in the class

    @property
    def outputs(self) -> Mapping[str, Shape]: ...  # noqa: D102

    def run(self, outputs: Sequence[str], inputs: Arrays) -> list[NDArray[np.float32]]:
        """Return the named outputs for the named inputs; only what they need is computed."""


class LoadNetwork(Protocol):
    """How a runtime loads a network."""

    def __call__(self, data: bytes, *, threads: int = 0) -> LoadedNetwork:
        """Return the network in the bytes of an ONNX file; 0 threads: all cores."""


RUNTIMES: Registry[LoadNetwork] = Registry("runtime", package="carina.inference.runtimes")
