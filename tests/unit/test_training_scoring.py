import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

from carina.domain.input_spec import InputSpec
from carina.training.scoring import figures, torch_logits
from making.training_films import easy_part, film_part, small_network


@given(seed=st.integers(0, 10**6), n_classes=st.integers(2, 4))
def test_the_figures_are_scikit_learns(seed, n_classes):
    rng = np.random.default_rng(seed)
    labels = np.arange(30) % n_classes
    logits = rng.normal(size=(30, n_classes))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = figures(logits, labels)
    one_hot = np.eye(n_classes)[labels]
    assert found["loss"] == pytest.approx(log_loss(labels, probabilities))
    assert found["accuracy"] == accuracy_score(labels, logits.argmax(axis=1))
    assert found["auc"] == pytest.approx(roc_auc_score(one_hot, probabilities, average="micro"))
    assert found["auc_macro"] == pytest.approx(roc_auc_score(one_hot, probabilities))


def test_the_macro_area_of_films_of_one_class_is_undefined():
    found = figures(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([1, 1]))
    assert math.isnan(found["auc_macro"])
    assert found["auc"] == pytest.approx(0.5)


def test_huge_logits_give_a_finite_loss():
    found = figures(np.array([[1e4, -1e4], [-1e4, 1e4]]), np.array([0, 0]))
    assert found["loss"] == pytest.approx(1e4)


def test_sure_and_right_answers_cost_nothing_and_not_less():
    found = figures(np.array([[1e4, -1e4], [-1e4, 1e4]]), np.array([0, 1]))
    assert str(found["loss"]) == "0.0"


@pytest.mark.parametrize("channels", [1, 3])
def test_logits_do_not_depend_on_the_batch_and_leave_the_network_as_it_was(channels):
    spec = InputSpec(height=32, width=32, channels=channels)
    network = small_network(3, spec=spec).train()
    part = easy_part(10, n_classes=3)
    logits = torch_logits(network, part, batch_size=3)
    assert logits.dtype == np.float64
    assert logits.shape == (10, 3)
    assert network.training
    # 1e-5: sums in another order
    np.testing.assert_allclose(logits, torch_logits(network, part), atol=1e-5)
    image = torch.from_numpy(part.read_levels(part.keys[:1]) / np.float32(65535))
    with torch.no_grad():
        alone = network.eval()(image[:, None].expand(-1, channels, -1, -1))
    np.testing.assert_allclose(logits[:1], alone.numpy(), atol=1e-5)


def test_no_films_give_no_logits():
    nothing = film_part(np.zeros((0, 32, 32), dtype=np.uint16), [])
    assert torch_logits(small_network(3), nothing).shape == (0, 3)
