"""A folder that one process at a time writes to, and who that is."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from carina.errors import UsageError
from carina.files.atomic import storage_errors

_LOCK, _OWNER = ".lock", ".owner"


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Hold a folder for this process in the block.

    The lock is the operating system's, which ends with its process: that of a dead owner is
    taken over.

    Raises:
        UsageError: if another process holds it, naming that one.
        StorageError: if the folder cannot be written to.
    """
    lock = FileLock(folder / _LOCK)
    try:
        with storage_errors(folder):
            lock.acquire(timeout=0)
    except Timeout:
        raise UsageError(
            f"{folder} is being written to by {_owner_of(folder)}; wait until that has ended, stop "
            "it, or name another place with --out"
        ) from None
    try:
        with storage_errors(folder):
            (folder / _OWNER).write_text(json.dumps(_this_process()), encoding="utf-8")
        yield
    finally:
        for name in (_OWNER, _LOCK):
            # Windows keeps a file that is open; the next owner takes it over.
            with suppress(OSError):
                (folder / name).unlink()
        lock.release()


def _this_process() -> dict[str, str | int]:
    began = datetime.now().astimezone().isoformat(timespec="seconds")
    return {"process": os.getpid(), "computer": platform.node(), "since": began}


def _owner_of(folder: Path) -> str:
    try:
        found = json.loads((folder / _OWNER).read_text(encoding="utf-8"))
        return f"process {found['process']} on {found['computer']} since {found['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
