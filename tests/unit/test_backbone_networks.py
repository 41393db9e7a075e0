import numpy as np
import pytest
import torch

from carina.domain.input_spec import InputSpec
from carina.domain.recipe import NetworkSection
from carina.errors import RecipeError
from carina.models.build import build_network

# Trained values of the backbones for three channels. vgg16: Keras's documentation of VGG16
# without top; densenet121: 7,978,856 of torchvision less the classifier's 1,025,000;
# efficientnet-lite0: 4,652,008 less the classifier's 1,281,000.
BACKBONES = {"vgg16": 14_714_688, "densenet121": 6_953_856, "efficientnet-lite0": 3_371_008}
SMALLEST = {"vgg16": 32, "densenet121": 64, "efficientnet-lite0": 64}
MAPS = {"vgg16": (512, 4, 5), "densenet121": (1024, 2, 2), "efficientnet-lite0": (1280, 2, 3)}
every_backbone = pytest.mark.parametrize("name", BACKBONES)


def built(name, *, channels=3, height=64, width=80, trained="all", weights="none", **options):
    section = NetworkSection(architecture=name, options=options, trained=trained, weights=weights)
    spec = InputSpec(height=height, width=width, channels=channels)
    return build_network(section, spec=spec, n_classes=3, seed=0)


def held(name, trained, **options):
    """The weights that belong here are another file's matter: the name alone is enough."""
    return built(name, trained=trained, weights="imagenet", **options)


def images(n=2, channels=3, height=64, width=80):
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.random((n, channels, height, width), dtype=np.float32))


@every_backbone
def test_the_backbone_has_the_published_number_of_values(name):
    network = built(name)
    assert sum(p.numel() for p in network.stages.parameters()) == BACKBONES[name]


@every_backbone
def test_the_maps_are_those_of_the_last_stage(name):
    assert built(name).eval().maps(images()).shape[1:] == MAPS[name]


@every_backbone
def test_a_grey_network_begins_with_kernels_of_one_channel(name):
    first = next(built(name, channels=1).stages.parameters())
    assert first.shape[1] == 1


@every_backbone
@pytest.mark.parametrize(
    "trained", [pytest.param("all", marks=pytest.mark.slow), "last-block", "head"]
)
def test_what_is_fixed_then_what_is_trained_is_the_whole_network(name, trained):
    network = held(name, trained).eval()
    with torch.no_grad():
        whole = network.classify(network.embed(network.maps(images())))
        torch.testing.assert_close(network.from_frozen(network.frozen(images())), whole)
        torch.testing.assert_close(network(images()), whole)


@pytest.mark.slow
@every_backbone
@pytest.mark.parametrize("trained", ["last-block", "head"])
def test_a_training_step_changes_nothing_of_what_is_fixed(name, trained):
    network = held(name, trained).train()
    n_fixed = len(network.stages) - (trained == "last-block")
    fixed = {f"stages.{i}." for i in range(n_fixed)}
    before = {n: v.clone() for n, v in network.state_dict().items()}
    trained_values = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained_values, lr=0.1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network(images()).square().sum().backward()
    optimizer.step()
    changed = {n for n, v in network.state_dict().items() if not torch.equal(v, before[n])}
    assert not {n for n in changed if any(n.startswith(place) for place in fixed)}
    assert "head.output.weight" in changed
    if trained == "last-block":
        assert any(n.startswith(f"stages.{n_fixed}.") for n in changed)


@every_backbone
def test_new_dense_layers_stand_between_the_backbone_and_the_output(name):
    network = built(name, dense=(12, 7)).eval()
    pooled = network.pooled(network.maps(images()))
    wanted = network.head.dense_2(network.head.dense_1(pooled).relu()).relu()
    torch.testing.assert_close(network.embed_pooled(pooled), wanted)
    torch.testing.assert_close(network.classify(wanted), network.head.output(wanted))
    assert network.head.output.in_features == 7


def test_vgg16_flattens_with_the_channels_last_or_averages_after_the_last_pooling():
    maps = torch.rand(2, 512, 4, 5, generator=torch.Generator().manual_seed(0))
    pooled = torch.nn.functional.max_pool2d(maps, 2)
    flat, mean = built("vgg16"), built("vgg16", pooling="average")
    torch.testing.assert_close(flat.pooled(maps), pooled.permute(0, 2, 3, 1).flatten(1))
    torch.testing.assert_close(mean.pooled(maps), pooled.mean(dim=(2, 3)))
    assert flat.head.dense_1.in_features == 512 * 2 * 2
    assert mean.head.dense_1.in_features == 512


@pytest.mark.parametrize("name", ["densenet121", "efficientnet-lite0"])
def test_the_maps_are_averaged(name):
    maps = torch.rand(2, 8, 4, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(built(name).pooled(maps), maps.mean(dim=(2, 3)))


@every_backbone
def test_too_small_an_input_is_refused_with_the_smallest_side(name):
    least = SMALLEST[name]
    with pytest.raises(
        RecipeError, match=rf"{name} needs at least {least} pixels a side.*{least - 1}"
    ):
        built(name, height=least + 8, width=least - 1)


@every_backbone
def test_a_batch_of_one_smallest_film_can_be_trained_on(name):
    network = built(name, height=SMALLEST[name], width=SMALLEST[name]).train()
    with torch.random.fork_rng(devices=[]):
        logits = network(images(1, height=SMALLEST[name], width=SMALLEST[name]))
    assert logits.isfinite().all()


@every_backbone
def test_an_option_of_another_network_is_refused(name):
    with pytest.raises(RecipeError, match=f"network '{name}'.*did you mean 'dropout'"):
        built(name, dropouts=0.5)


def test_efficientnet_starts_with_maps_of_a_size_that_can_be_learned_from():
    maps = built("efficientnet-lite0").eval().maps(images())
    assert 0.01 < maps.std().item() < 10


@pytest.mark.parametrize("name", ["two-conv", "conv-stack"])
def test_a_network_without_a_backbone_cannot_hold_one_fixed(name):
    with pytest.raises(
        RecipeError,
        match=f"{name} has none.*densenet121, efficientnet-lite0, vgg16",
    ):
        built(name, trained="head", weights="imagenet")


def test_random_weights_are_not_held_fixed():
    with pytest.raises(RecipeError, match="would hold random weights fixed"):
        built("vgg16", trained="head")


def test_weights_of_an_earlier_run_may_be_held_fixed():
    section = NetworkSection(architecture="efficientnet-lite0", trained="head", init="runs/one")
    network = build_network(section, spec=InputSpec(height=64, width=64), n_classes=2, seed=0)
    assert network.n_frozen == len(network.stages)
