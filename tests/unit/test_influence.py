"""What films and patients add to numbers that rest on ranks."""

import numpy as np
import pytest

from carina.evaluation.influence import (
    area_influence,
    area_variance,
    precision_influence,
    shrunk_ratio,
    sum_by_unit,
    variance,
    weight_of_evidence,
)
from carina.evaluation.metrics import METRICS
from carina.evaluation.metrics.auroc import auroc
from carina.evaluation.resamples import Resamples

RNG = np.random.default_rng(3)
IS_CLASS = np.arange(40) % 3 == 0
SCORE = np.round(RNG.normal(size=40) + IS_CLASS, 1)  # with ties


def plain_delong(is_class, score):
    """Variance of an area as DeLong et al. (1988) write it, pair by pair."""
    own, others = score[is_class], score[~is_class]
    pairs = (own[:, None] > others).astype(float) + 0.5 * (own[:, None] == others)
    v10, v01 = pairs.mean(axis=1), pairs.mean(axis=0)
    s10 = ((v10 - pairs.mean()) ** 2).sum() / (own.size - 1)
    s01 = ((v01 - pairs.mean()) ** 2).sum() / (others.size - 1)
    return s10 / own.size + s01 / others.size


def plain_obuchowski(is_class, score, units):
    """Variance of an area as Obuchowski (1997) writes it, patient by patient."""
    own, others = score[is_class], score[~is_class]
    pairs = (own[:, None] > others).astype(float) + 0.5 * (own[:, None] == others)
    area, m, n = pairs.mean(), own.size, others.size
    patients = np.unique(units)
    a = np.array([(pairs.mean(axis=1) - area)[units[is_class] == p].sum() for p in patients])
    b = np.array([(pairs.mean(axis=0) - area)[units[~is_class] == p].sum() for p in patients])
    i10, i01 = np.unique(units[is_class]).size, np.unique(units[~is_class]).size
    s10 = i10 / ((i10 - 1) * m) * (a**2).sum()
    s01 = i01 / ((i01 - 1) * n) * (b**2).sum()
    s11 = patients.size / (patients.size - 1) * (a * b).sum()
    return s10 / m + s01 / n + 2 * s11 / (m * n)


def test_with_one_film_a_patient_the_variance_of_an_area_is_delongs():
    area, added = area_influence(IS_CLASS, SCORE)
    found = area_variance(added, is_class=IS_CLASS, units=np.arange(40))
    assert area == pytest.approx(auroc(IS_CLASS, SCORE), abs=1e-12)
    assert found == pytest.approx(plain_delong(IS_CLASS, SCORE), abs=1e-9)


@pytest.mark.parametrize("units", [np.arange(40) // 4, np.arange(40) % 9, np.arange(40) // 13])
def test_patients_with_films_of_both_kinds_have_obuchowskis_variance(units):
    _, added = area_influence(IS_CLASS, SCORE)
    expected = plain_obuchowski(IS_CLASS, SCORE, units)
    found = area_variance(added, is_class=IS_CLASS, units=units)
    assert found == pytest.approx(expected, abs=1e-9)


def test_an_area_whose_films_of_a_class_are_one_patients_has_no_known_variance():
    _, added = area_influence(IS_CLASS, SCORE)
    units = np.where(IS_CLASS, 0, np.arange(40))
    assert area_variance(added, is_class=IS_CLASS, units=units) == np.inf
    assert variance(np.array([0.0])) == np.inf


@pytest.mark.parametrize("name", ["roc_auc", "average_precision"])
def test_what_a_film_adds_is_the_slope_along_its_weight(name):
    influence = area_influence if name == "roc_auc" else precision_influence
    value, added = influence(IS_CLASS, SCORE)
    y_true = (~IS_CLASS).astype(int)
    shares = np.stack([SCORE, -SCORE], axis=1)

    def measured(weights):
        films = Resamples(y_true, y_true, shares, weights.astype(np.float32))
        return METRICS.get(name).measure(films)[:, 0]

    # whole weights of 1,000: one film more or less is a small step
    many = np.full((40, 40), 1000.0)
    step = np.eye(40) * 10
    slopes = (measured(many + step) - measured(many - step)) * 1000 / 20
    assert value == pytest.approx(measured(many)[0], abs=1e-12)
    np.testing.assert_allclose(added, slopes, atol=1e-6)
    assert added.sum() == pytest.approx(0, abs=1e-12)


def test_a_variance_that_rests_on_one_patient_counts_as_one():
    alike, one = np.tile([1.0, -1.0], 10), np.r_[19.0, -np.ones(19)]
    assert weight_of_evidence(alike) == pytest.approx(20)
    assert weight_of_evidence(one) < 1.2
    assert weight_of_evidence(np.zeros(5)) == 0
    assert sum_by_unit(np.array([1.0, 2.0, 3.0]), np.array([0, 1, 0])).tolist() == [4.0, 2.0]


def test_a_ratio_without_evidence_is_the_one_expected_beforehand():
    assert shrunk_ratio(5.0, 1.0, prior=2.5, evidence=0.0) == 2.5
    assert shrunk_ratio(np.inf, 1.0, prior=2.5, evidence=9.0) == 2.5
    assert shrunk_ratio(0.0, 0.0, prior=2.5, evidence=9.0) == 2.5
    assert shrunk_ratio(5.0, 1.0, prior=2.5, evidence=1e9) == pytest.approx(5.0)
    assert shrunk_ratio(5.0, 1.0, prior=2.0, evidence=2.0) == 3.5  # two patients against two
