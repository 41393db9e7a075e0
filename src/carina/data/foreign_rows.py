"""What a tool's table says of each film beside its answer: its name, patient, source and part."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from carina.data.cell_values import age_in_years, sex_letter
from carina.data.foreign_classes import is_blank
from carina.data.foreign_columns import option_of
from carina.data.foreign_table import ForeignTable
from carina.data.found import PatientNumber
from carina.data.last_names import last_names
from carina.data.part_names import part_of_name
from carina.data.patient_names import patients_of_names
from carina.data.patients import PatientKey
from carina.domain.record import Part, Record
from carina.domain.sentences import counted
from carina.errors import EvaluationError

_ABSOLUTE = re.compile(r"/|[A-Za-z]:/")
_DICOM_YEARS = re.compile(r"0*(\d+)[Yy]$")  # DICOM PS3.5, value representation AS: "061Y"

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class DescribedFilms:
    """What is known of each row's film.

    Attributes:
        records: one a row, without labels.
        notes: what was found and what was assumed, as sentences.
    """

    records: tuple[Record, ...]
    notes: tuple[str, ...]


def describe_films(
    table: ForeignTable, columns: Mapping[str, str], patient_key: PatientKey
) -> DescribedFilms:
    """Return what the table says of the films.

    Patients are hashed here; their numbers go no further. Rows of one film whose patient is
    not known count as one patient.

    Args:
        table: the table.
        columns: meaning -> column.
        patient_key: the user's.

    Raises:
        EvaluationError: if a row is of no known part, although others are.
    """
    notes: list[str] = []
    paths = _paths(table, columns.get("path"))
    sources = _texts(table, columns.get("source"))
    numbers = _patients(table, columns, paths, sources, notes)
    if "path" in columns:
        numbers = _repeated_films(paths, sources, numbers, notes)
    hashes = {
        number: patient_key.hash(number.namespace, number.number)
        for number in set(numbers)
        if number is not None
    }
    parts = _parts(table, columns.get("part"))
    sexes = _values(table, columns.get("sex"), sex_letter, notes)
    ages = _values(table, columns.get("age"), _age, notes)
    views = _texts(table, columns.get("view"))
    records = (
        Record(
            path=paths[row],
            source=sources[row],
            file=Path(paths[row]),
            patient=None if (number := numbers[row]) is None else hashes[number],
            part=parts[row],
            view=views[row] or None,
            sex=sexes[row],
            age_years=ages[row],
        )
        for row in range(len(table))
    )
    return DescribedFilms(tuple(records), tuple(notes))


def _texts(table: ForeignTable, column: str | None) -> Sequence[str]:
    """Return a column's cells, "" where they are blank; all "" without a column."""
    if column is None:
        return [""] * len(table)
    return ["" if is_blank(cell) else cell for cell in table.cells(column)]


def _paths(table: ForeignTable, column: str | None) -> list[str]:
    """Return each film's name; without one, the line it stands on."""
    written = [text.replace("\\", "/") for text in _texts(table, column)]
    absolute = {path for path in written if _ABSOLUTE.match(path)}
    short = last_names(absolute, taken=set(written) - absolute)
    return [
        short.get(path, path) or f"line {line}"
        for path, line in zip(written, table.lines, strict=True)
    ]


def _patients(
    table: ForeignTable,
    columns: Mapping[str, str],
    paths: Sequence[str],
    sources: Sequence[str],
    notes: list[str],
) -> list[PatientNumber | None]:
    """Return each film's patient: of the patient column, else where public file names tell."""
    column = columns.get("patient")
    if column is not None:
        # as in a manifest, so that one patient has one hash in both
        return [
            PatientNumber(f"manifest/{source}" if source else "manifest", text) if text else None
            for text, source in zip(_texts(table, column), sources, strict=True)
        ]
    if "path" not in columns:
        return [None] * len(table)
    numbers = patients_of_names(paths)
    n_known = len(numbers) - numbers.count(None)
    if n_known:
        notes.append(
            f"no column names patients: those of {counted(n_known, 'row')} were read from the "
            "file names of public data sets"
        )
    return numbers


def _repeated_films(
    paths: Sequence[str],
    sources: Sequence[str],
    numbers: Sequence[PatientNumber | None],
    notes: list[str],
) -> list[PatientNumber | None]:
    """Return the patients, where the rows of one film of an unknown patient have one in common."""
    films = list(zip(sources, paths, strict=True))
    several = {film: n for film, n in Counter(films).items() if n > 1}
    if several:
        (_, first), n_first = next(iter(several.items()))
        notes.append(
            f"several rows that differ name one film, in {counted(len(several), 'case')} (first: "
            f"'{first}', {n_first} rows): every row counts, and the rows of one film count as one "
            "patient's"
        )
    return [
        PatientNumber("film", "\x1f".join(film)) if number is None and film in several else number
        for film, number in zip(films, numbers, strict=True)
    ]


def _parts(table: ForeignTable, column: str | None) -> Sequence[Part | None]:
    if column is None:
        return [None] * len(table)
    cells = table.cells(column)
    meant = {cell: part_of_name(cell) for cell in set(cells)}
    strange = [row for row, cell in enumerate(cells) if meant[cell] is None]
    if strange:
        found = f"'{cells[strange[0]]}'" if cells[strange[0]] else "blank"
        raise EvaluationError(
            f"{table.place(strange[0])}, column '{column}': {found} is no part (in "
            f"{counted(len(strange), 'row')}); expected train, validation or test. If the column "
            f"means something else, name another with {option_of('part')}=NAME, or none with "
            f"{option_of('part')}="
        )
    return [meant[cell] for cell in cells]


def _values(
    table: ForeignTable,
    column: str | None,
    reader: Callable[[str], Value],
    notes: list[str],
) -> Sequence[Value | None]:
    """Return the values in a column, None where it is blank or cannot be read, which is noted."""
    values: list[Value | None] = []
    n_unread = 0
    for text in _texts(table, column):
        try:
            values.append(reader(text) if text else None)
        except ValueError:
            values.append(None)
            n_unread += 1
    if n_unread:
        notes.append(
            f"{counted(n_unread, 'cell')} of the column '{column}' taken as unknown, being "
            "unreadable"
        )
    return values


def _age(text: str) -> float:
    match = _DICOM_YEARS.match(text)
    return age_in_years(match[1] if match else text)
