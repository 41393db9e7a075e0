"""Files that are opened without trusting what lies at their path."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
# Neither a pipe that is put there meanwhile is waited for, nor does a terminal become ours.
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)


class NotRegularError(Exception):
    """What lies at a path is no regular file; its text is what it is, as "a folder"."""


@contextmanager
def opened_regular(path: Path) -> Iterator[int]:
    """Give a descriptor of the regular file at a path, or that a link leads to, in the block.

    What is no file is not opened: opening may wait for a writer, or wake a device.

    Raises:
        NotRegularError: if it is something else.
        OSError: if the system does not open it.
        ValueError: if no path can be so named (a zero byte).
    """
    _require_regular(os.stat(path).st_mode)  # noqa: PTH116  a path that may be none
    descriptor = os.open(path, _FLAGS)
    try:
        _require_regular(os.fstat(descriptor).st_mode)  # it may have changed its kind
        yield descriptor
    finally:
        os.close(descriptor)


def reason_of(problem: Exception) -> str:
    """Return why the system did not open or read a file, without the file's name."""
    return str(getattr(problem, "strerror", None) or problem)


def _require_regular(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise NotRegularError(_KINDS.get(stat.S_IFMT(mode), "no regular file"))
