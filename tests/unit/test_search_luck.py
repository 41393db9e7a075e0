"""How much of a search's best figure was luck: what is said of it, and the interval."""

import numpy as np
import pytest

from carina.domain.tune_study import TuneRepeat, TuneTrial
from carina.evaluation.search_luck import Scale, best_trial, luck_of, repeated_folds_interval

AUC = Scale(higher_is_better=True, in_points=True, n_films=200)
LOSS = Scale(higher_is_better=False, in_points=False, n_films=200)


def trials(*figures):
    return [
        TuneTrial(
            number=number,
            state="failed" if one is None else "done",
            settings={},
            figure=one,
            folds=() if one is None else (one, one),
        )
        for number, one in enumerate(figures)
    ]


def repeats(**figures):
    """Repeats of trial 0 ("base") and of another ("best"), each with two folds around a mean."""
    return [
        TuneRepeat(
            repeat=number,
            trial=0 if name == "base" else int(name.removeprefix("trial")),
            figure=one,
            folds=(one - 0.01, one + 0.01),
        )
        for name, own in figures.items()
        for number, one in enumerate(own, start=1)
    ]


def test_what_vanishes_in_repeats_is_called_luck():
    found = trials(0.900, 0.905, 0.920, 0.910, 0.909)
    luck = luck_of(found, repeats(base=[0.900, 0.902], trial2=[0.911, 0.913]), AUC)
    assert luck.best_trial == 2
    assert luck.median.value == pytest.approx(0.909)
    assert luck.lead.value == pytest.approx(0.011)
    assert luck.vanished.value == pytest.approx(0.008)
    assert luck.sentence == (
        "0.8 of the 1.1 points by which the best of 5 trials beats their median vanish when it is "
        "repeated on folds that were cut anew: luck."
    )
    assert luck.gained.value == pytest.approx(0.011)
    assert luck.gained.low == luck.gained.high  # the same 0.011 in every fold
    assert luck.verdict.endswith("more than the chance of folds and seeds explains.")


def test_a_lead_that_is_gone_altogether_is_said_to_be():
    luck = luck_of(trials(0.90, 0.92), repeats(base=[0.90], trial1=[0.88]), AUC)
    assert "all of that vanishes" in luck.sentence
    assert "worse than the recipe's own by 2.0 points" in luck.verdict


def test_a_difference_that_folds_disagree_on_cannot_be_told_from_luck():
    luck = luck_of(trials(0.90, 0.92), repeats(base=[0.90, 0.92], trial1=[0.93, 0.90]), AUC)
    assert luck.gained.low < 0 < luck.gained.high
    assert "better than the recipe's own by 0.5 points" in luck.verdict
    assert luck.verdict.endswith("cannot be told from luck.")


def test_of_a_loss_less_is_better():
    found = trials(0.50, 0.40, 0.45)
    luck = luck_of(found, repeats(base=[0.50], trial1=[0.44]), LOSS)
    assert luck.best_trial == 1
    assert luck.lead.value == pytest.approx(0.05)
    assert luck.vanished.value == pytest.approx(0.04)
    assert luck.gained.value == pytest.approx(0.06)
    assert luck.sentence.startswith("0.04 of the 0.05 by which")


def test_failed_trials_and_what_was_not_repeated_are_no_figures():
    luck = luck_of(trials(None, 0.90, 0.91), [], AUC)
    assert luck.base.value is None
    assert luck.median.value == pytest.approx(0.905)
    assert "not known: nothing was repeated" in luck.sentence
    assert "is not known" in luck.verdict


def test_the_interval_of_a_share_stays_within_0_and_1():
    luck = luck_of(trials(0.99, 0.98), repeats(base=[0.99, 0.95]), AUC)
    assert 0 < luck.base_repeated.low < luck.base_repeated.value < luck.base_repeated.high == 1


def test_at_a_tie_the_recipe_as_it_was_is_the_best():
    assert best_trial(trials(0.9, 0.9, 0.8), AUC) == 0
    luck = luck_of(trials(0.9, 0.9, 0.8), repeats(base=[0.9]), AUC)
    assert luck.verdict == "No trial did better than the recipe as it was."


def test_where_settings_change_nothing_all_of_the_lead_is_found_to_be_luck():
    rng = np.random.default_rng(0)
    lead, vanished = [], []
    for _ in range(300):
        found = trials(*rng.normal(0.9, 0.01, 20))
        again = rng.normal(0.9, 0.01, 3)
        best = best_trial(found, AUC)
        luck = luck_of(found, repeats(**{f"trial{best}" if best else "base": list(again)}), AUC)
        lead.append(luck.lead.value)
        vanished.append(luck.vanished.value)
    # The best of 20 draws of a normal lies 1.87 deviations above its mean.
    assert np.mean(lead) == pytest.approx(0.0187, abs=0.001)
    assert np.mean(vanished) == pytest.approx(np.mean(lead), abs=0.001)


def test_the_interval_of_repeated_folds_holds_the_mean_as_often_as_it_says():
    # Figures of folds that share what their films have in common: correlation 1 / k, as
    # Nadeau and Bengio assume.
    rng, k, cuts = np.random.default_rng(1), 3, 3
    held = 0
    for _ in range(1000):
        common = rng.normal(0, np.sqrt(1 / k))
        values = common + rng.normal(0, np.sqrt(1 - 1 / k), (cuts, k))
        low, high = repeated_folds_interval(values.tolist())
        held += low <= 0 <= high
    assert 0.93 <= held / 1000 <= 0.97
