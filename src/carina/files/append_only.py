"""Files that are only ever appended to, by several processes and through interruptions.

Rows are written before their index, both under a lock: a row counts when the index says so,
and what a killed process left half-written is cut off by the next writer.
"""

import os
from pathlib import Path

from filelock import FileLock

from carina.files.atomic import storage_errors


def append_at(path: Path, offset: int, data: bytes) -> None:
    """Write `data` at `offset`, where the whole rows end, and flush it to disk."""
    path.touch()
    with path.open("rb+") as stream:
        # Windows refuses to shorten a file that somebody has mapped, even by nothing.
        if stream.seek(0, os.SEEK_END) > offset:
            stream.truncate(offset)
        stream.seek(offset)
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def lock_in(folder: Path) -> FileLock:
    """Return the lock of a folder, which is made if it does not exist.

    Raises:
        StorageError: if the folder cannot be made or written to.
    """
    lock = FileLock(folder / "lock")
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
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
