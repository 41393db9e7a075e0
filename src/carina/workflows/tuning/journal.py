"""The journal of a search: lines that several processes add to, each whole or not at all."""

from __future__ import annotations

import os
import platform
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import optuna
from filelock import FileLock, Timeout
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from carina.files.atomic import storage_errors
from carina.files.journals import cut_back_to_whole_lines, require_whole_journal

JOURNAL = "study.journal"
_LOCKS = "locks"


@dataclass(frozen=True, slots=True)
class Place:
    """A journal that this process works with.

    Attributes:
        file: the journal.
        storage: what Optuna makes of it.
        turn: held while trials are taken and given back; one process at a time.
        worker: this process's own name, under which it holds a lock as long as it lives.
    """

    file: Path
    storage: JournalStorage
    turn: FileLock
    worker: str

    def is_alive(self, worker: str) -> bool:
        """Return whether a process that took a trial still runs."""
        if worker == self.worker:
            return True
        file = _lock_file(self.file.parent / _LOCKS, worker)
        lock = FileLock(file)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        lock.release()
        with suppress(OSError):
            file.unlink()
        return False


@contextmanager
def opened_journal(folder: Path) -> Iterator[Place]:
    """Work with a search's journal in the block.

    All locks are the operating system's, which end with their process, however it ends.

    Args:
        folder: the search's; it exists.

    Raises:
        RunError: if the journal is damaged.
        StorageError: if it cannot be written.
    """
    locks, file = folder / _LOCKS, folder / JOURNAL
    with storage_errors(folder):
        locks.mkdir(exist_ok=True)
        turn = FileLock(locks / "turn.lock")
        writing = FileLock(locks / "journal.lock")
        worker = uuid.uuid4().hex
        alive = FileLock(_lock_file(locks, worker))
        alive.acquire(timeout=0)
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with storage_errors(file):
            with writing:
                require_whole_journal(file)
            backend = JournalFileBackend(str(file), lock_obj=_WritingLock(file, writing))
            storage = JournalStorage(backend)
        yield Place(file, storage, turn, worker)
    finally:
        optuna.logging.set_verbosity(verbosity)
        alive.release()
        with suppress(OSError):
            _lock_file(locks, worker).unlink()


class _WritingLock(JournalFileOpenLock):
    """The lock under which a line is added; Optuna's own outlive their process by 30 s.

    Whoever gets it cuts off what a process left that was killed as it wrote.
    """

    def __init__(self, file: Path, lock: FileLock) -> None:
        super().__init__(str(file))
        self._file = file
        self._lock = lock

    def acquire(self) -> bool:
        """Wait for the lock, and mend the journal's end."""
        self._lock.acquire()
        cut_back_to_whole_lines(self._file)
        return True

    def release(self) -> None:
        """Let others write."""
        self._lock.release()


def this_process() -> str:
    """Return what others call this process."""
    return f"process {os.getpid()} on {platform.node()}"


def _lock_file(locks: Path, worker: str) -> Path:
    return locks / f"{worker}.worker"
