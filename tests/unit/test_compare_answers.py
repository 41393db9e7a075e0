"""Two classifiers on the same films: differences with intervals, and the exact test."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from sklearn import metrics as reference

from carina.domain.recipe import EvaluateSection
from carina.evaluation.compare import COMPARED_METRICS, compare_answers, corrected
from carina.evaluation.metrics import METRICS
from carina.evaluation.paired_tests import holm
from making.scored import constant_films, drawn_films, perfect_films, scored, scored_tables

QUICK = EvaluateSection(resamples=200)


def two(n=60, *, patients=None, seeds=(1, 2), separations=(1.5, 1.5)):
    return [
        drawn_films(n, seed=seed, separation=separation, patients=patients)
        for seed, separation in zip(seeds, separations, strict=True)
    ]


@given(films=scored_tables(with_patients=True))
@settings(max_examples=25, deadline=None)
def test_identical_answers_differ_by_nothing_at_all(films):
    test = compare_answers(films, films, QUICK)
    assert test.identical
    for difference in test.differences.values():
        if difference.value is not None:
            assert (difference.value, difference.low, difference.high) == (0.0, 0.0, 0.0)
    assert test.p_value == 1.0
    assert test.films_needed is None


@given(films=scored_tables(with_patients=True))
@settings(max_examples=25, deadline=None)
def test_swapping_the_classifiers_flips_every_sign(films):
    rng = np.random.default_rng(len(films))
    shares = rng.dirichlet(np.ones(len(films.labels)), size=len(films))
    other = replace(films, probabilities=shares, predicted=shares.argmax(axis=1))
    there, back = compare_answers(films, other, QUICK), compare_answers(other, films, QUICK)
    assert there.p_value == pytest.approx(back.p_value)
    assert there.films_needed == back.films_needed
    for name, one in there.differences.items():
        mirrored = back.differences[name]
        if one.value is None:
            assert mirrored.value is None
            continue
        assert one.value == pytest.approx(-mirrored.value)
        assert one.low == pytest.approx(-mirrored.high, abs=1e-9)
        assert one.high == pytest.approx(-mirrored.low, abs=1e-9)
        assert one.low <= one.value <= one.high


def test_differences_are_those_of_scikit_learn():
    a, b = two()
    test = compare_answers(a, b, QUICK)
    values = [
        {
            "accuracy": reference.accuracy_score(films.y_true, films.predicted),
            "balanced_accuracy": reference.balanced_accuracy_score(films.y_true, films.predicted),
            "f1_macro": reference.f1_score(films.y_true, films.predicted, average="macro"),
            "roc_auc_macro": reference.roc_auc_score(
                films.y_true, films.probabilities, multi_class="ovr"
            ),
        }
        for films in (a, b)
    ]
    for name in COMPARED_METRICS:
        assert test.first[name].value == pytest.approx(values[0][name])
        assert test.second[name].value == pytest.approx(values[1][name])
        expected = values[0][name] - values[1][name]
        assert test.differences[name].value == pytest.approx(expected, abs=1e-11)


def test_the_four_counts_are_every_film_once():
    a, b = two()
    counts = compare_answers(a, b, QUICK).counts
    right = [films.predicted == films.y_true for films in (a, b)]
    assert counts.both_right + counts.only_first_right == right[0].sum()
    assert counts.both_right + counts.only_second_right == right[1].sum()
    assert sum(counts.model_dump().values()) == 60


def test_the_bootstrap_draws_both_on_the_same_films():
    """Two answers that agree but on a few films: apart they would spread ten times as wide."""
    a, _ = two(300)
    shares = a.probabilities.copy()
    shares[:9] = shares[:9, [1, 2, 0]]
    b = replace(a, probabilities=shares, predicted=shares.argmax(axis=1))
    test = compare_answers(a, b, EvaluateSection(resamples=500))
    alone = test.first["roc_auc_macro"]
    paired = test.differences["roc_auc_macro"]
    assert paired.high - paired.low < 0.7 * (alone.high - alone.low)


@pytest.mark.slow
def test_the_paired_interval_covers_the_true_difference():
    """100 studies of 80 films; 95 % of the intervals should hold the true difference."""
    rng = np.random.default_rng(5)
    held = 0
    n_studies, n = 100, 80
    for _ in range(n_studies):
        y_true = rng.integers(0, 2, n)
        both = rng.random(n) < 0.7
        right = [np.where(both, True, rng.random(n) < share) for share in (0.6, 0.3)]
        a, b = (
            scored(y_true, np.eye(2)[np.where(ok, y_true, 1 - y_true)], labels=("x", "y"))
            for ok in right
        )
        difference = compare_answers(a, b, QUICK).differences["accuracy"]
        held += difference.low <= 0.3 * 0.3 <= difference.high
    assert held / n_studies >= 0.92


def test_patients_with_several_films_are_tested_as_patients():
    patients = tuple(f"p{i // 4}" for i in range(60))
    a, b = two(patients=patients, separations=(2.5, 0.8))
    test = compare_answers(a, b, QUICK)
    alone = compare_answers(*two(separations=(2.5, 0.8)), QUICK)
    assert test.clustered
    assert not alone.clustered
    assert test.p_value_films == pytest.approx(alone.p_value)
    assert test.p_value != pytest.approx(test.p_value_films)
    assert test.n_patients == 15
    assert test.differences["f1_macro"].method == "paired-bootstrap-patients"
    assert alone.differences["f1_macro"].method == "paired-bootstrap-films"


def test_equal_but_not_identical_answers_leave_room_for_a_difference():
    a = perfect_films(20)
    shares = 0.8 * a.probabilities + 0.2 / 3
    b = replace(a, probabilities=shares)
    test = compare_answers(a, b, QUICK)
    assert not test.identical
    for difference in test.differences.values():
        assert difference.value == 0
        assert difference.method == "open-ended"
        assert difference.low < 0 < difference.high
    # of 60 films that all agree, 1 - 0.025 ** (1 / 60) could be otherwise
    assert test.differences["accuracy"].high == pytest.approx(1 - 0.025 ** (1 / 60))


def test_the_interval_of_the_accuracy_holds_0_where_the_exact_test_does_not_speak():
    a = perfect_films(22)
    shares = a.probabilities.copy()
    shares[:5] = shares[:5, [1, 2, 0]]
    b = replace(a, probabilities=shares, predicted=shares.argmax(axis=1))
    test = compare_answers(a, b, EvaluateSection(resamples=1000))
    assert test.p_value == pytest.approx(0.0625)
    assert test.differences["accuracy"].low < 0


def test_a_class_without_films_leaves_differences_undefined_with_the_reason():
    a, b = (films.where(films.y_true != 2) for films in two())
    difference = compare_answers(a, b, QUICK).differences["roc_auc_macro"]
    assert difference.value is None
    assert difference.undefined_because == METRICS.get("roc_auc_macro").undefined_because


def test_several_tests_are_corrected_together():
    a, b = two(separations=(2.5, 0.8))
    c = constant_films(20)
    tests = [compare_answers(a, b, QUICK), compare_answers(a, c, QUICK)]
    alone, together = corrected(tests[:1])[0], corrected(tests)
    assert alone.p_value_holm == alone.p_value
    assert alone.n_tests == 1
    assert [test.n_tests for test in together] == [2, 2]
    smallest = min(together, key=lambda test: test.p_value)
    assert smallest.p_value_holm == pytest.approx(2 * smallest.p_value)
    assert together[0].films_needed > alone.films_needed


def test_every_class_has_an_area_and_two_classes_have_one_between_them():
    a, b = two(separations=(2.5, 0.8))
    test = compare_answers(a, b, QUICK)
    assert [area.label for area in test.areas] == list(a.labels)
    for index, area in enumerate(test.areas):
        own = a.y_true == index
        apart = reference.roc_auc_score(own, a.probabilities[:, index]) - reference.roc_auc_score(
            own, b.probabilities[:, index]
        )
        assert area.difference.value == pytest.approx(apart, abs=1e-11)
        assert area.bootstrap.value == pytest.approx(apart, abs=1e-11)
        assert area.difference.method == "delong"
        assert area.p_value < 0.05
    alone = compare_answers(*(drawn_films(60, n_classes=2, seed=seed) for seed in (1, 2)), QUICK)
    assert [area.label for area in alone.areas] == [""]


def test_the_areas_of_all_pairs_are_corrected_together():
    a, b = two(separations=(2.5, 0.8))
    pairs = [(a, b), (a, drawn_films(60, seed=3)), (b, drawn_films(60, seed=3))]
    before = [compare_answers(*pair, QUICK) for pair in pairs]
    areas = [area for test in corrected(before) for area in test.areas]
    alone = [area for test in before for area in test.areas]
    assert {area.n_tests for area in areas} == {9}
    assert [area.p_value_holm for area in areas] == holm([area.p_value for area in alone])
    assert all(
        one.films_needed > other.films_needed for one, other in zip(areas, alone, strict=True)
    )


def test_films_that_are_not_the_same_are_refused():
    a, b = two()
    with pytest.raises(ValueError, match="same films"):
        compare_answers(a, b.where(np.arange(60) != 3), QUICK)
    with pytest.raises(ValueError, match="same films"):
        compare_answers(a, replace(b, y_true=b.y_true[::-1].copy()), QUICK)
