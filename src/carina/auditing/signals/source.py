"""Where the film comes from: as stated, or else as inferred from its file."""

from carina.auditing.inferred_sources import inferred_sources
from carina.auditing.signal import Columns, LabelledFilms, Signal, one_hot
from carina.auditing.signals import SIGNALS


def _is_stated(films: LabelledFilms) -> bool:
    return len({record.source for record in films.records}) > 1


def _title(films: LabelledFilms) -> str:
    if _is_stated(films):
        return "the source of the films"
    return "the source of the films (inferred from how the files are made and named)"


def _columns(films: LabelledFilms) -> Columns:
    if _is_stated(films):
        return one_hot([record.source for record in films.records])
    return one_hot(inferred_sources(films.records, films.facts))


SIGNALS.register("source")(
    Signal(
        title="the source of the films",
        meaning="the classes come from different places, and whatever tells the places apart "
        "tells the classes too",
        in_pixels=False,
        measure=_columns,
        title_of=_title,
    )
)
