"""A CSV manifest: `path,label[,patient,split,source,view,sex,age,lung_mask]`."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from carina.data.cell_values import age_in_years, sex_letter
from carina.data.counted import counted
from carina.data.found import Found, FoundFilm, PatientNumber, ReadOptions
from carina.data.last_names import last_names
from carina.data.part_names import part_of_name
from carina.data.patient_names import patients_of_names, patients_sentence
from carina.data.sources import SOURCES
from carina.domain.record import Part
from carina.errors import DatasetError
from carina.files.tables import read_rows
from carina.registry import nearest

_KNOWN = ("path", "patient", "split", "source", "view", "sex", "age", "lung_mask")
_N_SHOWN = 5

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    cells: Mapping[str, str]

    def cell(self, column: str) -> str:
        return self.cells.get(column, "").strip()


@dataclass(slots=True)
class _Problems:
    """What is wrong with the rows, gathered so that one message shows it all."""

    missing: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    unread: Counter[str] = field(default_factory=Counter)


class CsvManifest:
    """One row per film; paths are relative to the CSV's folder, with `/` or `\\`.

    An absolute path below that folder becomes relative. Of one elsewhere, the records keep
    its last names alone, as many as tell it from the other films: `a.png`, or `ward/a.png`
    where there is another `a.png`; where the machine keeps its films is written nowhere.

    Column names count without case and outer spaces. `path` and the label column must be
    there; an empty label is a film without one. `split` takes the spellings of part folders,
    empty means none. `source` names the hospital of the row and becomes the record's source.
    Patient numbers of all manifests are one numbering, so that a patient of two manifests
    is found; where rows name a `source`, each source is a numbering of its own. Without a
    `patient` column the file names are asked (NIH, Kermany). `lung_mask` is a path as `path`,
    of a picture whose lungs are white; it counts for films below the CSV's folder.
    """

    precedence = 30

    def recognises(self, path: Path) -> bool:
        """Return whether `path` is a `.csv` file."""
        return path.is_file() and path.suffix.lower() == ".csv"

    def read(self, path: Path, options: ReadOptions) -> Found:
        """Return the films that the rows name.

        Raises:
            DatasetError: for a missing column, an unknown split, a film on two lines that
                differ, or if more than half of the films are not there; line numbers are
                given. Fewer absent films are noted, and read as "not-found".
        """
        label_column = options.label_column.strip().casefold()
        rows, columns = _read_rows(path)
        for column in ("path", label_column):
            _require_column(path, column, columns)
        problems = _Problems()
        films: dict[str, FoundFilm] = {}
        lines: dict[str, int] = {}
        for row, (name, file) in zip(rows, _names_and_files(path.parent, rows), strict=True):
            film = _film(name, file, row, label_column, problems)
            earlier = films.get(film.path)
            if earlier is not None and earlier != film:
                problems.repeated.append(f"{film.path} on lines {lines[film.path]} and {row.line}")
            films.setdefault(film.path, film)
            lines.setdefault(film.path, row.line)
        _raise_for(path, problems, n_rows=len(rows))
        ordered = [films[key] for key in sorted(films)]
        ordered, rest_on = _with_patients(ordered, has_column="patient" in columns)
        return Found(
            films=tuple(ordered),
            layout="csv",
            patients=rest_on,
            notes=_notes(columns, label_column, len(rows) - len(films), problems),
        )


def _read_rows(path: Path) -> tuple[list[_Row], tuple[str, ...]]:
    columns, rows = read_rows(path, error=DatasetError, skip_blank=True)
    if not rows:
        raise DatasetError(
            f"{path} lists no film; expected a header with path and label and a row per film"
        )
    header = {column: column.strip().casefold() for column in columns}
    return [
        _Row(row.line, {header[column]: text for column, text in row.cells.items()}) for row in rows
    ], tuple(header[column] for column in columns)


def _require_column(path: Path, column: str, columns: tuple[str, ...]) -> None:
    if column in columns:
        return
    near = nearest(column, columns, limit=1)
    advice = (
        "a manifest names its films in the column 'path'"
        if column == "path"
        else f"name it with --set labels.column={near[0] if near else 'NAME'}"
    )
    raise DatasetError(f"{path} has no column '{column}' (found: {', '.join(columns)}); {advice}")


def _film(name: str, file: Path, row: _Row, label_column: str, problems: _Problems) -> FoundFilm:
    if not _is_there(file):
        problems.missing.append(f"line {row.line}: {row.cell('path') or '(no path)'}")
    hospital = row.cell("source") or None
    namespace = f"manifest/{hospital}" if hospital else "manifest"
    patient = row.cell("patient")
    return FoundFilm(
        path=name,
        file=file,
        label=row.cell(label_column) or None,
        patient=PatientNumber(namespace, patient) if patient else None,
        part=_part(row, problems),
        hospital=hospital,
        view=row.cell("view") or None,
        sex=_read_cell(row, "sex", sex_letter, problems),
        age_years=_read_cell(row, "age", age_in_years, problems),
        lung_mask=_read_cell(row, "lung_mask", partial(_mask_path, name, file), problems),
    )


def _mask_path(name: str, file: Path, written: str) -> str:
    """Return the path of a film's lung mask, relative as the film's `name` is.

    Raises:
        ValueError: if it is not there, or the film lies elsewhere than below the CSV's folder.
    """
    mask = posixpath.normpath(written.replace("\\", "/"))
    whole, own = file.as_posix(), f"/{name}"
    if not whole.endswith(own) or not (Path(whole.removesuffix(own)) / mask).is_file():
        raise ValueError(written)
    return mask


def _names_and_files(folder: Path, rows: Sequence[_Row]) -> list[tuple[str, Path]]:
    """Return each row's path as records carry it, and the file it means."""
    paths = [_with_slashes(folder, row.cell("path")) for row in rows]
    names = {path: _name_from(folder, path) for path in paths}
    outside = {path for path, name in names.items() if name is None}
    short = last_names(outside, taken={name for name in names.values() if name is not None})
    return [(names[path] or short[path], folder / (names[path] or path)) for path in paths]


def _with_slashes(folder: Path, written: str) -> str:
    slashed = posixpath.normpath(written.replace("\\", "/"))
    # Outside Windows a backslash may be part of a file's name.
    literal = "\\" in written and not _is_there(folder / slashed) and _is_there(folder / written)
    return written if literal else slashed


def _name_from(folder: Path, path: str) -> str | None:
    """Return a path from the CSV's folder on, or None if it is absolute and elsewhere."""
    if not Path(path).is_absolute() and not path.startswith(("/", "../")):
        return path
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


def _is_there(file: Path) -> bool:
    archive, mark, _ = str(file).partition("!/")
    return (Path(archive) if mark else file).is_file()


def _part(row: _Row, problems: _Problems) -> Part | None:
    written = row.cell("split")
    part = part_of_name(written)
    if written and part is None:
        problems.parts.append(f"line {row.line}: {written}")
    return part


def _read_cell(
    row: _Row, column: str, reader: Callable[[str], Value], problems: _Problems
) -> Value | None:
    text = row.cell(column)
    if not text:
        return None
    try:
        return reader(text)
    except ValueError:
        problems.unread[column] += 1
        return None


def _raise_for(path: Path, problems: _Problems, *, n_rows: int) -> None:
    # A few absent films are unreadable ones; if most are absent, the folder is the wrong one.
    absent = problems.missing if 2 * len(problems.missing) > n_rows else []
    for items, what, advice in (
        (absent, "films that are not there", "paths count from the CSV's folder"),
        (problems.parts, "splits of unknown name", "use train, validation or test"),
        (problems.repeated, "films on two lines that differ", "keep one line for each"),
    ):
        if items:
            more = f" and {len(items) - _N_SHOWN} more" if len(items) > _N_SHOWN else ""
            raise DatasetError(
                f"{path} names {len(items)} {what}: {'; '.join(items[:_N_SHOWN])}{more}; {advice}"
            )


def _with_patients(films: list[FoundFilm], *, has_column: bool) -> tuple[list[FoundFilm], str]:
    if has_column:
        return films, patients_sentence([f.patient for f in films], rest_on="column 'patient'")
    patients = patients_of_names([film.path for film in films])
    films = [replace(film, patient=p) for film, p in zip(films, patients, strict=True)]
    return films, patients_sentence(patients, rest_on="file names")


def _notes(
    columns: tuple[str, ...], label_column: str, n_repeated: int, problems: _Problems
) -> tuple[str, ...]:
    notes = []
    unknown = [name for name in columns if name not in (*_KNOWN, label_column)]
    if unknown:
        notes.append(f"columns that were not used: {', '.join(unknown)}")
    if n_repeated:
        notes.append(f"{counted(n_repeated, 'line')} passed over, repeating an earlier one")
    if problems.missing:
        shown = "; ".join(problems.missing[:_N_SHOWN])
        notes.append(f"{counted(len(problems.missing), 'film')} not there: {shown}")
    notes += [
        f"{counted(n, 'cell')} of the column '{column}' taken as unknown, being unreadable"
        for column, n in sorted(problems.unread.items())
    ]
    return tuple(notes)


SOURCES.register("csv")(CsvManifest())
