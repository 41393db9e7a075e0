import numpy as np
import pytest
import torch

from carina.domain.input_spec import InputSpec
from carina.domain.recipe import NetworkSection
from carina.errors import RecipeError, UnknownNameError
from carina.models.build import build_network
from carina.models.network import logits_of_sigmoid
from making.training_films import SMALL, small_network

DESCRIBED = InputSpec(height=150, width=150)


def described(n_classes=2, spec=DESCRIBED):
    return build_network(NetworkSection(), spec=spec, n_classes=n_classes, seed=0)


def test_the_summary_at_150_pixels_is_what_keras_prints():
    # Keras: Conv2D has filters * (k*k*channels + 1), Dense units * (inputs + 1) values.
    assert [(row.output_shape, row.parameters) for row in described().summary()] == [
        ((None, 148, 148, 32), 32 * (3 * 3 * 1 + 1)),
        ((None, 74, 74, 32), 0),
        ((None, 72, 72, 64), 64 * (3 * 3 * 32 + 1)),
        ((None, 36, 36, 64), 0),
        ((None, 36, 36, 64), 0),
        ((None, 36 * 36 * 64), 0),
        ((None, 256), 256 * (36 * 36 * 64 + 1)),
        ((None, 256), 0),
        ((None, 1), 256 + 1),
    ]
    assert described().n_parameters == 21_252_993


def test_three_classes_end_in_a_softmax_of_three():
    assert described(3).summary()[-1].output_shape == (None, 3)
    assert described(3).n_parameters == 21_252_993 + 2 * 257


def test_the_dropout_rates_are_the_described_ones():
    network = described()
    assert (network.dropout_maps.rate, network.dropout_features.p) == (0.25, 0.5)


def test_start_weights_are_glorot_uniform_and_biases_zero():
    network = described()
    limit = (6 / (36 * 36 * 64 + 256)) ** 0.5
    weights = network.dense.weight.detach()
    assert weights.abs().max() <= limit
    assert weights.std().item() == pytest.approx(limit / 3**0.5, rel=0.01)
    assert not any(p.any() for n, p in network.named_parameters() if n.endswith("bias"))


def test_the_softmax_of_the_two_logits_is_the_sigmoid():
    z = torch.linspace(-30, 30, 13, dtype=torch.float64).unsqueeze(1)
    probabilities = logits_of_sigmoid(z).softmax(dim=1)
    torch.testing.assert_close(probabilities[:, 1:], z.sigmoid())


def test_cross_entropy_of_the_two_logits_is_binary_cross_entropy_and_so_is_its_gradient():
    z = torch.randn(9, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    labels = torch.arange(9) % 2
    binary = z.clone().requires_grad_()
    two = z.clone().requires_grad_()
    loss = torch.nn.functional.binary_cross_entropy_with_logits(binary[:, 0], labels.double())
    ours = torch.nn.functional.cross_entropy(logits_of_sigmoid(two), labels)
    torch.testing.assert_close(ours, loss)
    loss.backward()
    ours.backward()
    torch.testing.assert_close(two.grad, binary.grad)


def test_pooling_before_the_relu_gives_the_same_gradients():
    network = small_network().eval()
    images = torch.from_numpy(np.random.default_rng(0).random((3, 1, 32, 32), dtype=np.float32))
    quick = torch.autograd.grad(network(images).square().sum(), list(network.parameters()))
    slow = torch.autograd.grad(
        network.classify(network.embed(network.maps(images))).square().sum(),
        list(network.parameters()),
    )
    for one, other in zip(quick, slow, strict=True):
        torch.testing.assert_close(one, other)


def test_the_dense_layer_reads_the_maps_row_by_row_with_the_channels_last():
    network = small_network().eval()
    maps = torch.rand(1, 8, 13, 13, generator=torch.Generator().manual_seed(0))
    rows = network.pool_2(maps)[0].permute(1, 2, 0).reshape(1, -1)
    torch.testing.assert_close(network.embed(maps), network.dense(rows).relu())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"dens": 8}, "unknown option 'network.options.dens' .did you mean 'dense'"),
        ({"filters": (4,)}, "network.options.filters"),
        ({"dropout_maps": 1.5}, "network.options.dropout_maps = 1.5"),
    ],
)
def test_options_that_do_not_fit_are_named(options, sentence):
    section = NetworkSection(options=options)
    with pytest.raises(RecipeError, match=sentence):
        build_network(section, spec=SMALL, n_classes=2, seed=0)


def test_an_unknown_architecture_names_the_nearest():
    section = NetworkSection(architecture="two-cnov")
    with pytest.raises(UnknownNameError, match="did you mean 'two-conv'"):
        build_network(section, spec=SMALL, n_classes=2, seed=0)


def test_one_class_is_a_wrong_call():
    with pytest.raises(ValueError, match="at least 2 classes"):
        build_network(NetworkSection(), spec=SMALL, n_classes=1, seed=0)
