"""How the file stores its pixels: grey, RGB, with a palette; and whether there is colour."""

import numpy as np

from carina.auditing.signal import Columns, LabelledFilms, Signal, one_hot
from carina.auditing.signals import SIGNALS


def _columns(films: LabelledFilms) -> Columns:
    modes = one_hot([facts.colour_mode for facts in films.facts])
    coloured = np.array([facts.colour_share for facts in films.facts], dtype=np.float32)
    return np.column_stack([modes, coloured > 0, np.sqrt(coloured)]).astype(np.float32)


SIGNALS.register("colour-mode")(
    Signal(
        title="the colour mode of the files",
        meaning="one class is stored in grey and another in colour, as after a screen shot or a "
        "scan of a printed page",
        in_pixels=False,
        measure=_columns,
    )
)
