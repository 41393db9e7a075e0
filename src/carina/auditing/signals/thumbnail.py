"""The film at 8 x 8 pixels: no finding in the lungs can be seen on that."""

from carina.auditing.signal import Columns, LabelledFilms, Signal, thumbnails
from carina.auditing.signals import SIGNALS


def _columns(films: LabelledFilms) -> Columns | None:
    return films.pictures(thumbnails)


SIGNALS.register("thumbnail")(
    Signal(
        title="a blurred picture of 8 x 8 pixels",
        meaning="the films of the classes differ in position, exposure or frame, so coarsely that "
        "no finding is needed to tell them (large white areas in ill lungs count as well)",
        in_pixels=True,
        measure=_columns,
    )
)
