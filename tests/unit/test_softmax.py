"""Logits -> logarithms of probabilities, once for training, evaluation and answers."""

import numpy as np
import pytest
from scipy.special import log_softmax as reference

from carina.domain.calibration import Calibration
from carina.domain.softmax import log_softmax


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_log_softmax_is_scipys(dtype):
    logits = np.random.default_rng(0).normal(scale=20, size=(50, 4)).astype(dtype)
    found = log_softmax(logits)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, reference(logits.astype(np.float64), axis=1), atol=1e-12)


def test_huge_logits_do_not_overflow():
    found = log_softmax(np.array([[1e4, -1e4], [-5e307, 5e307]]))
    assert found.tolist() == [[0.0, -2e4], [-1e308, 0.0]]


def test_no_logits_give_no_probabilities():
    assert log_softmax(np.zeros((0, 3))).shape == (0, 3)


def test_calibrated_probabilities_are_its_exponentials():
    logits = np.random.default_rng(1).normal(size=(20, 3))
    found = Calibration().apply(logits)
    assert np.array_equal(found, np.exp(log_softmax(logits)))
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-12)
