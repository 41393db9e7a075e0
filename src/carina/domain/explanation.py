"""Where a network looked."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

METHODS_WITH_MAPS = ("grad-cam", "grad-cam++", "ablation-cam")
"""The explanation methods that need a class's spatial maps and head; the usual one first."""
METHODS_WITHOUT_MAPS = ("occlusion",)
"""The explanation methods that need nothing but the network."""


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """A map over one radiograph.

    Attributes:
        heat: float32 `[height, width]` in `[0, 1]`, in the film's own pixels; 1 is
            the place that speaks most for `label`. All 0 if nothing speaks for it.
        method: the registered explanation method ("grad-cam").
        label: the class that is explained.
    """

    heat: NDArray[np.float32]
    method: str
    label: str
