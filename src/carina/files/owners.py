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

from carina.errors import StorageError, UsageError
from carina.files.atomic import is_unfinished, remove_unfinished, storage_errors, write_text

_LOCK, _OWNER = ".lock", ".owner"
_ELSEWHERE = ", or begin another one with another --out"


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
    with _locked(folder, otherwise=_ELSEWHERE):
        before = _owner_of(folder)
        try:
            with storage_errors(folder):
                remove_unfinished(folder)
                _write_owner(folder)
            yield _taken_over(folder, before)
        finally:
            _unlink(folder / _OWNER)


@contextmanager
def added_to(folder: Path) -> Iterator[None]:
    """Hold a folder, as `owned` does, in a block that adds to what is there.

    The work of a dead owner is not taken over: what tells of it stays for whoever goes on with
    that.

    Raises:
        UsageError: if another process holds it, naming that one.
        StorageError: if the folder cannot be written to.
    """
    with _locked(folder, otherwise=""):
        mark = folder / _OWNER
        try:
            with storage_errors(folder):
                left = mark.read_text(encoding="utf-8") if mark.is_file() else None
                _write_owner(folder)
            yield
        finally:
            if left is None:
                _unlink(mark)
            else:
                # Without room the mark is this process's own, and tells as well.
                with suppress(StorageError):
                    write_text(mark, left)


def require_unowned(folder: Path, *, otherwise: str = _ELSEWHERE) -> None:
    """Refuse a folder that another process holds now; nothing in it is changed.

    Args:
        folder: any.
        otherwise: what can be done beside waiting and stopping that process, as the end of a
            sentence.

    Raises:
        UsageError: naming that process.
    """
    if not (folder / _LOCK).is_file():
        return
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise UsageError(_held(folder, otherwise)) from None
    except OSError:  # no permission to write: whoever wants to write is told so
        return
    lock.release()


def was_left_by_owner(folder: Path) -> bool:
    """Return whether a folder's last owner did not come to its end."""
    return (folder / _OWNER).is_file()


def is_of_owners(file: Path) -> bool:
    """Return whether a file tells of an owner, or was left half-written by one."""
    return file.name in (_LOCK, _OWNER) or is_unfinished(file)


@contextmanager
def _locked(folder: Path, *, otherwise: str) -> Iterator[None]:
    lock = FileLock(folder / _LOCK)
    with storage_errors(folder):
        try:
            lock.acquire(timeout=0)
        except Timeout:  # an OSError too
            raise UsageError(_held(folder, otherwise)) from None
    try:
        yield
    finally:
        _unlink(folder / _LOCK)
        lock.release()


def _write_owner(folder: Path) -> None:
    # Flushed: after a power cut too it tells that somebody was at work here.
    write_text(folder / _OWNER, json.dumps(asdict(_this_process())))


def _unlink(file: Path) -> None:
    # Windows keeps a file that is open; the next owner takes it over.
    with suppress(OSError):
        file.unlink()


def _held(folder: Path, otherwise: str) -> str:
    owner = _owner_of(folder)
    return (
        f"{folder} is being written to by {owner.in_words if owner else 'another process'}; wait "
        f"until that has ended, or stop it{otherwise}"
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
