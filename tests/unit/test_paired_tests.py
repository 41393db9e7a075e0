"""The tests of "both are right equally often", held against published values."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carina.evaluation.paired_tests import (
    exact_difference,
    exact_mcnemar,
    exact_over_patients,
    films_needed,
    holm,
)


@pytest.mark.parametrize(
    ("only_first", "only_second", "p_value"),
    [
        # VassarStats' exact McNemar, as kept by statsmodels' own tests
        (121, 59, 0.000004),
        (70, 59, 0.378688),
        (80, 59, 0.089452),
        (30, 60, 0.002060),
        (10, 30, 0.002221),
        (10, 10, 1.0),
        # Raschka's two classifiers (mlxtend, McNemar's test, scenario A)
        (11, 1, 0.006348),
    ],
)
def test_exact_mcnemar_has_the_published_values(only_first, only_second, p_value):
    assert exact_mcnemar(only_first, only_second) == pytest.approx(p_value, abs=1e-6)


def test_without_a_film_that_only_one_answers_rightly_nothing_speaks_for_either():
    assert exact_mcnemar(0, 0) == 1.0
    assert exact_over_patients(np.zeros(4, dtype=int)) == 1.0


@given(first=st.integers(0, 60), second=st.integers(0, 60))
@settings(max_examples=60, deadline=None)
def test_with_one_film_a_patient_the_test_over_patients_is_exact_mcnemar(first, second):
    leads = np.array([1] * first + [-1] * second + [0] * 3)
    assert exact_over_patients(leads) == pytest.approx(exact_mcnemar(first, second), rel=1e-9)


@given(leads=st.lists(st.integers(-4, 4), min_size=1, max_size=9))
@settings(max_examples=60, deadline=None)
def test_the_test_over_patients_counts_every_exchange(leads):
    """Every one of the 2^n exchanges, written out."""
    leads = np.array(leads, dtype=int)
    signs = np.array(np.meshgrid(*[[-1, 1]] * leads.size)).reshape(leads.size, -1)
    sums = np.abs(leads @ signs)
    expected = float((sums >= abs(leads.sum())).mean())
    assert exact_over_patients(leads) == pytest.approx(expected)


def test_patients_with_many_films_are_less_evidence_than_as_many_patients():
    eight_patients, two_patients = np.ones(8, dtype=int), np.array([4, 4])
    assert exact_over_patients(eight_patients) == pytest.approx(2 / 2**8)
    assert exact_over_patients(two_patients) == pytest.approx(0.5)


def test_holm_has_the_values_of_statsmodels_and_r():
    # R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize(
    ("only_first", "only_second", "n", "needed"),
    [(5, 45, 100, 23), (30, 15, 100, 155)],  # calculators that cite Connor 1987
)
def test_films_needed_has_the_published_values(only_first, only_second, n, needed):
    assert films_needed(only_first, only_second, n=n, level=0.05) == needed
    assert films_needed(only_second, only_first, n=n, level=0.05) == needed


def test_with_as_many_films_as_needed_four_of_five_studies_show_the_difference():
    """The formula against the exact test itself."""
    n = films_needed(14, 6, n=100, level=0.05)
    drawn = np.random.default_rng(1).multinomial(n, [0.14, 0.06, 0.80], size=1500)
    shown = np.mean([exact_mcnemar(first, second) < 0.05 for first, second, _ in drawn.tolist()])
    assert 0.74 < shown < 0.84  # the exact test is a little more careful than the formula


def test_no_number_of_films_shows_a_difference_that_is_not_there():
    assert films_needed(7, 7, n=60, level=0.05) is None


@given(first=st.integers(0, 40), second=st.integers(0, 40))
@settings(max_examples=80, deadline=None)
def test_the_exact_interval_leaves_out_0_where_the_exact_test_says_so(first, second):
    if first + second == 0:
        return
    low, high = exact_difference(first, second, n=100)
    assert low <= (first - second) / 100 <= high
    assert (low > 0 or high < 0) == (exact_mcnemar(first, second) < 0.05)
