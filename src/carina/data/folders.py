"""Folders of films, on disk or in an archive, as a tree without the litter of operating systems."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from carina.domain.sentences import counted
from carina.errors import DatasetError, ImageError
from carina.files.film_bytes import read_film_head
from carina.files.tree import FolderEntry, list_folder, names_in_archive
from carina.imaging.dicom import is_dicom
from carina.imaging.read import FILM_SUFFIXES

# Also what `carina data get` leaves, SOURCE.json; and the directory of a DICOM medium, which
# lists films and holds none (DICOM PS3.10, 8.6).
LITTER = frozenset(
    {
        "__macosx",
        "thumbs.db",
        "desktop.ini",
        "$recycle.bin",
        "lost+found",
        "source.json",
        "dicomdir",
    }
)
_OF_SYSTEMS = LITTER - {"source.json", "dicomdir"}
DICOM_SUFFIXES = frozenset({".dcm", ".dicom", ".ima"})
_DICOM_HEAD = 256  # bytes that tell DICOM, more than the preamble's 132: files may be without it


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder with the films in it.

    Attributes:
        path: where it lies.
        films: the files in it that may be films, by name.
        folders: the folders in it, by name.
        other_files: suffix -> number of files in it that are no films.
    """

    path: Path
    films: tuple[Path, ...] = ()
    folders: tuple[Folder, ...] = ()
    other_files: Counter[str] = field(default_factory=Counter)

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.path.name

    def all_films(self) -> list[Path]:
        """Return the films in it and below it."""
        below = [film for folder in self.folders for film in folder.all_films()]
        return [*self.films, *below]

    def n_films(self) -> int:
        """Return the number of films in it and below it."""
        return len(self.films) + sum(folder.n_films() for folder in self.folders)

    def all_other_files(self) -> Counter[str]:
        """Return suffix -> number of files in it and below it that are no films."""
        return sum((folder.all_other_files() for folder in self.folders), self.other_files.copy())

    def holding_films(self) -> list[Folder]:
        """Return the folders in it that hold films, in them or below."""
        return [folder for folder in self.folders if folder.n_films()]


def read_folder(path: Path) -> Folder:
    """Return the tree below `path`; hidden files and litter are passed over.

    Raises:
        DatasetError: if a folder may not be read.
    """
    return _read_folder(path, above=frozenset())


def _read_folder(path: Path, *, above: frozenset[str]) -> Folder:
    real = os.path.realpath(path)
    films: list[Path] = []
    folders: list[Folder] = []
    other_files: Counter[str] = Counter()
    for entry in _entries(path):
        is_folder = _is_folder(entry)
        # A link back to a folder that we are in would never end.
        if is_folder and os.path.realpath(entry.path) not in above | {real}:
            folders.append(_read_folder(path / entry.name, above=above | {real}))
        elif not is_folder and _may_be_film(entry):
            films.append(path / entry.name)
        elif not is_folder:
            other_files[suffix_in_words(entry.name)] += 1
    return Folder(path, tuple(films), tuple(folders), other_files)


def walk_films(
    folder: str,
    *,
    refused: Callable[[str, OSError], None],
    other: Callable[[FolderEntry], None] = lambda _: None,
    passed_over: frozenset[str] = frozenset(),
) -> Iterator[FolderEntry]:
    """Yield every film in a folder and below it, by name, as it is found.

    A film is a file with a film's suffix, or without any if it is DICOM by its content; hidden
    files and folders and the litter of operating systems are passed over. Nothing but the names
    of the folders above is kept, so that a tree may be of any size.

    Args:
        folder: where to look; its name is the beginning of every film's.
        refused: called with a folder that may not be read, which is then passed over.
        other: called with a file that is no film.
        passed_over: the real paths of folders that are not looked into.
    """
    yield from _walk(folder, refused, other, passed_over)


def film_names(path: Path, *, limit: int) -> list[str]:
    """Return the names without suffix of at most `limit` films below `path`."""
    return list(islice(_film_stems(path), limit))


def suffix_in_words(name: str) -> str:
    """Return how files that are no films are counted: by their suffix.

    >>> suffix_in_words("notes.TXT"), suffix_in_words("README")
    ('.txt', 'no suffix')
    """
    return Path(name).suffix.lower() or "no suffix"


def other_files_in_words(other_files: Counter[str]) -> str:
    """Return a sentence's part on files that were passed over.

    Args:
        other_files: suffix -> files.

    >>> other_files_in_words(Counter({".txt": 1, ".gif": 2}))
    '3 files passed over, being no films (.gif 2, .txt 1)'
    """
    n_files = counted(other_files.total(), "file")
    return f"{n_files} passed over, being no films ({suffixes_in_words(other_files)})"


def suffixes_in_words(other_files: Counter[str]) -> str:
    """Return how many files have which suffix."""
    return ", ".join(f"{suffix} {n}" for suffix, n in sorted(other_files.items()))


def _walk(
    folder: str,
    refused: Callable[[str, OSError], None],
    other: Callable[[FolderEntry], None],
    passed_over: frozenset[str],
) -> Iterator[FolderEntry]:
    real = os.path.realpath(folder)
    if real in passed_over:
        return
    try:
        entries = list_folder(folder)
    except OSError as error:
        refused(folder, error)
        return
    kept = sorted((e for e in entries if not is_litter(e.name)), key=lambda e: e.name)
    for entry in kept:
        try:
            is_folder = entry.is_dir()
        except OSError as error:  # a link in a circle, or to where we may not look
            if _has_film_suffix(entry.name):
                yield entry
            else:
                refused(entry.path, error)
            continue
        if is_folder:
            # A link back to a folder that we are in would never end.
            yield from _or_itself(entry, _walk(entry.path, refused, other, passed_over | {real}))
        elif _may_be_film(entry):
            yield entry
        else:
            other(entry)


def _or_itself(entry: FolderEntry, films: Iterator[FolderEntry]) -> Iterator[FolderEntry]:
    """Yield the films of a folder; where it has none and is called like a film, the folder."""
    first = next(films, None)
    if first is not None:
        yield first
        yield from films
    elif _has_film_suffix(entry.name):
        yield entry


def _film_stems(path: Path) -> Iterator[str]:
    waiting = [os.fspath(path)]
    while waiting:
        try:
            entries = sorted(list_folder(waiting.pop()), key=lambda entry: entry.name)
        except OSError:
            continue  # reading it says why
        kept = [entry for entry in entries if not is_litter(entry.name)]
        for entry in kept:
            if _has_film_suffix(entry.name) and not _is_folder(entry):
                yield Path(entry.name).stem
        waiting += [e.path for e in reversed(kept) if not e.is_symlink() and e.is_dir()]


def left_by_systems(path: Path) -> Counter[str]:
    """Return what operating systems left in the archive that `path` lies in: what -> files.

    >>> left_by_systems(Path("no archive"))
    Counter()
    """
    found: Counter[str] = Counter()
    for name in names_in_archive(path):
        what = next((part for part in name.split("/") if _is_of_system(part)), None)
        if what is not None:
            found[what] += 1
    return found


def _is_of_system(name: str) -> bool:
    return name.startswith("._") or name == ".DS_Store" or name.casefold() in _OF_SYSTEMS


def _entries(path: Path) -> list[FolderEntry]:
    try:
        kept = [entry for entry in list_folder(path) if not is_litter(entry.name)]
    except OSError as error:
        raise DatasetError(
            f"the folder {path} cannot be read ({error.strerror}); check its permissions"
        ) from error
    return sorted(kept, key=lambda entry: entry.name)


def is_litter(name: str) -> bool:
    """Return whether a file or folder is never looked into: hidden, or left by a system."""
    return name.startswith(".") or name.casefold() in LITTER


def _is_folder(entry: FolderEntry) -> bool:
    """Return whether it is a folder; a link in a circle, or to where we may not look, is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _has_film_suffix(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in FILM_SUFFIXES  # noqa: PTH122  100,000 Path objects


def _may_be_film(entry: FolderEntry) -> bool:
    """Return whether what is no folder may be a film.

    By its suffix it is one whatever lies there, a pipe or a broken link: reading it says what.
    """
    if _has_film_suffix(entry.name):
        return True
    suffix = os.path.splitext(entry.name)[1]  # noqa: PTH122
    # DICOM files out of a PACS often have no suffix, and none but numbers if a UID is the name.
    is_bare = suffix in ("", ".") or suffix[1:].isdecimal()
    return is_bare and _is_dicom(Path(entry.path))


def _is_dicom(file: Path) -> bool:
    try:
        return is_dicom(read_film_head(file, _DICOM_HEAD))
    except ImageError:
        return False
