"""Where a network looked: one file for each method, from the ONNX files alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from carina.errors import ClassifierError
from carina.registry import Registry

Logits = Callable[[NDArray[np.float32]], NDArray[np.float64]]

CHUNK_BYTES = 64_000_000
"""The most bytes of input that a method gives a network or head at once."""


@dataclass(frozen=True, slots=True, eq=False)
class FilmInNetwork:
    """One film as a network sees it, with what a method may ask the network.

    Attributes:
        image: float32 `[channels, height, width]` in `[0, 1]`, the network's input.
        network: images float32 `[n, channels, height, width]` -> logits float64
            `[n, classes]`.
        maps: float32 `[maps, map height, map width]`, the network's last spatial maps of the
            film for the class that is explained; None without a head.
        head: maps float32 `[n, maps, map height, map width]` -> logits float64
            `[n, classes]`; None if the classifier brings none for the class.
        head_file: the bytes of the head's ONNX file: input `maps`, output `logits`; b""
            without a head.
    """

    image: NDArray[np.float32]
    network: Logits
    maps: NDArray[np.float32] | None = None
    head: Logits | None = None
    head_file: bytes = b""

    def maps_and_head(self) -> tuple[NDArray[np.float32], Logits]:
        """Return the maps and the part of the network behind them.

        Raises:
            ValueError: if there are none; ask `ExplanationMethod.needs_maps` first.
        """
        if self.maps is None or self.head is None:
            raise ValueError("a method that needs maps was given a film in a network without them")
        return self.maps, self.head


def in_float32(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return what a method computed from a network's maps in float32.

    Raises:
        ClassifierError: if float32 cannot hold it, which weights that were learned never lead to.
    """
    largest = float(np.abs(values).max(initial=0))
    if not largest <= float(np.finfo(np.float32).max):
        raise ClassifierError(
            f"the network cannot be explained: its maps lead to numbers as large as {largest:.3g}, "
            "so that its weights are damaged; export, import or train it again"
        )
    return values.astype(np.float32)


class Explain(Protocol):
    """How a method finds where the network looked."""

    def __call__(self, film: FilmInNetwork, *, class_index: int) -> NDArray[np.float32]:
        """Return where the network looked for a class.

        Args:
            film: the film in the network.
            class_index: the class.

        Returns:
            float32 `[any height, any width]` over the whole input of the network, none below
            0, on a scale of its own; all 0 where nothing speaks for the class.

        Raises:
            ClassifierError: if the method cannot be computed for this network.
        """


@dataclass(frozen=True, slots=True)
class ExplanationMethod:
    """A method of explanation.

    Attributes:
        title: its name as it is written in the field ("Grad-CAM++").
        explain: finds where the network looked.
        needs_maps: whether it needs the network's maps and head; one that does not explains
            any network.
    """

    title: str
    explain: Explain
    needs_maps: bool


EXPLAINERS: Registry[ExplanationMethod] = Registry(
    "explanation", package="carina.inference.explain"
)
