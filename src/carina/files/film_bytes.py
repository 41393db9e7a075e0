"""A film's bytes, read without trusting its path: a regular file, of a bounded size, unchanged.

What lies at a path may be a folder, a pipe that nobody writes to, a device, a link in a circle,
or a file that somebody is still writing. Each has its code, and none is waited for.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from carina.errors import ImageError
from carina.files.names import printable
from carina.files.regular_files import NotRegularError, opened_regular, reason_of
from carina.files.tree import read_archived, read_archived_head

MAX_FILE_BYTES = 512_000_000
_NO_SUCH_PLACE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)


def read_film_bytes(path: Path, *, most_bytes: int = MAX_FILE_BYTES) -> bytes:
    """Return the bytes of the regular file at a path, or that a link at the path leads to, or of
    a file in an archive.

    Args:
        path: of the file; `archive.zip!/member` in an archive (`carina.files.tree`).
        most_bytes: of a larger file nothing is read.

    Raises:
        ImageError: not-found, broken-link, not-a-file (found out without opening it),
            no-permission, too-large, changed-while-read or cannot-be-read; of a file in an
            archive damaged, bad-checksum, inflates-too-far or unknown-format, too.
    """
    archived = read_archived(path, most_bytes=most_bytes)
    if archived is not None:
        return archived
    name = printable(str(path))
    with _opened(path, name) as descriptor:
        return _content(descriptor, name, most_bytes)


def read_film_head(path: Path, n_bytes: int) -> bytes:
    """Return the first bytes of a regular file; fewer where it is shorter.

    Raises:
        ImageError: as `read_film_bytes` does.
    """
    head = read_archived_head(path, n_bytes)
    if head is not None:
        return head
    name = printable(str(path))
    with _opened(path, name) as descriptor:
        return _read(descriptor, n_bytes)


def read_film_stream(stream: IO[bytes], *, name: str) -> bytes:
    """Return all bytes of a stream, such as standard input.

    Raises:
        ImageError: "too-large" if there are more than `MAX_FILE_BYTES`, "cannot-be-read" if the
            stream breaks off.
    """
    try:
        data = stream.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        raise ImageError(
            f"{name} cannot be read: {reason_of(error)}", image_code="cannot-be-read"
        ) from None
    if len(data) > MAX_FILE_BYTES:
        raise too_many_bytes(name, len(data), MAX_FILE_BYTES)
    return data


def too_many_bytes(name: str, n_bytes: int, most_bytes: int = MAX_FILE_BYTES) -> ImageError:
    """Return the error for a film that has too many bytes."""
    return ImageError(
        f"{name} has {n_bytes / 1e6:,.1f} MB, and {most_bytes / 1e6:,.0f} MB are the most "
        "that is read; save it smaller",
        image_code="too-large",
    )


@contextmanager
def _opened(path: Path, name: str) -> Iterator[int]:
    """Give a descriptor of a regular file, and say in Carina's words what cannot be read."""
    try:
        with opened_regular(path) as descriptor:
            yield descriptor
    except NotRegularError as kind:
        raise ImageError(
            f"{name} is {kind}, and a file is expected", image_code="not-a-file"
        ) from None
    except (OSError, ValueError) as error:
        raise _refused(path, name, error) from None


def _content(descriptor: int, name: str, most_bytes: int) -> bytes:
    before = os.fstat(descriptor)
    if before.st_size > most_bytes:
        raise too_many_bytes(name, before.st_size, most_bytes)
    data = _read(descriptor, before.st_size + 1)
    after = os.fstat(descriptor)
    same = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    if not same or len(data) != before.st_size:
        raise ImageError(
            f"{name} changed while it was read ({before.st_size:,} bytes before, "
            f"{len(data):,} read, {after.st_size:,} after); read it again once it is whole",
            image_code="changed-while-read",
        )
    return data


def _read(descriptor: int, n_bytes: int) -> bytes:
    """Return the next bytes; fewer at the end of the file."""
    data = os.read(descriptor, n_bytes)
    if len(data) == n_bytes or not data:
        return data
    parts = [data]  # systems may read less than they are asked for, of 2 GB and more they do
    while (n_left := n_bytes - sum(map(len, parts))) > 0 and (more := os.read(descriptor, n_left)):
        parts.append(more)
    return b"".join(parts)


def _refused(path: Path, name: str, error: OSError | ValueError) -> ImageError:
    """Return what is told of a path that the system does not open."""
    number = getattr(error, "errno", None)
    if number == errno.ELOOP or (number == errno.ENOENT and path.is_symlink()):
        target = "in a circle" if number == errno.ELOOP else "to a file that is not there"
        return ImageError(
            f"{name} is a link that leads {target}; mend the link, or name the file itself",
            image_code="broken-link",
        )
    if number in _NO_SUCH_PLACE or isinstance(error, ValueError):  # a name with a zero byte
        return ImageError(f"{name} does not exist; name a file that does", image_code="not-found")
    if isinstance(error, PermissionError):
        return ImageError(
            f"{name} may not be read; give yourself the permission", image_code="no-permission"
        )
    return ImageError(
        f"{name} cannot be read: {reason_of(error)}; check the disk or the network it lies on",
        image_code="cannot-be-read",
    )
