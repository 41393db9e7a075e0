"""The container: JPEG, PNG, DICOM."""

from carina.auditing.signal import Columns, LabelledFilms, Signal, one_hot
from carina.auditing.signals import SIGNALS


def _columns(films: LabelledFilms) -> Columns:
    return one_hot([facts.file_format for facts in films.facts])


SIGNALS.register("file-format")(
    Signal(
        title="the file format",
        meaning="the classes were saved by different programs or come from different places",
        in_pixels=False,
        measure=_columns,
    )
)
