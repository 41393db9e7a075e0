"""The films of a run that is repeated are those of its record, byte for byte."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from carina.data import open_dataset
from carina.data.manifest import ManifestRow
from carina.data.patients import PatientKey
from carina.domain.progress import silent
from carina.errors import RunError
from carina.workflows.reproducing.recorded_data import RecordedData

FILMS = ("Normal/a.png", "Normal/b.png", "COVID/c.png", "COVID/d.png")
KEY = PatientKey(b"another key than the recorded")


@pytest.fixture
def films(tmp_path):
    folder = tmp_path / "films"
    for name in FILMS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(f"the bytes of {name}".encode())
    return folder


def row(name):
    return ManifestRow(
        path=name,
        sha256=hashlib.sha256(f"the bytes of {name}".encode()).hexdigest(),
        label=name.partition("/")[0],
        patient=f"hash of {name}",
        source="films",
        split="train",
        duplicate_group=None,
        view="PA",
        sex=None,
        age_years=50.0,
    )


RECORD = RecordedData({f"films/{n}": row(n) for n in FILMS}, ("films",), "recorded-key")


def applied(folder, record=RECORD):
    return record.applied(open_dataset([folder], patient_key=KEY), silent)


def as_told(dataset):
    return {
        (r.key, r.label, r.patient, r.view, r.age_years): r.file.read_bytes()
        for r in dataset.records
    }


WANTED = {
    (f"films/{n}", n.partition("/")[0], f"hash of {n}", "PA", 50.0): f"the bytes of {n}".encode()
    for n in FILMS
}


def test_films_get_what_the_record_says_of_them_and_no_key_is_needed(films):
    dataset = applied(films)
    assert as_told(dataset) == WANTED
    assert dataset.patient_key_fingerprint == "recorded-key"


def test_a_moved_folder_and_renamed_or_swapped_films_are_the_same_films(films):
    moved = films.rename(films.parent / "elsewhere")
    (moved / "Normal/a.png").rename(moved / "Normal/new name.png")
    (moved / "COVID/c.png").rename(moved / "COVID/x.png")
    (moved / "COVID/d.png").rename(moved / "COVID/c.png")
    (moved / "COVID/x.png").rename(moved / "COVID/d.png")
    dataset = applied(moved)
    assert as_told(dataset) == WANTED
    assert [source.name for source in dataset.sources] == ["films"]


def test_of_films_with_the_same_bytes_each_is_taken_once_and_by_its_class(films):
    for name in ("Normal/b.png", "COVID/d.png"):
        (films / name).write_bytes(b"the bytes of Normal/a.png")
    same = row("Normal/a.png")
    rows = {
        **RECORD.rows,
        "films/Normal/b.png": replace(same, path="Normal/b.png"),
        "films/COVID/d.png": replace(same, path="COVID/d.png", label="COVID"),
    }
    (films / "Normal/a.png").rename(films / "Normal/z.png")
    dataset = applied(films, replace(RECORD, rows=rows))
    assert {record.key for record in dataset.records} == set(rows)
    assert {r.key: r.label for r in dataset.records} == {k: v.label for k, v in rows.items()}


def test_films_that_are_missing_changed_or_of_another_class_are_refused_by_name(films):
    (films / "Normal/a.png").write_bytes(b"other bytes")
    (films / "Normal/b.png").unlink()
    (films / "COVID/c.png").rename(films / "Normal/c.png")
    with pytest.raises(RunError) as refused:
        applied(films)
    told = str(refused.value)
    assert "1 film missing: films/Normal/b.png" in told
    assert "1 film not what was recorded: films/Normal/a.png" in told
    assert "1 film of another class: films/COVID/c.png (COVID recorded, Normal here)" in told
    assert "carina reproduce RUN DATA" in told
    assert str(Path(films).parent) not in told
