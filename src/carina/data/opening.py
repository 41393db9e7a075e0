"""DATA -> Dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

from carina.data.dicom_patients import with_dicom_patients
from carina.data.fetched import read_fetched
from carina.data.folders import is_litter, left_by_systems
from carina.data.found import Found, FoundFilm, ReadOptions
from carina.data.labels import LabelDecision, decide_labels, names_in, spelling_key
from carina.data.patients import PatientKey
from carina.data.sources import SOURCES
from carina.domain.dataset import Dataset, LeftOut, Source
from carina.domain.recipe import LabelsSection
from carina.domain.record import Record
from carina.domain.sentences import counted
from carina.errors import DatasetError
from carina.files.names import on_disk, one_line, printable
from carina.files.tree import (
    archive_folder,
    is_archive,
    is_file,
    is_folder,
    is_there,
    list_folder,
    split_archived,
)
from carina.registry import nearest

_AS_FOUND = LabelsSection()


def open_dataset(
    sources: Sequence[Path | str],
    *,
    labels: LabelsSection = _AS_FOUND,
    patient_key: PatientKey,
) -> Dataset:
    """Return the films of one or several DATA as one data set; no film is decoded.

    DICOM files are asked for the patient, sex and age where nothing else says them
    (`data.dicom_patients`).

    Args:
        sources: folders, CSV manifests, `.zip`, `.tar` and `.npz` files, or what lies in an
            archive (`x.zip!/films`); each becomes a named source.
        labels: the recipe's section on classes.
        patient_key: the key that hashes patient numbers, at once and for good.

    Raises:
        DatasetError: if a DATA is not there, holds nothing usable or contradicts itself, or
            the labels do not fit the section.
    """
    paths = _existing(sources)
    found = [with_dicom_patients(_in_harmless_words(_read(path, labels))) for path in paths]
    names = _distinct([_name_of(path) for path in paths])
    read_as = [_labels_read_by_layout(one, labels) for one in found]
    decision = _decide(found, read_as, labels)
    hospitals_taken: set[str] = set(names)
    records: list[Record] = []
    for one, label_of, name in zip(found, read_as, names, strict=True):
        source_of = _record_sources(one, name, hospitals_taken, first=not records)
        for film in one.films:
            label = label_of.get(film.label or "")
            final = decision.class_of[label] if label is not None else None
            if film.label is None or final is not None:
                records.append(_record(film, source_of[film.hospital], final, patient_key))
    _require_own_names(records)
    return Dataset(
        records=tuple(records),
        labels=decision.labels,
        sources=tuple(
            _source(name, path, one) for name, path, one in zip(names, paths, found, strict=True)
        ),
        left_out=(*_left_out(found, read_as, names), *decision.left_out),
        notes=tuple(
            map(one_line, (*_notes(found, read_as, names), *decision.notes, *_unlabelled(records)))
        ),
        patient_key_fingerprint=patient_key.fingerprint,
    )


def _source(name: str, path: Path, found: Found) -> Source:
    """Return a source with the terms that its films state, or else the folder's SOURCE.json."""
    fetched = read_fetched(_places(path)[-1])
    return Source(
        name=name,
        folder=str(path.resolve()),
        layout=found.layout,
        patients=found.patients,
        licence=found.licence or (fetched.licence if fetched else ""),
        citation=found.citation or (fetched.citation if fetched else ""),
    )


def _existing(sources: Sequence[Path | str]) -> list[Path]:
    if not sources:
        raise DatasetError(
            "no DATA was given; name a folder, a .zip or .tar file, a CSV manifest or a .npz file"
        )
    paths = [on_disk(str(source)) for source in sources]
    for path in paths:
        if not is_there(path) and split_archived(path) is None:
            raise DatasetError(_not_there(path))
    seen: dict[Path, Path] = {}
    for path in paths:
        if path.resolve() in seen:
            raise DatasetError(f"{path} is given twice (as {seen[path.resolve()]}); name it once")
        seen[path.resolve()] = path
    return paths


def _not_there(path: Path) -> str:
    parent = path.parent
    if not parent.is_dir():
        return f"{path} does not exist, and neither does the folder {parent}; check the path"
    near = nearest(path.name, sorted(entry.name for entry in parent.iterdir()))
    hint = f"; did you mean {' or '.join(str(parent / name) for name in near)}?" if near else ""
    return f"{path} does not exist{hint or '; check the path'}"


def _read(path: Path, labels: LabelsSection) -> Found:
    layouts = sorted(map(SOURCES.get, SOURCES.names()), key=lambda layout: layout.precedence)
    places = _places(path)
    for layout, place in product(layouts, places):
        if layout.recognises(place):
            found = layout.read(place, ReadOptions(label_column=labels.column))
            return replace(found, notes=(*found.notes, *_notes_on_litter(place)))
    raise DatasetError(
        f"{path} is no data set that Carina knows ({', '.join(SOURCES.names())}); expected a "
        "folder of class folders or a .zip or .tar file of one, a CSV manifest with the columns "
        "path and label, or a MedMNIST .npz file"
    )


def _places(path: Path) -> list[Path]:
    """Return where the data may lie: of an archive what it holds, too what its one folder holds.

    Raises:
        DatasetError: if it is an archive that is refused, or does not hold what is named.
    """
    if split_archived(path) is None and not is_archive(path):
        return [path]
    whole = archive_folder(path, error=DatasetError)
    if not is_there(whole):
        raise DatasetError(f"{path} does not exist in the archive; check the path")
    if not is_folder(whole):
        return [whole]
    kept = [entry for entry in list_folder(whole) if not is_litter(entry.name)]
    one = kept[0].name if len(kept) == 1 and kept[0].is_dir() else None
    return [whole, whole / one] if one else [whole]


def _notes_on_litter(place: Path) -> tuple[str, ...]:
    left = left_by_systems(place)
    if not left:
        return ()
    what = ", ".join(f"{name} {n}" for name, n in left.most_common(5))
    return (f"{counted(left.total(), 'file')} that operating systems left passed over ({what})",)


def _in_harmless_words(found: Found) -> Found:
    """Return the same films with labels, hospitals and views that are harmless wherever shown."""
    words = {word for film in found.films for word in (film.label, film.hospital, film.view)}
    if all(word is None or printable(word) == word for word in words):
        return found
    shown = {word: None if word is None else printable(word) for word in words}
    films = (
        replace(film, label=shown[film.label], hospital=shown[film.hospital], view=shown[film.view])
        for film in found.films
    )
    table = {printable(label): meaning for label, meaning in found.label_table.items()}
    return replace(found, films=tuple(films), label_table=table)


def _require_own_names(records: Sequence[Record]) -> None:
    """Refuse two films whose names become one when what is not harmless is written out."""
    seen: set[str] = set()
    for record in records:
        if record.key in seen:
            raise DatasetError(
                f"two films are called {record.key} once the signs that cannot be shown are "
                "written out (a line end as \\n, a byte that is no UTF-8 as \\xf6); rename one of "
                "them"
            )
        seen.add(record.key)


def _labels_read_by_layout(found: Found, section: LabelsSection) -> dict[str, str | None]:
    """Return label as found -> label to decide on, or None where the layout leaves it out."""
    named = names_in(section)
    return {
        label: label if spelling_key(label) in named else found.label_table.get(label, label)
        for label in {film.label for film in found.films if film.label is not None}
    }


def _decide(
    found: Sequence[Found], read_as: Sequence[dict[str, str | None]], section: LabelsSection
) -> LabelDecision:
    counts: Counter[str] = Counter()
    for one, label_of in zip(found, read_as, strict=True):
        for film in one.films:
            label = label_of.get(film.label or "")
            if label is not None:
                counts[label] += 1
    return decide_labels(counts, section)


def _record(film: FoundFilm, source: str, label: str | None, key: PatientKey) -> Record:
    patient = film.patient
    return Record(
        path=printable(film.path),
        source=source,
        file=film.file,
        label=label,
        patient=key.hash(patient.namespace, patient.number) if patient else None,
        part=film.part,
        view=film.view,
        sex=film.sex,
        age_years=film.age_years,
        date_offset_days=film.date_offset_days,
        lung_mask=film.lung_mask,
    )


def _name_of(path: Path) -> str:
    resolved = path.resolve()
    if (inside := split_archived(path)) is not None and not inside[1]:
        resolved = Path(inside[0])
    return printable(resolved.stem if is_file(resolved) else resolved.name) or "data"


def _distinct(names: Iterable[str]) -> list[str]:
    """Return the names, with a number behind those that came before."""
    taken: set[str] = set()
    distinct = []
    for name in names:
        choice, number = name, 2
        while choice in taken:
            choice, number = f"{name}-{number}", number + 1
        taken.add(choice)
        distinct.append(choice)
    return distinct


def _record_sources(
    found: Found, name: str, taken: set[str], *, first: bool
) -> dict[str | None, str]:
    """Return hospital named by a row -> `Record.source`.

    The same hospital in two DATA gets two names where its paths could collide: keys
    (`source/path`) are unique within a data set.
    """
    hospitals = sorted({film.hospital for film in found.films if film.hospital is not None})
    source_of: dict[str | None, str] = {None: name}
    for hospital in hospitals:
        choice = hospital if first or hospital not in taken else f"{name}:{hospital}"
        source_of[hospital] = choice
        taken.add(choice)
    return source_of


def _left_out(
    found: Sequence[Found], read_as: Sequence[dict[str, str | None]], names: Sequence[str]
) -> list[LeftOut]:
    left_out = []
    for one, label_of, name in zip(found, read_as, names, strict=True):
        own = list(one.left_out)
        for label in sorted(label for label, meaning in label_of.items() if meaning is None):
            n_images = sum(film.label == label for film in one.films)
            own.append(LeftOut(f"label {label}", n_images, "the label says nothing"))
        left_out += [
            LeftOut(one_line(_in_source(item.what, name, names)), item.n_images, item.reason)
            for item in own
        ]
    return left_out


def _notes(
    found: Sequence[Found], read_as: Sequence[dict[str, str | None]], names: Sequence[str]
) -> list[str]:
    notes = []
    for one, label_of, name in zip(found, read_as, names, strict=True):
        own = list(one.notes)
        counts = Counter(film.label for film in one.films if film.label is not None)
        for label, n_images in sorted(counts.items()):
            meaning = label_of[label]
            if meaning is not None and meaning != label:
                found_as = f"{counted(n_images, 'film')} with the finding '{label}'"
                own.append(f"{found_as} taken as '{meaning}'")
        notes += [_in_source(note, name, names, mark=": ") for note in own]
    return notes


def _unlabelled(records: Sequence[Record]) -> list[str]:
    n_unlabelled = sum(record.label is None for record in records)
    return [f"{counted(n_unlabelled, 'film')} without a label"] if n_unlabelled else []


def _in_source(text: str, name: str, names: Sequence[str], *, mark: str = "/") -> str:
    return text if len(names) == 1 else f"{name}{mark}{text}"
