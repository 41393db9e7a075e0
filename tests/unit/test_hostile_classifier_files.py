"""Classifier folders that somebody made to do harm: files that are none, cards that lie."""

import json
import os
import socket
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save

from carina.errors import ClassifierError
from carina.files.digests import sha256_bytes
from carina.inference.bundle import load_classifier
from carina.inference.gate.checked_arrays import checked_arrays
from carina.inference.gate.reference import GateReference
from making.changed_classifiers import change_card, replace_file
from making.classifiers import SIDE, write_tiny_classifier
from making.gates import made_gate

ON_POSIX = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no such files")


@pytest.fixture
def folder(tmp_path):
    return write_tiny_classifier(tmp_path / "classifier")


def refusal(folder):
    with pytest.raises(ClassifierError) as caught:
        load_classifier(folder)
    return str(caught.value)


@ON_POSIX
@pytest.mark.parametrize("name", ["card.json", "network.onnx", "seen.csv"])
@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "folder", "circle", "dangling"])
def test_what_is_no_file_is_refused_without_waiting_for_it(folder, kind, name, monkeypatch):
    (folder / name).unlink()
    monkeypatch.chdir(folder)  # a socket's whole path may be too long
    if kind == "pipe":
        os.mkfifo(name)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(name)
    elif kind == "folder":
        Path(name).mkdir()
    else:
        target = {"device": "/dev/zero", "circle": name, "dangling": "nothing"}[kind]
        Path(name).symlink_to(target)
    assert any(
        word in refusal(folder) for word in ("cannot be read", "is no classifier", "not exist")
    )


@ON_POSIX
def test_a_link_to_a_file_that_the_card_describes_is_followed(folder, tmp_path):
    (folder / "network.onnx").rename(tmp_path / "elsewhere")
    (folder / "network.onnx").symlink_to(tmp_path / "elsewhere")
    assert load_classifier(folder).card.name == "tiny"


def test_every_file_is_opened_once_so_that_what_is_checked_is_what_is_run(folder):
    opened = []

    def note(event, words):
        if event == "open" and isinstance(words[0], str | os.PathLike):
            opened.append(str(words[0]))

    sys.addaudithook(note)  # cannot be taken away again; it only notes
    loaded = load_classifier(folder)
    loaded.logits(np.zeros((1, 1, SIDE, SIDE), np.float32))
    loaded.in_network(np.zeros((1, SIDE, SIDE), np.float32), "Normal")
    own = [name for name in opened if str(folder) in name]
    assert sorted(Path(name).name for name in own) == sorted(
        ["card.json", "network.onnx", "head.onnx", "seen.csv", "README.md"]
    )


def test_a_file_that_is_too_large_is_not_read(folder, monkeypatch):
    monkeypatch.setattr("carina.inference.bundle._MOST_BYTES", 500)
    assert "are the most that is read" in refusal(folder)
    with (folder / "card.json").open("r+b") as stream:
        stream.truncate(5_000_000_000)
    assert "5,000.0 MB" in refusal(folder)


def changed_text(old, new):
    return lambda text: text.replace(old, new, 1)


CARDS = {
    "a name twice": (changed_text('"name":', '"name": "a", "name":'), "'name' stands twice"),
    "NaN": (changed_text('"temperature": 1.0', '"temperature": NaN'), "NaN is no number"),
    "infinity": (changed_text('"temperature": 1.0', '"temperature": 1e999'), "larger than any"),
    "a number of 5,000 digits": (
        changed_text('"temperature": 1.0', '"temperature": ' + "9" * 5000), "cannot be read as"),
    "deep lists": (lambda text: "[" * 100_000, "nested more than 100 deep"),
    "deep objects": (lambda text: '{"a":' * 5_000 + "1" + "}" * 5_000, "nested more than 100"),
    "a later version": (changed_text('"format_version": 1', '"format_version": 2'), "update it"),
    "a huge version": (
        changed_text('"format_version": 1', '"format_version": ' + "9" * 400), "update it"),
    "a version that is a text": (
        changed_text('"format_version": 1', '"format_version": "9"'), "format_version"),
    "version 0": (changed_text('"format_version": 1', '"format_version": 0'), "format_version"),
    "no object": (lambda text: "[]", "not a valid card"),
    "no text": (lambda text: "\ufeff\0", "cannot be read as JSON"),
}  # fmt: skip


@pytest.mark.parametrize("name", CARDS)
def test_a_card_that_is_not_plain_json_is_refused_in_words(name, folder):
    change, words = CARDS[name]
    text = json.dumps(json.loads((folder / "card.json").read_text()), indent=1)
    changed = change(text)
    assert changed != text
    (folder / "card.json").write_text(changed)
    assert words in refusal(folder)


def setting(*path, to):
    def change(card):
        *above, last = path
        for key in above:
            card = card[key]
        card[last] = to

    return change


CONTRADICTIONS = {
    "a file above": (setting("files", "../x", to="0" * 64), "outside its folder"),
    "a file below": (setting("files", "a/b", to="0" * 64), "outside its folder"),
    "a file of Windows": (setting("files", "C:\\x", to="0" * 64), "outside its folder"),
    "no name": (setting("files", "", to="0" * 64), "outside its folder"),
    "itself": (setting("files", "..", to="0" * 64), "outside its folder"),
    "one class": (setting("labels", "names", to=["Normal"]), "names 1 classes"),
    "a head that is elsewhere": (
        setting("explanations", "Normal", "head", to="../head.onnx"), "without a digest"),
    "a head without a name": (
        setting("explanations", "Normal", "head", to=""), "come from no file"),
    "the network as a head": (
        setting("explanations", "Normal", "head", to="network.onnx"),
        "network.onnx as another file",
    ),
    "the network as a gate": (
        setting("gate", "file", to="network.onnx"),
        "network.onnx as another file",
    ),
    "explanations of another class": (
        setting("explanations", "Flu", to={"maps": "maps", "head": "head.onnx"}), "'Flu'"),
    "a calibration of three": (
        setting("calibration", to={"method": "vector", "scales": [1, 1, 1], "shifts": [0, 0, 0]}),
        "a calibration of 3 classes for 2"),
    "rules of other classes": (
        setting("abstention", to={
            "rule": "conformal", "labels": ["a", "b"],
            "conformal": {"kind": "marginal", "error": 0.1, "limits": {"a": 0.5, "b": 0.5}}}),
        "abstains by other classes"),
    "limits without their file": (
        setting("gate", "checks", to=[
            {"measure": "pose", "limit": 1, "usual": 2, "tail_start": 0, "tail_scale": 1,
             "n_films": 5}]),
        "without its file"),
    "deciles that fall": (
        setting("input_statistics", "deciles", to={"contrast": [9, *range(10)]}), "that rise"),
    "a size beyond all films": (setting("input", "height", to=10**6), "height"),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_card_that_contradicts_itself_is_refused_in_words(name, folder):
    change, words = CONTRADICTIONS[name]
    change_card(folder, change)
    assert words in refusal(folder)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"\xff\xfe\x00", "no list of training films"),
        (b"sha256\n", "its columns are not"),
        (b"sha256,pixel_digest,perceptual_hash,patient\n0,0\n", "row 2 does not hold"),
        (b"sha256,pixel_digest,perceptual_hash,patient\n=cmd,0,0,0\n", "row 2 does not hold"),
        (b"sha256,pixel_digest,perceptual_hash,patient\n" + b"0" * 200_000, "no list of training"),
        (b'sha256,pixel_digest,perceptual_hash,patient\n"0', "no list of training"),
    ],
)
def test_a_list_of_training_films_that_is_none_is_refused(folder, text, words):
    replace_file(folder, "seen.csv", text)
    loaded = load_classifier(folder)
    with pytest.raises(ClassifierError, match=words):
        assert loaded.seen


def with_array(name, change):
    def changed(data):
        arrays = dict(load(data))
        arrays[name] = np.ascontiguousarray(change(arrays[name].copy()))
        return save(arrays)

    return changed


def broken(values):
    values.flat[0] = np.nan
    return values


def header_of(data, change):
    """Return a safetensors file whose header is changed as JSON."""
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


def without(name):
    return lambda data: save({key: value for key, value in load(data).items() if key != name})


GATES = {
    "a value that is no number": with_array("films.mean", broken),
    "an infinite value": with_array("films.rest", lambda a: a * np.float32(np.inf)),
    "a variance of 0": with_array("films.variances", lambda a: a * 0),
    "a variance below 0": with_array("network.variances", lambda a: -a),
    "another shape": with_array("films.directions", lambda a: a[:, :100]),
    "a row too few": with_array("scores.weights", lambda a: a[1:]),
    "another axis": with_array("films.mean", lambda a: a[None]),
    "no rows": with_array("network.means", lambda a: a[:0]),
    "64 bits": with_array("films.mean", lambda a: a.astype(np.float64)),
    "text": with_array("films.mean", lambda a: a.astype(np.uint8)),
    "an array too few": without("pose_fits"),
    "an array too many": lambda data: save({**load(data), "more": np.ones(3, np.float32)}),
    "half of the network": without("network.rest"),
    "an offset behind the end": lambda data: header_of(
        data, lambda h: h["films.mean"].update(data_offsets=[10**9, 10**9 + 4])),
    "overlapping arrays": lambda data: header_of(
        data, lambda h: h["films.mean"].update(data_offsets=h["films.rest"]["data_offsets"])),
    "a shape that its bytes do not fill": lambda data: header_of(
        data, lambda h: h["films.mean"].update(shape=[5])),
    "a shape of 2**62": lambda data: header_of(
        data, lambda h: h["films.mean"].update(shape=[2**62, 2**62])),
    "an unknown kind of number": lambda data: header_of(
        data, lambda h: h["films.mean"].update(dtype="F7")),
    "a header of 2**60 bytes": lambda data: struct.pack("<Q", 2**60) + data[8:],
    "a header that is none": lambda data: data[:8] + b"[" * (len(data) - 8),
    "half of it": lambda data: data[: len(data) // 2],
    "nothing": lambda data: b"",
}  # fmt: skip


@pytest.mark.parametrize("name", GATES)
def test_a_gate_that_cannot_be_computed_with_is_refused(name):
    _, data = made_gate(12)
    assert checked_arrays(data, name="gate")
    with pytest.raises(ClassifierError, match="no file of a fitted input gate"):
        GateReference.from_bytes(GATES[name](data))


def test_a_gate_of_another_network_is_refused(folder):
    gate, data = made_gate(12)  # and the network gives 4 features
    (folder / gate.file).write_bytes(data)

    def gated(card):
        card["gate"] = gate.model_dump(mode="json")
        card["files"][gate.file] = sha256_bytes(data)

    change_card(folder, gated)
    assert "features [n, 12]" in refusal(folder)


def test_many_foreign_files_are_told_without_a_page_of_names(folder):
    for number in range(300):
        end = "\n" if os.name == "posix" else ""
        (folder / f"{number}{end}.txt").touch()
    words = refusal(folder)
    assert "288 more" in words
    assert "\n" not in words
