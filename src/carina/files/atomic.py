"""Files that are whole or absent, whatever happens."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from carina.errors import StorageError
from carina.files.names import encodable


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Yield a temporary file beside `path`; it takes the name when the block ends well.

    The content is flushed to disk before the rename and the folder after it, so that a
    power cut leaves the old file or the new one. On any error the temporary file goes.

    Raises:
        StorageError: if there is no room or no permission.
    """
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:60]}.", dir=path.parent)
        os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        move_into_place(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def move_into_place(temporary: Path, path: Path) -> None:
    """Give a finished file of the same folder its name, flushed to disk before and after.

    Raises:
        StorageError: if there is no room or no permission.
    """
    with storage_errors(path):
        _flush(temporary)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
        _flush_folder(path.parent)


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all.

    Raises:
        StorageError: if there is no room or no permission.
    """
    with writing(path) as temporary, storage_errors(path):
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 with `\\n` line ends to `path`, whole or not at all.

    Raises:
        StorageError: if there is no room or no permission.
    """
    write_bytes(path, encodable(text).encode("utf-8"))


@contextmanager
def storage_errors(path: Path, *, option: str = "--out") -> Iterator[None]:
    """Turn an operating system's refusal to write into a `StorageError` that names `path`, and
    the option that names another place."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            advice = f"there is no room left; free some, or choose another place with {option}"
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            advice = f"writing there is not permitted; choose another place with {option}"
        else:
            advice = f"check the place, or choose another one with {option}"
        raise StorageError(f"cannot write {path}: {error.strerror or error}; {advice}") from error


def _flush(path: Path) -> None:
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


def _flush_folder(folder: Path) -> None:
    # Windows has no handle for a folder, and some network file systems refuse the call.
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
