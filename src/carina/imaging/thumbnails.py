"""A film as a very small picture whose exposure does not count, and its fine detail."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from carina.imaging.sketch import SKETCH_SIDE

Floats = NDArray[np.float32]

THUMBNAIL_SIDE = 24
_LEVELS = 256
# A row or column of the sketch whose grey values differ by less than this is a margin, and at
# most so much is taken off at each edge: the frame of a scan, not the patient's surroundings.
_MARGIN_SPREAD = 10
_MOST_MARGIN = 24
_BEFORE = {1: ((1, 0), (0, 0)), 2: ((0, 0), (1, 0))}
_COARSE = 4
_FLOOR = 0.01


def equalised_thumbnails(small: NDArray[np.uint8]) -> Floats:
    """Return sketches without even margins at 24 x 24 pixels, their grey values equalised.

    Each grey value becomes its rank in its picture, so that exposure and film curve do not
    count; equal values share the mean rank.

    Args:
        small: uint8 `[n, 96, 96]`.

    Returns:
        float32 `[n, 576]`, each row of mean 0 and mean square 1 (0 for a picture of one grey).
    """
    cells = small.astype(np.int32)
    for axis in (1, 2):
        cells = _in_cells(cells, _cell_edges(small, axis), axis)
    levels = cells.reshape(len(small), -1)
    rows = np.arange(len(small))[:, None]
    counts = np.bincount((rows * _LEVELS + levels).ravel(), minlength=len(small) * _LEVELS)
    counts = counts.reshape(len(small), _LEVELS)
    middle = (counts.cumsum(axis=1) - counts / 2) / levels.shape[1] - 0.5
    ranks = np.take_along_axis(middle, levels, axis=1)
    deviation = np.sqrt((ranks**2).mean(axis=1, keepdims=True))
    even = deviation < 1e-6
    return np.where(even, 0.0, ranks / np.where(even, 1.0, deviation)).astype(np.float32)


def _cell_edges(small: NDArray[np.uint8], axis: int) -> NDArray[np.intp]:
    """Return where an axis's cells begin and the last one ends, `[n, 25]`; margins are out."""
    across = 3 - axis
    spread = small.max(axis=across).astype(np.int16) - small.min(axis=across)
    is_film = spread >= _MARGIN_SPREAD
    first = np.minimum(is_film.argmax(axis=1), _MOST_MARGIN)[:, None]
    last = SKETCH_SIDE - np.minimum(is_film[:, ::-1].argmax(axis=1), _MOST_MARGIN)[:, None]
    place = np.arange(THUMBNAIL_SIDE + 1) / THUMBNAIL_SIDE
    return np.asarray(np.rint(first + place * (last - first)).astype(np.intp))


def _in_cells(levels: NDArray[np.int32], edges: NDArray[np.intp], axis: int) -> NDArray[np.int32]:
    """Return the mean of an axis's values between the edges, rounded down."""
    sums = np.pad(levels.cumsum(axis=axis, dtype=np.int32), [(0, 0), *_BEFORE[axis]])
    shaped = np.expand_dims(edges, 3 - axis)
    totals = np.diff(np.take_along_axis(sums, shaped, axis=axis), axis=axis)
    return np.asarray(totals // np.diff(shaped, axis=axis), dtype=np.int32)


def details(small: NDArray[np.uint8]) -> tuple[Floats, Floats, Floats]:
    """Return the log of mean steps between neighbours over the deviation: along rows, along
    columns, and of 4 x 4 cells in both directions; each float32 `[n]`."""
    levels = small.astype(np.int16)
    deviation = small.std(axis=(1, 2), dtype=np.float32) + 1
    n_cells = SKETCH_SIDE // _COARSE
    cells = small.reshape(-1, n_cells, _COARSE, n_cells, _COARSE).mean(
        axis=(2, 4), dtype=np.float32
    )
    steps = (
        np.abs(np.diff(levels, axis=2)).mean(axis=(1, 2)),
        np.abs(np.diff(levels, axis=1)).mean(axis=(1, 2)),
        np.abs(np.diff(cells, axis=2)).mean(axis=(1, 2))
        + np.abs(np.diff(cells, axis=1)).mean(axis=(1, 2)),
    )
    fine_x, fine_y, coarse = (np.log(one / deviation + _FLOOR).astype(np.float32) for one in steps)
    return fine_x, fine_y, coarse
