"""Letters in the middle of a film, counted by their strokes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# The inner part: the letter of the side and the patient's line stand at the edge and on top.
_ROWS, _COLUMNS = (0.25, 0.85), (0.12, 0.88)
# A stroke's edge: levels that tissue does not rise by over two pixels of 640, 30 % of the range.
_STEP = 76
_LOOKED_AT_PX, _EDGE_SHARE = 640, 320
# Rows looked at, and how many of them in a run must show the strokes: a fiftieth of the height.
_ROWS_LOOKED_AT, _RUN = 192, 5


def text_strokes(values: NDArray[np.uint8]) -> float:
    """Return how many thin, sharp strokes lie side by side in the inner part of a film.

    A stroke is a steep rise and a steep fall of grey along a row. The count is the mean of
    the five rows next to each other that have most: a word gives 5 to 20, a wire, a clip or a
    single letter 1 or 2, most films 0. A 96 x 96 sketch is too coarse: letters are 2 pixels
    high on it (`benchmarks/misfits.py`).

    Args:
        values: uint8 `[height, width]`, the film at 256 levels.

    >>> stripes = np.zeros((200, 200), np.uint8)
    >>> stripes[90:110, 60:140:8] = 255
    >>> text_strokes(stripes)
    10.0
    """
    height, width = values.shape
    (top, bottom), (left, right) = (
        (round(share[0] * side), round(share[1] * side))
        for share, side in ((_ROWS, height), (_COLUMNS, width))
    )
    every = max((bottom - top) // _ROWS_LOOKED_AT, 1)
    beside = max(width // _LOOKED_AT_PX, 1)
    reach = max(width // beside // _EDGE_SHARE, 2)
    middle = values[top:bottom:every, left:right:beside].astype(np.int16)
    if len(middle) < _RUN or middle.shape[1] <= reach + 1:
        return 0.0
    steps = middle[:, reach:] - middle[:, :-reach]
    strokes = np.minimum(_starts(steps > _STEP), _starts(steps < -_STEP))
    sums = np.concatenate([[0], strokes.cumsum()])
    return float((sums[_RUN:] - sums[:-_RUN]).max() / _RUN)


def _starts(steep: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return how many runs of True begin in each row after its first place, `[rows]`."""
    return np.asarray(np.count_nonzero(steep[:, 1:] & ~steep[:, :-1], axis=1))
