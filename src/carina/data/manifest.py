"""`manifest.csv`: every film of a run, with the part it is in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from carina.data.scan import FilmScan, with_views
from carina.domain.dataset import Dataset
from carina.domain.record import PARTS, Part
from carina.domain.split import Split
from carina.errors import RunError
from carina.files.tables import read_table, write_table


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One film of a run.

    Attributes:
        path: path relative to its data set.
        sha256: hex digest of the file's bytes.
        label: its class.
        patient: keyed hash of its patient, or None if unknown.
        source: its source.
        split: its part.
        duplicate_group: number of its group of identical films, or None.
        view: view position as the data set or else the film itself says, or None.
        sex: "F", "M", or None.
        age_years: age, or None.
    """

    path: str
    sha256: str
    label: str
    patient: str | None
    source: str
    split: Part
    duplicate_group: int | None
    view: str | None
    sex: str | None
    age_years: float | None

    @property
    def key(self) -> str:
        """`source/path`, as a record's key."""
        return f"{self.source}/{self.path}"


COLUMNS = tuple(field.name for field in fields(ManifestRow))


def write_manifest(path: Path, dataset: Dataset, split: Split, scan: FilmScan) -> None:
    """Write a row for every film of the split, in the order of the data set.

    Films without a label or that could not be read are in no part and not listed here;
    `audit.json` names the unreadable ones.

    Raises:
        StorageError: if there is no room or no permission.
    """
    write_rows(path, manifest_rows(dataset, split, scan))


def write_rows(path: Path, rows: Iterable[ManifestRow]) -> None:
    """Write films, one a row.

    Raises:
        StorageError: if there is no room or no permission.
    """
    write_table(path, COLUMNS, map(asdict, rows))


def manifest_rows(dataset: Dataset, split: Split, scan: FilmScan) -> list[ManifestRow]:
    """Return a row for every film of the split, in the order of the data set."""
    return [
        ManifestRow(
            path=record.path,
            sha256=scan.facts[record.key].sha256,
            label=record.label or "",
            patient=record.patient,
            source=record.source,
            split=split.part_of(record),
            duplicate_group=split.duplicate_groups.get(record.key),
            view=record.view,
            sex=record.sex,
            age_years=record.age_years,
        )
        for record in with_views(dataset, scan).records
        if record.key in split.parts
    ]


def read_manifest(path: Path) -> tuple[ManifestRow, ...]:
    """Return the rows of a `manifest.csv`.

    Raises:
        RunError: if the file is absent, lacks a column or holds a value that cannot be.
    """
    rows = read_table(path, error=RunError)
    missing = [column for column in COLUMNS if rows and column not in rows[0]]
    if missing:
        raise RunError(f"{path} has no column {', '.join(missing)}; it is no manifest of a run")
    return tuple(_row(path, row, number) for number, row in enumerate(rows, start=1))


def _row(path: Path, row: Mapping[str, str], number: int) -> ManifestRow:
    try:
        return ManifestRow(
            path=row["path"],
            sha256=row["sha256"],
            label=row["label"],
            patient=row["patient"] or None,
            source=row["source"],
            split=_part(row["split"]),
            duplicate_group=int(row["duplicate_group"]) if row["duplicate_group"] else None,
            view=row["view"] or None,
            sex=row["sex"] or None,
            age_years=float(row["age_years"]) if row["age_years"] else None,
        )
    except ValueError as error:
        raise RunError(f"{path}, film {number} ({row['path']}): {error}") from error


def _part(text: str) -> Part:
    for part in PARTS:
        if part == text:
            return part
    raise ValueError(f"split is {text!r}; expected {', '.join(PARTS)}")
