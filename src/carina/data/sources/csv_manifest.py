"""A CSV manifest: `path,label[,patient,split,source,view,sex,age]`."""

from __future__ import annotations

import csv
import math
import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TypeVar

from carina.data.counted import counted
from carina.data.found import Found, FoundFilm, PatientNumber, ReadOptions
from carina.data.part_names import part_of_name
from carina.data.patient_names import patients_of_names, patients_sentence
from carina.data.sources import SOURCES
from carina.domain.record import Part
from carina.errors import DatasetError
from carina.registry import nearest

_KNOWN = ("path", "patient", "split", "source", "view", "sex", "age")
_SEXES = {"f": "F", "female": "F", "w": "F", "m": "M", "male": "M"}
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
    """One row per film; paths are relative to the CSV's folder.

    Column names count without case and outer spaces. `path` and the label column must be
    there; an empty label is a film without one. `split` takes the spellings of part folders,
    empty means none. `source` names the hospital of the row and becomes the record's source.
    Patient numbers of all manifests are one numbering, so that a patient of two manifests
    is found; where rows name a `source`, each source is a numbering of its own. Without a
    `patient` column the file names are asked (NIH, Kermany).
    """

    precedence = 30

    def recognises(self, path: Path) -> bool:
        """Return whether `path` is a `.csv` file."""
        return path.is_file() and path.suffix.lower() == ".csv"

    def read(self, path: Path, options: ReadOptions) -> Found:
        """Return the films that the rows name.

        Raises:
            DatasetError: for a missing column, a missing film, an unknown split or a film
                on two lines with two labels; line numbers are given.
        """
        label_column = options.label_column.strip().casefold()
        rows, columns = _read_rows(path)
        for column in ("path", label_column):
            _require_column(path, column, columns)
        problems = _Problems()
        films: dict[str, FoundFilm] = {}
        lines: dict[str, int] = {}
        for row in rows:
            film = _film(path, row, label_column, problems)
            earlier = films.get(film.path)
            if earlier is not None and earlier != film:
                problems.repeated.append(f"{film.path} on lines {lines[film.path]} and {row.line}")
            films.setdefault(film.path, film)
            lines.setdefault(film.path, row.line)
        _raise_for(path, problems)
        ordered = [films[key] for key in sorted(films)]
        ordered, rest_on = _with_patients(ordered, has_column="patient" in columns)
        return Found(
            films=tuple(ordered),
            layout="csv",
            patients=rest_on,
            notes=_notes(columns, label_column, len(rows) - len(films), problems),
        )


def _read_rows(path: Path) -> tuple[list[_Row], tuple[str, ...]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream)
            header = [name.strip().casefold() for name in next(reader, [])]
            rows = []
            for cells in reader:
                if not any(cell.strip() for cell in cells):
                    continue
                if len(cells) != len(header):
                    raise DatasetError(
                        f"{path}, line {reader.line_num}: {len(cells)} cells, and the header "
                        f"has {len(header)} columns ({', '.join(header)})"
                    )
                rows.append(_Row(reader.line_num, dict(zip(header, cells, strict=True))))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path} cannot be read as a UTF-8 CSV file: {error}") from error
    if not rows:
        raise DatasetError(
            f"{path} lists no film; expected a header with path and label and a row per film"
        )
    return rows, tuple(header)


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


def _film(path: Path, row: _Row, label_column: str, problems: _Problems) -> FoundFilm:
    written, file = _file_of(path.parent, row.cell("path"))
    if not _is_there(file):
        problems.missing.append(f"line {row.line}: {row.cell('path') or '(no path)'}")
    hospital = row.cell("source") or None
    namespace = f"manifest/{hospital}" if hospital else "manifest"
    patient = row.cell("patient")
    return FoundFilm(
        path=written,
        file=file,
        label=row.cell(label_column) or None,
        patient=PatientNumber(namespace, patient) if patient else None,
        part=_part(row, problems),
        hospital=hospital,
        view=row.cell("view") or None,
        sex=_read_cell(row, "sex", lambda text: _SEXES[text.casefold()], problems),
        age_years=_read_cell(row, "age", _age, problems),
    )


def _file_of(folder: Path, written: str) -> tuple[str, Path]:
    """Return the path as records carry it, and the file it means."""
    if "\\" in written and not (folder / written).exists():
        written = written.replace("\\", "/")
    file = folder / written
    if Path(written).is_absolute():
        inside = file.is_relative_to(folder)
        name = file.relative_to(folder).as_posix() if inside else file.as_posix()
    else:
        name = PurePosixPath(os.path.normpath(written)).as_posix() if written else ""
    return name, file


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
    except (KeyError, ValueError):
        problems.unread[column] += 1
        return None


def _age(text: str) -> float:
    age_years = float(text)
    if not math.isfinite(age_years) or not 0 <= age_years <= 130:
        raise ValueError(text)
    return age_years


def _raise_for(path: Path, problems: _Problems) -> None:
    for items, what, advice in (
        (problems.missing, "films that are not there", "paths count from the CSV's folder"),
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
    notes += [
        f"{counted(n, 'cell')} of the column '{column}' taken as unknown, being unreadable"
        for column, n in sorted(problems.unread.items())
    ]
    return tuple(notes)


SOURCES.register("csv")(CsvManifest())
