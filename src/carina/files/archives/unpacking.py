"""An archive becomes a folder, whole or not at all."""

from __future__ import annotations

import lzma
import shutil
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from carina.domain.progress import Progress, Step, silent
from carina.errors import InputError
from carina.files.archives.entries import (
    LIMITS,
    NEEDS_PASSWORD,
    NO_FILE,
    ArchiveLimits,
    ArchiveProblem,
    plain_name,
    require_harmless,
)
from carina.files.atomic import flush_folder, flush_many, storage_errors
from carina.files.room import require_room

_CHUNK = 1 << 20
_MARGIN = 10_000_000


@dataclass(frozen=True, slots=True)
class _Member:
    """One entry of an archive.

    Attributes:
        name: as the archive has it.
        n_bytes: its size, as the archive says.
        is_folder: whether it is one; folders are made as the files need them.
        refused: why it may not be unpacked, or "".
        open: returns its content.
    """

    name: str
    n_bytes: int
    is_folder: bool
    refused: str
    open: Callable[[], IO[bytes] | None]

    @property
    def parts(self) -> tuple[str, ...]:
        """The folders above it, and its own name."""
        return tuple(plain_name(self.name).split("/"))


def unpack(
    archive: Path,
    folder: Path,
    *,
    error: type[InputError],
    drop_top: bool = False,
    limits: ArchiveLimits = LIMITS,
    progress: Progress = silent,
) -> int:
    """Make `folder` of a zip or tar file, whole or not at all, and return how many files it has.

    Names are taken as they are; modes, owners and times are not. Everything is refused, before
    anything is written, if one name leaves the folder, one entry is a link or a device, two
    entries have one name on some system, or the limits are passed; sizes are counted again while
    unpacking.

    Args:
        archive: a `.zip`, `.tar`, `.tar.gz`, `.tar.bz2` or `.tar.xz` file, known by its content.
        folder: must not exist, or be empty.
        error: the class of what is raised.
        drop_top: leave away the one folder that holds everything, where there is one.
        limits: what the archive may become.
        progress: told the files that are unpacked.

    Raises:
        InputError: of class `error`, if the archive is damaged, encrypted or refused, or the
            folder holds something.
        StorageError: if there is no room or no permission.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise error(f"{folder} is there already and not empty; name another place, or remove it")
    with _opened(archive, error) as entries:
        try:
            require_harmless(entries, n_archive_bytes=archive.stat().st_size, limits=limits)
        except ArchiveProblem as problem:
            raise error(f"{archive} {problem}; nothing was unpacked") from None
        members = [entry for entry in entries if not entry.is_folder]
        n_bytes = sum(member.n_bytes for member in members)
        require_room(folder.parent, n_bytes=n_bytes + _MARGIN)
        n_dropped = 1 if drop_top and _has_one_top(members) else 0
        with storage_errors(folder):
            temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name[:60]}.", dir=folder.parent))
        try:
            for done, member in enumerate(members, start=1):
                _write(member, temporary.joinpath(*member.parts[n_dropped:]))
                progress(Step(f"unpacking {archive.name}", done=done, total=len(members)))
            _move(temporary, folder)
        except _Damaged as problem:
            raise error(f"{archive} is damaged: {problem}; fetch it again") from problem
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return len(members)


class _Damaged(Exception):  # noqa: N818  never leaves this file
    """An archive's content is not what the archive says."""


# Of the standard library's readers: a zip of a later version, a name or number that is none, a
# header that is cut off.
_READ_ERRORS = (
    OSError,
    EOFError,
    ValueError,
    struct.error,
    NotImplementedError,
    RuntimeError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    tarfile.TarError,
)


@contextmanager
def _opened(archive: Path, error: type[InputError]) -> Iterator[list[_Member]]:
    """Yield what an archive holds, which can be opened within the block."""
    with ExitStack() as stack:
        try:
            if zipfile.is_zipfile(archive):
                opened_zip = stack.enter_context(zipfile.ZipFile(archive))
                members = [_of_zip(opened_zip, entry) for entry in opened_zip.infolist()]
            else:
                opened_tar = stack.enter_context(tarfile.open(archive))
                members = [_of_tar(opened_tar, entry) for entry in opened_tar]
        except FileNotFoundError:
            raise error(f"{archive} does not exist; check the path") from None
        except _READ_ERRORS as problem:
            raise error(
                f"{archive} is no zip or tar file that can be read; is it whole?"
            ) from problem
        yield members


def _of_zip(opened: zipfile.ZipFile, entry: zipfile.ZipInfo) -> _Member:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    refused = "" if kind in (0, stat.S_IFREG, stat.S_IFDIR) else NO_FILE
    if entry.flag_bits & 0x1:
        refused = NEEDS_PASSWORD
    name, size = entry.filename, entry.file_size
    return _Member(name, size, entry.is_dir(), refused, partial(opened.open, entry))


def _of_tar(opened: tarfile.TarFile, entry: tarfile.TarInfo) -> _Member:
    refused = "" if entry.isfile() or entry.isdir() else NO_FILE
    opening = partial(opened.extractfile, entry)
    return _Member(entry.name, entry.size, entry.isdir(), refused, opening)


def _has_one_top(members: Sequence[_Member]) -> bool:
    tops = {member.parts[0] for member in members}
    return len(tops) == 1 and all(len(member.parts) > 1 for member in members)


def _write(member: _Member, place: Path) -> None:
    with storage_errors(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        stream = place.open("xb")
    with stream:
        for data in _content(member):
            with storage_errors(place):
                stream.write(data)


def _content(member: _Member) -> Iterator[bytes]:
    """Yield the content of a file; it is exactly as long as the archive says.

    Raises:
        _Damaged: if it is not, or cannot be read.
    """
    n_left = member.n_bytes
    try:
        source = member.open()
        assert source is not None  # folders are no members
        with source:
            while data := source.read(min(_CHUNK, n_left + 1)):
                n_left -= len(data)
                if n_left < 0:
                    raise _Damaged(f"{member.name} is longer than it says")
                yield data
    except _READ_ERRORS as problem:
        raise _Damaged(f"{member.name}: {problem}") from problem
    if n_left:
        raise _Damaged(f"{member.name} ends {n_left} bytes early")


def _move(temporary: Path, folder: Path) -> None:
    with storage_errors(folder):
        temporary.chmod(0o755)
        if folder.exists():  # an empty one: not every system renames onto it
            folder.rmdir()
        flush_many(temporary)
        temporary.rename(folder)
        flush_folder(folder.parent)
