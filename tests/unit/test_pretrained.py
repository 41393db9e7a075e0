"""Published weights compute in our backbones what they compute where they come from."""

import dataclasses
import re

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from carina.domain.input_spec import InputSpec
from carina.domain.recipe import NetworkSection
from carina.errors import RecipeError, WeightsError
from carina.imaging import read_radiograph
from carina.imaging.prepare import prepare
from carina.models.build import build_network
from carina.models.pretrained import load_pretrained
from carina.models.weights import weights_to_bytes
from making.real_films import REAL_FILMS, needs_real_films
from making.reference_networks import (
    Torchlike,
    densenet121_maps,
    keras_vgg16,
    keras_vgg16_maps,
    lite0_maps,
    torchvision_vgg16,
)

REAL_VGG16 = REAL_FILMS.parent / "weights" / "vgg16_imagenet_notop_f16.safetensors"
IMAGENET_MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
IMAGENET_STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


def built(name, *, channels=3, seed=0):
    spec = InputSpec(height=64, width=80, channels=channels)
    section = NetworkSection(architecture=name)
    return build_network(section, spec=spec, n_classes=3, seed=seed)


def filled(name, file, folder, *, channels=3):
    network = built(name, channels=channels).eval()
    found = load_pretrained(network, str(file), architecture=name, cache_dir=folder / "cache")
    return network, found


def film(channels=3):
    """A grey film: every channel the same."""
    rng = np.random.default_rng(0)
    grey = torch.from_numpy(rng.random((1, 1, 64, 80), dtype=np.float32))
    return grey.expand(-1, channels, -1, -1)


def assert_near(found, wanted, *, within=1e-5):
    # 1e-5 of the largest: float32 sums over thousands of values, in another order
    assert found.shape == wanted.shape
    assert (found - wanted).abs().max() <= within * wanted.abs().max()


@pytest.fixture(scope="module")
def vgg_weights():
    return keras_vgg16()


@pytest.fixture(scope="module")
def densenet():
    own = Torchlike()
    with torch.no_grad():
        maps = densenet121_maps(own, (film() - IMAGENET_MEAN) / IMAGENET_STD)
    return own.state, maps


@pytest.fixture(scope="module")
def lite():
    own = Torchlike()
    with torch.no_grad():
        maps = lite0_maps(own, (film() * 255 - 127) / 128)
    return own.state, maps


@torch.no_grad()
def test_keras_vgg16_computes_the_same_here(vgg_weights, tmp_path):
    file = tmp_path / "weights.safetensors"
    save_file({name: torch.from_numpy(value) for name, value in vgg_weights.items()}, file)
    network, found = filled("vgg16", file, tmp_path)
    assert (found.preprocessing, found.n_values) == ("caffe", 14_714_688)
    assert_near(network.maps(film()), keras_vgg16_maps(vgg_weights, film()))


@needs_real_films
@pytest.mark.skipif(not REAL_VGG16.is_file(), reason="../shared/weights is absent")
@torch.no_grad()
def test_imagenets_own_vgg16_computes_the_same_here_on_a_real_film(tmp_path):
    spec = InputSpec(channels=3)
    section = NetworkSection(architecture="vgg16", weights=str(REAL_VGG16), trained="head")
    network = build_network(section, spec=spec, n_classes=2, seed=0).eval()
    load_pretrained(network, str(REAL_VGG16), architecture="vgg16", cache_dir=tmp_path)
    film_file = min((REAL_FILMS / "covid-dataset").rglob("*.jp*g"))
    real = torch.from_numpy(prepare(read_radiograph(film_file), spec))[None]
    weights = {name: value.float().numpy() for name, value in load_file(REAL_VGG16).items()}
    wanted = keras_vgg16_maps(weights, real)
    assert_near(network.maps(real), wanted)
    pooled = torch.nn.functional.max_pool2d(wanted, 2).permute(0, 2, 3, 1).flatten(1)
    assert_near(network.frozen(real), pooled)


@torch.no_grad()
def test_float16_weights_are_taken_as_float32(vgg_weights, tmp_path):
    half = {name: value.astype(np.float16) for name, value in vgg_weights.items()}
    file = tmp_path / "half.safetensors"
    save_file({name: torch.from_numpy(value) for name, value in half.items()}, file)
    network, _ = filled("vgg16", file, tmp_path)
    rounded = {name: value.astype(np.float32) for name, value in half.items()}
    assert_near(network.maps(film()), keras_vgg16_maps(rounded, film()))


@torch.no_grad()
def test_torchvision_vgg16_computes_the_same_here(vgg_weights, tmp_path):
    state = torchvision_vgg16(vgg_weights)
    state |= {"classifier.0.weight": torch.zeros(4, 4), "classifier.0.bias": torch.zeros(4)}
    file = tmp_path / "vgg16.pth"
    torch.save(state, file)
    network, found = filled("vgg16", file, tmp_path)
    assert found.preprocessing == "torch"
    assert "2 tensors that are no part of the backbone left out" in found.note
    # The reference takes BGR less a mean: the same kernels over what torchvision gives them.
    pixels = (film() - IMAGENET_MEAN) / IMAGENET_STD
    as_caffe = (pixels + torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)) / 255
    assert_near(network.maps(film()), keras_vgg16_maps(vgg_weights, as_caffe.flip(1)))


@torch.no_grad()
@pytest.mark.parametrize("names", ["torchvision", "dotted", "monai", "wrapped"])
def test_densenet121_computes_the_same_here(densenet, names, tmp_path):
    state, wanted = densenet
    state = {**state, "classifier.weight": torch.zeros(2, 2)}
    within_layer = r"(denselayer\d+\.)(norm|conv)(\d)"
    pattern = {"dotted": r"\1\2.\3", "monai": r"\1layers.\2\3"}.get(names, r"\1\2\3")
    state = {re.sub(within_layer, pattern, name): value for name, value in state.items()}
    file = tmp_path / "densenet.pth"
    torch.save({"epoch": 3, "state_dict": state} if names == "wrapped" else state, file)
    network, found = filled("densenet121", file, tmp_path)
    assert (found.preprocessing, found.n_values) == ("torch", 7_037_504)
    assert_near(network.maps(film()), wanted)


def keras_densenet_name(name):
    """features.denseblock2.denselayer3.norm1.weight -> conv3_block3_0_bn/gamma."""
    *layers, value = name.removeprefix("features.").split(".")
    layer = ".".join(layers)
    layer = re.sub(
        r"denseblock(\d)\.denselayer(\d+)\.(norm|conv)(\d)",
        lambda m: f"conv{int(m[1]) + 1}_block{m[2]}_{int(m[4]) - (m[3] == 'norm')}_{m[3]}",
        layer,
    )
    layer = re.sub(r"transition(\d)\.", lambda m: f"pool{int(m[1]) + 1}_", layer)
    layer = {"conv0": "conv1/conv", "norm0": "conv1/bn", "norm5": "bn"}.get(layer, layer)
    layer = layer.replace("norm", "bn")
    values = {"running_mean": "moving_mean", "running_var": "moving_variance"}
    own = {"weight": "gamma", "bias": "beta"} if layer.endswith("bn") else {"weight": "kernel"}
    return layer, {**values, **own}[value]


@torch.no_grad()
def test_keras_densenet121_computes_the_same_here_with_its_own_epsilon(densenet, tmp_path):
    state, _ = densenet
    own = Torchlike()
    # Variances as small as this make an epsilon of 1.001e-5 differ from one of 1e-5.
    own.state = {**state, "features.norm5.running_var": torch.full((1024,), 1e-6)}
    wanted = densenet121_maps(own, (film() - IMAGENET_MEAN) / IMAGENET_STD, epsilon=1.001e-5)
    with h5py.File(tmp_path / "densenet.h5", "w") as file:
        layers = {}
        for name, value in own.state.items():
            if not name.endswith("num_batches_tracked"):
                layer, own_name = keras_densenet_name(name)
                layers.setdefault(layer, {})[own_name] = value
        file.attrs["layer_names"] = list(layers)
        for layer, values in layers.items():
            group = file.create_group(layer)
            group.attrs["weight_names"] = [f"{layer}/{value}:0" for value in values]
            for name, value in values.items():
                last = value.permute(2, 3, 1, 0) if value.ndim == 4 else value
                group[f"{layer}/{name}:0"] = last.numpy()
    network, found = filled("densenet121", tmp_path / "densenet.h5", tmp_path)
    assert (found.preprocessing, found.n_values) == ("torch", 7_037_504)
    assert_near(network.maps(film()), wanted, within=1e-4)


@pytest.mark.slow
@torch.no_grad()
def test_torchxrayvision_weights_see_minus_to_plus_1024(tmp_path):
    own = Torchlike(seed=1)
    wanted = densenet121_maps(own, (2 * film(1) - 1) * 1024)
    own.state["op_threshs"] = torch.zeros(18)
    file = tmp_path / "xrv.pt"
    torch.save(own.state, file)
    network, found = filled("densenet121", file, tmp_path, channels=1)
    assert found.preprocessing == "xrv"
    assert_near(network.maps(film(1)), wanted)
    three, found = filled("densenet121", file, tmp_path, channels=3)
    assert found.preprocessing == "xrv"
    assert_near(three.maps(film(3)), wanted)


@pytest.mark.slow
@torch.no_grad()
def test_efficientnet_lite0_computes_the_same_here_in_colour_and_in_grey(lite, tmp_path):
    state, wanted = lite
    file = tmp_path / "lite.pth"
    torch.save({**state, "_fc.weight": torch.zeros(2, 2)}, file)
    network, found = filled("efficientnet-lite0", file, tmp_path)
    assert found.preprocessing == "lite"
    assert_near(network.maps(film()), wanted)
    # The three zeros are the same one, so grey is exact up to the border.
    grey, found = filled("efficientnet-lite0", file, tmp_path, channels=1)
    assert found.preprocessing == "lite"
    # 1e-4: the sum of the kernels is rounded once more, and fifty layers let that grow
    assert_near(grey.maps(film(1)), wanted, within=1e-4)


def test_what_training_scripts_put_before_every_name_is_passed_over(lite, tmp_path):
    file = tmp_path / "lite.pth"
    torch.save({f"module.net.{name}": value for name, value in lite[0].items()}, file)
    network, _ = filled("efficientnet-lite0", file, tmp_path)
    stem = network.stages[0].get_submodule("stem_conv").weight
    assert torch.equal(stem, lite[0]["_conv_stem.weight"])


def test_grey_is_refused_where_each_channel_has_a_mean_of_its_own(vgg_weights, tmp_path):
    file = tmp_path / "weights.safetensors"
    save_file({name: torch.from_numpy(value) for name, value in vgg_weights.items()}, file)
    with pytest.raises(RecipeError, match=r"set input\.channels=3"):
        filled("vgg16", file, tmp_path, channels=1)


def test_the_head_keeps_its_start_weights(lite, tmp_path):
    file = tmp_path / "lite.pth"
    torch.save(lite[0], file)
    network, _ = filled("efficientnet-lite0", file, tmp_path)
    fresh = built("efficientnet-lite0").state_dict()
    heads = [name for name in fresh if name.startswith("head.")]
    assert heads
    assert all(torch.equal(network.state_dict()[name], fresh[name]) for name in heads)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_checkpoint_of_carina_brings_its_own_pixels(channels, tmp_path):
    earlier = built("efficientnet-lite0", channels=channels, seed=4)
    earlier.scaling.scale.fill_(3.0)
    earlier.scaling.offset.fill_(-0.6)
    file = tmp_path / "best.safetensors"
    file.write_bytes(weights_to_bytes(earlier.state_dict(), {"epoch": 3}))
    network, found = filled("efficientnet-lite0", file, tmp_path, channels=channels)
    assert found.preprocessing == "own"
    with torch.no_grad():
        assert_near(network.maps(film(channels)), earlier.eval().maps(film(channels)))


def test_metadata_may_say_what_the_pixels_should_be(tmp_path):
    grey = Torchlike()
    with torch.no_grad():
        densenet121_maps(grey, film(1))
    within = r"(denselayer\d+\.)(norm|conv)(\d)"
    monai = {re.sub(within, r"\1layers.\2\3", name): v for name, v in grey.state.items()}
    file = tmp_path / "monai.safetensors"
    save_file(monai, file)
    with pytest.raises(WeightsError, match="does not say what its weights expect of the pixels"):
        filled("densenet121", file, tmp_path, channels=1)
    save_file(monai, file, {"preprocessing": "none"})
    _, found = filled("densenet121", file, tmp_path, channels=1)
    assert found.preprocessing == "none"


def test_a_file_leaves_neither_its_folder_nor_the_users_name(lite, tmp_path):
    file = tmp_path / "lite.pth"
    torch.save(lite[0], file)
    _, found = filled("efficientnet-lite0", file, tmp_path)
    assert found.origin == "lite.pth"
    assert not any(str(tmp_path) in str(value) for value in dataclasses.astuple(found))


def test_a_torch_file_is_unpickled_once_and_kept_as_safetensors(lite, tmp_path, monkeypatch):
    file = tmp_path / "lite.pth"
    torch.save(lite[0], file)
    first, found = filled("efficientnet-lite0", file, tmp_path)
    (kept,) = (tmp_path / "cache" / "weights").iterdir()
    assert kept.name == f"lite-{found.sha256[:16]}.safetensors"
    assert set(load_file(kept)) == set(lite[0])
    monkeypatch.setattr(torch, "load", None)  # a second unpickling would fail
    again, found_again = filled("efficientnet-lite0", file, tmp_path)
    assert found_again == found
    assert all(map(torch.equal, first.state_dict().values(), again.state_dict().values()))


def test_a_damaged_copy_in_the_cache_is_made_anew(lite, tmp_path):
    file = tmp_path / "lite.pth"
    torch.save(lite[0], file)
    filled("efficientnet-lite0", file, tmp_path)
    (kept,) = (tmp_path / "cache" / "weights").iterdir()
    content = kept.read_bytes()
    kept.write_bytes(content[:1000])
    filled("efficientnet-lite0", file, tmp_path)
    assert kept.read_bytes() == content


def changed(state, how):
    state = dict(state)
    if how == "missing":
        del state["_blocks.3._bn1.bias"], state["_bn1.running_var"]
    elif how == "unknown":
        state["_blocks.16._expand_conv.weight"] = torch.zeros(1)
    elif how == "misshaped":
        state["_blocks.3._depthwise_conv.weight"] = torch.zeros(144, 1, 3, 3)
    elif how == "not finite":
        state["_conv_head.weight"] = torch.full_like(state["_conv_head.weight"], torch.nan)
    elif how == "variance":
        state["_bn0.running_var"] = -state["_bn0.running_var"]
    elif how == "first":
        state["_conv_stem.weight"] = torch.zeros(32, 4, 3, 3)
    return state


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("missing", r"2 are missing \(_blocks.3._bn1.bias, _bn1.running_var\)"),
        ("unknown", r"1 do not belong there \(_blocks.16._expand_conv.weight\)"),
        (
            "misshaped",
            r"_blocks.3._depthwise_conv.weight is \[144, 1, 3, 3\], expected \[144, 1, 5",
        ),
        ("not finite", "not finite.*head_conv"),
        ("variance", "variances below 0.*stem_norm"),
        ("first", r"\[32, 4, 3, 3\]; one that takes 1 or 3 channels"),
    ],
)
def test_weights_that_do_not_fit_are_named_and_change_nothing(lite, how, sentence, tmp_path):
    file = tmp_path / "lite.pth"
    torch.save(changed(lite[0], how), file)
    network = built("efficientnet-lite0")
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with pytest.raises(WeightsError, match=sentence):
        load_pretrained(network, str(file), architecture="efficientnet-lite0", cache_dir=tmp_path)
    assert all(torch.equal(before[n], v) for n, v in network.state_dict().items())


def test_weights_of_another_network_are_refused(lite, tmp_path):
    file = tmp_path / "lite.pth"
    torch.save(lite[0], file)
    with pytest.raises(WeightsError, match=r"does not hold the backbone.*_conv_stem\.weight"):
        filled("vgg16", file, tmp_path)


def test_a_network_without_a_backbone_takes_none(tmp_path):
    with pytest.raises(RecipeError, match=r"two-conv has none; set network\.weights=none"):
        load_pretrained(built("two-conv"), "imagenet", architecture="two-conv", cache_dir=tmp_path)
