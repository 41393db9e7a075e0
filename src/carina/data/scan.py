"""Every film of a data set, decoded once."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from carina.data.answer_rows import FileState
from carina.data.cache import (
    FACTS_BYTES,
    FactsStore,
    LevelsStore,
    PreparedPixels,
    Sketches,
    open_sketches,
    read_sketches,
)
from carina.data.film_state import film_state
from carina.data.film_teller import FilmTeller
from carina.data.seen_films import MapSeen, Seeing, SeenFilm, in_turns
from carina.domain.audit import Unreadable
from carina.domain.dataset import Dataset
from carina.domain.film_facts import FilmFacts
from carina.domain.input_spec import InputSpec
from carina.domain.progress import Progress, silent
from carina.domain.radiograph import Radiograph
from carina.domain.record import Record
from carina.errors import ImageError, StorageError
from carina.files.digests import sha256_bytes
from carina.files.film_bytes import read_film_bytes
from carina.files.machine import reading_threads
from carina.files.names import without_place
from carina.files.room import require_room
from carina.files.row_store import RowStore
from carina.imaging.decoding import FilmBytes
from carina.imaging.digests import facts_and_sketch
from carina.imaging.medmnist_films import is_medmnist_film
from carina.imaging.prepare import prepare_levels
from carina.imaging.read import (
    read_radiograph,
    read_radiographs_bytes,
    require_bytes,
)
from carina.imaging.sketch import SKETCH

_BATCH_FILMS = 256
_BATCH_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True, eq=False)
class FilmScan:
    """What the films of a data set told when they were decoded.

    Attributes:
        facts: record key -> facts, for every film that could be read.
        unreadable: the others, by name, with their codes.
        unreadable_keys: their record keys.
        pixels: the films prepared for the input spec, if one was given.
        sketches: what an audit compares of the films that could be read.
        states: record key -> what its folder said of a film's file just before it was read;
            nothing of a file of which it said nothing.
    """

    facts: Mapping[str, FilmFacts]
    unreadable: tuple[Unreadable, ...] = ()
    unreadable_keys: frozenset[str] = frozenset()
    pixels: PreparedPixels | None = None
    sketches: Sketches | None = None
    states: Mapping[str, FileState] = field(default_factory=dict)


def scan_films(
    dataset: Dataset,
    *,
    spec: InputSpec | None,
    cache_dir: Path,
    elsewhere: MapSeen | None = None,
    progress: Progress = silent,
) -> FilmScan:
    """Return what every film told, and its pixels prepared for `spec`.

    A film whose bytes the cache knows is not decoded again; the same bytes under two names
    are decoded once. The result does not depend on the order of the work.

    Args:
        dataset: the films.
        spec: what to prepare them for, or None for the facts alone.
        cache_dir: where decoded films are kept (`data.cache` says what and how large).
        elsewhere: what reads and decodes the films in other processes; None: this one does.
        progress: told after every film ("reading films").

    Raises:
        StorageError: if the cache may not be written to, or has no room for the films that
            it does not know; said before the first one is decoded.
    """
    reading = _Reading(
        facts_store=FactsStore(cache_dir),
        sketch_store=open_sketches(cache_dir),
        levels_store=LevelsStore(cache_dir, spec) if spec is not None else None,
    )
    _require_room_for(dataset.records, reading, cache_dir)
    teller = FilmTeller(progress, total=len(dataset.records))
    if elsewhere is not None:
        for n_films in reading.look_elsewhere(dataset.records, elsewhere):
            teller.tell(n_films)
    else:
        with ThreadPoolExecutor(reading_threads()) as pool:
            for batch in _batches(dataset.records, spec):
                for n_films in pool.map(reading.look, in_turns(batch)):
                    teller.tell(n_films)
                reading.keep()
    reading.look_again(dataset.records)
    facts = {
        record.key: reading.known[reading.sha256_of[record.key]]
        for record in dataset.records
        if record.key not in reading.failed
    }
    failed = [record for record in dataset.records if record.key in reading.failed]
    return FilmScan(
        facts=MappingProxyType(facts),
        unreadable=tuple(_unreadable(dataset, r, reading.failed[r.key]) for r in failed),
        unreadable_keys=frozenset(record.key for record in failed),
        pixels=reading.prepared(facts),
        sketches=reading.sketches(facts),
        states=MappingProxyType(reading.states),
    )


def same_film(record: Record, sha256: str) -> bool:
    """Return whether a film's file holds what it held when it was scanned.

    Args:
        record: the film.
        sha256: of its bytes then (`FilmScan.facts`).

    Raises:
        ImageError: if it cannot be read.
    """
    return _content_of(record)[0] == sha256


def scanned_film(record: Record, sha256: str) -> Radiograph | None:
    """Return a film as it was scanned, or None if its file holds something else by now.

    Args:
        record: the film.
        sha256: of its bytes when it was scanned.

    Raises:
        ImageError: if it cannot be read.
    """
    film = read_radiograph(record.file)
    return film if film.sha256 == sha256 else None


def with_views(dataset: Dataset, scan: FilmScan) -> Dataset:
    """Return the same data set with the views that the films told where it named none.

    Args:
        dataset: the films; a view that the data set itself names stays.
        scan: what they told; a DICOM file may say its view position.
    """
    return dataset.with_records(
        replace(record, view=record.view or scan.facts[record.key].view)
        if record.key in scan.facts
        else record
        for record in dataset.records
    )


class _Waiting(NamedTuple):
    """A film that is to be decoded."""

    record: Record
    film: FilmBytes
    sha256: str


@dataclass(slots=True)
class _Reading:
    """The state of one scan; `look` runs in threads, everything else in one."""

    facts_store: FactsStore
    sketch_store: RowStore
    levels_store: LevelsStore | None
    known: dict[str, FilmFacts] = field(init=False)
    sha256_of: dict[str, str] = field(default_factory=dict)
    failed: dict[str, ImageError] = field(default_factory=dict)
    states: dict[str, FileState] = field(default_factory=dict)
    new_facts: dict[str, FilmFacts] = field(default_factory=dict)
    new_levels: dict[str, NDArray[np.uint16]] = field(default_factory=dict)
    new_sketches: dict[str, NDArray[np.void]] = field(default_factory=dict)
    _claimed: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.known = self.facts_store.load()
        if self.levels_store is not None:
            self.levels_store.index()

    @property
    def new_film_bytes(self) -> int:
        """The room that a film takes that the cache does not know."""
        spec = self.levels_store.spec if self.levels_store is not None else None
        return FACTS_BYTES + SKETCH.itemsize + _row_bytes(spec)

    def n_new(self, records: Sequence[Record]) -> int:
        """Return how many films the cache does not know; reads every file."""
        new = set()
        for record in records:
            with suppress(ImageError):
                sha256, _ = _content_of(record)
                if not self._is_done(sha256):
                    new.add(sha256)
        return len(new)

    def look(self, records: Sequence[Record]) -> int:
        """Note films' sha256, decode those that are neither known nor being done, and return
        how many films there were."""
        waiting: list[_Waiting] = []
        for record in records:
            try:
                state = film_state(record.file)  # before: what comes after it shows
                sha256, source = _content_of(record)
                if state is not None:
                    self.states[record.key] = state
                if not self._claims(record, sha256):
                    continue
                if isinstance(source, Radiograph):
                    self._note(source)
                    continue
            except ImageError as error:
                self._fail(record, error)
                continue
            waiting.append(_Waiting(record, FilmBytes(source, record.path), sha256))
            if sum(len(one.film.data) for one in waiting) > _BATCH_BYTES:
                self._decode(waiting)
                waiting = []
        self._decode(waiting)
        return len(records)

    def look_elsewhere(self, records: Sequence[Record], elsewhere: MapSeen) -> Iterator[int]:
        """Do what `look` does, in other processes; yield how many films were seen each time."""
        turns = list(in_turns(records))
        films = [[(os.fspath(one.file), one.path) for one in turn] for turn in turns]
        spec = self.levels_store.spec if self.levels_store is not None else None
        # The cache may hold far more films than these: which of them are met, and whether what is
        # kept of those is whole, is seen afterwards (`look_again`).
        known = self._listed()
        for turn, seen in zip(turns, elsewhere(films, Seeing.of(spec, known)), strict=True):
            for record, film in zip(turn, seen, strict=True):
                self._take(record, film)
            if len(self.new_facts) >= _BATCH_FILMS:
                self.keep()
            yield len(turn)
        self.keep()

    def _take(self, record: Record, film: SeenFilm) -> None:
        """Note what another process told of a film."""
        if film.state is not None:
            self.states[record.key] = film.state
        self.sha256_of[record.key] = film.sha256
        if film.error is not None:
            message, code = film.error
            self._fail(record, ImageError(message, image_code=code))
        elif film.facts is not None and film.sketch is not None:
            self.new_facts[film.sha256] = film.facts
            self.new_sketches[film.sha256] = film.sketch
            if film.levels is not None:
                self.new_levels[film.sha256] = film.levels

    def keep(self) -> None:
        """Write what is new to the stores, in the order of its sha256."""
        self.sketch_store.append(
            {
                bytes.fromhex(sha256): np.frombuffer(self.new_sketches[sha256].tobytes(), np.uint8)
                for sha256 in sorted(self.new_sketches)
            }
        )
        self.new_sketches.clear()
        self.facts_store.append([self.new_facts[sha256] for sha256 in sorted(self.new_facts)])
        self.known.update(self.new_facts)
        self.new_facts.clear()
        if self.levels_store is not None:
            self.levels_store.append({key: self.new_levels[key] for key in sorted(self.new_levels)})
        self.new_levels.clear()

    def look_again(self, records: Sequence[Record]) -> None:
        """Give a film whose bytes failed under another name an error of its own."""
        for record in records:
            if record.key not in self.failed and not self._is_done(self.sha256_of[record.key]):
                self._claimed.discard(self.sha256_of[record.key])
                self.look([record])
            if len(self.new_sketches) >= _BATCH_FILMS:
                self.keep()
        self.keep()

    def prepared(self, facts: Mapping[str, FilmFacts]) -> PreparedPixels | None:
        """Return the prepared pixels of the films that were read."""
        if self.levels_store is None:
            return None
        row_of_sha256 = self.levels_store.index()
        row_of = {key: row_of_sha256[self.sha256_of[key]] for key in facts}
        return PreparedPixels(self.levels_store.spec, self.levels_store.rows(), row_of)

    def sketches(self, facts: Mapping[str, FilmFacts]) -> Sketches:
        """Return the sketches of the films that were read."""
        digest_of = {key: bytes.fromhex(self.sha256_of[key]) for key in facts}
        return read_sketches(self.sketch_store, digest_of)

    def _is_done(self, sha256: str) -> bool:
        has_levels = self.levels_store is None or self.levels_store.is_whole(sha256)
        return sha256 in self.known and has_levels and self._has_sketch(sha256)

    def _listed(self) -> list[str]:
        """Return the sha256 of all films of which the cache says that it knows them; their rows
        are not read."""
        have_sketches = self.sketch_store.listed()
        have_levels = None if self.levels_store is None else self.levels_store.index().keys()
        return [
            sha256
            for sha256 in self.known
            if bytes.fromhex(sha256) in have_sketches
            and (have_levels is None or sha256 in have_levels)
        ]

    def _has_sketch(self, sha256: str) -> bool:
        return not self.sketch_store.missing([bytes.fromhex(sha256)])

    def _claims(self, record: Record, sha256: str) -> bool:
        """Note a film's sha256; return whether it is to be decoded, and by nobody else."""
        with self._lock:
            self.sha256_of[record.key] = sha256
            if self._is_done(sha256) or sha256 in self._claimed:
                return False
            self._claimed.add(sha256)
            return True

    def _fail(self, record: Record, error: ImageError) -> None:
        with self._lock:
            self.failed[record.key] = error

    def _decode(self, waiting: Sequence[_Waiting]) -> None:
        """Note what films tell; one is decoded while the one before it is looked at."""
        if not waiting:
            return
        found = read_radiographs_bytes([(one.film, one.sha256) for one in waiting])
        with closing(found):
            for one, radiograph in zip(waiting, found, strict=True):
                if isinstance(radiograph, ImageError):
                    self._fail(one.record, radiograph)
                else:
                    self._note(radiograph)

    def _note(self, radiograph: Radiograph) -> None:
        """Note what a film tells."""
        sha256 = radiograph.sha256
        facts, own_sketch = facts_and_sketch(radiograph)
        levels = None
        if self.levels_store is not None and not self.levels_store.is_whole(sha256):
            levels = prepare_levels(radiograph, self.levels_store.spec)
        with self._lock:
            if sha256 not in self.known:
                self.new_facts[sha256] = facts
            self.new_sketches[sha256] = own_sketch
            if levels is not None:
                self.new_levels[sha256] = levels


def _require_room_for(records: Sequence[Record], reading: _Reading, cache_dir: Path) -> None:
    advice = "choose another cache folder with CARINA_CACHE_DIR"
    # Room for all is room enough. Only where it is not, all are read to count the new ones.
    with suppress(StorageError):
        n_bytes = len(records) * reading.new_film_bytes
        require_room(cache_dir, n_bytes=n_bytes, advice=advice)
        return
    n_bytes = reading.n_new(records) * reading.new_film_bytes
    require_room(cache_dir, n_bytes=n_bytes, advice=advice)


def _content_of(record: Record) -> tuple[str, bytes | Radiograph]:
    """Return a film's sha256, and its bytes, or the film where its bytes are no file."""
    if is_medmnist_film(record.file):
        radiograph = read_radiograph(record.file)
        return radiograph.sha256, radiograph
    data = read_film_bytes(record.file)
    require_bytes(data, name=record.path)
    return sha256_bytes(data), data


def _unreadable(dataset: Dataset, record: Record, error: ImageError) -> Unreadable:
    message = without_place(str(error), file=str(record.file), name=record.path)
    return Unreadable(path=dataset.name_of(record), code=error.image_code, message=message)


def _batches(records: Sequence[Record], spec: InputSpec | None) -> Iterator[Sequence[Record]]:
    """Yield runs of films whose prepared pixels fit into memory together."""
    size = max(reading_threads(), min(_BATCH_FILMS, _BATCH_BYTES // max(_row_bytes(spec), 1)))
    for start in range(0, len(records), size):
        yield records[start : start + size]


def _row_bytes(spec: InputSpec | None) -> int:
    return spec.height * spec.width * 2 if spec is not None else 0
