"""Whether a film that was turned over by its tag looks like a negative now.

A frontal chest film is dark in the corners beside the neck and where lungs are, and bright along
the spine and below the diaphragm. The film, its margins off and its grey values ranked, is
compared with the mean of real films on 6 x 6 fields, left and right taken together. Judged by
the means of the other sources, none of 2,587 real films of five sources lies below -0.2, and
99.8 % of their negatives do (`benchmarks/dicom_polarity.py`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from carina.imaging.sketch import SKETCH_SIDE, sketch
from carina.imaging.thumbnails import THUMBNAIL_SIDE, equalised_thumbnails

NEGATIVE_BELOW = -0.2
"""The correlation with the mean film below which a film is said to look like a negative."""
_FIELDS = 6
# From the edge to the middle, row by row from above: the mean of 2,587 ranked films, times 100
# (`benchmarks/dicom_polarity.py` prints it).
_MEAN_HALF = np.array(
    [
        [-88, -55, 13],
        [-42, -20, -3],
        [-39, -44, 25],
        [-49, -37, 73],
        [-58, 16, 103],
        [-43, 104, 144],
    ]
)


def looks_inverted(pixels: NDArray[np.float32]) -> bool:
    """Return whether a frontal chest film looks like its negative.

    Args:
        pixels: float32 `[height, width]` in `[0, 1]`; smaller than a sketch it is not judged.
    """
    if min(pixels.shape) < SKETCH_SIDE:
        return False
    fields = ranked_fields(sketch(pixels)["small"][None])[0]
    return likeness(fields, _MEAN_HALF) < NEGATIVE_BELOW


def ranked_fields(small: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the mean ranks of 6 x 6 fields of films, both sides taken together.

    Args:
        small: uint8 `[n, 96, 96]`, sketches of films.

    Returns:
        float32 `[n, 6, 3]`, the columns from the edge to the middle.
    """
    side = THUMBNAIL_SIDE // _FIELDS
    ranks = equalised_thumbnails(small).reshape(-1, _FIELDS, side, _FIELDS, side)
    fields = ranks.mean(axis=(2, 4))
    half = _FIELDS // 2
    both = (fields[:, :, :half] + fields[:, :, : half - 1 : -1]) / 2
    return np.asarray(both, dtype=np.float32)


def likeness(fields: NDArray[np.float32], mean: NDArray[np.generic]) -> float:
    """Return the correlation of a film's fields with the mean film's, 0 for a film of one grey."""
    a, b = (np.asarray(one, dtype=np.float64).ravel() for one in (fields, mean))
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 0 else 0.0
