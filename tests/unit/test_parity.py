"""When an exported network answers like the trained one, and what rounding explains."""

import numpy as np
import pytest
import torch

from carina.domain.parity import LARGEST_DIFFERENCE
from carina.errors import ParityError
from carina.models.export import export_network, float32_rounding, parity
from carina.reporting.parity_wording import parity_in_words
from carina.workflows.deploying import required_parity
from making.training_films import SMALL, small_network


def films(n=8):
    shape = (n, SMALL.channels, SMALL.height, SMALL.width)
    return np.random.default_rng(3).random(shape, dtype=np.float32)


def roughened(by):
    """A network that adds `by` to its last features and takes it away again, so that float32
    loses their last digits."""
    network = small_network().eval()
    last = network.output
    with torch.no_grad():
        network.dense.bias += by
        last.bias -= by * last.weight.sum(dim=1)
    return network


def test_float32_rounding_is_the_distance_to_the_network_in_double_precision():
    network, shown = roughened(1e3), films()
    with torch.no_grad():
        single = network(torch.from_numpy(shown)).double().softmax(1)
        double = roughened(1e3).double()(torch.from_numpy(shown).double()).softmax(1)
    found = float32_rounding(network, shown)
    assert found == pytest.approx(float((single - double).abs().max()), rel=1e-3)
    assert found > 1e-5
    assert float32_rounding(small_network().eval(), shown) < 1e-6
    assert float32_rounding(network, films(0)) == 0


def test_a_network_that_rounds_roughly_is_exported_and_its_card_says_why():
    network, shown = roughened(1e3), films()
    exported = export_network(network, SMALL)
    assert parity(network, exported, shown) > LARGEST_DIFFERENCE
    found = required_parity(network, exported, shown)
    assert found["max_probability_difference"] <= found["accepted"] < 1e-3
    assert found["float32_rounding"] == float32_rounding(network, shown)
    assert "which rounding explains: float32 alone moves" in parity_in_words(found)


def test_an_export_of_another_network_is_refused_however_roughly_that_rounds():
    exported = export_network(small_network(seed=9), SMALL)
    for network in (small_network().eval(), roughened(1e4), roughened(1e6)):
        with pytest.raises(ParityError, match="is the most that is accepted"):
            required_parity(network, exported, films())


def test_the_card_of_a_network_that_rounds_finely_says_nothing_of_rounding():
    network = small_network().eval()
    found = required_parity(network, export_network(network, SMALL), films())
    assert found.keys() == {"n_films", "max_probability_difference"}
    assert "rounding" not in parity_in_words(found)
