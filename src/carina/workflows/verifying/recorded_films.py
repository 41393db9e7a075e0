"""The films of a run's record: where they lie now, and whether they are still the same."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal

from carina.data import open_dataset
from carina.data.manifest import ManifestRow, read_manifest
from carina.data.patients import PatientKey
from carina.domain.radiograph import Radiograph
from carina.domain.recipe import LabelsSection
from carina.domain.record import Record
from carina.domain.verification import FilmsFound
from carina.errors import DatasetError, ImageError
from carina.files.digests import sha256_bytes
from carina.files.film_bytes import read_film_bytes
from carina.files.tree import is_there
from carina.imaging.decoding import BATCH, FilmBytes
from carina.imaging.medmnist_films import is_medmnist_film
from carina.imaging.read import read_radiograph, read_radiographs_bytes
from carina.runs import Run

Problem = Literal["missing", "changed", "unreadable"]


@dataclass(slots=True)
class RecordedFilms:
    """Where recorded films lie now, and what was found when they were read.

    Attributes:
        records: key of a manifest row -> the film of DATA that is taken for it.
        notes: why a DATA could not be opened.
        problems: key -> what is wrong with a film, of those that were asked for so far.
        read: keys of those that were read.
    """

    records: Mapping[str, Record]
    notes: tuple[str, ...] = ()
    problems: dict[str, Problem] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)

    def each(self, rows: Sequence[ManifestRow]) -> Iterator[tuple[ManifestRow, Radiograph]]:
        """Yield the recorded films that are there with the recorded bytes, in the order of the
        rows; what is wrong with the others stands in `problems`."""
        left = iter(rows)
        while turn := list(islice(left, BATCH)):
            yield from self._decoded(turn)

    def all_of(self, rows: Sequence[ManifestRow]) -> bool:
        """Return whether every one of the rows was read."""
        return all(row.key in self.read for row in rows)

    def told(self, rows: Sequence[ManifestRow]) -> FilmsFound:
        """Return what was found of these rows, as the result of a verification says it."""

        def having(problem: Problem) -> tuple[str, ...]:
            return tuple(row.key for row in rows if self.problems.get(row.key) == problem)

        return FilmsFound(
            n_recorded=len(rows),
            n_read=sum(row.key in self.read for row in rows),
            missing=having("missing"),
            changed=having("changed"),
            unreadable=having("unreadable"),
        )

    def _decoded(self, rows: Sequence[ManifestRow]) -> Iterator[tuple[ManifestRow, Radiograph]]:
        waiting: list[tuple[ManifestRow, bytes]] = []
        for row in rows:
            content = self._recorded_content(row)
            if isinstance(content, Radiograph):
                self.read.add(row.key)
                yield row, content
            elif content is not None:
                waiting.append((row, content))
        films = [(FilmBytes(data, row.path), row.sha256) for row, data in waiting]
        with closing(read_radiographs_bytes(films)) as found:
            for (row, _), film in zip(waiting, found, strict=True):
                if isinstance(film, ImageError):
                    self.problems[row.key] = "unreadable"
                else:
                    self.read.add(row.key)
                    yield row, film

    def _recorded_content(self, row: ManifestRow) -> bytes | Radiograph | None:
        """Return a film's bytes, or the film where its bytes are no file, if they are those that
        were recorded; else note why not."""
        record = self.records.get(row.key)
        if record is None:
            self.problems[row.key] = "missing"
            return None
        content: bytes | Radiograph
        try:
            if is_medmnist_film(record.file):
                content = read_radiograph(record.file)
                sha256 = content.sha256
            else:
                content = read_film_bytes(record.file)
                sha256 = sha256_bytes(content)
        except ImageError as error:
            gone = error.image_code in ("not-found", "broken-link")
            self.problems[row.key] = "missing" if gone else "unreadable"
            return None
        if sha256 != row.sha256:
            self.problems[row.key] = "changed"
            return None
        return content


def recorded_rows(run: Run) -> tuple[ManifestRow, ...]:
    """Return every film that a file of a run records: its own, its members', and those of its
    external tests; each once.

    Raises:
        RunError: if a manifest cannot be read.
    """
    return _each_once([*_own_rows(run), *_rows_of_external_tests(run)])


def own_rows(run: Run) -> tuple[ManifestRow, ...]:
    """Return every film that a run and its members were made of, each once.

    Raises:
        RunError: if a manifest cannot be read.
    """
    return _each_once(list(_own_rows(run)))


def _own_rows(run: Run) -> Iterator[ManifestRow]:
    yield from run.manifest
    for member in run.members:
        yield from _own_rows(member)


def _rows_of_external_tests(run: Run) -> Iterator[ManifestRow]:
    for member in run.members:
        yield from _rows_of_external_tests(member)
    for name in run.external_names():
        yield from external_rows(run.external_dir / name)


def _each_once(rows: Sequence[ManifestRow]) -> tuple[ManifestRow, ...]:
    return tuple({row.key: row for row in reversed(rows)}.values())[::-1]


def external_rows(folder: Path) -> tuple[ManifestRow, ...]:
    """Return what identifies the films of an external test; nothing for one that was made before
    that was kept.

    Raises:
        RunError: if its manifest cannot be read.
    """
    file = folder / "manifest.csv"
    return read_manifest(file) if file.is_file() else ()


def places_of(run: Run) -> tuple[str, ...]:
    """Return the DATA that a run read, as far as its record says.

    Raises:
        RunError: if its record cannot be read.
    """
    environment = run.environment
    return environment.data or tuple(filter(None, environment.sources.values()))


def locate_films(
    rows: Sequence[ManifestRow], data: Sequence[str | Path], labels: LabelsSection
) -> RecordedFilms:
    """Return the films of DATA that the rows of a manifest mean.

    A film is known by its source and path; where DATA bears another name, by its path alone if
    only one film has that; else by its sha256.

    Args:
        rows: of one or several manifests.
        data: folders, manifests or archives.
        labels: how the recipe reads them.
    """
    found, notes = _opened(data, labels)
    by_key = {record.key: record for record in found}
    by_path: dict[str, list[Record]] = {}
    for record in found:
        by_path.setdefault(record.path, []).append(record)
    records: dict[str, Record] = {}
    for row in rows:
        alike = by_path.get(row.path, ())
        taken = by_key.get(row.key) or (alike[0] if len(alike) == 1 else None)
        if taken is not None:
            records[row.key] = taken
    lost = [row for row in rows if row.key not in records]
    if lost:
        used = {id(record) for record in records.values()}
        by_digest = _by_digest([record for record in found if id(record) not in used])
        records |= {row.key: by_digest[row.sha256] for row in lost if row.sha256 in by_digest}
    return RecordedFilms(records, notes)


def packed_films(rows: Sequence[ManifestRow], folder: Path) -> RecordedFilms:
    """Return the films that a package brings along, each under its sha256.

    Args:
        rows: of one or several manifests.
        folder: of the films; it may be absent.
    """
    files = {row.key: folder / row.sha256 for row in rows if (folder / row.sha256).is_file()}
    return RecordedFilms(
        {
            row.key: Record(path=row.path, source=row.source, file=files[row.key])
            for row in rows
            if row.key in files
        }
    )


def _opened(
    data: Sequence[str | Path], labels: LabelsSection
) -> tuple[list[Record], tuple[str, ...]]:
    """Return the films of every DATA that can be opened, together if that works, since their
    names depend on one another, and why the others cannot."""
    there = [one for one in data if is_there(Path(one))]
    notes = [f"{one} is not there" for one in data if one not in there]
    # What patients are called is not looked at, so that no key of the user's is needed or made.
    key = PatientKey(secrets.token_bytes(32))
    if there:
        with suppress(DatasetError):
            return list(open_dataset(there, labels=labels, patient_key=key).records), tuple(notes)
    found: list[Record] = []
    for one in there:
        try:
            found += open_dataset([one], patient_key=key).records
        except DatasetError as error:
            notes.append(str(error))
    return found, tuple(notes)


def _by_digest(records: Sequence[Record]) -> dict[str, Record]:
    """Return sha256 -> film; every one that can be read is read."""
    found = {}
    for record in records:
        with suppress(ImageError):
            if not is_medmnist_film(record.file):
                found[sha256_bytes(read_film_bytes(record.file))] = record
    return found
