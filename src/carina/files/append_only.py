"""Files that are only ever appended to, by several processes and through interruptions.

Rows are written before their index, both under a lock: a row counts when the index says so,
and what a killed process left half-written is cut off by the next writer.
"""

import os
from contextlib import suppress
from pathlib import Path

from filelock import FileLock

from carina.files.atomic import flush, flush_folder, make_folder, storage_errors


def append_at(path: Path, offset: int, data: bytes) -> None:
    """Write `data` at `offset`, where the whole rows end, and flush it to disk.

    Raises:
        OSError: if that fails; what was written of `data` is cut off again, as far as possible.
    """
    is_new = not path.exists()
    path.touch()
    if is_new:
        flush_folder(path.parent)
    _cut_off(path, offset)
    try:
        with path.open("rb+") as stream:
            stream.seek(offset)
            stream.write(data)
            stream.flush()
            flush(stream.fileno())
    except OSError:
        with suppress(OSError):
            os.truncate(path, offset)
        raise


def _cut_off(path: Path, offset: int) -> None:
    """Shorten a file to `offset` bytes, flushed to disk; one that is not longer stays."""
    # Windows refuses to shorten a file that somebody has mapped, even by nothing.
    if size_of(path) > offset:
        with path.open("rb+") as stream:
            stream.truncate(offset)
            flush(stream.fileno())


def lock_in(folder: Path) -> FileLock:
    """Return the lock of a folder, which is made if it does not exist.

    Raises:
        StorageError: if the folder cannot be made or written to.
    """
    lock = FileLock(folder / "lock")
    with storage_errors(folder):
        make_folder(folder)
        # Taken once at the start, so that a folder without permission is refused before work.
        with lock:
            pass
    return lock


def size_of(path: Path) -> int:
    """Return a file's bytes; 0 if there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
