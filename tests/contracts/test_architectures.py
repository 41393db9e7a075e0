"""What every registered architecture keeps, whoever adds it."""

import functools
import itertools

import numpy as np
import pytest
import torch

from carina.domain.input_spec import InputSpec
from carina.domain.recipe import NetworkSection, TrainSection
from carina.errors import RecipeError
from carina.inference.explain import EXPLAINERS, FilmInNetwork
from carina.inference.explain.head_gradient import head_gradient
from carina.inference.runtimes import RUNTIMES
from carina.models.architectures import ARCHITECTURES
from carina.models.build import build_network
from carina.models.export import export_network, parity
from carina.models.gradients import grad_cam
from carina.training.step import adam, training_step

# Height and width of an architecture that refuses the films of the others, 32x40.
LARGER = {"densenet121": (64, 72), "efficientnet-lite0": (64, 72)}
# Those whose export or training takes seconds: slow, but for one quick export of a backbone.
LARGE = ("densenet121", "efficientnet-lite0", "vgg16")
DEEP = ("densenet121", "efficientnet-lite0")
CASES = list(itertools.product(ARCHITECTURES.names(), (1, 3), (2, 3)))
every_case = pytest.mark.parametrize(
    ("name", "channels", "n_classes"),
    [
        pytest.param(
            name,
            channels,
            n,
            marks=pytest.mark.slow if name in DEEP and (channels, n) != (1, 3) else (),
        )
        for name, channels, n in CASES
    ],
)
# Both numbers of channels and of classes, in two cases rather than four.


def _weight(name):
    """The marks of a test that is made with small networks too."""
    if name == "densenet121":
        return (pytest.mark.slow, pytest.mark.nightly)
    return pytest.mark.slow if name in LARGE else ()


every_export = pytest.mark.parametrize(
    ("name", "channels", "n_classes"),
    [
        pytest.param(name, 1, 3, marks=pytest.mark.slow if name in DEEP else ())
        for name in ARCHITECTURES.names()
    ]
    + [pytest.param(name, 3, 2, marks=_weight(name)) for name in ARCHITECTURES.names()],
)
every_exported_name = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name in DEEP else ())
        for name in ARCHITECTURES.names()
    ],
)
every_training = pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=_weight(name)) for name in ARCHITECTURES.names()],
)


def spec_of(name, channels=1):
    height, width = LARGER.get(name, (32, 40))
    return InputSpec(height=height, width=width, channels=channels)


def built(name, channels=1, n_classes=2, seed=0):
    section = NetworkSection(architecture=name)
    return build_network(section, spec=spec_of(name, channels), n_classes=n_classes, seed=seed)


@functools.cache
def exported(name, channels, n_classes):
    network = built(name, channels, n_classes)
    return network, export_network(network, spec_of(name, channels))


def films(name, channels=1, n=5):
    spec = spec_of(name)
    shape = (n, channels, spec.height, spec.width)
    return np.random.default_rng(0).random(shape, dtype=np.float32)


@every_case
def test_an_image_becomes_maps_features_and_one_logit_per_class(name, channels, n_classes):
    network = built(name, channels, n_classes).eval()
    maps = network.maps(torch.from_numpy(films(name, channels)))
    assert maps.ndim == 4
    assert maps.min() >= 0
    features = network.embed(maps)
    assert features.ndim == 2
    assert network.classify(features).shape == (5, n_classes)


@every_case
def test_the_quick_way_forward_equals_the_way_through_maps_and_features(name, channels, n_classes):
    network = built(name, channels, n_classes).eval()
    images = torch.from_numpy(films(name, channels))
    with torch.no_grad():
        step_by_step = network.classify(network.embed(network.maps(images)))
        # 1e-6: the same sums, but a batch may be added up in another order
        torch.testing.assert_close(network(images), step_by_step, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@every_case
def test_every_parameter_gets_a_gradient(name, channels, n_classes):
    network = built(name, channels, n_classes).train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network(torch.from_numpy(films(name, channels))).square().sum().backward()
    silent = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert not silent


@every_case
def test_the_summary_counts_every_parameter_once(name, channels, n_classes):
    network = built(name, channels, n_classes)
    assert sum(row.parameters for row in network.summary()) == network.n_parameters
    assert all(row.output_shape[0] is None for row in network.summary())


@pytest.mark.parametrize("name", ARCHITECTURES.names())
def test_the_summary_leaves_the_training_mode_as_it_was(name):
    network = built(name).train()
    network.summary()
    assert network.training
    assert all(module.training for module in network.modules())


@pytest.mark.parametrize("name", ARCHITECTURES.names())
def test_the_same_seed_gives_the_same_start_weights_and_another_seed_others(name):
    first, again, other = (built(name, seed=seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


@pytest.mark.parametrize("name", ARCHITECTURES.names())
def test_building_leaves_torchs_own_generator_as_it_was(name):
    before = torch.get_rng_state()
    built(name)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("name", ARCHITECTURES.names())
def test_an_unknown_option_is_refused(name):
    section = NetworkSection(architecture=name, options={"no_such_option": 1})
    with pytest.raises(RecipeError, match="no_such_option"):
        build_network(section, spec=InputSpec(height=32, width=32), n_classes=2, seed=0)


@every_export
def test_the_exported_network_answers_as_the_trained_one(name, channels, n_classes):
    network, files = exported(name, channels, n_classes)
    # design 4.2: both equal torch to 3e-7 in probability
    assert parity(network, files, films(name, channels)) <= 1e-6


@every_exported_name
def test_the_exported_files_have_the_names_and_shapes_that_the_design_gives(name):
    onnxruntime = pytest.importorskip("onnxruntime")
    network, files = exported(name, 1, 3)
    whole, head = (
        onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
        for data in (files.network, files.heads["head.onnx"])
    )
    assert [i.name for i in whole.get_inputs()] == ["image"]
    assert [o.name for o in whole.get_outputs()] == ["logits", "features", "maps"]
    assert [i.name for i in head.get_inputs()] == ["maps"]
    assert [o.name for o in head.get_outputs()] == ["logits"]
    for n in (1, 2, 7):
        logits, features, maps = whole.run(None, {"image": films(name, 1, n)})
        assert logits.shape == (n, 3)
        assert features.shape[0] == maps.shape[0] == n
        with torch.no_grad():
            wanted = network.eval().maps(torch.from_numpy(films(name, 1, n))).numpy()
        np.testing.assert_allclose(maps, wanted, rtol=1e-4, atol=1e-5)


def film_in_network(name):
    network, files = exported(name, 1, 3)
    load, film = RUNTIMES.get("onnxruntime"), films(name, 1, 1)
    (maps,) = load(files.network).run(["maps"], {"image": film})
    head = load(files.heads["head.onnx"])

    def logits(moved):
        return head.run(["logits"], {"maps": moved})[0]

    return network.eval(), FilmInNetwork(
        image=film[0],
        network=logits,
        maps=maps[0],
        head=logits,
        head_file=files.heads["head.onnx"],
    )


@every_exported_name
def test_grad_cam_from_the_exported_head_is_that_of_automatic_differentiation(name):
    network, film = film_in_network(name)
    compared = 0
    for class_index in range(3):
        heat = EXPLAINERS.get("grad-cam").explain(film, class_index=class_index).ravel()
        wanted = grad_cam(network, film.image, class_index=class_index).ravel()
        if wanted.std() > 0.1:
            # Not 0.999 as of a trained network: here every unit is near the kink of its ReLU.
            assert np.corrcoef(heat, wanted)[0, 1] >= 0.99
            compared += 1
    assert compared


@every_exported_name
def test_the_slope_at_every_place_of_the_exported_head_is_that_of_automatic_differentiation(name):
    network, film = film_in_network(name)
    for class_index in range(3):
        maps = torch.from_numpy(film.maps)[None].requires_grad_()
        (wanted,) = torch.autograd.grad(network.logits_of_maps(0, maps)[0, class_index], maps)
        found = head_gradient(film.head_file, film.maps, class_index=class_index, needed_by="test")
        # float32 sums in another order
        largest = float(wanted.abs().max())
        np.testing.assert_allclose(found, wanted[0].numpy(), atol=1e-5 * largest)


@every_exported_name
def test_grad_cam_plus_plus_is_the_papers_equation_19(name):
    network, film = film_in_network(name)
    for class_index in range(3):
        maps = torch.from_numpy(film.maps)[None].requires_grad_()
        (slope,) = torch.autograd.grad(network.logits_of_maps(0, maps)[0, class_index], maps)
        slope, values = slope[0].double(), maps[0].detach().double()
        below = 2 * slope**2 + values.sum(dim=(1, 2), keepdim=True) * slope**3
        coefficients = torch.where(below != 0, slope**2 / below, 0.0)
        weights = (coefficients * slope.relu()).sum(dim=(1, 2), keepdim=True)
        wanted = (weights * values).sum(dim=0).relu().numpy()
        found = EXPLAINERS.get("grad-cam++").explain(film, class_index=class_index)
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5 * wanted.max())


@every_training
def test_a_tiny_batch_can_be_learned_by_heart(name):
    network = built(name, n_classes=3).train()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 0.1  # the statistics of 80 steps, not mostly those of the start
    learning_rate = 1e-3
    if name == "vgg16":
        # So deep without a batch normalisation, it needs its own pixels and small steps.
        network.scaling.set("caffe")
        learning_rate = 1e-4
    optimizer = adam(network, TrainSection(learning_rate=learning_rate))
    images, labels = torch.from_numpy(films(name, 1, 6)), torch.arange(6) % 3
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for step in range(1, 161):
            training_step(
                network.train(), optimizer, images=images, labels=labels, weights=None, bf16=False
            )
            if step % 20 == 0 and torch.equal(network.eval()(images).argmax(dim=1), labels):
                return
    pytest.fail("after 160 steps it still does not know six films")
