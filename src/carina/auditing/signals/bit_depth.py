"""Significant bits of a stored grey value."""

from carina.auditing.signal import Columns, LabelledFilms, Signal, one_hot
from carina.auditing.signals import SIGNALS


def _columns(films: LabelledFilms) -> Columns:
    return one_hot([facts.bits for facts in films.facts])


SIGNALS.register("bit-depth")(
    Signal(
        title="the number of grey levels of the files",
        meaning="the classes were stored or converted in different ways",
        in_pixels=False,
        measure=_columns,
    )
)
