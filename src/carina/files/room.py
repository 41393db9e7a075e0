"""Whether a place can be written to, before any work is done for it."""

import ctypes
import errno
import os
import shutil
import sys
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO

from carina.errors import StorageError
from carina.files.atomic import is_out_of_room, megabytes, storage_errors

_PIECE = 256 * 2**20
"""What is reserved in one file, where the largest file of the work is not known."""


def require_room(
    folder: Path,
    *,
    n_bytes: int,
    advice: str = "",
    option: str = "--out",
    largest: int = 0,
    purpose: str = "",
) -> None:
    """Make `folder` and prove that files can be written there, and that there is room for them.

    Where the system can reserve room without writing it (Linux), that is done and undone:
    quotas and largest sizes of files, which nothing tells beforehand, are met there.

    Args:
        folder: made if it does not exist.
        n_bytes: the room that the work will need.
        advice: what to do where there is less, besides freeing some; to choose another place
            with the option if "".
        option: the option that names the place.
        largest: bytes of the largest file of the work; 0 if that is not known.
        purpose: what the room is for, in words.

    Raises:
        StorageError: if the folder cannot be made or written, or has less free room.
    """
    with storage_errors(folder, option=option):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        free = shutil.disk_usage(folder).free
    elsewhere = advice or f"choose another place with {option}"
    why = f" {purpose}" if purpose else ""
    if free < n_bytes:
        raise StorageError(
            f"{folder} has {free / 1e6:,.1f} MB of free room and {megabytes(n_bytes)} are "
            f"needed{why}; free some, or {elsewhere}"
        )
    try:
        _reserve_for_a_moment(folder, n_bytes, largest or min(n_bytes, _PIECE))
    except OSError as error:
        if error.errno == errno.EFBIG and not largest:
            return  # the work may be many small files
        if not is_out_of_room(error):
            return  # this place cannot reserve room; the free room is all that can be known
        limit = "a quota" if error.errno != errno.EFBIG else "a limit on the size of files"
        largest_one = f", the largest file {megabytes(largest)}" if largest else ""
        raise StorageError(
            f"{folder} does not take the {megabytes(n_bytes)} that are needed{why}{largest_one}: "
            f"{limit} stands against it ({error.strerror}); have it raised, or {elsewhere}"
        ) from error


def _reserve_for_a_moment(folder: Path, n_bytes: int, largest: int) -> None:
    """Reserve room in files without a name, and let go of it.

    Raises:
        OSError: if the system refuses it, or cannot do such a thing there.
    """
    if sys.platform != "linux":
        return
    with ExitStack() as stack:
        for start in range(0, n_bytes, max(largest, 1)):
            with suppress(FileNotFoundError):
                stream = stack.enter_context(tempfile.TemporaryFile(dir=folder))
                _reserve(stream, min(largest, n_bytes - start))


def _reserve(stream: IO[bytes], n_bytes: int) -> None:
    # Not posix_fallocate, which writes every block where the file system cannot reserve.
    libc = ctypes.CDLL(None, use_errno=True)
    reserve = getattr(libc, "fallocate64", None) or libc.fallocate
    reserve.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    if reserve(stream.fileno(), 0, 0, n_bytes):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
