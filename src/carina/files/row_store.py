"""Rows of bytes under the digest of what they were made of.

A store on disk is one folder: `rows.bin`, the rows one behind the other; and `index.bin`, for
each row the 32-byte key and a 16-byte digest of the row. Both are only ever appended to
(`files.append_only`), so an interrupted computation goes on where it was, and two processes
may fill one store. A row that is not what its digest says is not known; it is made again and
appended, and of two rows of one key the later counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from carina.files.append_only import append_at, lock_in, size_of
from carina.files.atomic import storage_errors
from carina.files.room import require_room

KEY_BYTES = 32
_CHECK_BYTES = 16
_OPTION = "CARINA_CACHE_DIR"
_ENTRY_BYTES = KEY_BYTES + _CHECK_BYTES
Rows = NDArray[np.uint8]


class RowStore(Protocol):
    """Rows of bytes, all of one length, by key."""

    def missing(self, keys: Sequence[bytes]) -> list[int]:
        """Return the places in `keys` whose rows are not known, or are damaged."""
        ...

    def listed(self) -> Collection[bytes]:
        """Return the keys that have rows; these are not read, and may be damaged."""
        ...

    def require_room(self, n_rows: int, *, advice: str) -> None:
        """Refuse more rows than there is room for.

        Raises:
            StorageError: if there is less; its text ends with `advice`.
        """
        ...

    def append(self, rows: Mapping[bytes, Rows]) -> None:
        """Keep rows uint8 `[bytes]` by key.

        Raises:
            StorageError: if there is no room or no permission.
        """
        ...

    def read(self, keys: Sequence[bytes]) -> Rows:
        """Return the rows uint8 `[n, bytes]` of keys that are not missing; a copy."""
        ...


class MemoryStore:
    """Rows that are forgotten with the object."""

    def __init__(self, row_bytes: int) -> None:
        self._row_bytes = row_bytes
        self._rows: dict[bytes, Rows] = {}

    def missing(self, keys: Sequence[bytes]) -> list[int]:
        """Return the places in `keys` whose rows are not known."""
        return [place for place, key in enumerate(keys) if key not in self._rows]

    def listed(self) -> Collection[bytes]:
        """Return the keys that have rows."""
        return self._rows.keys()

    def require_room(self, n_rows: int, *, advice: str) -> None:
        """Let any number of rows come."""

    def append(self, rows: Mapping[bytes, Rows]) -> None:
        """Keep rows."""
        self._rows |= rows

    def read(self, keys: Sequence[bytes]) -> Rows:
        """Return rows."""
        found = np.empty((len(keys), self._row_bytes), dtype=np.uint8)
        for place, key in enumerate(keys):
            found[place] = self._rows[key]
        return found


class DiskStore:
    """Rows in a folder, mapped into memory."""

    def __init__(self, folder: Path, row_bytes: int) -> None:
        """Open the store, making its folder.

        Raises:
            StorageError: if the folder cannot be made or written to.
        """
        self._folder = folder
        self._row_bytes = row_bytes
        self._rows_file = folder / "rows.bin"
        self._index_file = folder / "index.bin"
        self._lock = lock_in(folder)
        self._n_read = 0
        self._entries: dict[bytes, tuple[int, bytes]] = {}
        self._whole: dict[bytes, int] = {}
        self._mapped: Rows = np.empty((0, row_bytes), dtype=np.uint8)

    def missing(self, keys: Sequence[bytes]) -> list[int]:
        """Return the places in `keys` whose rows are not known, or are damaged.

        Each row is held against its digest the first time it is asked for.
        """
        self._read_on()
        return [place for place, key in enumerate(keys) if not self._is_whole(key)]

    def listed(self) -> Collection[bytes]:
        """Return the keys that have rows; these are not read, and may be damaged."""
        self._read_on()
        return self._entries.keys()

    def require_room(self, n_rows: int, *, advice: str) -> None:
        """Refuse more rows than the disk has room for.

        Raises:
            StorageError: if it has less.
        """
        n_bytes = n_rows * (self._row_bytes + _ENTRY_BYTES)
        require_room(self._folder, n_bytes=n_bytes, advice=advice)

    def append(self, rows: Mapping[bytes, Rows]) -> None:
        """Keep rows, but for those that another process has kept meanwhile.

        Raises:
            StorageError: if there is no room or no permission.
        """
        if not rows:
            return
        n_bytes = len(rows) * (self._row_bytes + _ENTRY_BYTES)
        with storage_errors(self._rows_file, option=_OPTION, n_bytes=n_bytes), self._lock:
            self._read_on()
            new = {key: row for key, row in rows.items() if not self._is_whole(key)}
            n_rows = self._n_rows()
            entries = b"".join(key + _check(row) for key, row in new.items())
            data = b"".join(row.tobytes() for row in new.values())
            append_at(self._rows_file, n_rows * self._row_bytes, data)
            append_at(self._index_file, n_rows * _ENTRY_BYTES, entries)

    def read(self, keys: Sequence[bytes]) -> Rows:
        """Return rows; a key that `missing` has not been asked about raises `KeyError`."""
        places = np.fromiter((self._whole[key] for key in keys), dtype=np.intp, count=len(keys))
        return np.asarray(self._mapped[places])

    def _read_on(self) -> None:
        """Take in the entries after those that were read before, whoever wrote them."""
        n_rows = self._n_rows()
        if n_rows <= self._n_read:
            return
        with storage_errors(self._index_file), self._index_file.open("rb") as stream:
            stream.seek(self._n_read * _ENTRY_BYTES)
            entries = stream.read((n_rows - self._n_read) * _ENTRY_BYTES)
        for at in range(0, len(entries), _ENTRY_BYTES):
            key = entries[at : at + KEY_BYTES]
            self._entries[key] = self._n_read, entries[at + KEY_BYTES : at + _ENTRY_BYTES]
            self._whole.pop(key, None)
            self._n_read += 1

    def _is_whole(self, key: bytes) -> bool:
        """Return whether the row of a key is there and is what its digest says."""
        if key not in self._whole and key in self._entries:
            row, check = self._entries[key]
            self._map(row)
            if _check(self._mapped[row]) == check:
                self._whole[key] = row
        return key in self._whole

    def _map(self, row: int) -> None:
        """Map the file anew if `row` lies behind what is mapped."""
        if row >= len(self._mapped):
            with storage_errors(self._rows_file):
                self._mapped = np.memmap(
                    self._rows_file, dtype=np.uint8, mode="r", shape=(self._n_read, self._row_bytes)
                )

    def _n_rows(self) -> int:
        return min(
            size_of(self._rows_file) // self._row_bytes, size_of(self._index_file) // _ENTRY_BYTES
        )


def _check(row: Rows) -> bytes:
    return hashlib.blake2b(row.tobytes(), digest_size=_CHECK_BYTES).digest()
