"""Files that are read whole and once: what is checked is what is used."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from carina.errors import InputError

# Asking more at once than a file holds costs nothing; a file that grows is noticed.
_CHUNK = 1 << 24
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)  # a pipe may have taken the file's place meanwhile
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def read_whole(path: Path, *, most_bytes: int, error: type[InputError]) -> bytes:
    """Return the bytes of a regular file, or of the regular file that a link leads to.

    A pipe or a device is refused without waiting for it, and a file that grows beyond its
    limit while it is read is refused as well.

    Args:
        path: the file.
        most_bytes: of a larger file nothing is read.
        error: the class of what is raised.

    Raises:
        InputError: of class `error`: the file is missing, no regular file, too large or cannot
            be read.
    """
    try:
        # What is no file is not opened: opening may wait for a writer, or wake a device.
        _require_regular(path.stat().st_mode, path, error)
        handle = os.open(path, _FLAGS)
    except FileNotFoundError:
        raise error(f"{path} does not exist; is {path.parent} the right folder?") from None
    except (OSError, ValueError) as problem:  # ValueError: a name with a zero byte
        raise error(f"{path} cannot be read: {_reason(problem)}") from problem
    with open(handle, "rb", closefd=True) as stream:  # noqa: PTH123  a descriptor, not a path
        found = os.fstat(handle)
        _require_regular(found.st_mode, path, error)
        if found.st_size > most_bytes:
            raise _too_large(path, found.st_size, most_bytes, error)
        try:
            data = stream.read(found.st_size)
            while len(data) <= most_bytes and (more := stream.read(_CHUNK)):
                data += more
        except OSError as problem:
            raise error(f"{path} cannot be read: {_reason(problem)}") from problem
    if len(data) > most_bytes:
        raise _too_large(path, len(data), most_bytes, error)
    return data


def _require_regular(mode: int, path: Path, error: type[InputError]) -> None:
    if not stat.S_ISREG(mode):
        raise error(f"{path} cannot be read: {_kind(mode)}; a file is expected")


def _too_large(path: Path, n_bytes: int, most: int, error: type[InputError]) -> InputError:
    return error(
        f"{path} has {n_bytes / 1e6:,.1f} MB, and {most / 1e6:,.1f} MB are the most that is read "
        "of such a file"
    )


def _kind(mode: int) -> str:
    """Return what is no regular file, in words."""
    kinds = {
        stat.S_IFDIR: "it is a folder",
        stat.S_IFIFO: "it is a pipe",
        stat.S_IFSOCK: "it is a socket",
    }
    return kinds.get(stat.S_IFMT(mode), "it is a device")


def _reason(problem: Exception) -> str:
    strerror = getattr(problem, "strerror", None)
    return str(strerror or problem)
