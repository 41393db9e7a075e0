from collections import Counter

import pytest

from carina.data import open_dataset
from carina.errors import DatasetError
from making.datasets import TEST_KEY, write_class_folders, write_film


def opened(*paths, **options):
    return open_dataset(paths, patient_key=TEST_KEY, **options)


@pytest.mark.parametrize(
    ("train", "validation", "test"),
    [
        ("train", "val", "test"),
        ("Train", "Val", "Test"),
        ("TRAINING", "Validation", "Testing"),
        ("training_set", "valid", "test-set"),
        ("Train Data", "dev", "holdout"),
    ],
)
def test_parts_are_known_in_any_spelling(tmp_path, train, validation, test):
    tree = {f"{train}/A": 3, f"{train}/B": 2, f"{validation}/A": 1, f"{validation}/B": 1}
    dataset = opened(
        write_class_folders(tmp_path / "data", tree | {f"{test}/A": 1, f"{test}/B": 2})
    )
    assert dataset.counts() == {
        "train": {"A": 3, "B": 2},
        "validation": {"A": 1, "B": 1},
        "test": {"A": 1, "B": 2},
    }


@pytest.mark.parametrize("wrapper", ["", "Data/", "chest_xray/chest_xray/", "a/b/c/"])
def test_folders_that_only_wrap_are_passed_through(tmp_path, wrapper):
    tree = {f"{wrapper}train/COVID19": 2, f"{wrapper}train/NORMAL": 3, f"{wrapper}test/NORMAL": 1}
    dataset = opened(write_class_folders(tmp_path / "data", tree))
    assert dataset.counts()["train"] == {"COVID19": 2, "NORMAL": 3}
    assert dataset.counts()["test"] == {"COVID19": 0, "NORMAL": 1}


def test_a_part_that_is_wrapped_in_itself_is_one_part(tmp_path):
    tree = {"train/train/A": 2, "train/train/B": 2, "test/test/A": 1, "test/test/B": 1}
    dataset = opened(write_class_folders(tmp_path / "data", tree))
    assert dataset.counts() == {"train": {"A": 2, "B": 2}, "test": {"A": 1, "B": 1}}


def test_wrapped_classes_without_parts_are_found(tmp_path):
    dataset = opened(write_class_folders(tmp_path / "d", {"Data/Covid 19": 2, "Data/Normal": 1}))
    assert dataset.counts() == {"all": {"Covid 19": 2, "Normal": 1}}


def test_parts_below_the_classes_are_a_described_split(tmp_path):
    tree = {"A/train": 2, "A/test": 1, "B/train": 3, "B/test": 1}
    dataset = opened(write_class_folders(tmp_path / "data", tree))
    assert dataset.counts() == {"train": {"A": 2, "B": 3}, "test": {"A": 1, "B": 1}}


def test_the_litter_of_operating_systems_is_passed_over(tmp_path):
    root = write_class_folders(tmp_path / "data", {"A": 2, "B": 2, "__MACOSX/A": 2, ".git/A": 1})
    (root / ".DS_Store").write_bytes(b"x")
    (root / "A" / ".DS_Store").write_bytes(b"x")
    (root / "A" / "Thumbs.db").write_bytes(b"x")
    write_film(root / "A" / "._film000.png", 5)
    dataset = opened(root)
    assert len(dataset.records) == 4
    assert dataset.notes == ()


def test_films_in_folders_below_a_class_are_the_classes(tmp_path):
    dataset = opened(write_class_folders(tmp_path / "d", {"A/ward 1/x": 2, "A": 1, "B/images": 3}))
    assert dataset.counts() == {"all": {"A": 3, "B": 3}}


def test_a_single_class_of_nested_films_is_not_taken_for_a_wrapper(tmp_path):
    dataset = opened(write_class_folders(tmp_path / "d", {"COVID/images": 2, "COVID/masks": 2}))
    assert dataset.labels.names == ("COVID",)
    assert [(x.what, x.n_images, x.reason) for x in dataset.left_out] == [
        ("COVID/masks/", 2, "masks, not films")
    ]


def test_unlabelled_films_are_left_out_with_counts(tmp_path):
    root = write_class_folders(tmp_path / "d", {"Train/A": 2, "Train/B": 2, "Prediction": 3})
    write_film(root / "stray.png", 99)
    write_film(root / "Train" / "stray.png", 98)
    dataset = opened(root)
    assert len(dataset.records) == 4
    assert {x.what: x.n_images for x in dataset.left_out} == {
        "Prediction/": 3,
        "d/": 1,
        "Train/": 1,
    }
    assert all("no labels" in x.reason for x in dataset.left_out)


def test_a_nested_copy_beside_the_parts_is_left_out(tmp_path):
    tree = {"train/A": 2, "train/B": 2, "chest_xray/train/A": 2, "chest_xray/train/B": 2}
    dataset = opened(write_class_folders(tmp_path / "chest_xray", tree))
    assert len(dataset.records) == 4
    assert [(x.what, x.n_images) for x in dataset.left_out] == [("chest_xray/", 4)]


def test_an_unlabelled_folder_beside_classes_is_left_out(tmp_path):
    dataset = opened(write_class_folders(tmp_path / "d", {"A": 2, "B": 2, "Unlabelled": 5}))
    assert dataset.labels.names == ("A", "B")
    assert [x.n_images for x in dataset.left_out] == [5]


def test_files_that_are_no_films_are_counted(tmp_path):
    root = write_class_folders(tmp_path / "d", {"A": 1, "B": 1})
    (root / "A" / "notes.txt").write_text("x")
    (root / "readme.md").write_text("x")
    assert opened(root).notes == ("2 files passed over, being no films (.md 1, .txt 1)",)


def test_class_names_that_differ_in_case_or_spaces_are_one_class(tmp_path):
    tree = {
        "train/Viral Pneumonia": 3,
        "train/Normal": 3,
        "test/viral_pneumonia": 1,
        "test/NORMAL": 1,
    }
    dataset = opened(write_class_folders(tmp_path / "d", tree))
    assert dataset.labels.names == ("Normal", "Viral Pneumonia")
    assert dataset.counts()["test"] == {"Normal": 1, "Viral Pneumonia": 1}
    assert len(dataset.notes) == 2
    assert "1 film labelled 'viral_pneumonia' taken as 'Viral Pneumonia'" in dataset.notes[1]


def test_an_empty_folder_says_so_and_what_is_expected(tmp_path):
    with pytest.raises(DatasetError, match=r"holds no film \(it is empty\); expected CLASS"):
        opened(tmp_path)


def test_a_folder_of_other_files_says_which(tmp_path):
    (tmp_path / "a.docx").write_text("x")
    with pytest.raises(DatasetError, match=r"only \.docx 1"):
        opened(tmp_path)


def test_films_without_class_folders_ask_for_labels(tmp_path):
    write_film(tmp_path / "a.png", 1)
    with pytest.raises(DatasetError, match="1 films, but none in a class folder"):
        opened(tmp_path)


def test_a_folder_of_dicom_alone_asks_for_a_manifest(tmp_path):
    (tmp_path / "a.dcm").write_bytes(b"x")
    (tmp_path / "b").write_bytes(bytes(128) + b"DICM")
    with pytest.raises(DatasetError, match=r"2 DICOM files and no class folders.*CSV manifest"):
        opened(tmp_path)


def test_a_path_that_is_not_there_suggests_its_neighbours(tmp_path):
    (tmp_path / "covid-dataset").mkdir()
    with pytest.raises(DatasetError, match=r"did you mean .*covid-dataset\?"):
        opened(tmp_path / "covid-datasset")
    with pytest.raises(DatasetError, match="neither does the folder"):
        opened(tmp_path / "no" / "where")


def test_several_data_keep_their_names_and_records_apart(tmp_path):
    first = write_class_folders(tmp_path / "x" / "films", {"A": 2, "B": 1})
    second = write_class_folders(tmp_path / "y" / "films", {"A": 1, "C": 1})
    dataset = opened(first, second)
    assert [source.name for source in dataset.sources] == ["films", "films-2"]
    assert Counter(record.source for record in dataset.records) == {"films": 3, "films-2": 2}
    assert len({record.key for record in dataset.records}) == 5
    assert dataset.name_of(dataset.records[-1]) == "films-2/C/film000.png"


def test_the_place_of_a_source_is_kept_whole_however_it_was_typed(tmp_path, monkeypatch):
    root = write_class_folders(tmp_path / "ward", {"A": 1, "B": 1})
    monkeypatch.chdir(tmp_path)
    for typed in ("ward", "./ward/../ward", root):
        (source,) = open_dataset([typed], patient_key=TEST_KEY).sources
        assert (source.name, source.folder) == ("ward", str(root.resolve()))


def test_the_same_data_twice_is_refused(tmp_path):
    root = write_class_folders(tmp_path / "d", {"A": 1, "B": 1})
    with pytest.raises(DatasetError, match="given twice"):
        opened(root, root / "A" / "..")


def test_a_link_to_a_folder_above_does_not_hang(tmp_path):
    root = write_class_folders(tmp_path / "d", {"A": 1, "B": 1})
    (root / "A" / "loop").symlink_to(root, target_is_directory=True)
    assert len(opened(root).records) == 2
