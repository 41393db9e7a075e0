"""Files that are read whole and once: what is checked is what is used."""

from __future__ import annotations

import os
from pathlib import Path

from carina.domain.sentences import counted, sized
from carina.errors import InputError
from carina.files.regular_files import NotRegularError, opened_regular, reason_of

# Asking more at once than a file holds costs nothing; a file that grows is noticed.
_CHUNK = 1 << 24


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
        with opened_regular(path) as descriptor, open(descriptor, "rb", closefd=False) as stream:
            size = os.fstat(descriptor).st_size
            if size > most_bytes:
                raise _too_large(path, size, most_bytes, error)
            data = stream.read(size)
            while len(data) <= most_bytes and (more := stream.read(_CHUNK)):
                data += more
    except NotRegularError as kind:
        raise error(f"{path} cannot be read: it is {kind}; a file is expected") from None
    except FileNotFoundError:
        raise error(f"{path} does not exist; is {path.parent} the right folder?") from None
    except (OSError, ValueError) as problem:  # ValueError: a name with a zero byte
        raise error(f"{path} cannot be read: {reason_of(problem)}") from problem
    if len(data) > most_bytes:
        raise _too_large(path, len(data), most_bytes, error)
    return data


def _too_large(path: Path, n_bytes: int, most: int, error: type[InputError]) -> InputError:
    found, limit = sized(n_bytes), sized(most)
    if found == limit:  # but for a few bytes
        found, limit = counted(n_bytes, "byte"), counted(most, "byte")
    return error(f"{path} has {found}, and {limit} are the most that is read of such a file")
