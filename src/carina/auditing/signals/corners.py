"""The four corners, where letters and markers stand."""

import numpy as np

from carina.auditing.signal import Columns, LabelledFilms, Signal, cells
from carina.auditing.signals import SIGNALS

# Of 96 pixels: a sixth of each side, in cells of 4: the height of a common side marker.
_SIDE = 16
_CELLS = 4
_BRIGHT = 0.85


def _patches(pictures: Columns) -> Columns:
    """Return what stands in the corners, float32 `[k, 160]`."""
    columns = []
    for rows in (slice(0, _SIDE), slice(-_SIDE, None)):
        for across in (slice(0, _SIDE), slice(-_SIDE, None)):
            patch = np.ascontiguousarray(pictures[:, rows, across])
            pixels = cells(patch, _CELLS, _CELLS)
            columns += [
                pixels.mean(axis=3).reshape(len(patch), -1),
                np.ptp(pixels, axis=3).reshape(len(patch), -1),
                patch.std(axis=(1, 2))[:, None],
                patch.max(axis=(1, 2))[:, None],
                patch.min(axis=(1, 2))[:, None],
                (patch > _BRIGHT).mean(axis=(1, 2))[:, None],
                (patch == 0).mean(axis=(1, 2))[:, None],
                _edges(patch),
            ]
    return np.concatenate(columns, axis=1).astype(np.float32)


def _edges(patch: Columns) -> Columns:
    """Return how sharp the edges are: mean, 9th decile and maximum of the Laplacian."""
    around = patch[:, :-2, 1:-1] + patch[:, 2:, 1:-1] + patch[:, 1:-1, :-2] + patch[:, 1:-1, 2:]
    sharpness = np.abs(4 * patch[:, 1:-1, 1:-1] - around).reshape(len(patch), -1)
    decile = np.partition(sharpness, 9 * sharpness.shape[1] // 10, axis=1)
    highest_tenth = decile[:, 9 * sharpness.shape[1] // 10]
    return np.stack([sharpness.mean(axis=1), highest_tenth, sharpness.max(axis=1)], axis=1)


def _columns(films: LabelledFilms) -> Columns | None:
    return films.pictures(_patches)


SIGNALS.register("corners")(
    Signal(
        title="the four corners of the picture",
        meaning="letters, side markers, borders or shoulders there differ between the classes",
        in_pixels=True,
        measure=_columns,
    )
)
