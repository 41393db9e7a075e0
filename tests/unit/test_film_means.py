"""Means over films come with intervals over patients."""

import numpy as np
import pytest

from carina.domain.recipe import EvaluateSection
from carina.evaluation.film_means import mean_over_films, of_means

SECTION = EvaluateSection(resamples=1000)


def test_the_interval_is_that_of_the_mean():
    values = np.random.default_rng(0).normal(5, 2, 400)
    found = mean_over_films(values, patients=[None] * 400)
    assert found.value == pytest.approx(values.mean())
    # 1.96 standard errors, up to the chance of 1,000 draws
    half = 1.96 * values.std() / 20
    assert found.low == pytest.approx(found.value - half, abs=0.03)
    assert found.high == pytest.approx(found.value + half, abs=0.03)
    assert found.method == "hall-films"


def test_films_of_one_patient_count_together():
    values = np.repeat(np.random.default_rng(0).normal(0, 1, 30), 10)
    patients = [str(number // 10) for number in range(300)]
    together = mean_over_films(values, patients=patients)
    apart = mean_over_films(values, patients=[None] * 300)
    assert together.high - together.low > 2 * (apart.high - apart.low)
    assert together.method == "hall-patients"


def test_a_film_without_the_number_does_not_count():
    found = mean_over_films(np.array([1.0, np.nan, 3.0]), patients=[None] * 3)
    assert (found.value, found.n) == (2.0, 2)


def test_without_any_number_there_is_no_mean():
    found = mean_over_films(np.array([np.nan]), patients=[None])
    assert found.value is None
    assert "no film" in found.undefined_because


def test_films_that_all_agree_give_that_value():
    found = mean_over_films(np.ones(5), patients=[None] * 5)
    assert (found.value, found.low, found.high, found.method) == (1, 1, 1, "all-alike")


def test_one_patient_gives_no_interval():
    found = mean_over_films(np.array([1.0, 2.0]), patients=["a", "a"])
    assert (found.value, found.low, found.high) == (1.5, None, None)


def test_a_number_of_two_means_is_drawn_with_both_of_one_film():
    first = np.random.default_rng(0).uniform(1, 9, 60)
    values = np.stack([2 * first, first], axis=1)
    ratio = of_means(
        values, lambda m: m[:, 0] / m[:, 1], section=SECTION, patients=[None] * len(first)
    )
    assert ratio.value == pytest.approx(2)
    assert ratio.high - ratio.low < 1e-9


def test_an_infinite_number_is_said_to_be_undefined():
    zeros = np.zeros((3, 1))
    with np.errstate(divide="ignore"):
        found = of_means(zeros, lambda m: 1 / m[:, 0], section=SECTION, patients=[None] * 3)
    assert found.value is None
    assert "infinite" in found.undefined_because
