"""What every data layout must do; a new one needs a factory here to be tested."""

import pytest

from carina.data import open_dataset
from carina.data.found import ReadOptions
from carina.data.sources import SOURCES
from carina.imaging.read import read_radiograph
from making.datasets import (
    TEST_KEY,
    write_class_folders,
    write_covid_chestxray,
    write_film,
    write_manifest_csv,
    write_medmnist,
)


def class_folders(root):
    return write_class_folders(root / "d", {"train/A": 2, "train/B": 1, "test/A": 1, "test/B": 1})


def nih(root):
    for number in range(4):
        write_film(root / "d" / "AB"[number % 2] / f"0000000{number // 2}_00{number}.png", number)
    return root / "d"


def kermany(root):
    write_film(root / "d" / "PNEUMONIA" / "person1_virus_6.png", 1)
    write_film(root / "d" / "PNEUMONIA" / "person1_bacteria_2.png", 2)
    write_film(root / "d" / "NORMAL" / "IM-0115-0001.png", 3)
    return root / "d"


def csv(root):
    write_film(root / "a.png", 1)
    write_film(root / "b.png", 2)
    rows = [
        {"path": "a.png", "label": "A", "patient": "12"},
        {"path": "b.png", "label": "B", "patient": "13"},
    ]
    return write_manifest_csv(root / "d.csv", rows)


def covid_chestxray(root):
    rows = [{"filename": "a.png"}, {"filename": "b.png", "finding": "No Finding"}]
    return write_covid_chestxray(root / "d", rows)


def medmnist(root):
    return write_medmnist(root / "pneumoniamnist.npz")


FACTORIES = {
    "class-folders": class_folders,
    "nih": nih,
    "kermany": kermany,
    "csv": csv,
    "covid-chestxray": covid_chestxray,
    "medmnist": medmnist,
}

every_layout = pytest.mark.parametrize("name", SOURCES.names())


def test_no_two_layouts_have_the_same_precedence():
    precedences = [SOURCES.get(name).precedence for name in SOURCES.names()]
    assert len(set(precedences)) == len(precedences)


@every_layout
def test_a_layout_is_opened_as_itself(name, tmp_path):
    dataset = open_dataset([FACTORIES[name](tmp_path)], patient_key=TEST_KEY)
    assert dataset.sources[0].layout == name


@every_layout
def test_a_layout_recognises_nothing_of_a_lone_film(name, tmp_path):
    assert not SOURCES.get(name).recognises(write_film(tmp_path / "a.png", 1))


@every_layout
def test_films_are_labelled_and_can_be_read(name, tmp_path):
    found = SOURCES.get(name).read(FACTORIES[name](tmp_path), ReadOptions())
    assert found.layout == name
    assert len({film.label for film in found.films}) == 2
    for film in found.films:
        assert read_radiograph(film.file).height > 0


@every_layout
def test_paths_are_relative_posix_and_unique(name, tmp_path):
    films = SOURCES.get(name).read(FACTORIES[name](tmp_path), ReadOptions()).films
    paths = [film.path for film in films]
    assert len(set(paths)) == len(paths)
    assert not any(path.startswith("/") or "\\" in path for path in paths)
    assert not any(str(tmp_path) in path for path in paths)


@every_layout
def test_reading_twice_finds_the_same(name, tmp_path):
    path = FACTORIES[name](tmp_path)
    layout = SOURCES.get(name)
    assert layout.read(path, ReadOptions()) == layout.read(path, ReadOptions())


@every_layout
def test_the_patients_sentence_fits_the_films(name, tmp_path):
    found = SOURCES.get(name).read(FACTORIES[name](tmp_path), ReadOptions())
    has_patients = any(film.patient is not None for film in found.films)
    assert (found.patients != "unknown") == has_patients


@every_layout
def test_no_patient_number_is_shown(name, tmp_path):
    found = SOURCES.get(name).read(FACTORIES[name](tmp_path), ReadOptions())
    for film in found.films:
        if film.patient is not None:
            assert repr(film.patient) == f"PatientNumber(namespace={film.patient.namespace!r})"
