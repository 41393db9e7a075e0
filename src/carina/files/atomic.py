"""Files that are whole or absent, whatever happens."""

import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from carina.errors import StorageError
from carina.files.names import encodable

UNFINISHED = ".unfinished"
"""How names of temporary files end; they begin with a dot."""


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Yield a temporary file beside `path`; it takes the name when the block ends well.

    The content is flushed to disk before the rename and the folder after it, so that a
    power cut leaves the old file or the new one. On any error the temporary file goes.

    Raises:
        StorageError: if there is no room or no permission.
    """
    with storage_errors(path):
        make_folder(path.parent)
        handle, name = tempfile.mkstemp(
            prefix=f".{path.name[:60]}.", suffix=UNFINISHED, dir=path.parent
        )
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
        _flush_file(temporary)
        temporary.chmod(0o666 & ~umask())
        temporary.replace(path)
        flush_folder(path.parent)


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all.

    Raises:
        StorageError: if there is no room or no permission.
    """
    with writing(path) as temporary, storage_errors(path, n_bytes=len(data)):
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 with `\\n` line ends to `path`, whole or not at all.

    Raises:
        StorageError: if there is no room or no permission.
    """
    write_bytes(path, encodable(text).encode("utf-8"))


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, so that their names outlive a power cut.

    Raises:
        OSError: if it cannot be made.
    """
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for place in missing:
        flush_folder(place.parent)


def flush(descriptor: int) -> None:
    """Return once what was written to an open file would outlive a power cut.

    Raises:
        OSError: if that fails, a full disk or a quota among it.
    """
    if sys.platform == "darwin":
        import fcntl

        # There fsync leaves it in the disk's own memory (fcntl(2), F_FULLFSYNC). Not every file
        # system can do it; the others get what there is.
        with suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def flush_folder(folder: Path) -> None:
    """Return once the names in a folder, as they are now, would outlive a power cut."""
    # Windows has no handle for a folder, and some network file systems refuse the call.
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            flush(descriptor)
        finally:
            os.close(descriptor)


def flush_tree(folder: Path) -> None:
    """Return once a folder and everything below it would outlive a power cut.

    Raises:
        OSError: if that fails.
    """
    for place, _, names in os.walk(folder):
        for name in names:
            _flush_file(Path(place, name))
        flush_folder(Path(place))
    flush_folder(folder.parent)


def flush_many(folder: Path) -> None:
    """Do what `flush_tree` does, for very many new files at once.

    Raises:
        OSError: if that fails.
    """
    if hasattr(os, "sync"):
        os.sync()
    else:
        flush_tree(folder)


def is_unfinished(file: Path) -> bool:
    """Return whether a file is the temporary one of a process that writes, or was killed."""
    return file.name.startswith(".") and file.name.endswith(UNFINISHED)


def remove_unfinished(folder: Path) -> None:
    """Remove the temporary files and folders that killed processes left in a folder and below.

    Args:
        folder: nobody else writes there.
    """
    for place in list(folder.rglob(f".*{UNFINISHED}")):
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place, ignore_errors=True)
        else:
            with suppress(OSError):
                place.unlink()


@contextmanager
def storage_errors(
    path: Path, *, option: str = "--out", n_bytes: int | None = None
) -> Iterator[None]:
    """Turn an operating system's refusal to write into a `StorageError` that names `path`, and
    the option that names another place.

    Args:
        path: what is written.
        option: the option that names its place.
        n_bytes: the room that it needs; None where that is not known.
    """
    try:
        yield
    except OSError as error:
        told = refused_write(error, path, option=option, n_bytes=n_bytes)
        raise StorageError(told) from error


def refused_write(
    error: OSError, path: Path, *, option: str = "--out", n_bytes: int | None = None
) -> str:
    """Return what is told of a write that an operating system refused.

    Args:
        error: what it said.
        path, option, n_bytes: as `storage_errors` has them.
    """
    what, advice = _why(error, path, n_bytes)
    return f"cannot write {path}: {what}; {advice.format(option=option)}"


def is_out_of_room(error: OSError) -> bool:
    """Return whether a write was refused because of a full disk, a quota or a largest size."""
    return error.errno in _NO_ROOM


# EDQUOT is not on Windows.
_NO_ROOM = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_ELSEWHERE = "choose another place with {option}"


def _why(error: OSError, path: Path, n_bytes: int | None) -> tuple[str, str]:
    """Return what was refused and what to do, with `{option}` for the option that names places."""
    said = error.strerror or str(error)
    if is_out_of_room(error):
        kinds = {
            errno.EFBIG: ("a file there may not be so large", "raise the limit (ulimit -f)"),
            errno.ENOSPC: ("there is no room left", "free some"),
        }
        what, first = kinds.get(error.errno or 0, ("your quota is used up", "free some room"))
        return f"{what}{_room(path, n_bytes)}", f"{first}, or {_ELSEWHERE}"
    if error.errno == errno.EROFS:
        return "the file system is read-only", _ELSEWHERE
    if isinstance(error, PermissionError):
        return f"{said}; writing there is not permitted", _ELSEWHERE
    return said, f"check the disk or the network it lies on, or {_ELSEWHERE}"


def _room(path: Path, n_bytes: int | None) -> str:
    """Return how much room is needed and how much there is, in brackets."""
    told = [] if n_bytes is None else [f"{megabytes(n_bytes)} are needed for it"]
    with suppress(OSError):
        place = next(one for one in (path, *path.parents) if one.exists())
        told.append(f"{shutil.disk_usage(place).free / 1e6:,.1f} MB are free")
    return f" ({', '.join(told)})" if told else ""


def megabytes(n_bytes: int) -> str:
    """Return the room that is needed for people, rounded up.

    >>> megabytes(1), megabytes(2_500_000), megabytes(1_234_500_001)
    ('0.1 MB', '2.5 MB', '1,235 MB')
    """
    if n_bytes < 100_000_000:
        return f"{-(-n_bytes // 100_000) / 10:.1f} MB"
    return f"{-(-n_bytes // 1_000_000):,} MB"


def _flush_file(path: Path) -> None:
    with path.open("rb+") as stream:
        flush(stream.fileno())


def umask() -> int:
    """Return the permissions that the user withholds from new files and folders."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
