"""Which files are to be answered: names, and nothing more."""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from carina.data.answer_rows import FileState
from carina.data.folders import suffix_in_words, walk_films
from carina.domain.audit import Unreadable
from carina.errors import ImageCode, InputError
from carina.files.names import one_line
from carina.files.tree import (
    FolderEntry,
    archive_folder,
    is_archive,
    is_folder,
    is_there,
    split_archived,
)
from carina.imaging.medmnist_films import is_medmnist_film
from carina.imaging.read import FILM_SUFFIXES
from carina.inference.bundle import classifier_folder

STANDARD_INPUT = "-"
_IN_ARCHIVE = "!/"


class FilmFile(NamedTuple):
    """A file that may be a film; small, since there may be very many.

    Attributes:
        file: its path, as the system knows it.
        root: the folder that was searched, or "" for a file that was named itself.
    """

    file: str
    root: str = ""

    @property
    def name(self) -> str:
        """What the film is called in tables and messages: its path, on one line."""
        return one_line(self.file)

    @property
    def inside(self) -> str:
        """Its path inside the folder that was searched; its bare name if it was named itself."""
        if self.file == STANDARD_INPUT:
            return "standard-input"
        if self.root:
            return os.path.relpath(self.file, self.root)
        archive, is_member, member = self.file.partition(_IN_ARCHIVE)
        name = Path(archive).name
        return f"{name}-{member.replace('/', '-')}" if is_member else name


class FoundFilms(NamedTuple):
    """The files that are to be answered.

    Attributes:
        films: in the order given, those of a folder by name; no file twice.
        refused: folders that may not be read, and so were not searched.
        passed_over: folders that were not searched on purpose, since they are the classifier's
            or will hold what is written.
        other_files: files in the folders that are no films: suffix -> how many.
    """

    films: tuple[FilmFile, ...]
    refused: tuple[Unreadable, ...] = ()
    passed_over: tuple[str, ...] = ()
    other_files: Mapping[str, int] = MappingProxyType({})


def find_films(
    paths: str | Path | Sequence[str | Path], *, own: Iterable[str | Path] = ()
) -> FoundFilms:
    """Return the files that `paths` name, and the films inside the folders and archives.

    A file is taken whatever its ending, and `-` is one film on standard input; in a folder
    what a data set would take: files with a film's ending and DICOM without one, but
    nothing hidden and no archive.

    Args:
        paths: films, and folders and archives (`.zip`, `.tar`) that are searched for films.
        own: folders whose pictures are no films: they are not searched, unless named.

    Raises:
        InputError: if a path does not exist, a folder holds no film or may not be read, or an
            archive is refused.
    """
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    if not given:
        raise InputError("no film was named; give files or folders of films")
    own_folders = real_paths(own)
    films: dict[FilmFile, None] = {}
    refused: list[Unreadable] = []
    passed_over: set[str] = set()
    other_files: Counter[str] = Counter()
    for path in map(_opened, map(Path, given)):
        if is_folder(path):
            films.update(dict.fromkeys(_inside(path, own_folders, refused, other_files)))
            passed_over |= _below(path, own_folders)
        elif str(path) != STANDARD_INPUT and not _is_there(path) and not is_medmnist_film(path):
            raise InputError(f"{path} does not exist; name films or folders of films")
        else:
            films[FilmFile(str(path))] = None
    return FoundFilms(
        _each_once(films), tuple(refused), tuple(sorted(passed_over)), MappingProxyType(other_files)
    )


def state_of(film: FilmFile) -> FileState | None:
    """Return what its folder says of a film's file, of an archive's member what it says of the
    archive; None where it says nothing."""
    try:
        return FileState.of(os.stat(film.file.partition(_IN_ARCHIVE)[0]))  # noqa: PTH116
    except (OSError, ValueError):
        return None


def real_paths(folders: Iterable[str | Path]) -> frozenset[str]:
    """Return the real paths of folders."""
    return frozenset(os.path.realpath(folder) for folder in folders)


def own_folders(classifier: str | Path) -> tuple[Path, ...]:
    """Return the folders whose pictures a classifier brings itself: its own, and its run's.

    Raises:
        ClassifierError: if there is no classifier.
    """
    folder = Path(classifier)
    classifier_folder(folder)
    parent = Path(os.path.realpath(folder)).parent
    return (folder, parent) if (parent / "recipe.toml").is_file() else (folder,)


def refused_folder(folder: str, error: OSError) -> Unreadable:
    """Return what is told of a folder that may not be read."""
    name = one_line(folder)
    return Unreadable(
        path=name,
        code=_code_of(error),
        message=f"the folder {name} cannot be read ({error.strerror}); no film in it was answered",
    )


def _code_of(error: OSError) -> ImageCode:
    if error.errno == errno.ELOOP:
        return "broken-link"
    return "no-permission" if isinstance(error, PermissionError) else "not-found"


def _is_there(path: Path) -> bool:
    """Return whether something lies at a path; of a broken link, reading it says what is wrong."""
    return is_there(path) or os.path.lexists(path)


def _opened(path: Path) -> Path:
    """Return a path, of an archive the folder that it holds.

    Raises:
        InputError: if it is an archive that is refused.
    """
    if is_archive(path) or split_archived(path) is not None:
        return archive_folder(path, error=InputError)
    return path


def _inside(
    folder: Path, own: frozenset[str], refused: list[Unreadable], other_files: Counter[str]
) -> list[FilmFile]:
    root = str(folder)
    problems: list[Unreadable] = []

    def count(entry: FolderEntry) -> None:
        other_files[suffix_in_words(entry.name)] += 1

    found = [
        FilmFile(entry.path, root)
        for entry in walk_films(
            root,
            refused=lambda place, error: problems.append(refused_folder(place, error)),
            other=count,
            passed_over=own - {os.path.realpath(root)},
        )
    ]
    if not found:
        unread = f"; {problems[0].message}" if problems else ""
        raise InputError(
            f"{folder} holds no film (looked for {', '.join(sorted(FILM_SUFFIXES))} and "
            "DICOM without an ending, also in its folders but in no hidden one); name "
            f"the films themselves, or another folder{unread}"
        )
    refused.extend(problems)
    return found


def _below(folder: Path, own: frozenset[str]) -> set[str]:
    """Return which of the own folders lie below a folder."""
    above = os.path.join(os.path.realpath(folder), "")  # noqa: PTH118  with the separator
    return {place for place in own if place.startswith(above) and Path(place).is_dir()}


def _each_once(films: Iterable[FilmFile]) -> tuple[FilmFile, ...]:
    """Return the films without those whose file was there before."""
    return tuple({film.file: film for film in reversed(list(films))}.values())[::-1]
