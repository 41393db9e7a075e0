"""The film at 8 x 8 pixels, its centre blacked out."""

from carina.auditing.signal import Columns, LabelledFilms, Signal, thumbnails
from carina.auditing.signals import SIGNALS
from carina.imaging.prepare import without_centre


def _around(pictures: Columns) -> Columns:
    return thumbnails(without_centre(pictures))


def _columns(films: LabelledFilms) -> Columns | None:
    return films.pictures(_around)


SIGNALS.register("thumbnail-masked")(
    Signal(
        title="the blurred surroundings of the lungs (8 x 8 pixels, the centre blacked out)",
        meaning="what lies around the lungs (shoulders, arms, belly, borders) differs between the "
        "classes",
        in_pixels=True,
        measure=_columns,
    )
)
