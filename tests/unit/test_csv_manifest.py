import os
from pathlib import Path

import pytest

from carina.data import open_dataset
from carina.domain.recipe import LabelsSection
from carina.errors import DatasetError
from making.datasets import (
    TEST_KEY,
    write_class_folders,
    write_film,
    write_manifest_csv,
    write_medmnist,
)


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
    with pytest.raises(DatasetError, match="unknown name: line 3;"):
        opened(path)


def test_unknown_columns_and_unreadable_cells_are_noted(films):
    path = write_manifest_csv(
        films / "m.csv", [row(0, age="old", Größe="3"), row(1, "B", age="900", Größe="")]
    )
    dataset = opened(path)
    assert dataset.notes == (
        "columns that were not used: Größe",
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


def test_backslashes_and_slashes_name_the_same_films(films):
    names = ["films\\film000.png", ".\\films\\..\\films\\film001.png", "./films//film002.png"]
    rows = [{"path": name, "label": "A"} for name in names]
    records = opened(write_manifest_csv(films / "m.csv", rows)).records
    assert [record.path for record in records] == [f"films/film00{n}.png" for n in range(3)]
    assert all(record.file.is_file() for record in records)


@pytest.mark.skipif(os.sep == "\\", reason="no file name holds a backslash there")
def test_a_backslash_in_a_file_s_own_name_is_kept(tmp_path):
    write_film(tmp_path / "a\\b.png", 0)
    (record,) = opened(
        write_manifest_csv(tmp_path / "m.csv", [{"path": "a\\b.png", "label": "A"}])
    ).records
    assert (record.path, record.file) == ("a\\b.png", tmp_path / "a\\b.png")


@pytest.mark.parametrize("given", ["films-a/m.csv", "link/m.csv"])
@pytest.mark.parametrize("is_relative", [True, False])
def test_an_absolute_path_inside_the_manifest_s_folder_becomes_relative(
    tmp_path, monkeypatch, given, is_relative
):
    folder = write_class_folders(tmp_path / "films-a", {"films": 2})
    rows = [{"path": str(folder / "films" / "film000.png"), "label": "A"}, row(1), row(0)]
    write_manifest_csv(folder / "m.csv", rows)
    (tmp_path / "link").symlink_to(folder, target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    dataset = opened(Path(given) if is_relative else tmp_path / given)
    assert [record.path for record in dataset.records] == [row(0)["path"], row(1)["path"]]


def test_a_row_may_go_by_a_link_to_the_manifest_s_folder(tmp_path):
    films = write_class_folders(tmp_path / "films-a", {"films": 1})
    (tmp_path / "link").symlink_to(films, target_is_directory=True)
    linked = tmp_path / "link" / "films" / "film000.png"
    path = write_manifest_csv(films / "m.csv", [{"path": str(linked), "label": "A"}])
    assert [record.path for record in opened(path).records] == ["films/film000.png"]


def test_films_that_lie_on_another_disk_behind_a_link_are_inside(tmp_path):
    disk = write_class_folders(tmp_path / "disk", {"films": 1})
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "films").symlink_to(disk / "films", target_is_directory=True)
    (tmp_path / "link").symlink_to(folder, target_is_directory=True)
    rows = [{"path": str(folder / "films" / "film000.png"), "label": "A"}]
    write_manifest_csv(folder / "m.csv", rows)
    for given in (folder, tmp_path / "link"):
        assert [film.path for film in opened(given / "m.csv").records] == ["films/film000.png"]


def test_of_films_elsewhere_only_the_last_names_are_kept(tmp_path):
    away = tmp_path / "home" / "anna"
    names = ["one/ward/a.png", "two/ward/a.png", "two/ward/b.png", "two/ward/c.png"]
    outside = [write_film(away / name, number) for number, name in enumerate(names)]
    write_film(tmp_path / "data" / "c.png", 9)
    rows = [{"path": str(film), "label": "A"} for film in [*outside, outside[2]]]
    rows.append({"path": "c.png", "label": "A"})
    dataset = opened(write_manifest_csv(tmp_path / "data" / "m.csv", rows))
    assert {record.path: record.file for record in dataset.records} == {
        "one/ward/a.png": outside[0],
        "two/ward/a.png": outside[1],
        "b.png": outside[2],
        "ward/c.png": outside[3],
        "c.png": tmp_path / "data" / "c.png",
    }


def test_a_member_of_an_archive_elsewhere_keeps_the_archive_s_name(tmp_path):
    archive = write_medmnist(tmp_path / "away" / "m.npz")
    rows = [{"path": f"{archive}!/train_images/{n}", "label": "A"} for n in range(2)]
    records = opened(write_manifest_csv(tmp_path / "data" / "m.csv", rows)).records
    assert [record.path for record in records] == [f"m.npz!/train_images/{n}" for n in range(2)]


def test_blank_rows_are_no_films_and_lines_are_counted_with_them(films):
    text = "\ufeffpath,label\n\n , \n,,,\nfilms/film000.png,A\nfilms/film099.png,A\n"
    (films / "m.csv").write_text(text, encoding="utf-8")
    found = opened(films / "m.csv")
    assert "1 film not there: line 6: films/film099.png" in found.notes
    assert len(found.records) == 2
    (films / "m.csv").write_text(text.replace("099", "001"), encoding="utf-8")
    assert len(opened(films / "m.csv").records) == 2


def test_a_manifest_of_a_medmnist_members_opens(tmp_path):
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
