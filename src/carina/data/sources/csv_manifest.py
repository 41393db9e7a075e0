"""A CSV manifest: `path,label[,patient,split,source,view,sex,age,lung_mask]`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from carina.data.cell_values import age_in_years, sex_letter
from carina.data.folders import is_litter
from carina.data.found import Found, FoundFilm, PatientNumber, ReadOptions
from carina.data.manifest_paths import is_film_there, mask_path, names_and_files
from carina.data.part_names import part_of_name
from carina.data.patient_names import patients_of_names, patients_sentence
from carina.data.sources import SOURCES
from carina.domain.record import Part
from carina.domain.sentences import counted
from carina.errors import DatasetError
from carina.files.names import column_names
from carina.files.tables import TableRow, header_of, read_rows
from carina.files.tree import is_file, is_folder, list_folder, split_archived
from carina.registry import nearest

_KNOWN = ("path", "patient", "split", "source", "view", "sex", "age", "lung_mask")
_SUFFIXES = (".csv", ".tsv")
_N_SHOWN = 5

Value = TypeVar("Value")


@dataclass(slots=True)
class _Problems:
    """What is wrong with the rows, gathered so that one message shows it all."""

    missing: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    unread: Counter[str] = field(default_factory=Counter)


class CsvManifest:
    """One row per film; paths are relative to the CSV's folder, with `/` or `\\`.

    The CSV may lie in an archive, and a row may name a film in one (`films.zip!/a.png`).

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
        """Return whether `path` is a `.csv` or `.tsv` file, or an archive's folder with one."""
        if split_archived(path) is not None and is_folder(path):
            return bool(manifests_in(path))
        return path.suffix.lower() in _SUFFIXES and is_file(path)

    def read(self, path: Path, options: ReadOptions) -> Found:
        """Return the films that the rows name.

        Raises:
            DatasetError: for a missing column, an unknown split, a film on two lines that
                differ, a web address, a path out of the archive that the CSV lies in, or if more
                than half of the films are not there; line numbers are given. Fewer absent films
                are noted, and read as "not-found".
        """
        if is_folder(path):
            path = _only_manifest(path)
        label_column = options.label_column.strip().casefold()
        rows, header, table_notes = _read_rows(path)
        columns = tuple(header.values())
        for column in ("path", label_column):
            _require_column(path, column, columns)
        problems = _Problems()
        films: dict[str, FoundFilm] = {}
        lines: dict[str, int] = {}
        for row, (name, file) in zip(rows, names_and_files(path, rows), strict=True):
            find_mask = partial(mask_path, path.parent, name, file)
            film = _film(name, file, row, label_column, find_mask, problems)
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
            notes=(
                *table_notes,
                *_notes(header, label_column, len(rows) - len(films), problems),
            ),
        )


def manifests_in(folder: Path) -> list[Path]:
    """Return the CSV files right in a folder that name films in a column `path`."""
    return [
        folder / entry.name
        for entry in list_folder(folder)
        if Path(entry.name).suffix.lower() in _SUFFIXES
        and not is_litter(entry.name)
        and "path" in {column.casefold() for column in header_of(folder / entry.name)}
    ]


def _only_manifest(folder: Path) -> Path:
    found = manifests_in(folder)
    if len(found) != 1:
        raise DatasetError(
            f"{folder} holds {len(found)} manifests ({', '.join(file.name for file in found)}); "
            f"name one: {found[0]}"
        )
    return found[0]


def _read_rows(path: Path) -> tuple[list[TableRow], dict[str, str], tuple[str, ...]]:
    """Return the rows of a manifest, its columns (as spelt there -> as meant), and notes on how
    it was read."""
    columns, rows, notes = read_rows(path, error=DatasetError)
    if not rows:
        raise DatasetError(
            f"{path} lists no film; expected a header with path and label and a row per film"
        )
    header = {column: column.strip().casefold() for column in columns}
    twice = [name for name, n in Counter(header.values()).items() if n > 1]
    if twice:
        spelt = [f"'{column}'" for column, name in header.items() if name == twice[0]]
        raise DatasetError(
            f"{path} has several columns called '{twice[0]}' ({', '.join(spelt)}: case and outer "
            "spaces do not count); give each a name of its own"
        )
    lines = [
        TableRow(row.line, {header[column]: text for column, text in row.cells.items()})
        for row in rows
    ]
    return lines, header, notes


def _require_column(path: Path, column: str, columns: tuple[str, ...]) -> None:
    if column in columns:
        return
    near = nearest(column, columns, limit=1)
    advice = (
        "a manifest names its films in the column 'path'"
        if column == "path"
        else f"name it with --set labels.column={near[0] if near else 'NAME'}"
    )
    raise DatasetError(
        f"{path} has no column '{column}' (found: {column_names(columns)}); {advice}"
    )


def _film(
    name: str,
    file: Path,
    row: TableRow,
    label_column: str,
    find_mask: Callable[[str], str],
    problems: _Problems,
) -> FoundFilm:
    if not is_film_there(file):
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
        lung_mask=_read_cell(row, "lung_mask", find_mask, problems),
    )


def _part(row: TableRow, problems: _Problems) -> Part | None:
    written = row.cell("split")
    part = part_of_name(written)
    if written and part is None:
        # Not what is written: where cells have slipped, it may be a patient's name.
        problems.parts.append(f"line {row.line}")
    return part


def _read_cell(
    row: TableRow, column: str, reader: Callable[[str], Value], problems: _Problems
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
    header: dict[str, str], label_column: str, n_repeated: int, problems: _Problems
) -> tuple[str, ...]:
    notes = []
    used = ("", *_KNOWN, label_column)
    unknown = [spelt.strip() for spelt, name in header.items() if name not in used]
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
