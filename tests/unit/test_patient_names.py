import pytest

from carina.data import open_dataset
from carina.data.patient_names import patients_of_names
from making.datasets import TEST_KEY, write_class_folders, write_film


def numbers(*names):
    return [patient and (patient.namespace, patient.number) for patient in patients_of_names(names)]


def test_nih_names_tell_the_patient_before_the_underscore():
    assert numbers("a/00000150_002.jpg", "a/00000150_010.jpg") == [("nih", "00000150")] * 2


def test_a_few_names_like_nih_in_a_folder_of_others_tell_nothing():
    assert numbers("20200131_001.jpg", "scan.jpg", "other.jpg") == [None] * 3


def test_kermany_persons_are_numbered_by_kind():
    first, again, virus = numbers(
        "person1_bacteria_1.jpeg", "person1_bacteria_2.jpeg", "person1_virus_6.jpeg"
    )
    assert first == again == ("kermany", "bacteria-1")
    assert virus == ("kermany", "virus-1")


def test_kermany_normals_are_grouped_by_their_series():
    a, b, c = numbers("IM-0115-0001.jpeg", "NORMAL2-IM-0115-0001.jpeg", "IM-0115-0001-0002.jpeg")
    assert a == c == ("kermany", "IM-0115")
    assert b == ("kermany", "NORMAL2-IM-0115")


def test_days_of_one_illness_are_one_patient():
    assert numbers(
        "SARS-10.1148rg-Fig8a-day0.jpeg",
        "SARS-10.1148rg-Fig8b-day5.jpeg",
        "covid-19-pneumonia-58-day-10.jpg",
        "covid-19-pneumonia-12.jpg",
    ) == [
        ("case-report", "sars-10.1148rg-fig8"),
        ("case-report", "sars-10.1148rg-fig8"),
        ("case-report", "covid-19-pneumonia-58"),
        None,
    ]


def test_a_patients_number_is_not_shown():
    (patient,) = patients_of_names(["00000150_002.jpg"])
    assert "150" not in repr(patient)


@pytest.mark.parametrize(
    ("names", "layout", "patients"),
    [
        (["00000150_002", "00000151_000"], "nih", "file names"),
        (["person1_virus_6", "person2_bacteria_6"], "kermany", "file names"),
        (["IM-0115-0001", "12"], "class-folders", "file names (1 of 2 films)"),
        (["0", "1"], "class-folders", "unknown"),
    ],
)
def test_the_source_says_what_its_patients_rest_on(tmp_path, names, layout, patients):
    for number, name in enumerate(names):
        write_film(tmp_path / "d" / f"class {number}" / f"{name}.png", number)
    (source,) = open_dataset([tmp_path / "d"], patient_key=TEST_KEY).sources
    assert (source.layout, source.patients) == (layout, patients)


def test_the_same_public_film_in_two_folders_has_one_patient(tmp_path):
    for root in ("x", "y"):
        write_film(tmp_path / root / "Pneumonia" / "00000150_002.png", 1)
        write_film(tmp_path / root / "Normal" / "00000151_000.png", 2)
    dataset = open_dataset([tmp_path / "x", tmp_path / "y"], patient_key=TEST_KEY)
    assert len({record.patient for record in dataset.records}) == 2


def test_no_patient_number_stays_in_a_record(tmp_path):
    write_class_folders(tmp_path / "d", {"B": 1})
    write_film(tmp_path / "d" / "A" / "00000150_002.png", 1)
    dataset = open_dataset([tmp_path / "d"], patient_key=TEST_KEY)
    known = [record.patient for record in dataset.records if record.patient]
    assert len(known) == 1
    assert len(known[0]) == 16
    assert "150" not in known[0]
