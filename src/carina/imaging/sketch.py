"""A small picture and a histogram of a film: all that an audit compares."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SKETCH_SIDE = 96
HISTOGRAM_BINS = 32
SKETCH = np.dtype(
    [("small", "u1", (SKETCH_SIDE, SKETCH_SIDE)), ("histogram", "<u2", (HISTOGRAM_BINS,))]
)
"""A film's sketch: `small`, the whole film at 96 x 96 pixels of 256 grey levels, whatever its
proportions; `histogram`, the shares of its own grey values in 32 equal bins, times 65,535."""
_TOP = 65535


def sketch(pixels: NDArray[np.float32]) -> NDArray[np.void]:
    """Return a film's sketch, one element of the type `SKETCH`.

    Args:
        pixels: float32 `[height, width]` in `[0, 1]`.
    """
    image = Image.fromarray(np.ascontiguousarray(pixels))
    small = image.resize((SKETCH_SIDE, SKETCH_SIDE), Image.Resampling.BILINEAR, reducing_gap=3.0)
    bins = (pixels * HISTOGRAM_BINS).astype(np.intp).clip(0, HISTOGRAM_BINS - 1)
    counts = np.bincount(bins.ravel(), minlength=HISTOGRAM_BINS)
    made = np.zeros((), dtype=SKETCH)
    made["small"] = np.rint(np.asarray(small).clip(0, 1) * 255)
    made["histogram"] = np.rint(counts / counts.sum() * _TOP)
    return made
