"""How many independent trials the trials of patients are worth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carina.evaluation.effective_n import effective_n
from carina.evaluation.intervals import wilson
from carina.evaluation.kinds import f1_interval, share_interval


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_trials_are_worth_no_more_than_independent_ones_and_at_least_a_patient(pairs):
    hits = np.array([min(pair) for pair in pairs], dtype=float)
    trials = np.array([max(pair) for pair in pairs], dtype=float)
    if trials.sum() == 0:
        return
    found = effective_n(hits, trials)
    assert found <= trials.sum() + 1e-9
    assert found >= trials.sum() / trials.max() - 1e-9


def test_patients_who_agree_count_as_one_trial_each_and_mixed_ones_as_their_films():
    agree = np.array([4.0] * 40 + [0.0] * 10)
    assert effective_n(agree, np.full(50, 4.0)) == pytest.approx(50, rel=0.01)
    binomial = np.random.default_rng(0).binomial(4, 0.8, 2000).astype(float)
    assert effective_n(binomial, np.full(2000, 4.0)) == pytest.approx(8000, rel=0.05)


def test_patients_who_are_all_hit_show_no_correlation_and_get_no_credit_for_it():
    assert effective_n(np.full(10, 4.0), np.full(10, 4.0)) == pytest.approx(10)


def test_one_trial_a_patient_is_plain_wilson_and_several_reach_further():
    ones = np.ones(30)
    assert share_interval(ones * (np.arange(30) < 24), ones) == (wilson(24, 30), "wilson")
    (low, high), method = share_interval(np.array([4.0, 4, 4, 3, 0]), np.full(5, 4.0))
    plain = wilson(15, 20)
    assert low < plain[0] < plain[1] < high
    assert method == "wilson-effective-n"


def test_f1_comes_from_the_share_behind_it():
    # 30 hits, 5 false alarms, 15 misses: F1 = 60 / 80, and 30 of 50 films behind it
    hits, trials = np.repeat([1.0, 0.0], [30, 20]), np.ones(50)
    (low, high), method = f1_interval(hits, trials)
    share = wilson(30, 50)
    assert (low, high) == pytest.approx([2 * end / (1 + end) for end in share])
    assert low < 0.75 < high
    assert method == "wilson-f1"
