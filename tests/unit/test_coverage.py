"""How often Carina's intervals hold the true value, in simulated studies."""

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

from covered.as_built import built_intervals
from covered.candidates import CHOSEN, candidate_intervals
from covered.numbers import numbers_of
from covered.studies import Setting, draw_studies
from covered.truths import true_values

HARDEST = [
    # films, films a patient, area, share of the class, classes
    Setting(66, 1, 0.98, 0.5, 2),
    Setting(66, 4, 0.9, 0.1, 2),
    Setting(66, 4, 0.99, 0.5, 3),
    Setting(200, 4, 0.9, 0.1, 3),
    Setting(200, 1, 0.99, 0.1, 3),
]
# Slopes that are steps upwards (counting a patient twice) differ a little from derivatives.
STEPPED = {"f1_macro", "precision_macro", "balanced_accuracy", "f1_weighted"}


def drawn(setting, n_studies, seed=0):
    return draw_studies(setting, n_studies, np.random.default_rng(seed))


def numbers(studies, truths):
    with np.errstate(all="ignore"):
        rng = np.random.default_rng(0)
        for number in numbers_of(studies, truths, draws=0, rng=rng):
            yield number, candidate_intervals(number)[CHOSEN[number.kind]]


@pytest.mark.parametrize("setting", [HARDEST[0], Setting(60, 4, 0.9, 0.5, 3)])
def test_the_benchmarks_formulas_are_carinas(setting):
    studies = drawn(setting, 4)
    built = built_intervals(studies, resamples=100)
    for number, (low, high) in numbers(studies, defaultdict(float)):
        ours = built[number.name, ""]
        reach = 0.05 if number.name == "matthews_corrcoef" else 0.01
        tolerance = reach if number.name in STEPPED | {"matthews_corrcoef"} else 1e-6
        lowest = -1 if number.name == "matthews_corrcoef" else 0
        np.testing.assert_allclose(ours[0], np.maximum(low, lowest), atol=tolerance)
        np.testing.assert_allclose(ours[1], np.minimum(high, 36), atol=tolerance)


def test_the_true_values_are_those_of_very_many_films():
    # two classes: an accuracy of P(N(d, 2) > 0) for d = 1.2816, the normal quantile of 0.9
    truths = true_values(Setting(1, 1, 0.9, 0.5, 2))
    assert truths["roc_auc"] == pytest.approx(0.9, abs=1e-3)
    assert truths["accuracy"] == pytest.approx(0.81756, abs=1e-3)
    assert truths["recall"] == pytest.approx(truths["specificity"], abs=2e-3)
    rare = true_values(Setting(1, 1, 0.9, 0.1, 2))
    # Bayes: 0.1 * 0.81756 / (0.1 * 0.81756 + 0.9 * 0.18244)
    assert rare["precision"] == pytest.approx(0.33241, abs=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize("setting", HARDEST, ids=[one.name for one in HARDEST])
def test_intervals_hold_the_true_value_in_about_95_of_100_studies(setting):
    """2,000 studies, so that a share is known to 1.1 %.

    The target, 93 to 97 %, is for the mean over several areas: at a single one, a share of
    so few films moves in steps, and its coverage with them. Above 97 % is allowed, since
    most counts here are below 20.
    """
    held, counted = {}, {}
    for seed in range(4):
        studies = drawn(setting, 500, seed)
        for number, (low, high) in numbers(studies, true_values(setting)):
            known = ~np.isnan(number.value)
            inside = (low <= number.truth + 1e-9) & (number.truth <= high + 1e-9)
            held[number.name] = held.get(number.name, 0) + int(inside[known].sum())
            counted[number.name] = counted.get(number.name, 0) + int(known.sum())
    shares = {name: held[name] / counted[name] for name in held}
    assert {name: share for name, share in shares.items() if share < 0.89} == {}
    assert np.mean(list(shares.values())) > 0.93
