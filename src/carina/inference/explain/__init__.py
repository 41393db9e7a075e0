"""Where a network looked: one file for each method, from the ONNX files alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from carina.registry import Registry

Head = Callable[[NDArray[np.float32]], NDArray[np.float64]]


class Explainer(Protocol):
    """A method of explanation."""

    def __call__(
        self, maps: NDArray[np.float32], head: Head, *, class_index: int
    ) -> NDArray[np.float32]:
        """Return where the network looked for a class.

        Args:
            maps: float32 `[maps, map height, map width]`, the network's last spatial maps of
                one film.
            head: maps float32 `[n, maps, map height, map width]` -> logits `[n, classes]`.
            class_index: the class.

        Returns:
            float32 `[map height, map width]`, none below 0; all 0 where nothing speaks
            for the class.
        """


EXPLAINERS: Registry[Explainer] = Registry("explanation", package="carina.inference.explain")
