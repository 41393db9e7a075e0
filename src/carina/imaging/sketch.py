"""A small picture and a histogram of a film: all that an audit compares."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from carina.imaging.greys import Greys, greys_of

SKETCH_SIDE = 96
HISTOGRAM_BINS = 32
SKETCH = np.dtype(
    [("small", "u1", (SKETCH_SIDE, SKETCH_SIDE)), ("histogram", "<u2", (HISTOGRAM_BINS,))]
)
"""A film's sketch: `small`, the whole film at 96 x 96 pixels of 256 grey levels, whatever its
proportions; `histogram`, the shares of its grey values at 8 bits in 32 equal bins, times
65,535."""
_TOP = 65535


# The bin of each of 256 levels: v / 255 * 32, 1 falling into the last.
_BIN_OF_LEVEL = (np.arange(256) * HISTOGRAM_BINS // 255).clip(0, HISTOGRAM_BINS - 1)


def sketch(pixels: NDArray[np.float32]) -> NDArray[np.void]:
    """Return a film's sketch, one element of the type `SKETCH`.

    Args:
        pixels: float32 `[height, width]` in `[0, 1]`.
    """
    return sketch_of(greys_of(pixels))


def sketch_of(greys: Greys) -> NDArray[np.void]:
    """Return the sketch of a film at 8 bits, as `sketch` does."""
    small = greys.image().resize(
        (SKETCH_SIDE, SKETCH_SIDE), Image.Resampling.BILINEAR, reducing_gap=3.0
    )
    counts = np.bincount(_BIN_OF_LEVEL, weights=greys.counts, minlength=HISTOGRAM_BINS)
    made = np.zeros((), dtype=SKETCH)
    made["small"] = np.asarray(small)
    made["histogram"] = np.rint(counts / counts.sum() * _TOP)
    return made
