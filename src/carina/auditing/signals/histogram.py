"""The shares of the grey values."""

import numpy as np

from carina.auditing.signal import Columns, LabelledFilms, Signal
from carina.auditing.signals import SIGNALS


def _columns(films: LabelledFilms) -> Columns | None:
    if films.sketches is None:
        return None
    shares = films.sketches["histogram"].astype(np.float32) / np.float32(65535)
    # Hellinger's distance: the root makes rare and common greys count alike.
    return np.asarray(np.sqrt(shares))


SIGNALS.register("histogram")(
    Signal(
        title="the mixture of dark and bright pixels",
        meaning="the films of the classes were exposed, developed or processed differently (ill "
        "lungs are whiter too, but that is a small part of it)",
        in_pixels=True,
        measure=_columns,
    )
)
