"""What films told and what was prepared of them, kept by content.

Three stores lie under the cache folder, all keyed by the sha256 of a film's bytes and never by
its name, so that a moved or renamed film is known and no file name is kept:

- `films-v4-DECODERS/facts.jsonl`: `FilmFacts`, one JSON line per film (about 0.6 KB);
- `sketches-v2-DECODERS/`: what `imaging.sketch` made, about 9 KB per film (`files.row_store`);
- `levels-v3-DECODERS/SPEC/`: what `imaging.prepare_levels` made for one `InputSpec.digest`:
  `rows.u16`, height x width little-endian uint16 per film, and `index.sha256`, per row the 32
  bytes of its film's sha256 and 16 of its own.

DECODERS names the versions of Pillow and pydicom, and of the libraries of the spec's noise
filter: another version may make other pixels of a film, and training must never see pixels that
serving does not make.

All are only ever appended to, under a file lock, rows before their index: a row counts when
the index says so, and what a killed process left half-written is cut off by the next writer. A
film that another process has kept meanwhile is not kept again. The stores grow by each film once
per input spec (100 KB at 224 x 224) and never shrink; the folder may be removed at any time,
everything in it can be made again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from carina.domain.film_facts import FilmFacts
from carina.domain.input_spec import InputSpec
from carina.files.append_only import append_at, lock_in, size_of
from carina.files.atomic import storage_errors
from carina.files.row_store import DiskStore, RowStore
from carina.imaging.denoise import filter_versions
from carina.imaging.sketch import SKETCH

# A new number when reading or preparing films changes what they become.
FACTS_VERSION = 4
SKETCHES_VERSION = 2
LEVELS_VERSION = 3
FACTS_BYTES = 1_500
"""Bytes of room that one film's facts need at most, as long as its cautions are few."""
_OPTION = "CARINA_CACHE_DIR"
_DIGEST_BYTES, _CHECK_BYTES = 32, 16
_ENTRY_BYTES = _DIGEST_BYTES + _CHECK_BYTES


@dataclass(frozen=True, slots=True, eq=False)
class PreparedPixels:
    """Films prepared for one input spec, on disk and mapped into memory.

    Attributes:
        spec: what they were prepared for.
        rows: uint16 `[rows, height, width]`, memory-mapped; other films' rows are among them.
        row_of: record key -> row.
    """

    spec: InputSpec
    rows: NDArray[np.uint16]
    row_of: Mapping[str, int]

    def levels(self, keys: Sequence[str]) -> NDArray[np.uint16]:
        """Return the grey levels of some films, copied out of the store.

        Args:
            keys: record keys; a film may stand there twice.

        Returns:
            uint16 `[n, height, width]`; `imaging.from_levels` makes `[0, 1]` of them.

        Raises:
            KeyError: for a key that was not scanned or could not be read.
        """
        chosen = np.fromiter((self.row_of[key] for key in keys), dtype=np.intp, count=len(keys))
        return np.asarray(self.rows[chosen])


@dataclass(frozen=True, slots=True, eq=False)
class Sketches:
    """The sketches of a data set's films, on disk and mapped into memory.

    Attributes:
        store: rows of bytes by the sha256 of a film's bytes.
        digest_of: record key -> that sha256.
    """

    store: RowStore
    digest_of: Mapping[str, bytes]

    def of(self, keys: Sequence[str]) -> NDArray[np.void]:
        """Return the sketches of some films, `[n]` of the type `imaging.sketch.SKETCH`; a copy.

        Raises:
            KeyError: for a key that was not scanned or could not be read.
        """
        rows = self.store.read([self.digest_of[key] for key in keys])
        return np.ascontiguousarray(rows).view(SKETCH).reshape(len(keys))


def read_sketches(store: RowStore, digest_of: Mapping[str, bytes]) -> Sketches:
    """Return the sketches of films that were scanned, whoever scanned them.

    Args:
        store: of these films and others.
        digest_of: record key -> sha256 of the film's bytes.
    """
    store.missing(list(digest_of.values()))  # a store knows the rows that it was asked for
    return Sketches(store, digest_of)


def open_sketches(cache_dir: Path) -> RowStore:
    """Return the store of the sketches, making its folder.

    Raises:
        StorageError: if the folder cannot be made or written to.
    """
    folder = cache_dir / f"sketches-v{SKETCHES_VERSION}-{_decoders()}"
    return DiskStore(folder, SKETCH.itemsize)


class FactsStore:
    """`FilmFacts` by sha256."""

    def __init__(self, cache_dir: Path) -> None:
        """Open the store, making its folder.

        Raises:
            StorageError: if the folder cannot be made or written to.
        """
        folder = cache_dir / f"films-v{FACTS_VERSION}-{_decoders()}"
        self._path = folder / "facts.jsonl"
        self._lock = lock_in(folder)
        self._known: dict[str, FilmFacts] = {}
        self._read_to = 0

    def load(self) -> dict[str, FilmFacts]:
        """Return everything known; lines that are not whole are passed over."""
        self._read_on()
        return dict(self._known)

    def append(self, facts: Sequence[FilmFacts]) -> None:
        """Keep what some films told, but for the films that the store knows by now.

        Raises:
            StorageError: if there is no room or no permission.
        """
        if not facts:
            return
        n_bytes = len(facts) * FACTS_BYTES
        with storage_errors(self._path, option=_OPTION, n_bytes=n_bytes), self._lock:
            self._read_on()
            lines = "".join(
                json.dumps(asdict(one), separators=(",", ":")) + "\n"
                for one in facts
                if one.sha256 not in self._known
            )
            if size_of(self._path) > self._read_to:
                lines = "\n" + lines
            append_at(self._path, size_of(self._path), lines.encode())

    def _read_on(self) -> None:
        """Take in the whole lines after those that were read before, whoever wrote them."""
        if not self._path.exists():
            return
        with storage_errors(self._path), self._path.open("rb") as stream:
            stream.seek(self._read_to)
            for line in stream:
                # A last line without an end: a process is writing it, or was killed.
                if not line.endswith(b"\n"):
                    break
                self._read_to += len(line)
                # A line that a killed process did not finish, or bytes gone bad.
                with suppress(ValueError, TypeError, RecursionError):
                    facts = _facts_of(json.loads(line))
                    self._known[facts.sha256] = facts


class LevelsStore:
    """Prepared grey levels by sha256, for one input spec."""

    def __init__(self, cache_dir: Path, spec: InputSpec) -> None:
        """Open the store, making its folder.

        Raises:
            StorageError: if the folder cannot be made or written to.
        """
        makers = "-".join([_decoders(), *filter_versions(spec.denoise)])
        folder = cache_dir / f"levels-v{LEVELS_VERSION}-{makers}" / spec.digest
        self.spec = spec
        self._rows = folder / "rows.u16"
        self._index = folder / "index.sha256"
        self._lock = lock_in(folder)
        self._row_bytes = spec.height * spec.width * 2
        self._entries: dict[str, tuple[int, bytes]] = {}
        self._whole: dict[str, int] = {}
        self._mapped: NDArray[np.uint16] = np.zeros((0, spec.height, spec.width), np.uint16)

    def index(self) -> dict[str, int]:
        """Return sha256 -> row for every row that was written to its end; of two the later."""
        n_rows = self._n_rows()
        entries = b""
        if n_rows:
            with storage_errors(self._index):
                entries = self._index.read_bytes()[: n_rows * _ENTRY_BYTES]
        each = (entries[at : at + _ENTRY_BYTES] for at in range(0, len(entries), _ENTRY_BYTES))
        self._entries = {
            entry[:_DIGEST_BYTES].hex(): (row, entry[_DIGEST_BYTES:])
            for row, entry in enumerate(each)
        }
        return {sha256: row for sha256, (row, _) in self._entries.items()}

    def is_whole(self, sha256: str) -> bool:
        """Return whether a film of the `index` has a row that is what its digest says.

        Each is held against it the first time it is asked for: a disk that lost power may have
        said that it keeps what it did not.
        """
        row, check = self._entries.get(sha256, (-1, b""))
        if row >= 0 and self._whole.get(sha256) != row:
            if row >= len(self._mapped):
                self._mapped = self.rows()
            if _check(self._mapped[row].tobytes()) != check:
                return False
            self._whole[sha256] = row
        return row >= 0

    def rows(self) -> NDArray[np.uint16]:
        """Return every row that was written to its end, mapped read-only.

        Returns:
            uint16 `[rows, height, width]`.
        """
        shape = (self._n_rows(), self.spec.height, self.spec.width)
        if shape[0] == 0:
            return np.zeros(shape, dtype=np.uint16)
        with storage_errors(self._rows):
            return np.memmap(self._rows, dtype="<u2", mode="r", shape=shape)

    def append(self, levels: Mapping[str, NDArray[np.uint16]]) -> None:
        """Keep what was prepared of some films, but for the films that the store has by now.

        Args:
            levels: sha256 -> uint16 `[height, width]`.

        Raises:
            StorageError: if there is no room or no permission.
        """
        if not levels:
            return
        n_bytes = len(levels) * (self._row_bytes + _ENTRY_BYTES)
        with storage_errors(self._rows, option=_OPTION, n_bytes=n_bytes), self._lock:
            self.index()
            new = [sha256 for sha256 in levels if not self.is_whole(sha256)]
            rows = [np.ascontiguousarray(levels[one], dtype="<u2").tobytes() for one in new]
            checks = [_check(row) for row in rows]
            entries = (bytes.fromhex(one) + own for one, own in zip(new, checks, strict=True))
            n_rows = self._n_rows()
            append_at(self._rows, n_rows * self._row_bytes, b"".join(rows))
            append_at(self._index, n_rows * _ENTRY_BYTES, b"".join(entries))
        places = range(n_rows, n_rows + len(new))
        self._entries |= dict(zip(new, zip(places, checks, strict=True), strict=True))
        self._whole |= dict(zip(new, places, strict=True))

    def _n_rows(self) -> int:
        n_rows = size_of(self._rows) // self._row_bytes
        return min(n_rows, size_of(self._index) // _ENTRY_BYTES)


def _check(row: bytes) -> bytes:
    return hashlib.sha256(row).digest()[:_CHECK_BYTES]


def _decoders() -> str:
    """Return the versions of what makes pixels of files, without importing it."""
    return f"pillow{version('pillow')}-pydicom{version('pydicom')}"


def _facts_of(values: dict[str, object]) -> FilmFacts:
    cautions, traces = values.pop("cautions", ()), values.pop("traces", ())
    if not isinstance(cautions, list) or not isinstance(traces, list):
        raise TypeError("cautions and traces are lists")
    return FilmFacts(**values, cautions=tuple(cautions), traces=tuple(traces))  # type: ignore[arg-type]
