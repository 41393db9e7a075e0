import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from carina.domain.recipe import EvaluateSection
from carina.evaluation.rates_at_thresholds import Cut, rates_at
from carina.evaluation.threshold_choice import choose_thresholds
from making.scored import scored_tables

SECTION = EvaluateSection(resamples=100, sensitivity=0.7)


@settings(max_examples=40)
@given(
    films=scored_tables(every_class=True), cuts=st.lists(st.floats(0, 1), min_size=2, max_size=4)
)
def test_a_lower_threshold_never_loses_sensitivity_nor_gains_specificity(films, cuts):
    label = films.labels[0]
    rates = rates_at(films, [Cut(label, threshold) for threshold in sorted(cuts)], SECTION)
    sensitivities = [one["sensitivity"].value for one in rates]
    specificities = [one["specificity"].value for one in rates]
    assert sensitivities == sorted(sensitivities, reverse=True)
    assert specificities == sorted(specificities)


@settings(max_examples=40)
@given(films=scored_tables(every_class=True), seed=st.integers(0, 99))
def test_the_order_of_films_chooses_no_other_threshold(films, seed):
    order = np.random.default_rng(seed).permutation(len(films))
    shuffled = films.where(np.ones(len(films), dtype=bool))
    object.__setattr__(shuffled, "y_true", films.y_true[order])
    object.__setattr__(shuffled, "probabilities", films.probabilities[order])
    thresholds = [one.threshold for one in choose_thresholds(films, SECTION)]
    assert [one.threshold for one in choose_thresholds(shuffled, SECTION)] == thresholds


@settings(max_examples=40)
@given(films=scored_tables(every_class=True))
def test_a_chosen_sensitivity_is_kept_on_the_films_it_was_chosen_on(films):
    for one in choose_thresholds(films, SECTION):
        if one.rule == "sensitivity" and one.threshold is not None:
            sensitivity = one.on_validation["sensitivity"]
            found = round(sensitivity.value * sensitivity.n)
            assert found / (sensitivity.n + 1) >= 0.7 - 1e-9
