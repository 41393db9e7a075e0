from pathlib import Path

import pytest

from carina.data.folders import read_folder
from carina.errors import InputError
from carina.workflows.film_files import find_films
from making.datasets import write_class_folders, write_film


@pytest.fixture
def folder(tmp_path):
    """A folder with films of every kind, and with much that is none."""
    root = write_class_folders(tmp_path / "ward", {".": 1, "b": 1, "a/deep": 1})
    write_film(root / ".trash" / "old.png", 5)
    write_film(root / "__MACOSX" / "b.png", 6)
    write_film(root / "b.PNG", 7)
    (root / "IM000001").write_bytes(bytes(128) + b"DICM" + bytes(100))
    (root / "CR.1.2.840.113").write_bytes(bytes(128) + b"DICM" + bytes(100))
    (root / "CR.1.2.840.114").write_text("no film")
    (root / "DICOMDIR").write_bytes(bytes(128) + b"DICM" + bytes(100))
    # Without preamble and file meta information: group 0008, implicit and big endian.
    (root / "IM000002").write_bytes(bytes.fromhex("0800050004000000") + bytes(200))
    (root / "IM000003").write_bytes(bytes.fromhex("000800054353000a") + bytes(200))
    (root / "README").write_text("no film")
    (root / "notes.txt").write_text("no film")
    (root / "._film000.png").write_bytes(b"what macOS leaves beside a film")
    return root


FILMS = [
    "CR.1.2.840.113",
    "IM000001",
    "IM000002",
    "IM000003",
    "a/deep/film000.png",
    "b.PNG",
    "b/film000.png",
    "film000.png",
]


def found(paths):
    return [Path(film.file) for film in find_films(paths).films]


def test_a_folder_s_films_are_those_that_a_data_set_takes(folder):
    films = sorted(read_folder(folder).all_films())
    assert sorted(film.relative_to(folder).as_posix() for film in films) == FILMS
    assert found(folder) == films


def test_a_named_file_is_taken_whatever_its_name(folder):
    named = [folder / ".trash" / "old.png", folder / "README"]
    assert found(named) == named


def test_a_hidden_folder_is_searched_when_it_is_named(folder):
    assert found(folder / ".trash") == [folder / ".trash" / "old.png"]


def test_a_folder_without_films_says_what_was_looked_for(tmp_path):
    write_film(tmp_path / ".hidden" / "a.png", 1)
    with pytest.raises(InputError, match=r"holds no film \(looked for .*\.png.*DICOM.*hidden"):
        find_films(tmp_path)


def test_what_is_passed_over_in_a_folder_is_counted_by_its_ending(folder):
    (folder / "scan.gif").write_bytes(b"GIF89a")
    others = find_films(folder).other_files
    assert others[".gif"] == 1
    assert others["no suffix"] >= 1
