"""What the files and the tables say beside the pixels."""

from carina.auditing.signal import Columns, LabelledFilms, Signal, flags
from carina.auditing.signals import SIGNALS


def _columns(films: LabelledFilms) -> Columns:
    return flags(
        [
            (*facts.traces, f"view {record.view or facts.view}")
            for record, facts in zip(films.records, films.facts, strict=True)
        ]
    )


SIGNALS.register("metadata")(
    Signal(
        title="what the files say about their making (programs, resolution, the view)",
        meaning="the classes passed through different machines, programs or hands",
        in_pixels=False,
        measure=_columns,
    )
)
