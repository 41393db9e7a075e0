"""Twenty steps from the same start, on the same batches, without dropout.

In float32 a difference in the last bit grows with each step, the more the wider a network
is: narrow ones keep the 1e-3 that Carina promises (1e-4 is found), wide ones are compared in
float64. With Adam's epsilon at torch's place instead of Keras's the differences reach 3e-2.
"""

import numpy as np
import pytest

from carina.domain.input_spec import InputSpec
from carina.domain.recipe import NetworkSection
from carina.models.build import build_network
from making.keras_training import faint_batches, losses_in_carina, losses_in_keras

STILL = {"dropout_maps": 0.0, "dropout_dense": 0.0}
TWO_CONV = {"filters": (8, 16), "dense": 32, "dropout_maps": 0.0, "dropout_features": 0.0}
STACK = {"filters": (8, 16, 32), "dense": (32,), **STILL}
GREY, COLOUR = InputSpec(height=40, width=32), InputSpec(height=40, width=32, channels=3)
FIVE = {"filters": (8, 8, 8, 16, 16), "dense": (64, 32, 16, 8), **STILL}
CASES = {
    "two-conv, sigmoid": ("two-conv", TWO_CONV, 2, GREY),
    "two-conv, softmax": ("two-conv", TWO_CONV, 3, COLOUR),
    "five-conv": ("conv-stack", FIVE, 2, InputSpec(height=100, width=100)),
    "three-class": ("conv-stack", STACK, 3, COLOUR),
    "sigmoid": ("conv-stack", {**STACK, "output": "sigmoid"}, 2, GREY),
    "batch norm": ("conv-stack", {**STACK, "batch_norm": True}, 3, GREY),
}


def built(architecture, options, n_classes, spec):
    section = NetworkSection(architecture=architecture, options=options)
    return build_network(section, spec=spec, n_classes=n_classes, seed=0)


def assert_equal_losses(network):
    batches = faint_batches(network)
    wanted = losses_in_keras(network, batches)
    found = losses_in_carina(network, batches)
    assert np.ptp(wanted) > 1e-3  # the weights moved
    np.testing.assert_allclose(found, wanted, rtol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_twenty_steps_of_carina_and_of_keras_have_the_same_losses(name):
    assert_equal_losses(built(*CASES[name]))


@pytest.mark.parametrize("name", ["two-conv, softmax", "three-class"])
def test_in_double_precision_the_losses_of_twenty_steps_are_the_same_to_six_digits(name):
    network = built(*CASES[name])
    batches = faint_batches(network)
    wanted = losses_in_keras(network, batches, dtype="float64")
    found = losses_in_carina(network.double(), batches)
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


@pytest.mark.slow
def test_twenty_steps_of_new_dense_layers_on_a_fixed_backbone_have_the_same_losses():
    spec = InputSpec(height=32, width=32, channels=3)
    network = built("vgg16", {"dense": (32,), "dropout": 0.0}, 3, spec)
    network.freeze("head")
    assert_equal_losses(network)


@pytest.mark.slow
@pytest.mark.nightly
def test_twenty_steps_of_the_described_two_conv_have_the_same_losses_in_double_precision():
    # In float32 so wide a layer drifts further than 1e-3, Keras from itself too.
    options = {"dropout_maps": 0.0, "dropout_features": 0.0}
    network = built("two-conv", options, 2, InputSpec(height=150, width=150))
    batches = faint_batches(network, size=8)
    wanted = losses_in_keras(network, batches, dtype="float64")
    found = losses_in_carina(network.double(), batches)
    np.testing.assert_allclose(found, wanted, rtol=1e-3)
