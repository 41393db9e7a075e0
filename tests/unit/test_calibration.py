"""Calibration: fitted on validation, applied to logits, and judged on other films."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from carina.domain.calibration import Calibration
from carina.domain.recipe import EvaluateSection
from carina.domain.softmax import log_softmax
from carina.evaluation.calibration import calibration_figures, fit_calibration
from carina.evaluation.calibration_error import (
    Confidence,
    equal_count_bins,
    error_if_calibrated,
    expected_calibration_error,
)
from carina.evaluation.recalibration import (
    OneAgainstRest,
    calibration_intercept,
    calibration_slope,
)
from carina.evaluation.scaling import fit_temperature, fit_vector
from making.scored import LABELS, scored

GOLDEN = json.loads(
    (Path(__file__).parents[1] / "golden" / "recalibration.json").read_text(encoding="utf-8")
)
QUICK = EvaluateSection(resamples=200)
VECTOR = EvaluateSection(resamples=200, calibration="vector")


def honest_logits(n, *, seed=0, separation=2.0, n_classes=3):
    """Return logits whose softmax is the true chance of each class, and the classes."""
    rng = np.random.default_rng(seed)
    y_true = rng.integers(n_classes, size=n)
    seen = rng.normal(size=(n, n_classes))
    seen[np.arange(n), y_true] += separation
    return separation * seen, y_true


def films_of(logits, y_true, *, patients=None):
    """Return films with logits and their softmax."""
    labels = LABELS[: logits.shape[1]]
    films = scored(y_true, Calibration().apply(logits), labels=labels, patients=patients)
    return replace(films, logits=logits)


def separated_logits(n=60, *, margin=4.0, n_classes=3):
    """Return logits without an error, all classes at one distance."""
    y_true = np.arange(n) % n_classes
    return margin * np.eye(n_classes)[y_true], y_true


def test_a_card_of_an_older_build_still_loads():
    assert Calibration.model_validate_json('{"method": "identity"}') == Calibration()


@pytest.mark.parametrize(
    "values",
    [
        {"method": "temperature", "temperature": 0},
        {"method": "temperature", "temperature": float("inf")},
        {"method": "vector", "scales": [1, 2], "shifts": [0]},
        {"method": "vector"},
        {"method": "vector", "scales": [1, -2], "shifts": [0, 0]},
        {"method": "identity", "temperature": 2},
        {"method": "temperature", "temperature": 2, "scales": [1, 1], "shifts": [0, 0]},
    ],
)
def test_values_that_do_not_fit_the_method_are_refused(values):
    with pytest.raises(ValidationError):
        Calibration.model_validate(values)


def test_a_temperature_divides_the_logits():
    logits, _ = honest_logits(20)
    found = Calibration(method="temperature", temperature=1.7).apply(logits)
    np.testing.assert_allclose(found, np.exp(log_softmax(logits / 1.7)), rtol=1e-12)


def test_a_tiny_temperature_does_not_overflow():
    found = Calibration(method="temperature", temperature=1e-300).apply(np.array([[0.0, 1e9]]))
    assert found.tolist() == [[0.0, 1.0]]


def test_a_vector_does_not_see_what_all_logits_of_a_film_share():
    rule = Calibration(method="vector", scales=(0.5, 1.0, 2.0), shifts=(0.0, 0.3, -0.3))
    logits, _ = honest_logits(20)
    np.testing.assert_allclose(rule.apply(logits), rule.apply(log_softmax(logits)), rtol=1e-9)
    with pytest.raises(ValueError, match="2 logits a film for a calibration of 3 classes"):
        rule.apply(logits[:, :2])


def test_a_sigmoid_network_is_calibrated_by_the_slope_of_its_one_logit():
    z = np.array([-3.0, 0.5, 4.0])
    found = Calibration(method="temperature", temperature=2.0).apply(np.stack([-z / 2, z / 2], 1))
    np.testing.assert_allclose(found[:, 1], 1 / (1 + np.exp(-z / 2)), rtol=1e-12)


def test_logits_three_times_too_large_give_a_temperature_of_three():
    logits, y_true = honest_logits(4000)
    assert fit_temperature(3 * logits, y_true) == pytest.approx(3.0, rel=0.08)
    assert fit_temperature(3 * logits, y_true) == pytest.approx(
        3 * fit_temperature(logits, y_true), rel=1e-6
    )


def test_the_temperature_is_that_of_a_brute_force_grid():
    logits, y_true = honest_logits(80, seed=3)
    grid = np.linspace(0.3, 3.0, 20_001)

    def penalised(t):
        p = np.exp(log_softmax(logits / t))
        mean = (p * logits).sum(axis=1)
        information = ((p * logits**2).sum(axis=1) - mean**2).sum()
        return -np.log(p[np.arange(80), y_true]).sum() - 0.5 * np.log(information)

    best = grid[np.argmin([penalised(t) for t in grid])]
    assert fit_temperature(logits, y_true) == pytest.approx(best, abs=2e-4)


def test_films_without_an_error_claim_no_more_than_half_an_error_among_them():
    logits, y_true = separated_logits(60, n_classes=2)
    rule = fit_calibration(films_of(logits, y_true), QUICK)
    given = rule.apply(logits).max(axis=1)
    np.testing.assert_allclose(given, 60.5 / 61, rtol=1e-6)


def test_a_vector_finds_the_shift_of_a_class():
    logits, y_true = honest_logits(6000, seed=1)
    wrong = 2 * logits + np.array([1.5, 0.0, 0.0])
    rule = fit_calibration(films_of(wrong, y_true), VECTOR)
    assert rule.method == "vector"
    np.testing.assert_allclose(np.array(rule.scales), 0.5, atol=0.05)
    shifts = np.array(rule.shifts)
    # what is added to all classes alike changes nothing
    assert shifts[0] - shifts[1:].mean() == pytest.approx(-0.75, abs=0.15)


def test_the_gradient_of_the_vector_loss_vanishes_where_it_ends():
    logits, y_true = honest_logits(90, seed=4)
    scales, shifts = fit_vector(logits, y_true, 1.3)
    base = np.concatenate([scales * 1.3 - 1, shifts])
    centred = (logits - logits.mean(axis=1, keepdims=True)) / 1.3

    def loss(values):
        logs = log_softmax(centred * (1 + values[:3]) + values[3:])
        return -logs[np.arange(90), y_true].sum() + (values**2).sum() / (2 * 0.5**2)

    steps = 1e-5 * np.eye(6)
    gradient = [(loss(base + step) - loss(base - step)) / 2e-5 for step in steps]
    np.testing.assert_allclose(gradient, 0, atol=1e-3)


@pytest.mark.parametrize(
    ("films", "why"),
    [
        (films_of(*honest_logits(19)), "validation has 19 films; a calibration takes 20"),
        (
            films_of(*honest_logits(40), patients=[f"p{i // 4}" for i in range(40)]),
            "validation has 10 patients; a calibration takes 20",
        ),
        (films_of(np.zeros((30, 3)), np.arange(30) % 3), "all classes equally probable"),
        (films_of(honest_logits(30)[0], np.zeros(30, dtype=int)), "all validation films are of"),
        (scored(np.arange(30) % 3, np.full((30, 3), 1 / 3)), "logits of the validation films"),
    ],
)
def test_where_nothing_can_be_fitted_it_is_the_identity_and_says_why(films, why):
    rule = fit_calibration(films, QUICK)
    assert rule.method == "identity"
    assert why in rule.unfitted_because


def test_a_vector_falls_back_to_the_temperature_where_a_class_has_few_films():
    logits, _ = honest_logits(60)
    films = films_of(logits, np.repeat([0, 1, 2], [30, 25, 5]))
    rule = fit_calibration(films, VECTOR)
    assert rule.method == "temperature"
    assert "Viral Pneumonia (5)" in rule.unfitted_because
    assert rule.temperature == fit_calibration(films, QUICK).temperature


def test_nothing_is_fitted_where_none_is_asked_for():
    films = films_of(*honest_logits(60))
    assert fit_calibration(films, EvaluateSection(calibration="none")) == Calibration()


@pytest.mark.parametrize("unit", ["films", "patients"])
def test_slope_and_intercept_are_those_of_statsmodels(unit):
    p = np.array(GOLDEN["probability"])
    units = np.array(GOLDEN["patient"]) if unit == "patients" else np.arange(p.size)
    films = OneAgainstRest("c", np.array(GOLDEN["of_class"], dtype=bool), p, units, unit)
    for found, name in (
        (calibration_slope(films), "slope"),
        (calibration_intercept(films), "intercept"),
    ):
        np.testing.assert_allclose([found.value, found.low, found.high], GOLDEN[unit][name], 1e-9)
    assert calibration_slope(films).method == (
        "profile-likelihood" if unit == "films" else "profile-likelihood-patients"
    )


@pytest.mark.parametrize(
    ("is_class", "probability", "slope", "intercept"),
    [
        ([True, True], [0.2, 0.9], "every film is of Covid", "every film is of Covid"),
        ([False, False], [0.2, 0.9], "no film is of Covid", "no film is of Covid"),
        ([False, True, True], [0.2, 0.2, 0.9], "without an error", ""),
        ([True, False], [0.2, 0.9], "got a lower probability", ""),
        ([True, False], [0.3, 0.3], "got the same probability", ""),
    ],
)
def test_a_slope_that_does_not_exist_says_why(is_class, probability, slope, intercept):
    films = OneAgainstRest(
        "Covid", np.array(is_class), np.array(probability), np.arange(len(is_class))
    )
    assert calibration_slope(films).value is None
    assert slope in calibration_slope(films).undefined_because
    assert intercept in calibration_intercept(films).undefined_because


def test_probabilities_of_0_and_1_have_a_slope_and_an_intercept():
    p = np.array([0.0, 1.0, 0.0, 1.0, 1.0, 0.5])
    films = OneAgainstRest("c", np.array([0, 1, 1, 0, 1, 1], dtype=bool), p, np.arange(6))
    assert np.isfinite(calibration_slope(films).value)
    assert np.isfinite(calibration_intercept(films).value)


def test_the_films_of_one_patient_have_no_interval():
    films = OneAgainstRest(
        "c", np.array([0, 1, 1, 0], dtype=bool), np.array([0.2, 0.4, 0.8, 0.6]), np.zeros(4, int)
    )
    assert calibration_slope(films).method == "one-patient"
    assert calibration_slope(films).low is None


def test_the_calibration_error_is_that_computed_by_hand():
    # two bins of four films: mean 0.65 and half right, mean 0.95 and all right
    given = np.array([0.5, 0.6, 0.7, 0.8, 0.95, 0.95, 0.95, 0.95])
    right = np.array([1, 0, 1, 0, 1, 1, 1, 1], dtype=bool)
    assert equal_count_bins(given).tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    found = expected_calibration_error(Confidence(given, right, np.arange(8)), QUICK)
    assert found.value == pytest.approx((0.15 + 0.05) / 2)
    assert found.low <= found.value <= found.high


def test_bins_are_equally_full_and_hold_equal_values_together():
    given = np.random.default_rng(0).random(1000)
    assert np.bincount(equal_count_bins(given)).tolist() == [100] * 10
    bins = equal_count_bins(np.round(given, 1))
    rounded = np.round(given, 1)
    assert all(np.unique(bins[rounded == value]).size == 1 for value in np.unique(rounded))
    assert equal_count_bins(np.ones(50)).tolist() == [0] * 50


def test_the_error_of_perfect_probabilities_is_that_of_all_outcomes():
    # right with 0.6 and 0.8, one bin: 1/2 E|outcomes - 1.4|
    chances = {0.6: 0.48, -0.4: 0.12 + 0.32, -1.4: 0.08}
    exact = sum(chance * abs(excess) for excess, chance in chances.items()) / 2
    many = EvaluateSection(resamples=40_000)
    films = Confidence(np.array([0.6, 0.8]), np.array([True, True]), np.arange(2))
    # the standard error of 40,000 draws is 0.0009
    assert error_if_calibrated(films, many).value == pytest.approx(exact, abs=0.004)
    # one patient: both right with 0.6, the second alone with 0.2
    exact = (0.6 * 0.6 + 0.2 * 0.4 + 0.2 * 1.4) / 2
    films = replace(films, units=np.zeros(2, dtype=np.intp))
    assert error_if_calibrated(films, many).value == pytest.approx(exact, abs=0.004)


def test_honest_probabilities_are_found_honest_and_overstated_ones_not():
    logits, y_true = honest_logits(1500, seed=2)
    honest = calibration_figures(films_of(logits, y_true), Calibration(), QUICK)
    overstated = calibration_figures(films_of(3 * logits, y_true), Calibration(), QUICK)
    for figures, is_honest in ((honest, True), (overstated, False)):
        error = figures.metrics["expected_calibration_error"]
        perfect = figures.metrics["expected_calibration_error_if_calibrated"]
        slope = figures.metrics["calibration_slope[Covid]"]
        assert (error.value <= perfect.high) is is_honest
        assert (error.low == 0) is is_honest
        assert (slope.low <= 1 <= slope.high) is is_honest
        assert ("surer than it may be" in figures.sentence) is not is_honest
        assert figures.uncalibrated == {}


def test_figures_stand_before_and_after_the_calibration():
    logits, y_true = honest_logits(400, seed=5)
    rule = fit_calibration(films_of(3 * logits, y_true), QUICK)
    films = films_of(3 * logits, y_true).calibrated(rule)
    figures = calibration_figures(films, rule, QUICK)
    raw = calibration_figures(films_of(3 * logits, y_true), Calibration(), QUICK)
    assert (
        figures.uncalibrated["calibration_slope[Covid]"]
        == (raw.metrics["calibration_slope[Covid]"])
    )
    assert figures.metrics["calibration_slope[Covid]"].value > 0.85
    assert "fitted on 400 validation films" in figures.method


def test_bins_of_a_class_hold_its_films_with_intervals_and_counts_hold_all():
    logits, y_true = honest_logits(216)
    figures = calibration_figures(films_of(logits, y_true), Calibration(), QUICK)
    bins = figures.reliability["Covid"]
    assert [one.observed.n for one in bins] == [36] * 6
    assert sum(one.observed.value * 36 for one in bins) == pytest.approx((y_true == 0).sum())
    assert all(one.low <= one.mean_probability <= one.high for one in bins)
    counts = figures.counts["Covid"]
    assert (sum(counts.of_class), sum(counts.others)) == ((y_true == 0).sum(), (y_true != 0).sum())


def test_nothing_is_claimed_of_few_films():
    figures = calibration_figures(films_of(*honest_logits(29)), Calibration(), QUICK)
    assert figures.sentence.startswith("Nothing is said about whether")
    assert figures.reliability == {}
    assert figures.metrics["share_right"].value is None
