"""A folder that one process at a time writes to, and who that is."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from carina.errors import UsageError
from carina.files.atomic import is_unfinished, remove_unfinished, storage_errors, write_text

_LOCK, _OWNER = ".lock", ".owner"


@dataclass(frozen=True, slots=True)
class Owner:
    """A process that writes, or wrote, to a folder.

    Attributes:
        process: its number.
        computer: its name.
        since: local time, ISO 8601 with the offset.
    """

    process: int
    computer: str
    since: str

    @property
    def in_words(self) -> str:
        """Who it is."""
        return f"process {self.process} on {self.computer} since {self.since}"


@contextmanager
def owned(folder: Path) -> Iterator[str]:
    """Hold a folder for this process in the block, and clear away what a dead owner of it left
    half-written.

    The lock is the operating system's, which ends with its process: that of a dead owner is
    taken over. Between computers it holds where the file system shares locks (NFS does; some
    mounts of other kinds keep them to themselves).

    Yields:
        A sentence where an owner on another computer left its name, since this one cannot
        tell whether the file system shares locks; else "".

    Raises:
        UsageError: if another process holds it, naming that one.
        StorageError: if the folder cannot be written to.
    """
    lock = FileLock(folder / _LOCK)
    with storage_errors(folder):
        try:
            lock.acquire(timeout=0)
        except Timeout:  # an OSError too
            raise UsageError(_held(folder)) from None
    try:
        before = _owner_of(folder)
        with storage_errors(folder):
            remove_unfinished(folder)
            # Flushed: after a power cut too it tells that somebody was at work here.
            write_text(folder / _OWNER, json.dumps(asdict(_this_process())))
        yield _taken_over(folder, before)
    finally:
        for name in (_OWNER, _LOCK):
            # Windows keeps a file that is open; the next owner takes it over.
            with suppress(OSError):
                (folder / name).unlink()
        lock.release()


def require_unowned(folder: Path) -> None:
    """Refuse a folder that another process holds now; nothing in it is changed.

    Raises:
        UsageError: naming that process.
    """
    if not (folder / _LOCK).is_file():
        return
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise UsageError(_held(folder)) from None
    except OSError:  # no permission to write: whoever wants to write is told so
        return
    lock.release()


def was_left_by_owner(folder: Path) -> bool:
    """Return whether a folder's last owner did not come to its end."""
    return (folder / _OWNER).is_file()


def is_of_owners(file: Path) -> bool:
    """Return whether a file tells of an owner, or was left half-written by one."""
    return file.name in (_LOCK, _OWNER) or is_unfinished(file)


def _held(folder: Path) -> str:
    owner = _owner_of(folder)
    return (
        f"{folder} is being written to by {owner.in_words if owner else 'another process'}; wait "
        "until that has ended, stop it, or begin another one with another --out"
    )


def _taken_over(folder: Path, before: Owner | None) -> str:
    if before is None or before.computer == platform.node():
        return ""
    return (
        f"{folder} was left by {before.in_words}, and no lock says that it still runs; this was "
        "taken over. Where the file system does not share locks between computers, look there: "
        "two processes must not write to one folder"
    )


def _this_process() -> Owner:
    began = datetime.now().astimezone().isoformat(timespec="seconds")
    return Owner(os.getpid(), platform.node(), began)


def _owner_of(folder: Path) -> Owner | None:
    """Return who last wrote a name into a folder, or None where none can be read."""
    try:
        found = json.loads((folder / _OWNER).read_text(encoding="utf-8"))
        return Owner(int(found["process"]), str(found["computer"]), str(found["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
