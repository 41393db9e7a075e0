"""Classifier folders whose digests are right, and which still must not answer."""

import json
import shutil

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper
from onnx.external_data_helper import set_external_data

from carina.domain.input_spec import InputSpec
from carina.errors import ClassifierError
from carina.files.digests import sha256_bytes
from carina.inference.bundle import load_classifier
from making.classifiers import SIDE, write_tiny_classifier


@pytest.fixture
def folder(tmp_path):
    return write_tiny_classifier(tmp_path / "classifier")


def replace_file(folder, name, data):
    """Put other bytes in a classifier's file, with the digest that fits them on its card."""
    (folder / name).write_bytes(data)
    change_card(folder, lambda card: card["files"].update({name: sha256_bytes(data)}))


def change_card(folder, change):
    card = json.loads((folder / "card.json").read_text())
    change(card)
    (folder / "card.json").write_text(json.dumps(card))


def changed_network(folder, change):
    """Change `network.onnx` as a model, and keep the digest right."""
    model = onnx.load_from_string((folder / "network.onnx").read_bytes())
    change(model)
    replace_file(folder, "network.onnx", model.SerializeToString())


def weights_of(model, name):
    return next(values for values in model.graph.initializer if values.name == name)


def test_weights_in_another_file_are_not_read(folder, tmp_path, monkeypatch):
    """They have no digest; ONNX Runtime would take them from the working folder."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)

    def move_weights_out(model):
        # 4 kB: ONNX Runtime does not fold tensors of a few bytes
        kernel = weights_of(model, "kernel")
        data = numpy_helper.to_array(kernel).tobytes()
        (elsewhere / "weights.bin").write_bytes(data)
        set_external_data(kernel, "weights.bin", offset=0, length=len(data))
        kernel.ClearField("raw_data")
        kernel.data_location = TensorProto.EXTERNAL

    changed_network(folder, move_weights_out)
    with pytest.raises(ClassifierError, match=r"weights in other files \(kernel\)"):
        load_classifier(folder)


@pytest.mark.parametrize("data", [b"", b"no network", b"\x08\x07"])
def test_bytes_that_are_no_network_are_refused(folder, data):
    replace_file(folder, "network.onnx", data)
    with pytest.raises(ClassifierError, match="no ONNX file"):
        load_classifier(folder)


def test_a_network_of_an_operator_set_of_the_future_is_refused(folder):
    def age(model):
        model.opset_import[0].version = 999

    changed_network(folder, age)
    with pytest.raises(ClassifierError, match="cannot be run"):
        load_classifier(folder)


def test_a_network_with_fewer_classes_than_its_card_is_refused(folder):
    change_card(folder, lambda card: card["labels"].update(names=["COVID-19", "Normal", "Other"]))
    with pytest.raises(ClassifierError, match=r"'logits' \[n, 3\] is expected.*'logits' \[n, 2\]"):
        load_classifier(folder)


@pytest.mark.parametrize("field", ["height", "width"])
def test_a_network_for_another_size_than_its_card_is_refused(folder, field):
    change_card(folder, lambda card: card["input"].update({field: SIDE + 1}))
    with pytest.raises(ClassifierError, match=r"'image' .* is expected"):
        load_classifier(folder)


def test_a_network_for_other_channels_than_its_card_is_refused(tmp_path):
    spec = InputSpec(height=SIDE, width=SIDE, channels=3)
    folder = write_tiny_classifier(tmp_path / "c", spec=spec)
    change_card(folder, lambda card: card["input"].update(channels=1))
    with pytest.raises(ClassifierError, match=rf"'image' \[n, 1, {SIDE}, {SIDE}\] is expected"):
        load_classifier(folder)


def test_a_network_without_the_maps_that_its_card_explains_from_is_refused(folder):
    def rename(card):
        card["explanations"]["Normal"]["maps"] = "maps_1"

    change_card(folder, rename)
    with pytest.raises(ClassifierError, match=r"'maps_1' .* is expected"):
        load_classifier(folder)


def test_weights_that_are_no_numbers_are_refused_instead_of_answered_with(folder):
    def break_weights(model):
        dense = weights_of(model, "dense")
        values = numpy_helper.to_array(dense).copy()
        values[0, 0] = np.nan
        dense.CopyFrom(numpy_helper.from_array(values, "dense"))

    changed_network(folder, break_weights)
    loaded = load_classifier(folder)
    with pytest.raises(ClassifierError, match="no finite"):
        loaded.logits(np.ones((1, 1, SIDE, SIDE), dtype=np.float32))


def test_a_file_that_is_not_on_the_card_is_named(folder):
    (folder / "weights.pkl").write_bytes(b"x")
    with pytest.raises(ClassifierError, match=r"weights\.pkl is not on its card"):
        load_classifier(folder)


def test_what_a_file_browser_leaves_behind_does_no_harm(folder):
    (folder / ".DS_Store").write_bytes(b"x")
    assert load_classifier(folder).card.name == "tiny"


def test_all_that_is_wrong_is_named_at_once(folder):
    (folder / "head.onnx").unlink()
    (folder / "README.md").write_text("other")
    (folder / "notes").mkdir()
    with pytest.raises(ClassifierError) as caught:
        load_classifier(folder)
    for sentence in ("head.onnx is missing", "README.md was changed", "notes is not on its card"):
        assert sentence in str(caught.value)


def test_a_folder_in_place_of_a_file_is_refused(folder):
    (folder / "README.md").unlink()
    (folder / "README.md").mkdir()
    with pytest.raises(ClassifierError, match=r"README\.md cannot be read"):
        load_classifier(folder)


def test_an_unfinished_save_leaves_nothing_behind(tmp_path, monkeypatch):
    def no_room(path, document):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("carina.inference.bundle.write_document", no_room)
    with pytest.raises(OSError, match="No space"):
        write_tiny_classifier(tmp_path / "run" / "classifier")
    assert list((tmp_path / "run").iterdir()) == []


def test_the_classifier_folder_is_as_open_as_any_other_folder(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")  # readable
    other = tmp_path / "other"
    other.mkdir()
    assert folder.stat().st_mode == other.stat().st_mode
