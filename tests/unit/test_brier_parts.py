"""The parts of the Brier score: exact, equal to scikit-learn's regression, and honest ends."""

import numpy as np
import pytest
from hypothesis import given, settings
from sklearn.isotonic import IsotonicRegression

from carina.domain.recipe import EvaluateSection
from carina.evaluation.brier_parts import BRIER_PARTS, brier_parts, measure_parts
from carina.evaluation.isotonic import rising_shares
from carina.evaluation.resamples import Resamples
from making.scored import drawn_films, perfect_films, scored, scored_tables

QUICK = EvaluateSection(resamples=100)
some = settings(max_examples=40, deadline=None)


def by_scikit_learn(is_class, scores):
    """Return miscalibration, discrimination and uncertainty by another implementation."""
    recalibrated = IsotonicRegression().fit_transform(scores, is_class.astype(float))
    left = np.mean((recalibrated - is_class) ** 2)
    share = is_class.mean()
    return np.mean((scores - is_class) ** 2) - left, share * (1 - share) - left, share * (1 - share)


@some
@given(films=scored_tables())
def test_the_parts_are_those_of_scikit_learns_isotonic_regression_with_ties(films):
    found = measure_parts(films.once)
    for index in range(len(films.labels)):
        expected = by_scikit_learn(films.y_true == index, films.probabilities[:, index])
        for name, value in zip(BRIER_PARTS, expected, strict=True):
            assert found[name][0, index] == pytest.approx(value, abs=1e-9)


@some
@given(films=scored_tables())
def test_miscalibration_less_discrimination_and_uncertainty_is_the_brier_score(films):
    for own in brier_parts(films, QUICK).values():
        miscalibration, discrimination, uncertainty = (own[name].value for name in BRIER_PARTS)
        if miscalibration is not None:
            total = miscalibration - discrimination + uncertainty
            assert total == pytest.approx(own["brier_score"].value, abs=1e-12)


@some
@given(films=scored_tables())
def test_every_part_lies_in_its_interval_or_says_why_there_is_none(films):
    for own in brier_parts(films, QUICK).values():
        for estimate in own.values():
            if estimate.value is None:
                assert "films of other classes are both needed" in estimate.undefined_because
            else:
                assert 0 <= estimate.low <= estimate.value <= estimate.high


def test_a_film_drawn_twice_counts_as_two_films():
    films = drawn_films(40)
    times = np.random.default_rng(2).integers(0, 4, size=(5, 40))
    at_once = measure_parts(
        Resamples(films.y_true, films.predicted, films.probabilities, times.astype(np.float32))
    )
    for draw, row in enumerate(times):
        index = np.repeat(np.arange(40), row)
        copies = scored(films.y_true[index], films.probabilities[index])
        alone = measure_parts(copies.once)
        for name in BRIER_PARTS:
            np.testing.assert_allclose(at_once[name][draw], alone[name][0], atol=1e-9)


def test_perfect_answers_have_no_miscalibration_and_discriminate_fully():
    own = brier_parts(perfect_films(), QUICK)["Covid"]
    assert own["brier_score"].value == own["brier_miscalibration"].value == 0
    assert own["brier_discrimination"].value == pytest.approx(2 / 9)
    assert own["brier_uncertainty"].value == pytest.approx(2 / 9)


def two_classes(n, *, slope, seed):
    """Return films whose true log odds are known; a slope of 1 is calibrated."""
    rng = np.random.default_rng(seed)
    log_odds = rng.normal(0, 2, n)
    y_true = (rng.random(n) < 1 / (1 + np.exp(-log_odds))).astype(int)
    shares = 1 / (1 + np.exp(-slope * log_odds))
    return scored(y_true, np.stack([1 - shares, shares], axis=1), labels=("no", "yes"))


def test_calibrated_probabilities_may_have_no_miscalibration_and_exaggerated_ones_have_some():
    honest, sure = (
        brier_parts(two_classes(600, slope=slope, seed=1), EvaluateSection(resamples=400))["yes"]
        for slope in (1.0, 3.0)
    )
    assert honest["brier_miscalibration"].low == 0
    assert honest["brier_miscalibration"].value < 1.5 * (
        honest["brier_miscalibration_if_calibrated"].high
    )
    assert sure["brier_miscalibration"].low > 0
    assert sure["brier_miscalibration"].value > sure["brier_miscalibration_if_calibrated"].high


def test_intervals_of_the_parts_hold_the_truth():
    """60 studies of 200 films; the plain bootstrap holds the discrimination in 7 of 10."""
    truth = two_classes(200_000, slope=1.0, seed=0).probabilities[:, 1]
    discrimination = float(np.var(truth))
    held = {"brier_miscalibration": 0, "brier_discrimination": 0}
    for seed in range(60):
        own = brier_parts(two_classes(200, slope=1.0, seed=seed + 1), QUICK)["yes"]
        for name, true in (("brier_miscalibration", 0.0), ("brier_discrimination", discrimination)):
            held[name] += own[name].low <= true <= own[name].high
    assert held["brier_miscalibration"] >= 56
    assert held["brier_discrimination"] >= 52


def test_films_of_a_patient_that_agree_widen_the_intervals():
    once = two_classes(60, slope=1.0, seed=3)
    index = np.repeat(np.arange(60), 4)
    together = scored(
        once.y_true[index],
        once.probabilities[index],
        labels=once.labels,
        patients=[f"p{i}" for i in index],
    )
    apart = scored(once.y_true[index], once.probabilities[index], labels=once.labels)
    wide, narrow = (brier_parts(films, QUICK)["yes"] for films in (together, apart))
    for name in ("brier_discrimination", "brier_uncertainty"):
        assert wide[name].high - wide[name].low > 1.5 * (narrow[name].high - narrow[name].low)


def test_draws_are_fitted_apart_from_each_other():
    rng = np.random.default_rng(0)
    shares, weights = rng.random((7, 30)), rng.integers(0, 3, (7, 30)).astype(float)
    at_once = rising_shares(shares, weights)
    for row, own, weight in zip(at_once, shares, weights, strict=True):
        np.testing.assert_allclose(row, rising_shares(own[None], weight[None])[0], atol=1e-12)
