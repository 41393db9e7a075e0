"""Height, width and aspect."""

import numpy as np

from carina.auditing.signal import Columns, LabelledFilms, Signal, one_hot, steps
from carina.auditing.signals import SIGNALS


def _columns(films: LabelledFilms) -> Columns:
    height = np.log([facts.height for facts in films.facts])
    width = np.log([facts.width for facts in films.facts])
    sizes = one_hot([(facts.height, facts.width) for facts in films.facts])
    return np.column_stack([steps(height), steps(width), steps(width - height), sizes])


SIGNALS.register("image-size")(
    Signal(
        title="the size and shape of the pictures",
        meaning="the classes have other resolutions or proportions; where all are brought to one "
        "size, what is left of that is how sharp and how stretched a film looks",
        in_pixels=True,
        measure=_columns,
    )
)
