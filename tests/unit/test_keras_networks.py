import os
import re
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import torch

from carina.domain.input_spec import InputSpec
from carina.domain.recipe import NetworkSection
from carina.errors import UsageError
from carina.models.architectures import ARCHITECTURES
from carina.models.build import build_network
from carina.models.cascade import Cascade
from carina.models.keras import KERAS_BUILDERS
from carina.models.keras.backend import keras_on_cpu
from carina.models.keras.build import build_keras, keras_model
from carina.models.keras.saving import KerasFile, write_keras
from carina.models.keras.weights import copy_from_keras, copy_to_keras
from carina.models.network import ImageNetwork
from carina.models.pixel_scaling import PREPROCESSINGS
from making.real_films import REAL_FILMS, needs_real_films

GREY, COLOUR = InputSpec(height=40, width=32), InputSpec(height=40, width=32, channels=3)
TWO_CONV = ("two-conv", {"filters": (4, 8), "dense": 16})
STACK = ("conv-stack", {"filters": (4, 8), "dense": (16, 8)})
NORMED = ("conv-stack", {**STACK[1], "batch_norm": True, "padding": "same", "kernel": 5})
# Architecture and options, classes, input; and the described networks in their own sizes.
SMALL = {
    "two-conv, sigmoid": (*TWO_CONV, 2, GREY),
    "two-conv, softmax": (*TWO_CONV, 3, COLOUR),
    "conv-stack": (*STACK, 3, COLOUR),
    "conv-stack, sigmoid": ("conv-stack", {**STACK[1], "output": "sigmoid"}, 2, GREY),
    "conv-stack, batch norm": (*NORMED, 2, GREY),
    "conv-stack, no dense": ("conv-stack", {"filters": (4,), "dense": ()}, 2, GREY),
    "vgg16": ("vgg16", {"dense": (16,)}, 3, COLOUR),
    "vgg16, average": ("vgg16", {"dense": (), "pooling": "average"}, 2, GREY),
}
DESCRIBED = {
    "two-conv": ("two-conv", {}, 2, InputSpec(height=150, width=150), 21_252_993),
    "five-conv-500": (
        "conv-stack",
        {
            "filters": (32, 32, 32, 64, 64),
            "dropout_maps": 0.5,
            "dense": (512, 256, 128, 64),
            "dropout_dense": 0.0,
        },
        2,
        InputSpec(height=500, width=500),
        # Five convolutions (the last maps are 13 x 13 x 64), four dense layers, the output.
        320 + 2 * 9_248 + 18_496 + 36_928
        + (13 * 13 * 64 + 1) * 512 + 513 * 256 + 257 * 128 + 129 * 64 + 65 * 2,
    ),
    "three-class-cnn": (
        "conv-stack",
        {"filters": (32, 64, 128), "dropout_maps": 0.25},
        3,
        InputSpec(height=150, width=150, channels=3),
        896 + 18_496 + 73_856 + (17 * 17 * 128 + 1) * 128 + 129 * 3,
    ),
    "custom-cnn": (
        "conv-stack",
        {"filters": (32, 64, 128, 128), "dense": (256, 64)},
        2,
        InputSpec(height=224, width=224),
        320 + 18_496 + 73_856 + 147_584 + (12 * 12 * 128 + 1) * 256 + 257 * 64 + 65 * 2,
    ),
    # 14,714,688 is what Keras prints for VGG16 without its top.
    "vgg16": (
        "vgg16",
        {},
        2,
        InputSpec(height=224, width=224, channels=3),
        14_714_688 + (7 * 7 * 512 + 1) * 256 + 257 * 2,
    ),
}  # fmt: skip
every_small = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name == "vgg16, average" else ())
        for name in SMALL
    ],
)


def built(architecture, options, n_classes, spec, *_, seed=0):
    section = NetworkSection(architecture=architecture, options=options)
    network = build_network(section, spec=spec, n_classes=n_classes, seed=seed)
    return away_from_the_start(network)


def away_from_the_start(network):
    """Give biases and batch statistics values that a mistake would show in."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith("bias") or "running_mean" in name:
                tensor.uniform_(-0.2, 0.2, generator=generator)
            elif "running_var" in name:
                tensor.uniform_(0.5, 1.5, generator=generator)
    return network.eval()


def a_cascade():
    """A sigmoid stage of one channel, then one of three."""
    stages = [built(*TWO_CONV, 2, GREY), built(*STACK, 2, COLOUR)]
    return Cascade(stages, ((None, 2), (1, 0))).eval()


class NewNetwork(ImageNetwork):
    """A network of an architecture that Carina does not build in Keras."""

    maps_of_class = (0, 0)

    def __init__(self):
        super().__init__(channels=1, height=32, width=32, n_classes=2)

    def outputs(self, images):
        raise AssertionError

    def logits_of_maps(self, index, maps):
        raise AssertionError


def noise(network, n=3):
    rng = np.random.default_rng(0)
    return rng.random((n, network.channels, network.height, network.width), dtype=np.float32)


def torch_probabilities(network, films):
    with torch.inference_mode():
        return network(torch.from_numpy(films)).double().softmax(dim=1).numpy()


def written(network, folder):
    write_keras(network, folder / "network.keras")
    return KerasFile(folder / "network.keras")


def assert_equal_answers(network, folder, films):
    found = written(network, folder).probabilities(films)
    np.testing.assert_allclose(found, torch_probabilities(network, films), rtol=1e-4, atol=1e-7)


def n_trained(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


@pytest.mark.slow
@every_small
def test_the_keras_file_answers_as_the_torch_network_does(name, tmp_path):
    network = built(*SMALL[name])
    assert_equal_answers(network, tmp_path, noise(network))


@every_small
def test_the_layers_have_as_many_trained_values(name):
    network = built(*SMALL[name])
    with keras_on_cpu():
        assert n_trained(build_keras(network)) == network.n_parameters


@every_small
def test_weights_come_back_from_keras_as_they_went(name):
    network, other = built(*SMALL[name]), built(*SMALL[name], seed=5)
    with keras_on_cpu():
        copy_from_keras(keras_model(network), other)
    wanted = network.state_dict()
    for key, found in other.state_dict().items():
        torch.testing.assert_close(found, wanted[key], rtol=0, atol=0)


def test_a_cascade_answers_as_in_torch_and_its_answers_sum_to_one(tmp_path):
    network = a_cascade()
    films = noise(network)
    assert_equal_answers(network, tmp_path, films)
    found = KerasFile(tmp_path / "network.keras").probabilities(films)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)


def test_the_weights_of_a_cascade_come_back_too():
    network, other = a_cascade(), a_cascade()
    for parameter in other.parameters():
        torch.nn.init.zeros_(parameter)
    with keras_on_cpu():
        copy_from_keras(keras_model(network), other)
    films = noise(network)
    np.testing.assert_array_equal(
        torch_probabilities(other, films), torch_probabilities(network, films)
    )


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(rule, marks=() if rule == "torch" else pytest.mark.slow)
        for rule in PREPROCESSINGS
    ],
)
def test_what_the_backbone_expects_of_the_pixels_is_in_the_file_and_comes_back(rule, tmp_path):
    network, other = built(*SMALL["vgg16"]), built(*SMALL["vgg16"])
    network.scaling.set(rule)
    write_keras(network, tmp_path / "network.keras")
    with keras_on_cpu() as keras:
        copy_from_keras(keras.saving.load_model(tmp_path / "network.keras"), other)
    torch.testing.assert_close(other.scaling.scale, network.scaling.scale, rtol=0, atol=0)
    torch.testing.assert_close(other.scaling.offset, network.scaling.offset, rtol=0, atol=0)


def test_fixed_stages_are_not_trainable_in_keras_and_new_pixel_rules_are_copied():
    network = built(*SMALL["vgg16"])
    network.freeze("last-block")
    with keras_on_cpu():
        model = build_keras(network)
        network.scaling.set("caffe")
        copy_to_keras(network, model)
    fixed = [layer.name for layer in model.layers if layer.weights and not layer.trainable]
    assert (fixed[0], fixed[-1], len(fixed)) == ("block1_conv1", "block4_conv3", 10)
    assert model.get_layer("scaling").scale == [255.0] * 3


def test_the_layers_are_called_and_shaped_as_the_summary_of_torch_says():
    network = built(*SMALL["conv-stack, batch norm"])
    rows = {row.layer.split(" ")[0]: row.output_shape for row in network.summary()}
    with keras_on_cpu():
        model = build_keras(network)
    found = {layer.name: tuple(layer.output.shape) for layer in model.layers}
    relus = {"relu_1", "relu_2"}
    assert {name: shape for name, shape in found.items() if name not in relus} == rows


def test_batch_normalisation_has_the_defaults_of_keras():
    with keras_on_cpu() as keras:
        norm = build_keras(built(*SMALL["conv-stack, batch norm"])).get_layer("norm_1")
        default = keras.layers.BatchNormalization()
    assert norm.epsilon == default.epsilon
    assert norm.momentum == pytest.approx(default.momentum, abs=1e-12)


def test_the_file_holds_nothing_but_layers_that_every_keras_has(tmp_path):
    write_keras(a_cascade(), tmp_path / "network.keras")
    with zipfile.ZipFile(tmp_path / "network.keras") as parts:
        config = parts.read("config.json").decode()
    modules = set(re.findall(r'"module": "([^"]*)"', config))
    assert modules == {"keras", "keras.layers", "keras.initializers", "keras.src.models.functional"}
    assert "Lambda" not in config


def test_an_architecture_without_a_builder_is_refused_with_those_that_have_one():
    with pytest.raises(UsageError, match=r"\(cascade, conv-stack, two-conv, vgg16\).*--to onnx"):
        build_keras(NewNetwork())


def test_every_builder_is_of_an_architecture_or_the_cascade():
    assert set(KERAS_BUILDERS.names()) <= {*ARCHITECTURES.names(), "cascade"}


def test_weights_of_another_shape_are_refused_by_the_layers_name():
    network = built(*SMALL["two-conv, sigmoid"])
    other = built("two-conv", {"filters": (4, 8), "dense": 12}, 2, GREY)
    with keras_on_cpu():
        model = build_keras(other)
        with pytest.raises(ValueError, match="layer dense has the shapes"):
            copy_to_keras(network, model)
        with pytest.raises(ValueError, match="layer dense has the shapes"):
            copy_from_keras(model, network)


def test_a_missing_layer_is_refused_by_name():
    with keras_on_cpu():
        model = build_keras(built(*SMALL["two-conv, sigmoid"]))
        with pytest.raises(ValueError, match="no layer 'dense_1'"):
            copy_to_keras(built(*STACK, 2, GREY), model)


@pytest.mark.parametrize(
    ("chosen", "wanted"),
    [
        ({}, "torch"),
        pytest.param({"KERAS_BACKEND": "openvino"}, "openvino", marks=pytest.mark.slow),
    ],
)
@pytest.mark.slow
def test_keras_computes_with_torch_unless_the_user_chose(chosen, wanted, tmp_path):
    code = (
        "from carina.models.keras.backend import import_keras; "
        "print(import_keras().backend.backend())"
    )
    environment = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"}
    environment |= {"KERAS_HOME": str(tmp_path), **chosen}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.split()[-1] == wanted


@pytest.mark.slow
@pytest.mark.parametrize("name", DESCRIBED)
def test_the_described_networks_have_as_many_values_as_keras_counts(name):
    *case, n_values = DESCRIBED[name]
    network = built(*case)
    with keras_on_cpu():
        model = build_keras(network)
    assert network.n_parameters == model.count_params() == n_values


@pytest.mark.slow
@pytest.mark.parametrize("name", DESCRIBED)
def test_the_described_networks_answer_alike(name, tmp_path):
    network = built(*DESCRIBED[name])
    assert_equal_answers(network, tmp_path, noise(network, n=2))


@needs_real_films
@pytest.mark.slow
@pytest.mark.parametrize("name", ["two-conv", "three-class-cnn"])
def test_the_described_networks_answer_alike_on_real_films(name, tmp_path):
    from carina.imaging import read_radiograph
    from carina.imaging.prepare import prepare

    *case, spec, _ = DESCRIBED[name]
    network = built(*case, spec)
    files = sorted((REAL_FILMS / "covid19-image-dataset" / "test").rglob("*.*"))[::9]
    assert len(files) >= 5
    films = np.stack([prepare(read_radiograph(file), spec) for file in files])
    assert_equal_answers(network, tmp_path, films)
