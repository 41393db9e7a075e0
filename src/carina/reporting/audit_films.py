"""The films of an audit, with their pictures, as its page shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from carina.domain.audit import LabelConflict, Misfit, SharedFilm
from carina.domain.record import Record
from carina.domain.report import FilmRow, Picture, ShownFilm
from carina.domain.sentences import counted, listed, sentence
from carina.reporting.audit_pictures import Pair, two_of
from carina.reporting.audit_wording import KINDS, misfit_title
from carina.reporting.pictures import small_jpeg

_LONGER_SIDE_PX = 240


@dataclass(frozen=True, slots=True)
class PageFilms:
    """What the page knows of single films.

    Attributes:
        pictures: name -> PNG or JPEG bytes.
        records: name -> the film's record, where the data set is at hand.
    """

    pictures: Mapping[str, bytes] = field(default_factory=dict)
    records: Mapping[str, Record] = field(default_factory=dict)

    def has(self, *names: str) -> bool:
        """Return whether there is a picture of one of the films, so that there is a row."""
        return any(name in self.pictures for name in names)

    def pair_row(self, pair: Pair) -> FilmRow:
        """Return two copies side by side."""
        a, b = pair.parts or ("", "")
        title = f"{KINDS[pair.kind]}: {a} and {b}" if pair.parts else KINDS[pair.kind]
        films = (self._placed(pair.a, part=a), self._placed(pair.b, part=b))
        return FilmRow(title, films, is_pair=True)

    def conflict_row(self, conflict: LabelConflict) -> FilmRow:
        """Return two films of one picture that stands under several classes."""
        return FilmRow(
            f"{listed(conflict.labels)}, in {counted(len(conflict.paths), 'file')}",
            tuple(self._placed(name) for name in two_of(conflict, self.records)),
            is_pair=True,
        )

    def shared_row(self, film: SharedFilm) -> FilmRow:
        """Return a film beside the one that another data set has of it."""
        ours, theirs = film.labels
        other = ", under another class there" if all(film.labels) and ours != theirs else ""
        return FilmRow(
            f"{KINDS[film.kind]}{other}",
            (
                self.shown(film.a, remarks=_remarks("here", ours)),
                self.shown(film.b, remarks=_remarks("there", theirs)),
            ),
            is_pair=True,
        )

    def misfit_rows(self, misfits: Sequence[Misfit], *, n_of: Mapping[str, int]) -> list[FilmRow]:
        """Return films that may not belong, a row for every reason.

        Args:
            misfits: those to show.
            n_of: code -> how many there are in all.
        """
        rows = []
        for code in dict.fromkeys(misfit.code for misfit in misfits):
            own = [misfit for misfit in misfits if misfit.code == code]
            more = f", {len(own):,} shown" if len(own) < n_of[code] else ""
            films = tuple(
                self.shown(one.path, remarks=(f"{one.sureness}: {sentence(one.sentence)}",))
                for one in own
            )
            rows.append(
                FilmRow(f"{misfit_title(code)}: {counted(n_of[code], 'film')}{more}", films)
            )
        return rows

    def shown(self, name: str, *, remarks: Sequence[str] = ()) -> ShownFilm:
        """Return a film with its picture, or named only where there is none."""
        if name not in self.pictures:
            return ShownFilm(name, tuple(remarks))
        image = small_jpeg(self.pictures[name], longer_side=_LONGER_SIDE_PX)
        return ShownFilm(name, tuple(remarks), Picture(image, "image/jpeg", alt=f"Film {name}"))

    def _placed(self, name: str, *, part: str = "") -> ShownFilm:
        """Return a film with its part and class, as far as they are known."""
        record = self.records.get(name)
        if record is None:
            return self.shown(name, remarks=_remarks(part))
        return self.shown(name, remarks=_remarks(record.part or part, record.label or ""))


def _remarks(*words: str) -> tuple[str, ...]:
    """Return what is known, on one line.

    >>> _remarks("train", "COVID"), _remarks("", "")
    (('train, COVID',), ())
    """
    known = ", ".join(word for word in words if word)
    return (known,) if known else ()
