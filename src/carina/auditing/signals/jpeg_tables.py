"""How strongly, and by which program, a file was compressed."""

import numpy as np

from carina.auditing.signal import Columns, LabelledFilms, Signal, one_hot, steps
from carina.auditing.signals import SIGNALS


def _columns(films: LabelledFilms) -> Columns:
    tables = one_hot([facts.jpeg_tables for facts in films.facts])
    quality = [np.nan if f.jpeg_quality is None else f.jpeg_quality for f in films.facts]
    return np.column_stack([tables, steps(np.array(quality, dtype=np.float64))])


SIGNALS.register("jpeg-tables")(
    Signal(
        title="the JPEG compression of the files",
        meaning="the classes were saved at different qualities or by different programs",
        in_pixels=False,
        measure=_columns,
    )
)
