import json
import shutil

import pytest

from carina.errors import ClassifierError, UsageError
from carina.inference.bundle import load_classifier
from making.classifiers import write_tiny_classifier


@pytest.fixture
def folder(tmp_path):
    return write_tiny_classifier(tmp_path / "run" / "classifier")


def test_a_classifier_is_found_by_its_folder_and_by_its_run(folder):
    assert load_classifier(folder).digest == load_classifier(folder.parent).digest


@pytest.mark.parametrize("name", ["network.onnx", "head.onnx", "seen.csv", "README.md"])
def test_one_changed_byte_in_any_file_is_refused_by_name(folder, name):
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(ClassifierError, match=rf"{name} was changed"):
        load_classifier(folder)


@pytest.mark.parametrize("name", ["network.onnx", "head.onnx"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ClassifierError, match=rf"{name} is missing"):
        load_classifier(folder)


def test_a_changed_card_has_another_digest(folder):
    before = load_classifier(folder).digest
    card = (folder / "card.json").read_text()
    (folder / "card.json").write_text(card.replace('"tiny"', '"other"', 1))
    assert load_classifier(folder).digest != before


def test_a_card_of_a_newer_version_is_refused_with_what_to_do(folder):
    values = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps({**values, "format_version": 2}))
    with pytest.raises(ClassifierError, match="update it"):
        load_classifier(folder)


def test_a_card_cannot_name_a_file_outside_its_folder(folder):
    values = json.loads((folder / "card.json").read_text())
    values["files"]["../../secret"] = "0" * 64
    (folder / "card.json").write_text(json.dumps(values))
    with pytest.raises(ClassifierError, match="outside its folder"):
        load_classifier(folder)


def test_a_head_without_a_digest_is_refused(folder):
    values = json.loads((folder / "card.json").read_text())
    del values["files"]["head.onnx"]
    (folder / "card.json").write_text(json.dumps(values))
    with pytest.raises(ClassifierError, match=r"head\.onnx without a digest"):
        load_classifier(folder)


def test_something_else_is_no_classifier_and_what_was_found_is_said(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(ClassifierError, match=r"found: notes\.txt"):
        load_classifier(tmp_path)
    with pytest.raises(ClassifierError, match="does not exist"):
        load_classifier(tmp_path / "absent")


def test_a_network_that_is_none_is_refused(folder):
    from carina.files.digests import sha256_bytes

    (folder / "network.onnx").write_bytes(b"no network")
    values = json.loads((folder / "card.json").read_text())
    values["files"]["network.onnx"] = sha256_bytes(b"no network")
    (folder / "card.json").write_text(json.dumps(values))
    with pytest.raises(ClassifierError, match="no ONNX file"):
        load_classifier(folder)


def test_a_classifier_can_be_moved(folder, tmp_path):
    before = load_classifier(folder).digest
    moved = shutil.move(folder, tmp_path / "else where")
    assert load_classifier(moved).digest == before


def test_nothing_is_written_over_a_classifier(folder):
    with pytest.raises(UsageError, match="not empty"):
        write_tiny_classifier(folder)
    assert load_classifier(folder).card.name == "tiny"


def test_saving_leaves_no_temporary_folder(folder):
    assert [f.name for f in folder.parent.iterdir()] == ["classifier"]
