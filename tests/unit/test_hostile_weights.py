"""Weights and models of others that were made to do harm: refused by name before they are read."""

import json
import pickle
import struct
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="weights need the extra 'train'")
from safetensors.torch import save  # noqa: E402  behind the check for torch

from carina.errors import ClassifierError, InputError, RunError, WeightsError  # noqa: E402
from carina.models.keras.allowed import require_allowed, without_training  # noqa: E402
from carina.models.keras.convert import _safe_copy  # noqa: E402
from carina.models.keras.weight_arrays import keras_arrays  # noqa: E402
from carina.models.keras.weight_files import require_plain_numbers  # noqa: E402
from carina.models.pretrained.read import read_weights  # noqa: E402
from carina.models.weights import weights_from_bytes, weights_to_bytes  # noqa: E402
from carina.workflows.model_files import read_model_file  # noqa: E402

GOLDEN = Path(__file__).parents[1] / "golden"
STATE = {"a.weight": torch.ones(3, 4), "a.bias": torch.zeros(3)}


def header_of(data, change):
    length = struct.unpack("<Q", data[:8])[0]
    text = change(data[8 : 8 + length].decode()).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


def changing(**facts):
    def change(text):
        header = json.loads(text)
        header["a.bias"].update(facts)
        return json.dumps(header)

    return lambda data: header_of(data, change)


CHECKPOINTS = {
    "a header of 2**60 bytes": lambda data: struct.pack("<Q", 2**60) + data[8:],
    "a header behind the end": lambda data: struct.pack("<Q", len(data)) + data[8:],
    "an offset behind the end": changing(data_offsets=[10**9, 10**9 + 12]),
    "an offset that runs backwards": changing(data_offsets=[12, 0]),
    "overlapping weights": changing(data_offsets=[4, 16]),
    "a shape that its bytes do not fill": changing(shape=[4]),
    "a shape of 2**64": changing(shape=[2**32, 2**32]),
    "a negative shape": changing(shape=[-3]),
    "an unknown kind of number": changing(dtype="F7"),
    "a name twice": lambda data: header_of(
        data, lambda text: text.replace('{"', '{"a.bias":{"dtype":"F32"},"', 1)),
    "deep nesting": lambda data: header_of(data, lambda text: "[" * 5_000),
    "no text as metadata": lambda data: header_of(
        data, lambda text: text.replace('"__metadata__":{', '"__metadata__":{"x":5,', 1)),
    "no metadata of Carina": lambda data: save(STATE),
    "metadata that are no object": lambda data: save(STATE, {"carina": "[1]"}),
    "a value that is no number": lambda data: weights_to_bytes(
        {**STATE, "a.bias": torch.full((3,), torch.nan)}, {}),
    "an infinite value": lambda data: weights_to_bytes(
        {**STATE, "a.bias": torch.full((3,), torch.inf)}, {}),
    "half of it": lambda data: data[: len(data) // 2],
    "a pickle": lambda data: pickle.dumps(STATE),
    "nothing": lambda data: b"",
}  # fmt: skip


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_a_checkpoint_that_lies_is_refused(name):
    data = weights_to_bytes(STATE, {"epoch": 3})
    assert weights_from_bytes(data, name="best.safetensors")[1] == {"epoch": 3}
    with pytest.raises(RunError, match=r"best\.safetensors is not a weights file of Carina"):
        weights_from_bytes(CHECKPOINTS[name](data), name="best.safetensors")


class Harm:
    def __reduce__(self):
        return print, ("harm",)


def packed(path, **how):
    """Write a torch file again with its parts deflated, and a lot of nothing beside."""
    torch.save(STATE, path)
    with zipfile.ZipFile(path) as archive:
        parts = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    with zipfile.ZipFile(path, "w", compression=zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
        archive.writestr("archive/data/99", bytes(3_000_000))


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda path: path.write_bytes(pickle.dumps(Harm())), "cannot be read as a torch|can run"),
        (lambda path: torch.save(Harm(), path), "which can run any code"),
        (lambda path: torch.save({"a": Harm()}, path), "which can run any code"),
        (lambda path: torch.save(torch.nn.Linear(2, 2), path), r"m\.state_dict\(\)"),
        (packed, "torch packs no weights"),
        (lambda path: path.write_bytes(b"PK\x03\x04" + bytes(60)), "cannot be read as a torch"),
        (lambda path: path.mkdir(), "it is a folder"),
    ],
    ids=["pickle", "object", "object among weights", "module", "bomb", "no archive", "folder"],
)
def test_a_torch_file_with_more_than_weights_is_refused(write, words, tmp_path, capfd):
    path = tmp_path / "w.pt"
    write(path)
    with pytest.raises(WeightsError, match=words):
        read_weights(path, cache_dir=tmp_path)
    assert not (tmp_path / "weights").exists()
    assert "harm" not in capfd.readouterr().out


def deep(file, n):
    group = file
    for _ in range(n):
        group = group.create_group("g")


def bomb(file):
    file.create_dataset("a", (5_000_000,), "f4", compression="gzip", chunks=(1_000_000,))
    file["a"][:] = 0


def never_written(file):
    file.create_dataset("a", (1 << 25,), "f4")


def plugged(file):
    settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    settings.set_chunk((4,))
    settings.set_filter(32000, h5py.h5z.FLAG_OPTIONAL, ())
    space = h5py.h5s.create_simple((8,))
    h5py.h5d.create(file.id, b"a", h5py.h5t.IEEE_F32LE, space, settings)


def virtual(file):
    layout = h5py.VirtualLayout((3,), "f8")
    layout[:] = h5py.VirtualSource("secret.h5", "numbers", (3,))
    file.create_virtual_dataset("a", layout)


def in_large_pieces(file):
    file.create_dataset("a", (1,), "f4", chunks=(1 << 27,), maxshape=(None,))


HDF5 = {
    "an external link": (
        lambda f: f.__setitem__("a", h5py.ExternalLink("secret.h5", "/numbers")), "a link at '/a'"),
    "a soft link": (lambda f: f.__setitem__("a", h5py.SoftLink("/b")), "a link at '/a'"),
    "a circle": (lambda f: f.create_group("a").__setitem__("b", f["/"]), "second name"),
    "one thing twice": (
        lambda f: (f.__setitem__("a", np.ones(3)), f.__setitem__("b", f["a"])), "second name"),
    "numbers in another file": (
        lambda f: f.create_dataset("a", (3,), "f8", external=[("secret", 0, 24)]), "another file"),
    "a virtual data set": (virtual, "another file"),
    "a bomb": (bomb, "which no weights do"),
    "what was never written": (never_written, "which no weights do"),
    "a filter of somebody's": (plugged, "number 32000"),
    "pieces of 512 MB": (in_large_pieces, "pieces of 537 MB"),
    "groups 60 deep": (lambda f: deep(f, 60), "50 deep"),
    "texts": (lambda f: f.__setitem__("a", ["x"] * 9), "no plain numbers"),
    "4 TB": (lambda f: f.create_dataset("a", (1 << 20, 1 << 20), "f4", chunks=True), "unpacks"),
}  # fmt: skip


@pytest.mark.parametrize("name", HDF5)
def test_an_hdf5_file_that_is_not_plain_numbers_is_refused_by_name(name, tmp_path):
    spoil, words = HDF5[name]
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        file["fine/numbers"] = np.ones(5, np.float32)
        spoil(file)
    with h5py.File(path) as file, pytest.raises(ClassifierError) as found:
        require_plain_numbers(file, path)
    assert words in str(found.value)
    with pytest.raises(WeightsError) as found:
        keras_arrays(path.read_bytes())
    assert words in str(found.value)


def test_another_process_reads_hdf5_and_its_refusal_names_the_file(tmp_path):
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        file["a"] = h5py.ExternalLink("secret.h5", "/numbers")
    with pytest.raises(WeightsError, match=r"w\.h5 has a link at '/a'"):
        read_weights(path, cache_dir=tmp_path)


@pytest.mark.slow
def test_an_hdf5_file_that_its_reader_never_ends_with_is_given_up(tmp_path, monkeypatch):
    """Found by changing bytes at random: an attribute whose names lead in a circle."""
    monkeypatch.setattr("carina.models.pretrained.read_keras._TIMEOUT_S", 2)
    with pytest.raises(WeightsError, match=r"does not come to its end|is damaged"):
        read_weights(GOLDEN / "endless.h5", cache_dir=tmp_path)


def layer(class_name, name="one", config=None, **facts):
    return {"class_name": class_name, "config": {"name": name, **(config or {})}, **facts}


def function(name, module="builtins"):
    return {"class_name": "function", "config": name, "module": module, "registered_name": name}


@pytest.mark.parametrize(
    ("described", "words"),
    [
        (layer("Lambda", "twice"), "'twice' is a Lambda"),
        (layer("Dense", config={"activation": function("eval")}), "'eval', which is none of"),
        (layer("Dense", config={"activation": function("get_file", "keras.utils")}), "'get_file'"),
        (layer("Dense", config={"activation": function("load_model")}), "'load_model'"),
        (layer("Dense", module="keras_evil.layers"), "program code from elsewhere"),
        (layer("Dense", module="os"), "program code from elsewhere"),
        (layer("Dense", registered_name="mine>Dense"), "program code from elsewhere"),
        (layer("Dense", registered_name="NoKeras>Dense"), "program code from elsewhere"),
        (layer("TorchModuleWrapper"), "is a TorchModuleWrapper"),
        (layer("TextVectorization"), "is a TextVectorization"),
        (layer("Dense\n\x1b[2J"), r"is a Dense\n\x1b[2J"),
        (layer("Wrapper", config={"layer": layer("Lambda", "inner")}), "is a Wrapper"),
        (layer("Functional", config={"layers": [layer("Lambda", "inner")]}), "'inner' is a Lamb"),
    ],
)
def test_a_description_that_names_code_is_refused(described, words):
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [described]}}
    with pytest.raises(ClassifierError) as found:
        require_allowed(without_training(config))
    assert words in str(found.value)


def test_what_keras_itself_writes_is_let_pass():
    fine = layer("Dense", config={"activation": function("softmax")}, module="keras.layers")
    require_allowed({"class_name": "Sequential", "config": {"layers": [fine]}})
    require_allowed(layer("Dense", registered_name="Keras>Dense"))


def archive(path, *, config=b"{}", metadata=b"{}", weights=b"", more=(), how=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression=how) as made:
        made.writestr("config.json", config)
        made.writestr("metadata.json", metadata)
        made.writestr("model.weights.h5", weights)
        for name in more:
            made.writestr(name, b"x")
    return path


def encrypted(path):
    archive(path)
    data = bytearray(path.read_bytes())
    for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.index(magic)
        data[place + at] |= 1
    path.write_bytes(data)


def lying_about_its_size(path):
    archive(path, weights=bytes(1000), how=zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    place = data.rindex(b"PK\x01\x02")
    data[place + 24 : place + 28] = struct.pack("<I", 4_000_000_000)
    path.write_bytes(data)


KERAS = {
    "a member twice": (lambda p: archive(p, more=["config.json"]), "not exactly one config.json"),
    "a member above": (lambda p: archive(p, more=["../evil.py"]), "'../evil.py' beside the model"),
    "a member of the root": (lambda p: archive(p, more=["/etc/x"]), "'/etc/x' beside the model"),
    "assets": (lambda p: archive(p, more=["assets/vocabulary.txt"]), "beside the model"),
    "a password": (encrypted, "config.json needs a password"),
    "a bomb": (
        lambda p: archive(p, weights=bytes(6_000_000), how=zipfile.ZIP_DEFLATED), "200-fold"),
    "a size that lies": (lying_about_its_size, "200-fold"),
    "packed otherwise": (lambda p: archive(p, how=zipfile.ZIP_LZMA), "in a way that Keras is not"),
    "deep nesting": (
        lambda p: archive(p, config=b'{"a":' * 5_000 + b"1" + b"}" * 5_000), "nested more than"),
    "a name twice": (
        lambda p: archive(p, config=b'{"class_name":"Dense","class_name":"Lambda"}'), "twice"),
    "no description": (lambda p: archive(p, config=b"[]"), "does not describe"),
    "no weights": (lambda p: archive(p, weights=b"no hdf5"), "is damaged"),
    "nothing": (lambda p: p.write_bytes(b""), "is no Keras file"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", KERAS)
def test_a_keras_archive_is_refused_by_name(name, tmp_path):
    write, words = KERAS[name]
    path = tmp_path / "m.keras"
    write(path)
    (tmp_path / "out").mkdir()
    with pytest.raises(ClassifierError) as found:
        _safe_copy(path, tmp_path / "out")
    assert words in str(found.value)


def test_the_archive_of_teachable_machine_is_told_to_be_unpacked(tmp_path):
    path = tmp_path / "converted_keras.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("keras_model.h5", b"x")
        made.writestr("labels.txt", b"0 Covid")
    with pytest.raises(InputError, match=r"unpack it, and name the keras_model\.h5"):
        read_model_file(path)
