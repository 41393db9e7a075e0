import pytest

from carina.data import open_dataset
from carina.domain.recipe import LabelsSection
from carina.errors import DatasetError
from making.datasets import TEST_KEY, write_class_folders, write_film, write_manifest_csv


@pytest.fixture
def films(tmp_path):
    return write_class_folders(tmp_path, {"films": 6})


def opened(path, **labels):
    return open_dataset([path], labels=LabelsSection(**labels), patient_key=TEST_KEY)


def row(number, label="A", **cells):
    return {"path": f"films/film{number:03d}.png", "label": label, **cells}


def test_every_known_column_reaches_the_record(films):
    cells = {"patient": "7", "split": "Training", "source": "Oslo", "view": "PA"}
    path = write_manifest_csv(
        films / "m.csv",
        [row(0, **cells, sex="Female", age="61.5"), row(1, "B", **cells, sex="", age="")],
    )
    dataset = opened(path)
    first, second = dataset.records
    assert (first.label, first.part, first.source, first.view) == ("A", "train", "Oslo", "PA")
    assert (first.sex, first.age_years) == ("F", 61.5)
    assert (second.sex, second.age_years) == (None, None)
    assert first.patient == second.patient
    assert dataset.sources[0].patients == "column 'patient'"
    assert first.patient != "7"


def test_column_names_count_without_case_and_spaces(films):
    path = write_manifest_csv(films / "m.csv", [{"Path": "films/film000.png", " LABEL ": "A"}])
    assert opened(path).records[0].label == "A"


def test_an_empty_label_is_a_film_without_one(films):
    dataset = opened(write_manifest_csv(films / "m.csv", [row(0), row(1, "")]))
    assert [record.label for record in dataset.records] == ["A", None]
    assert "1 film without a label" in dataset.notes


def test_the_label_column_can_be_named(films):
    path = write_manifest_csv(films / "m.csv", [{"path": "films/film000.png", "Diagnosis": "A"}])
    assert opened(path, column="diagnosis").records[0].label == "A"
    with pytest.raises(
        DatasetError, match=r"no column 'label' \(found: path, diagnosis\).*column="
    ):
        opened(path)


def test_a_manifest_without_paths_says_which_columns_it_has(films):
    path = write_manifest_csv(films / "m.csv", [{"file": "x", "label": "A"}])
    with pytest.raises(DatasetError, match=r"no column 'path' \(found: file, label\)"):
        opened(path)


def test_missing_films_are_listed_with_their_lines(films):
    rows = [row(0), *[row(number) for number in range(50, 58)]]
    with pytest.raises(
        DatasetError, match=r"8 films that are not there: line 3: .*050.png;.* 3 more"
    ):
        opened(write_manifest_csv(films / "m.csv", rows))


def test_an_unknown_split_is_an_error_with_its_line(films):
    path = write_manifest_csv(films / "m.csv", [row(0, split="train"), row(1, split="fold 3")])
    with pytest.raises(DatasetError, match="line 3: fold 3"):
        opened(path)


def test_unknown_columns_and_unreadable_cells_are_noted(films):
    path = write_manifest_csv(
        films / "m.csv", [row(0, age="old", ward="3"), row(1, "B", age="900", ward="")]
    )
    dataset = opened(path)
    assert dataset.notes == (
        "columns that were not used: ward",
        "2 cells of the column 'age' taken as unknown, being unreadable",
    )


def test_a_repeated_line_counts_once_and_a_contradiction_is_refused(films):
    dataset = opened(write_manifest_csv(films / "m.csv", [row(0), row(1, "B"), row(0)]))
    assert len(dataset.records) == 2
    assert "1 line passed over" in dataset.notes[0]
    with pytest.raises(DatasetError, match=r"film000.png on lines 2 and 4"):
        opened(write_manifest_csv(films / "m.csv", [row(0), row(1, "B"), row(0, "B")]))


def test_a_patient_of_two_manifests_is_one_patient(films):
    first = write_manifest_csv(films / "a.csv", [row(0, patient="1"), row(1, "B", patient="2")])
    second = write_manifest_csv(films / "b.csv", [row(2, patient="1"), row(3, "B", patient="4")])
    dataset = open_dataset([first, second], patient_key=TEST_KEY)
    assert len({record.patient for record in dataset.records}) == 3


def test_patients_of_two_named_hospitals_are_two(films):
    rows = [row(0, patient="1", source="Oslo"), row(1, "B", patient="1", source="Rome")]
    dataset = opened(write_manifest_csv(films / "m.csv", rows))
    assert len({record.patient for record in dataset.records}) == 2


def test_the_same_hospital_in_two_data_does_not_mix_up_films(tmp_path):
    for name in "ab":
        write_film(tmp_path / name / "f.png", ord(name))
        rows = [{"path": "f.png", "label": name, "source": "Oslo"}]
        write_manifest_csv(tmp_path / name / f"{name}.csv", rows)
    paths = [tmp_path / "a" / "a.csv", tmp_path / "b" / "b.csv"]
    dataset = open_dataset(paths, patient_key=TEST_KEY)
    assert [record.source for record in dataset.records] == ["Oslo", "b:Oslo"]


def test_public_names_tell_patients_where_no_column_does(tmp_path):
    write_film(tmp_path / "00000150_002.png", 1)
    path = write_manifest_csv(tmp_path / "m.csv", [{"path": "00000150_002.png", "label": "A"}])
    dataset = opened(path)
    assert dataset.records[0].patient == TEST_KEY.hash("nih", "00000150")
    assert dataset.sources[0].patients == "file names"


def test_an_absolute_path_is_used_as_it_stands(films, tmp_path):
    path = write_manifest_csv(
        tmp_path / "sub" / "m.csv", [{"path": str(films / "films" / "film000.png"), "label": "A"}]
    )
    assert opened(path).records[0].file == films / "films" / "film000.png"


def test_a_manifest_of_a_medmnist_members_opens(tmp_path):
    from making.datasets import write_medmnist

    write_medmnist(tmp_path / "m.npz")
    path = write_manifest_csv(tmp_path / "m.csv", [{"path": "m.npz!/train_images/1", "label": "A"}])
    assert opened(path).records[0].path == "m.npz!/train_images/1"


def test_a_row_of_another_length_is_refused_with_its_line(films):
    (films / "m.csv").write_text("path,label\nfilms/film000.png\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="line 2: 1 cells"):
        opened(films / "m.csv")


def test_an_empty_manifest_is_refused(films):
    (films / "m.csv").write_text("path,label\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="lists no film"):
        opened(films / "m.csv")
