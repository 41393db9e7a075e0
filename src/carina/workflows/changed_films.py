"""Films that are deleted or changed while a training goes on."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from carina.data.film_state import film_state
from carina.data.scan import same_film, scanned_film
from carina.domain.radiograph import Radiograph
from carina.domain.record import Record
from carina.domain.sentences import counted
from carina.errors import ImageError
from carina.files.names import printable
from carina.runs import Run
from carina.workflows.films import Films
from carina.workflows.log import Log
from carina.workflows.record import note_facts

What = Literal["deleted", "changed", "unreadable"]

_FEW = 5
_WORDS: dict[What, tuple[str, str]] = {
    "deleted": ("was deleted", "were deleted"),
    "changed": ("was changed", "were changed"),
    "unreadable": ("can no longer be read", "can no longer be read"),
}
_GOES_BY = (
    "the run goes by what films held when it began; pictures that need such a film again are left "
    "out"
)


class ChangedFilms:
    """What became of a run's films since they were scanned.

    The pixels that a network is shown were prepared then. What needs a film once more (a
    thumbnail, a heat map over the whole film, a test film turned into another picture) is given
    it only if it still holds the same bytes.
    """

    def __init__(self, films: Films, named: set[tuple[str, What]] | None = None) -> None:
        """Begin; nothing is looked at yet.

        Args:
            films: as they were scanned.
            named: which of them were named to the user before, by another training of the same
                run, and with what; `tell` adds to it. None: none.
        """
        self._films = films
        self._named = set[tuple[str, What]]() if named is None else named
        self._found: dict[str, What] = {}

    def read(self, record: Record) -> Radiograph | None:
        """Return a film as it was scanned, or None if it is no longer that; this is noted."""
        try:
            film = scanned_film(record, self._sha256(record))
        except ImageError as error:
            self._found[record.key] = _what(error)
            return None
        if film is None:
            self._found[record.key] = "changed"
        return film

    def look_at_all(self) -> None:
        """Note every film of the split that is no longer what it was. Only a film whose folder
        tells another size or time of it than before is read again."""
        states = self._films.scan.states
        for record in self._films.dataset.records:
            key = record.key
            if key not in self._films.split.parts or key in self._found:
                continue
            before = states.get(key)
            if before is not None and film_state(record.file) == before:
                continue
            try:
                if not same_film(record, self._sha256(record)):
                    self._found[key] = "changed"
            except ImageError as error:
                self._found[key] = _what(error)

    def tell(self, run: Run, log: Log) -> None:
        """Name the films that were noted, but for those that were named before, and keep in the
        run's log and record that there are such, by twelve digits of their sha256.

        Raises:
            StorageError: if there is no room or no permission.
        """
        if not self._found:
            return
        by_key = {r.key: r for r in self._films.dataset.records if r.key in self._found}
        new = [key for key in by_key if (key, self._found[key]) not in self._named]
        names = {key: printable(self._films.dataset.name_of(by_key[key])) for key in new}
        self._named.update((key, self._found[key]) for key in new)
        digits = {key: self._sha256(record)[:12] for key, record in by_key.items()}
        kept = f"{self._sentence(digits)}; {_GOES_BY}"
        log.say_named(f"{self._sentence(names)}; {_GOES_BY}" if new else "", kept=kept)
        if run.environment_file.is_file():
            note_facts(run, notes=(*run.environment.notes, kept))

    def _sentence(self, names: dict[str, str]) -> str:
        """Return how many films of each kind have a name here, and a few of their names."""
        said = []
        for what, (one, several) in _WORDS.items():
            own = [name for key, name in names.items() if self._found[key] == what]
            if own:
                verb = one if len(own) == 1 else several
                said.append(f"{counted(len(own), 'film')} {verb} since the run began: {_few(own)}")
        return "; ".join(said)

    def _sha256(self, record: Record) -> str:
        return self._films.scan.facts[record.key].sha256


def _what(error: ImageError) -> What:
    return "deleted" if error.image_code in ("not-found", "broken-link") else "unreadable"


def _few(names: Collection[str]) -> str:
    named = ", ".join(sorted(names)[:_FEW])
    return f"{named} and {len(names) - _FEW:,} more" if len(names) > _FEW else named
