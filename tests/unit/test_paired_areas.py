"""DeLong's test of two areas on the same films, also over patients."""

import json
import math
from itertools import product
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from carina.evaluation.paired_areas import films_to_show_areas, paired_areas

some = settings(max_examples=60, deadline=None)


def plainly(is_class, scores, units):
    """Return both areas and the variance of their difference, every pair written out.

    Obuchowski's formulas, Biometrics 53 (1997), with her letters; with one film a patient
    they are DeLong's.
    """
    own, rest = np.flatnonzero(is_class), np.flatnonzero(~is_class)
    clusters = sorted(set(units))
    m, n = len(own), len(rest)
    theta, x, y = [], [], []
    for score in scores:
        psi = {
            (i, j): 1.0 if score[i] > score[j] else 0.5 if score[i] == score[j] else 0.0
            for i, j in product(own, rest)
        }
        theta.append(sum(psi.values()) / (m * n))
        v10 = {i: sum(psi[i, j] for j in rest) / n for i in own}
        v01 = {j: sum(psi[i, j] for i in own) / m for j in rest}
        x.append([sum(v10[i] - theta[-1] for i in own if units[i] == c) for c in clusters])
        y.append([sum(v01[j] - theta[-1] for j in rest if units[j] == c) for c in clusters])
    i10 = len({units[i] for i in own})
    i01 = len({units[j] for j in rest})
    covariance = np.zeros((2, 2))
    for a, b in product(range(2), range(2)):
        s10 = i10 / ((i10 - 1) * m) * sum(p * q for p, q in zip(x[a], x[b], strict=True))
        s01 = i01 / ((i01 - 1) * n) * sum(p * q for p, q in zip(y[a], y[b], strict=True))
        k = len(clusters) / (len(clusters) - 1)
        s11 = k * sum(p * q for p, q in zip(x[a], y[b], strict=True))
        s11_back = k * sum(p * q for p, q in zip(x[b], y[a], strict=True))
        covariance[a, b] = s10 / m + s01 / n + (s11 + s11_back) / (m * n)
    return theta, covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]


@st.composite
def scored_twice(draw, *, per_patient):
    """Draw films with two coarse scores each, so that ties are common."""
    n = draw(st.integers(6, 24))
    is_class = np.array([True, True, False, False, *draw(
        st.lists(st.booleans(), min_size=n - 4, max_size=n - 4))])  # fmt: skip
    scores = [
        np.array(draw(st.lists(st.integers(0, 6), min_size=n, max_size=n)), dtype=float)
        for _ in range(2)
    ]
    units = np.arange(n) // per_patient
    return is_class, scores, np.random.default_rng(n).permutation(units)


@some
@given(films=scored_twice(per_patient=1))
def test_independent_films_have_delongs_variance_written_out_in_pairs(films):
    is_class, scores, units = films
    found = paired_areas(is_class, *scores, units=units)
    theta, variance = plainly(is_class, scores, units)
    assert (found.first, found.second) == pytest.approx(theta, abs=1e-9)
    assert found.standard_error**2 == pytest.approx(variance, abs=1e-9)


@some
@given(films=scored_twice(per_patient=3))
def test_films_of_patients_have_obuchowskis_variance_written_out_in_pairs(films):
    is_class, scores, units = films
    found = paired_areas(is_class, *scores, units=units)
    if found is None:
        assert min(len(set(units[is_class])), len(set(units[~is_class]))) < 2
        return
    _, variance = plainly(is_class, scores, units)
    assert found.standard_error**2 == pytest.approx(max(0.0, variance), abs=1e-9)


GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "delong_mlstatkit.json").read_text())


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=["few ties", "many ties", "200 films"])
def test_areas_and_p_values_are_those_of_another_program(case):
    found = paired_areas(
        np.array(case["is_class"]) == 1,
        np.array(case["first"]),
        np.array(case["second"]),
        units=np.arange(len(case["is_class"])),
    )
    assert (found.first, found.second) == pytest.approx(case["areas"], abs=1e-9)
    assert found.difference / found.standard_error == pytest.approx(case["z"], abs=1e-9)
    assert found.p_value == pytest.approx(case["p_value"], abs=1e-9)


def drawn(n, *, seed, ahead=0.0):
    """Return films with two correlated scores of equal worth, but for what one is ahead."""
    rng = np.random.default_rng(seed)
    is_class = np.arange(n) % 3 == 0
    shared = rng.normal(size=n) + 1.5 * is_class
    first = shared + rng.normal(size=n) + ahead * is_class
    return is_class, first, shared + rng.normal(size=n)


def test_p_value_and_interval_are_those_of_the_normal_distribution():
    is_class, first, second = drawn(90, seed=1, ahead=0.8)
    found = paired_areas(is_class, first, second, units=np.arange(90))
    apart = roc_auc_score(is_class, first) - roc_auc_score(is_class, second)
    assert found.difference == pytest.approx(apart, abs=1e-12)
    z = apart / found.standard_error
    assert found.p_value == pytest.approx(2 * (1 - NormalDist().cdf(abs(z))))
    low, high = found.interval
    assert (low + high) / 2 == pytest.approx(apart)
    assert (high - low) / 2 == pytest.approx(1.959964 * found.standard_error, rel=1e-6)


def test_equal_areas_are_told_apart_in_one_of_twenty_studies():
    ps = [paired_areas(*drawn(150, seed=s), units=np.arange(150)).p_value for s in range(1000)]
    assert 0.035 <= np.mean(np.array(ps) < 0.05) <= 0.065  # 0.05, and two standard errors


def test_copies_of_a_film_are_no_evidence_where_the_patient_is_known():
    is_class, first, second = drawn(60, seed=2, ahead=0.3)
    once = paired_areas(is_class, first, second, units=np.arange(60))
    index = np.repeat(np.arange(60), 4)
    copies = (is_class[index], first[index], second[index])
    known = paired_areas(*copies, units=index)
    unknown = paired_areas(*copies, units=np.arange(240))
    assert known.standard_error == pytest.approx(once.standard_error, rel=1e-9)
    assert unknown.standard_error == pytest.approx(once.standard_error / 2, rel=0.05)


def test_scores_that_order_the_films_alike_do_not_differ_and_have_no_interval():
    is_class, first, _ = drawn(60, seed=3)
    found = paired_areas(is_class, first, np.exp(first), units=np.arange(60))
    assert (found.difference, found.p_value, found.interval) == (0.0, 1.0, None)


def test_opposite_orders_of_a_handful_of_films_have_no_p_value():
    is_class = np.array([False, False, True, True])
    score = np.array([0.1, 0.2, 0.8, 0.9])
    found = paired_areas(is_class, score, -score, units=np.arange(4))
    assert (found.difference, found.p_value, found.interval) == (1.0, None, None)


def test_a_class_of_one_patient_cannot_be_tested():
    is_class, first, second = drawn(12, seed=4)
    units = np.where(is_class, 0, np.arange(12))
    assert paired_areas(is_class, first, second, units=units) is None


def test_with_as_many_films_as_needed_four_of_five_studies_show_the_difference():
    pilot = [paired_areas(*drawn(3000, seed=s, ahead=0.5), units=np.arange(3000)) for s in (1, 2)]
    apart = np.mean([one.difference for one in pilot])
    error = np.mean([one.standard_error for one in pilot])
    n = films_to_show_areas(apart, standard_error=error, n=3000, level=0.05)
    ps = [
        paired_areas(*drawn(n, seed=s, ahead=0.5), units=np.arange(n)).p_value for s in range(600)
    ]
    assert 0.75 < np.mean(np.array(ps) < 0.05) < 0.86
    assert films_to_show_areas(0.0, standard_error=error, n=3000, level=0.05) is None
    assert math.isclose(
        films_to_show_areas(apart / 2, standard_error=error, n=3000, level=0.05),
        4 * n,
        rel_tol=0.02,
    )
