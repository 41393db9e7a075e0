"""The outermost ring of the film."""

import numpy as np

from carina.auditing.signal import Columns, LabelledFilms, Signal
from carina.auditing.signals import SIGNALS

# Of 96 pixels: 6 % of the film at each side, twice 3 so that a narrow border stands apart.
_DEPTH = 3
_SEGMENT = 8


def _ring(pictures: Columns) -> Columns:
    """Return means and deviations along the four sides, float32 `[k, 112]`."""
    columns = []
    for turned in (pictures, pictures[:, ::-1], _turned(pictures), _turned(pictures)[:, ::-1]):
        for start in (0, _DEPTH):
            strip = turned[:, start : start + _DEPTH]
            parts = strip.reshape(len(strip), _DEPTH, -1, _SEGMENT)
            columns += [parts.mean(axis=(1, 3)), strip.std(axis=(1, 2))[:, None]]
            columns.append(strip.max(axis=(1, 2))[:, None])
    return np.concatenate(columns, axis=1)


def _turned(pictures: Columns) -> Columns:
    return pictures.swapaxes(1, 2)


def _columns(films: LabelledFilms) -> Columns | None:
    return films.pictures(_ring)


SIGNALS.register("frame")(
    Signal(
        title="the outer frame of the picture",
        meaning="letters, borders or the way that arms and shoulders lie differ between the "
        "classes",
        in_pixels=True,
        measure=_columns,
    )
)
