"""What the paths in a manifest mean: the film's file, and its name in every table."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from pathlib import Path

from carina.data.last_names import last_names
from carina.errors import DatasetError
from carina.files.archives.entries import leaves
from carina.files.tables import TableRow
from carina.files.tree import home_of, is_file, split_archived
from carina.imaging.medmnist_films import is_medmnist_film

_N_SHOWN = 5
# RFC 3986, 3.1; one letter is a drive of Windows.
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
_DRIVE = re.compile(r"[A-Za-z]:/")


def names_and_files(manifest: Path, rows: Sequence[TableRow]) -> list[tuple[str, Path]]:
    """Return each row's path as records carry it, and the file that it means.

    Args:
        manifest: the CSV file, on disk or in an archive; paths count from its folder.
        rows: of it.

    Raises:
        DatasetError: if a row names a web address, or the manifest lies in an archive and a row
            names something outside of it; with the lines.
    """
    folder = manifest.parent
    paths = [_with_slashes(folder, row.cell("path")) for row in rows]
    _require_none(
        manifest, rows, [_ADDRESS.match(path) is not None for path in paths],
        "web addresses", "fetch the films, and write where they lie",
    )  # fmt: skip
    if split_archived(folder) is None:
        return _on_disk(folder, paths)
    _require_none(
        manifest, rows, [bool(path) and leaves(path) for path in paths],
        "films outside of the archive", "name films in it alone, or put the CSV beside it",
    )  # fmt: skip
    above = folder.relative_to(home_of(folder)).as_posix()
    return [(f"{above}/{path}", folder / path) for path in paths]


def mask_path(folder: Path, name: str, file: Path, written: str) -> str:
    """Return the path of a film's lung mask, relative as the film's `name` is.

    Args:
        folder: the CSV's.
        name: the film's.
        file: the film's.
        written: of the mask, relative as the film's path in the CSV is.

    Raises:
        ValueError: if it is not there, or the film lies elsewhere than below the CSV's folder.
    """
    mask = posixpath.normpath(written.replace("\\", "/"))
    if split_archived(folder) is not None:
        if leaves(mask):
            raise ValueError(written)
        mask = f"{folder.relative_to(home_of(folder)).as_posix()}/{mask}"
    whole, own = file.as_posix(), f"/{name}"
    if not whole.endswith(own) or not is_file(Path(whole.removesuffix(own)) / mask):
        raise ValueError(written)
    return mask


def is_film_there(file: Path) -> bool:
    """Return whether a film is there; of a MedMNIST archive, whether the archive is."""
    if is_medmnist_film(file):
        return is_file(Path(file.as_posix().partition("!/")[0]))
    return is_file(file)


def _require_none(
    manifest: Path, rows: Sequence[TableRow], found: Sequence[bool], what: str, advice: str
) -> None:
    odd = [row for row, is_odd in zip(rows, found, strict=True) if is_odd]
    if odd:
        shown = "; ".join(f"line {row.line}: {row.cell('path')}" for row in odd[:_N_SHOWN])
        more = f" and {len(odd) - _N_SHOWN} more" if len(odd) > _N_SHOWN else ""
        raise DatasetError(f"{manifest} names {len(odd)} {what}: {shown}{more}; {advice}")


def _on_disk(folder: Path, paths: Sequence[str]) -> list[tuple[str, Path]]:
    names = {path: _name_from(folder, path) for path in paths}
    outside = {path for path, name in names.items() if name is None}
    short = last_names(outside, taken={name for name in names.values() if name is not None})
    return [(names[path] or short[path], folder / (names[path] or path)) for path in paths]


def _with_slashes(folder: Path, written: str) -> str:
    slashed = posixpath.normpath(written.replace("\\", "/"))
    # Outside Windows a backslash may be part of a file's name.
    literal = (
        "\\" in written and not is_film_there(folder / slashed) and is_film_there(folder / written)
    )
    return written if literal else slashed


def _name_from(folder: Path, path: str) -> str | None:
    """Return a path from the CSV's folder on, or None if it is absolute and elsewhere."""
    if not Path(path).is_absolute() and not path.startswith(("/", "../")):
        return None if _DRIVE.match(path) else path
    file = folder.absolute() / path
    written = Path(posixpath.normpath(file.as_posix()))
    # The folder or the row may go by a link.
    for home, own in (
        (folder.absolute(), written),
        (folder.resolve(), written),
        (folder.resolve(), file.parent.resolve() / file.name),
    ):
        if own.is_relative_to(home):
            return own.relative_to(home).as_posix()
    return path if path.startswith("../") else None
