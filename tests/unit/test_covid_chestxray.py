from collections import Counter

import pytest

from carina.data import open_dataset
from carina.domain.recipe import LabelsSection
from carina.errors import DatasetError
from making.datasets import TEST_KEY, write_covid_chestxray
from making.real_films import REAL_FILMS, needs_real_films

ROWS = [
    {"filename": "a.png", "patientid": "1", "age": "61", "sex": "F", "offset": "3"},
    {"filename": "b.png", "patientid": "1", "view": "AP Supine", "license": "CC BY-NC-SA"},
    {"filename": "c.png", "patientid": "2", "finding": "Pneumonia/Viral/SARS", "view": "AP"},
    {"filename": "d.png", "patientid": "3", "finding": "No Finding", "view": "L"},
    {"filename": "e.png", "patientid": "4", "finding": "No Finding", "sex": "", "age": ""},
    {"filename": "f.png", "patientid": "5", "finding": "Tuberculosis", "view": "AP Erect"},
    {"filename": "g.png", "patientid": "6", "finding": "todo"},
    {"filename": "h.png", "patientid": "7", "modality": "CT", "view": "Axial"},
    {"filename": "i.png", "patientid": "8", "absent": "yes"},
]


@pytest.fixture
def folder(tmp_path):
    return write_covid_chestxray(tmp_path / "covid", ROWS, masks=1)


def opened(path, **labels):
    return open_dataset([path], labels=LabelsSection(**labels), patient_key=TEST_KEY)


def test_findings_become_classes_by_the_documented_table(folder):
    dataset = opened(folder)
    assert dataset.counts()["all"] == {
        "COVID-19": 2,
        "Normal": 1,
        "Pneumonia": 1,
        "Tuberculosis": 1,
    }
    assert "1 film with the finding 'Pneumonia/Viral/SARS' taken as 'Pneumonia'" in dataset.notes


def test_what_is_not_frontal_or_not_there_is_counted(folder):
    assert {(x.what, x.n_images) for x in opened(folder).left_out} == {
        ("modality CT", 1),
        ("view L", 1),
        ("rows of metadata.csv", 1),
        ("label todo", 1),
    }


def test_metadata_reaches_the_record(folder):
    first, second = opened(folder).records[:2]
    assert (first.sex, first.age_years, first.date_offset_days) == ("F", 61.0, 3.0)
    assert (first.view, second.view) == ("PA", "AP Supine")
    assert first.patient == second.patient == TEST_KEY.hash("covid-chestxray", "1")
    assert (first.lung_mask, second.lung_mask) == ("lung-masks/a.png", None)


@pytest.mark.parametrize("age", ["nan", "inf", "-1", "900", "old"])
def test_an_age_that_cannot_be_is_unknown_and_counted(tmp_path, age):
    rows = [{"filename": "a.png", "age": age, "offset": ""}, {"filename": "b.png"}]
    dataset = opened(write_covid_chestxray(tmp_path / "covid", rows))
    assert [record.age_years for record in dataset.records] == [None, 50.0]
    assert [note for note in dataset.notes if "column" in note] == [
        "1 cell of the column 'age' of metadata.csv taken as unknown, being unreadable"
    ]


def test_an_offset_is_a_finite_number_of_days(tmp_path):
    rows = [{"filename": "a.png", "offset": "-inf"}, {"filename": "b.png", "offset": "-3"}]
    dataset = opened(write_covid_chestxray(tmp_path / "covid", rows))
    assert [record.date_offset_days for record in dataset.records] == [None, -3.0]
    assert any("column 'offset'" in note for note in dataset.notes)


def test_a_finding_that_the_recipe_names_goes_before_the_table(folder):
    dataset = opened(folder, merge={"SARS": ("Pneumonia/Viral/SARS",)}, drop=("Tuberculosis",))
    assert dataset.labels.names == ("COVID-19", "Normal", "SARS")
    assert ("Tuberculosis", 1) in {(x.what, x.n_images) for x in dataset.left_out}


def test_a_film_under_two_patients_is_one_record_and_joins_them(tmp_path):
    rows = [
        {"filename": "a.png", "patientid": "12"},
        {"filename": "b.png", "patientid": "9"},
        {"filename": "b.png", "patientid": "12"},
        {"filename": "c.png", "patientid": "10"},
    ]
    dataset = opened(write_covid_chestxray(tmp_path / "covid", rows))
    patients = {record.path: record.patient for record in dataset.records}
    assert len(patients) == len(dataset.records) == 3
    assert patients["images/a.png"] == patients["images/b.png"] != patients["images/c.png"]
    assert any("b.png stands under 2 patients" in note for note in dataset.notes)


def test_a_film_under_two_classes_is_left_out(tmp_path):
    rows = [
        {"filename": "a.png"},
        {"filename": "b.png"},
        {"filename": "b.png", "finding": "No Finding"},
    ]
    dataset = opened(write_covid_chestxray(tmp_path / "covid", rows))
    assert [record.path for record in dataset.records] == ["images/a.png"]
    assert [(x.what, x.n_images) for x in dataset.left_out] == [("images/b.png", 1)]


def test_licences_are_counted_film_by_film(folder):
    (source,) = opened(folder).sources
    assert source.licence == "per image: CC BY 4.0 (5), CC BY-NC-SA (1)"


def test_a_table_without_films_is_refused(tmp_path):
    rows = [{"filename": "a.png", "absent": "yes"}]
    with pytest.raises(DatasetError, match="no frontal film"):
        opened(write_covid_chestxray(tmp_path / "covid", rows))


@needs_real_films
def test_the_real_folder_has_425_films_of_426_rows():
    dataset = opened(REAL_FILMS / "ieee8023")
    assert dataset.counts()["all"] == {
        "COVID-19": 308,
        "Normal": 8,
        "Pneumonia": 102,
        "Tuberculosis": 6,
    }
    assert [(x.what, x.n_images) for x in dataset.left_out] == [("label todo", 1)]
    assert "000003-4.jpg stands under 2 patients" in dataset.notes[0]
    # 254 numbers, of which two share a film; the film marked todo was its patient's only one
    # or not, which decides the rest.
    assert len({record.patient for record in dataset.records}) in (252, 253)
    assert sum(record.lung_mask is not None for record in dataset.records) in (268, 269)


@needs_real_films
def test_every_real_layout_opens_with_its_counts():
    names = ["covid-dataset", "covid19-image-dataset", "ieee8023", "kermany", "nih"]
    dataset = open_dataset([REAL_FILMS / name for name in names], patient_key=TEST_KEY)
    assert Counter(record.source for record in dataset.records) == {
        "covid-dataset": 346,
        "covid19-image-dataset": 317,
        "ieee8023": 424,
        "kermany": 979,
        "nih": 497,
    }
    assert {source.name: source.patients for source in dataset.sources} == {
        "covid-dataset": "file names (191 of 346 films)",
        "covid19-image-dataset": "unknown",
        "ieee8023": "metadata.csv",
        "kermany": "unknown",
        "nih": "file names",
    }
    nih = {record.patient for record in dataset.records if record.source == "nih"}
    assert len(nih) == 341
    assert ("covid-dataset/Prediction/", 23) in {(x.what, x.n_images) for x in dataset.left_out}
