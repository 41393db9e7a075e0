from fractions import Fraction

import numpy as np
import pytest

from carina.domain.estimate import Estimate
from carina.domain.recipe import EvaluateSection
from carina.domain.thresholds import ChosenThreshold
from carina.evaluation.combined_intervals import ratio_interval
from carina.evaluation.intervals import wilson
from carina.evaluation.operating_points import operating_points
from carina.evaluation.rates_at_thresholds import PREVALENCES, by_prevalence, likelihood_ratios
from carina.evaluation.threshold_choice import choose_thresholds
from making.scored import drawn_films, scored

SECTION = EvaluateSection(resamples=200)


def share(hits, of):
    low, high = wilson(hits, of)
    return Estimate(value=hits / of, low=low, high=high, n=of, method="wilson")


def at(threshold, *, rule="youden", target=None, on_validation=None, label="Covid"):
    return ChosenThreshold(
        label=label,
        rule=rule,
        target=target,
        threshold=threshold,
        on_validation=on_validation or {},
    )


def answered(*, found, missed, spared, falsely, label="Covid"):
    """Return films with so many of each kind at a threshold of one half."""
    p = np.repeat([0.9, 0.1, 0.1, 0.9], [found, missed, spared, falsely])
    y_true = np.repeat([0, 0, 1, 1], [found, missed, spared, falsely])
    return scored(y_true, np.stack([p, 1 - p], axis=1), labels=(label, "Normal"))


def test_rates_agree_with_scikit_learn_at_every_threshold():
    from sklearn.metrics import precision_score, roc_curve

    films = drawn_films(90, n_classes=2, seed=3)
    own, scores = films.y_true == 0, films.probabilities[:, 0]
    fpr, tpr, thresholds = roc_curve(own, scores, drop_intermediate=False)
    some = slice(1, None, 9)
    points = operating_points(films, [at(float(t)) for t in thresholds[some]], SECTION)
    for point, sensitivity, specificity in zip(points, tpr[some], 1 - fpr[some], strict=True):
        rates = point.achieved
        called = scores >= point.chosen.threshold
        assert rates["sensitivity"].value == pytest.approx(sensitivity, abs=1e-12)
        assert rates["specificity"].value == pytest.approx(specificity, abs=1e-12)
        assert rates["ppv"].value == pytest.approx(precision_score(own, called), abs=1e-12)
        if not called.all():
            assert rates["npv"].value == pytest.approx(precision_score(~own, ~called), abs=1e-12)
        assert sum(rates[name].value for name in ("tp", "fp", "tn", "fn")) == len(films)


def test_every_rate_has_an_interval_that_holds_it():
    films = drawn_films(60, n_classes=3, seed=5)
    points = operating_points(films, choose_thresholds(films, SECTION), SECTION)
    estimates = [one for point in points for one in point.achieved.values()]
    estimates += [one for point in points for p in point.by_prevalence for one in (p.ppv, p.npv)]
    assert len(estimates) > 100
    for one in estimates:
        if one.value is not None:
            assert one.low - 1e-12 <= one.value <= one.high + 1e-12


def test_several_films_of_a_patient_make_the_intervals_wider():
    films = drawn_films(80, n_classes=2, seed=7)
    twins = scored(
        np.repeat(films.y_true, 4),
        np.repeat(films.probabilities, 4, axis=0),
        labels=films.labels,
        patients=[f"p{i // 4}" for i in range(320)],
    )
    widths = [
        rate.high - rate.low
        for tested in (films, twins)
        for rate in [operating_points(tested, [at(0.5)], SECTION)[0].achieved["sensitivity"]]
    ]
    assert widths[1] > 0.8 * widths[0]


def test_predictive_values_follow_bayes_at_each_prevalence():
    points = by_prevalence(share(18, 20), share(27, 30), label="Covid")
    assert [point.prevalence for point in points] == list(PREVALENCES)
    found, falsely = Fraction(18, 20), Fraction(3, 30)
    for point in points:
        before = Fraction(str(point.prevalence))
        ppv = before * found / (before * found + (1 - before) * falsely)
        npv = (1 - before) * (1 - falsely) / ((1 - before) * (1 - falsely) + before * (1 - found))
        assert point.ppv.value == pytest.approx(float(ppv), abs=1e-12)
        assert point.npv.value == pytest.approx(float(npv), abs=1e-12)
        assert 0 < point.ppv.low < point.ppv.value < point.ppv.high < 1
        assert 0 < point.npv.low < point.npv.value < point.npv.high < 1


def test_without_a_false_alarm_the_predictive_value_is_one_with_a_lower_end():
    at_one_percent = by_prevalence(share(18, 20), share(30, 30), label="Covid")[3]
    assert at_one_percent.prevalence == 0.01
    assert (at_one_percent.ppv.value, at_one_percent.ppv.high) == (1.0, 1.0)
    # 30 of 30 leaves room for 11 % of false alarms: by then 7 % of positive answers are right
    assert 0.05 < at_one_percent.ppv.low < 0.09
    ratios = likelihood_ratios(share(18, 20), share(30, 30))
    assert ratios["positive_likelihood_ratio"].value is None
    assert "no film of the other classes" in ratios["positive_likelihood_ratio"].undefined_because


def test_likelihood_ratios_are_ratios_of_the_rates():
    ratios = likelihood_ratios(share(18, 20), share(27, 30))
    assert ratios["positive_likelihood_ratio"].value == pytest.approx(9.0)
    assert ratios["negative_likelihood_ratio"].value == pytest.approx(0.1 / 0.9)


@pytest.mark.parametrize(("hits", "others"), [(18, 3), (7, 1), (20, 29), (1, 1), (0, 4), (20, 0)])
def test_the_interval_of_a_ratio_ends_where_the_difference_just_excludes_zero(hits, others):
    """MOVER-R by its definition: `above - end * below` has an interval that touches 0."""
    above, below = share(hits, 20), share(others, 30)
    low, high = ratio_interval(
        above.value,
        below.value,
        of_above=(above.low, above.high),
        of_below=(below.low, below.high),
    )
    reach = np.hypot(above.value - above.low, low * (below.high - below.value))
    assert above.value - low * below.value == pytest.approx(reach, abs=1e-9)
    if others:
        reach = np.hypot(above.high - above.value, high * (below.value - below.low))
        assert high * below.value - above.value == pytest.approx(reach, abs=1e-9)
    else:
        assert high == np.inf


def test_a_rate_without_films_says_why():
    (point,) = operating_points(
        answered(found=0, missed=0, spared=12, falsely=3, label="{odd}"),
        [at(0.5, label="{odd}")],
        SECTION,
    )
    assert point.achieved["sensitivity"].undefined_because == "there is no film of {odd}"
    assert {one.ppv.value for one in point.by_prevalence} == {None}
    assert "cannot be told" in point.sentence


@pytest.mark.parametrize(
    ("found", "missed", "verdict"),
    [
        (100, 0, "more than chance could have made it"),
        (39, 1, "though the true share may lie below it"),
        (36, 4, "not by more than chance explains"),
        (30, 10, "it did not hold"),
    ],
)
def test_the_sentence_says_whether_the_sensitivity_asked_for_held(found, missed, verdict):
    films = answered(found=found, missed=missed, spared=20, falsely=2)
    (point,) = operating_points(films, [at(0.5, rule="sensitivity", target=0.95)], SECTION)
    assert verdict in point.sentence
    assert point.sentence.startswith("Covid, chosen for a sensitivity of 95 %: ")


@pytest.mark.parametrize(
    ("found", "verdict"),
    [(36, "no more than chance explains"), (20, "less than validation promised")],
)
def test_the_sentence_says_whether_validation_promised_too_much(found, verdict):
    films = answered(found=found, missed=40 - found, spared=20, falsely=2)
    choice = at(0.5, on_validation={"sensitivity": share(38, 40)})
    assert verdict in operating_points(films, [choice], SECTION)[0].sentence


def test_a_threshold_that_was_not_chosen_achieves_nothing_and_says_why():
    choice = ChosenThreshold(
        label="Covid", rule="youden", threshold=None, undefined_because="there are 2 films"
    )
    (point,) = operating_points(drawn_films(20, n_classes=2), [choice], SECTION)
    assert (dict(point.achieved), point.by_prevalence) == ({}, ())
    assert point.sentence.endswith("there are 2 films.")
