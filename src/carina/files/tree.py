"""Files and folders, on disk or inside an archive that is read where it lies.

A path names what is in an archive with `!` behind the archive's own name:
`ward/data.zip!/train/COVID/a.png`, and `ward/data.zip!` is the folder that it holds. Such a path
is an ordinary `Path`; the functions here take both kinds. Where there is no such archive, the
path is one on disk like any other.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from carina.errors import InputError
from carina.files.archives.entries import ArchiveProblem, as_image_errors
from carina.files.names import printable

if TYPE_CHECKING:
    from carina.files.archives.reading import Archive

ARCHIVE_SUFFIXES = (".zip", ".tar")
# Known by name, and refused with what to do.
_OTHER_ARCHIVES = re.compile(r"\.(?:tgz|tbz2?|txz|tar\.(?:gz|bz2|xz|zst)|7z|rar)$", re.IGNORECASE)
_INSIDE = re.compile(
    r"(.*?\.(?:zip|tgz|tbz2?|txz|tar(?:\.(?:gz|bz2|xz|zst))?))!(?:/(.*))?",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class ArchivedEntry:
    """A file or folder in an archive, as `os.scandir` gives those on disk.

    Attributes:
        name: its own name.
        path: its whole path.
        is_in: the archive.
        folder: whether it is a folder.
    """

    name: str
    path: str
    is_in: str
    folder: bool

    def is_dir(self) -> bool:
        """Return whether it is a folder."""
        return self.folder

    def is_file(self) -> bool:
        """Return whether it is a file."""
        return not self.folder

    def is_symlink(self) -> bool:
        """Return False: archives with links are refused."""
        return False

    def stat(self) -> os.stat_result:
        """Return what the system says of the archive."""
        return Path(self.is_in).stat()


FolderEntry = os.DirEntry[str] | ArchivedEntry


def split_archived(path: str | Path) -> tuple[str, str] | None:
    """Return the archive and the path inside of it; None for a path on disk.

    Args:
        path: any path; nothing is read but whether the archive is there.
    """
    text = os.fspath(path)
    if "!" not in text:
        return None
    match = _INSIDE.fullmatch(text.replace(os.sep, "/"))
    if match is None or not os.path.isfile(match[1]):  # noqa: PTH113  for every film
        return None
    return match[1], (match[2] or "").strip("/")


def is_archive(path: Path) -> bool:
    """Return whether a path names a file that is an archive by its ending, of whatever kind."""
    by_name = path.suffix.lower() in ARCHIVE_SUFFIXES or _OTHER_ARCHIVES.search(path.name)
    return bool(by_name) and path.is_file()


def archive_folder(path: Path, *, error: type[InputError]) -> Path:
    """Return the folder that an archive holds, once it is known to be harmless.

    Args:
        path: the archive, or a path inside of one.
        error: the class of what is raised.

    Raises:
        InputError: of class `error`, if it is refused; the message says what to do.
    """
    inside = split_archived(path)
    _opened(inside[0] if inside else os.fspath(path), error)
    return path if inside else path.with_name(f"{path.name}!")


def is_file(path: Path) -> bool:
    """Return whether a path is a file, on disk or in an archive."""
    inside = split_archived(path)
    if inside is None:
        return path.is_file()
    archive = _opened_if_sound(inside[0])
    return archive is not None and inside[1] in archive.entries


def is_folder(path: Path) -> bool:
    """Return whether a path is a folder, on disk or in an archive."""
    inside = split_archived(path)
    if inside is None:
        return path.is_dir()
    archive = _opened_if_sound(inside[0])
    return archive is not None and inside[1] in archive.folders


def is_there(path: Path) -> bool:
    """Return whether a path is a file or a folder, on disk or in an archive."""
    try:
        return path.exists() if split_archived(path) is None else is_file(path) or is_folder(path)
    except (OSError, ValueError):  # a name that no system can have, or a loop of links
        return False


def home_of(path: Path) -> Path:
    """Return the folder that names of films below `path` count from: itself, or the folder of
    the archive that it lies in, so that they begin with the archive's name."""
    inside = split_archived(path)
    return path if inside is None else Path(inside[0]).parent


def list_folder(folder: str | Path) -> list[FolderEntry]:
    """Return what lies in a folder, on disk or in an archive, in any order.

    Raises:
        OSError: if it may not be read.
    """
    inside = split_archived(folder)
    if inside is None:
        with os.scandir(folder) as entries:
            return list(entries)
    path, name = inside
    archive = _opened(path, InputError)
    if name not in archive.folders:
        raise NotADirectoryError(20, "is no folder", os.fspath(folder))
    found = archive.folders[name]
    above = os.path.join(folder, "")  # noqa: PTH118  text, 100,000 Path objects cost
    return [
        ArchivedEntry(own, above + own, path, is_dir)
        for names, is_dir in ((found.folders, True), (found.files, False))
        for own in names
    ]


def names_in_archive(path: Path) -> Iterator[str]:
    """Yield the paths inside of an archive of every file in it; none of a path on disk."""
    inside = split_archived(path)
    if inside is not None:
        yield from _opened(inside[0], InputError).entries


def read_archived(path: str | Path, *, most_bytes: int) -> bytes | None:
    """Return the content of a file in an archive; None for a path on disk.

    Args:
        path: any path.
        most_bytes: of a larger file nothing is read.

    Raises:
        ImageError: if it cannot be read; `image_code` says why.
    """
    inside = split_archived(path)
    if inside is None:
        return None
    with as_image_errors(printable("!/".join(inside))):
        return _open(inside[0]).read(inside[1], most_bytes=most_bytes)


def read_archived_head(path: str | Path, n_bytes: int) -> bytes | None:
    """Return the first bytes of a file in an archive, unchecked; None for a path on disk.

    Raises:
        ImageError: as `read_archived` does.
    """
    inside = split_archived(path)
    if inside is None:
        return None
    with as_image_errors(printable("!/".join(inside))):
        return _open(inside[0]).head(inside[1], n_bytes)


def _open(path: str) -> Archive:
    from carina.files.archives.reading import open_archive

    return open_archive(path)


def _opened(path: str, error: type[InputError]) -> Archive:
    """Return an archive's index, or refuse it with an error of a class."""
    try:
        return _open(path)
    except ArchiveProblem as problem:
        raise error(str(problem)) from None
    except OSError as problem:
        what = problem.strerror or problem
        raise error(f"{printable(path)} cannot be read: {what}") from problem


def _opened_if_sound(path: str) -> Archive | None:
    """Return an archive's index; None of one that is refused: reading it says why."""
    with suppress(ArchiveProblem, OSError):
        return _open(path)
    return None
