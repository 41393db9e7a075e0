"""Prediction sets: limits, the films they rest on, what is deployed, and what is measured."""

import json
import math
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from carina.domain.abstention import Abstention, ConformalRule
from carina.domain.recipe import EvaluateSection
from carina.domain.rules import FittedRules, Rules
from carina.domain.thresholds import Thresholds
from carina.evaluation.conformal import (
    abstention_figures,
    conformal_limit,
    deployed_abstention,
    fit_conformal,
)
from carina.evaluation.coverage_band import coverage_band, covered_chances, fewest_films
from carina.evaluation.risk_coverage import area_metric, certainties, certainty_levels
from making.scored import LABELS, constant_films, drawn_films, perfect_films, scored

GOLDEN = Path(__file__).parents[1] / "golden"
SECTION = EvaluateSection(resamples=200)
ABSTAINING = EvaluateSection(resamples=200, abstain=0.1)


def rule_of(rules, kind, error):
    return next(rule for rule in rules if (rule.kind, rule.error) == (kind, error))


def figures_of(films, validation=None, section=SECTION):
    validation = validation or drawn_films(200, seed=9)
    fitted = FittedRules(conformal=fit_conformal(validation, section))
    deployed = deployed_abstention(fitted.conformal, films.labels, section)
    reasons = deployed.apply(films.probabilities, films.predicted)
    films = replace(films, abstained=np.array([reason != "" for reason in reasons]))
    return films, abstention_figures(films, Rules(abstention=deployed, fitted=fitted), section)


def test_a_limit_is_the_score_whose_rank_leaves_the_error_to_a_new_film():
    scores = np.random.default_rng(0).permutation(np.arange(1, 100) / 100)
    # With 99 films, 95 of 100 places among them lie at or below the 95th score.
    assert conformal_limit(scores, 0.05) == 0.95
    assert conformal_limit(scores, 0.1) == 0.9


@pytest.mark.parametrize("error", [0.05, 0.1, 0.2, 0.07])
def test_where_films_are_too_few_everything_belongs(error):
    n = fewest_films(error)
    assert conformal_limit(np.full(n, 0.3), error) == 0.3
    assert conformal_limit(np.full(n - 1, 0.3), error) == 1.0
    assert conformal_limit(np.zeros(0), error) == 1.0


def test_both_kinds_are_fitted_for_the_customary_errors_and_the_one_asked_for():
    rules = fit_conformal(drawn_films(60), EvaluateSection(abstain=0.2))
    expected = set(product(("marginal", "per-class"), (0.05, 0.1, 0.2)))
    assert {(rule.kind, rule.error) for rule in rules} == expected
    assert rule_of(rules, "marginal", 0.1).n_fitted == dict.fromkeys(LABELS, 60)
    assert rule_of(rules, "per-class", 0.1).n_fitted == dict.fromkeys(LABELS, 20)
    assert len(set(rule_of(rules, "marginal", 0.1).limits.values())) == 1
    assert len(set(rule_of(rules, "per-class", 0.1).limits.values())) == 3


def test_a_limit_rests_on_one_film_of_each_patient():
    y_true = np.repeat([0, 1], 60)
    patients = [f"p{film // 3}" for film in range(120)]
    # Of each patient one film has the score 0.9, so that a third of the draws has it.
    share = np.where(np.arange(120) % 3 == 0, 0.1, 0.8)
    covid = np.where(y_true == 0, share, 1 - share)
    shares = np.column_stack([covid, 1 - covid])
    films = scored(y_true, shares, labels=LABELS[:2], patients=patients)
    rule = rule_of(fit_conformal(films, SECTION), "per-class", 0.1)
    assert rule.unit == "patients"
    assert rule.n_fitted == {"Covid": 20, "Normal": 20}
    marginal = rule_of(fit_conformal(films, SECTION), "marginal", 0.1)
    assert marginal.n_fitted == {"Covid": 40, "Normal": 40}
    seeds = [fit_conformal(films, EvaluateSection(seed=seed)) for seed in (0, 0, 1)]
    assert seeds[0] == seeds[1]
    unknown = replace(films, patients=(None,) * 120)
    assert rule_of(fit_conformal(unknown, SECTION), "per-class", 0.1).n_fitted["Covid"] == 60
    assert rule_of(fit_conformal(unknown, SECTION), "per-class", 0.1).unit == "films"


def test_a_limit_for_each_class_is_deployed_where_every_class_has_enough_films():
    assert deployed_abstention((), LABELS, SECTION) == Abstention()
    rules = fit_conformal(drawn_films(60), ABSTAINING)
    deployed = deployed_abstention(rules, LABELS, ABSTAINING)
    assert deployed.conformal == rule_of(rules, "per-class", 0.1)
    assert deployed.because == ""
    assert deployed.labels == LABELS


def test_one_limit_for_all_is_deployed_where_a_class_is_too_small_and_that_is_said():
    films = drawn_films(60)
    kept = films.where((films.y_true != 2) | (np.arange(60) < 15))
    deployed = deployed_abstention(fit_conformal(kept, ABSTAINING), LABELS, ABSTAINING)
    assert deployed.conformal.kind == "marginal"
    assert deployed.because == (
        "an error of 10 % needs 9 validation films of a class for a limit of its own, and there "
        "are fewer of Viral Pneumonia (5): one limit was fitted for all classes"
    )


def test_a_validation_part_that_is_too_small_for_anything_lets_nothing_be_answered():
    section = EvaluateSection(resamples=200, abstain=0.05)
    deployed = deployed_abstention(fit_conformal(drawn_films(12), section), LABELS, section)
    assert deployed.because.endswith("too few as well: no film gets an answer")
    assert all(deployed.apply(np.eye(3)[[0, 1, 2]] * 0.98 + 0.01))


def test_the_chance_of_each_coverage_is_the_exact_one_of_ranks():
    n_fitted, error, n_tested, rank = 19, 0.1, 12, 18
    chances = covered_chances(n_fitted, error, n_tested)
    # Negative hypergeometric: how many of 12 new scores lie below the 18th of 19.
    for covered, chance in enumerate(chances):
        ways = math.comb(rank - 1 + covered, covered) * math.comb(
            n_fitted - rank + n_tested - covered, n_tested - covered
        )
        assert chance == pytest.approx(ways / math.comb(n_fitted + n_tested, n_tested), abs=1e-12)
    assert coverage_band([covered_chances(10, 0.05, 50)]) == (1.0, 1.0)


def test_the_band_of_several_limits_is_that_of_their_sum():
    parts = [covered_chances(20, 0.1, 8), covered_chances(40, 0.1, 5)]
    joined = np.zeros(14)
    for (a, p), (b, q) in product(enumerate(parts[0]), enumerate(parts[1])):
        joined[a + b] += p * q
    low, high = coverage_band(parts)
    assert joined[: round(low * 13)].sum() < 0.025 <= joined[: round(low * 13) + 1].sum()
    assert joined[round(high * 13) + 1 :].sum() <= 0.025 + 1e-12


def test_coverage_sizes_and_answers_are_counted_from_the_sets():
    films, figures = figures_of(drawn_films(90, seed=4), section=ABSTAINING)
    one = next(one for one in figures.sets if one.rule.kind == "per-class")
    sets = one.rule.sets(films.probabilities, films.labels)
    covers = sets[np.arange(90), films.y_true]
    assert one.coverage.value == pytest.approx(covers.mean())
    for index, label in enumerate(films.labels):
        own = films.y_true == index
        assert one.coverage_per_class[label].value == pytest.approx(covers[own].mean())
        assert one.coverage_per_class[label].n == own.sum()
    for size in range(4):
        assert one.sizes[str(size)].value == pytest.approx((sets.sum(axis=1) == size).mean())
    assert one.mean_size.value == pytest.approx(sets.sum(axis=1).mean())
    assert one.mean_size.low < one.mean_size.value < one.mean_size.high
    single = (sets.sum(axis=1) == 1) & sets[np.arange(90), films.predicted]
    assert one.answered.value == pytest.approx(single.mean())
    right = (films.predicted == films.y_true)[single]
    assert one.accuracy_answered.value == pytest.approx(right.mean())
    assert one.independent is None
    assert set(one.expected_per_class) == set(films.labels)


def test_what_abstaining_changes_is_said_with_both_accuracies():
    films, figures = figures_of(drawn_films(90, seed=4), section=ABSTAINING)
    right = films.predicted == films.y_true
    answered = ~films.abstained
    assert 0 < answered.sum() < 90
    assert figures.metrics["abstained"].value == pytest.approx(1 - answered.mean())
    assert figures.metrics["accuracy_answered"].value == pytest.approx(right[answered].mean())
    assert figures.metrics["accuracy_all"].value == pytest.approx(right.mean())
    assert f"{90 - answered.sum()} of 90 films (" in figures.sentence
    assert "a limit for each class" in figures.rule
    words = " ".join(figures.cautions)
    for promise in ("also chose the epoch", "another hospital", "patients of validation are not"):
        assert promise in words


def test_patients_with_several_films_are_judged_by_one_film_each():
    patients = [f"p{film // 3}" for film in range(90)]
    _, figures = figures_of(drawn_films(90, seed=4, patients=patients))
    one = figures.sets[0]
    assert one.coverage.n == 90
    assert one.independent.n == 30
    assert one.independent.method == "wilson"
    assert "one film drawn from each patient" in one.sentence


def test_where_no_film_gets_an_answer_its_accuracy_is_undefined():
    _, figures = figures_of(constant_films(10), validation=drawn_films(12), section=ABSTAINING)
    assert figures.metrics["abstained"].value == 1
    assert figures.metrics["accuracy_answered"].undefined_because == "no film gets an answer"
    assert figures.sentence == "None of 30 films gets an answer."


def test_the_risk_at_a_share_is_the_share_of_errors_among_the_most_certain():
    films, figures = figures_of(drawn_films(60, seed=2))
    certainty = films.probabilities.max(axis=1)
    wrong = films.predicted != films.y_true
    order = np.argsort(-certainty)
    curve = figures.risk_coverage
    assert curve.answered[-1] == 1
    assert curve.answered[0] == pytest.approx(12 / 60)  # three twentieths are fewer than 10 films
    for answered, risk in zip(curve.answered, curve.wrong, strict=True):
        k = round(answered * 60)
        assert risk.value == pytest.approx(wrong[order[:k]].mean())
        assert risk.n == k
    area = np.mean([wrong[order[:k]].mean() for k in range(1, 61)])
    assert figures.metrics["area_under_risk_coverage"].value == pytest.approx(area)


def test_films_as_certain_as_each_other_are_answered_together():
    films = constant_films(10)
    certainty = certainties(films, Thresholds())
    assert certainty_levels(certainty).size == 1
    assert area_metric(films, certainty).measure(films.once)[0] == pytest.approx(2 / 3)
    perfect = perfect_films()
    sure = certainties(perfect, Thresholds())
    assert area_metric(perfect, sure).measure(perfect.once)[0] == 0


def test_by_a_threshold_an_answer_is_as_certain_as_it_is_far_from_it():
    covid = np.array([0.15, 0.4, 0.05, 0.001, 1.0, 0.0])
    films = scored([0, 0, 1, 1, 0, 1], np.column_stack([covid, 1 - covid]), labels=LABELS[:2])
    at_ten = Thresholds(rule="at-least", positive=0, threshold=0.1)
    found = certainties(films, at_ten)
    # ln(0.15 / 0.85) - ln(0.1 / 0.9), and so on
    assert found[:4] == pytest.approx([0.462624, 1.791759, 0.747214, 4.70953], abs=1e-5)
    assert np.isfinite(found).all()
    assert found[4:].min() > found[:4].max()
    mirrored = Thresholds(rule="at-least", positive=1, threshold=0.9)
    assert certainties(films, mirrored) == pytest.approx(found)
    half = certainties(films, Thresholds(rule="at-least", positive=0, threshold=0.5))
    assert np.argsort(half[:4]).tolist() == np.argsort(films.probabilities.max(1)[:4]).tolist()


def test_the_curve_follows_the_answers_that_the_threshold_gave():
    drawn = drawn_films(60, n_classes=2, seed=3)
    rule = Thresholds(rule="at-least", positive=0, threshold=0.05)
    films = replace(drawn, predicted=rule.apply(drawn.probabilities))
    figures = abstention_figures(films, Rules(thresholds=rule), SECTION)
    order = np.argsort(-certainties(films, rule))
    wrong = (films.predicted != films.y_true)[order]
    assert figures.risk_coverage.certain_by == (
        "how far their probability of Covid lies from the threshold of 5.00 %, in logits"
    )
    for answered, risk in zip(
        figures.risk_coverage.answered, figures.risk_coverage.wrong, strict=True
    ):
        assert risk.value == pytest.approx(wrong[: round(answered * 60)].mean())
    area = np.mean([wrong[:k].mean() for k in range(1, 61)])
    assert figures.metrics["area_under_risk_coverage"].value == pytest.approx(area)


def test_an_answer_of_no_rule_is_as_certain_as_its_probability():
    films = scored([0, 1], [[0.2, 0.8], [0.3, 0.7]], labels=LABELS[:2])
    own = replace(films, predicted=np.array([0, 1]))
    assert certainties(own, Thresholds()).tolist() == [0.2, 0.7]


def test_without_rules_only_the_curve_is_left_and_why_is_said():
    why = "the validation films are the test films, as described"
    rules = Rules(fitted=FittedRules(unfitted_because=why))
    figures = abstention_figures(drawn_films(60), rules, SECTION)
    assert figures.sets == ()
    assert figures.cautions == (f"No prediction sets were fitted: {why}.",)
    assert figures.risk_coverage is not None
    assert abstention_figures(drawn_films(60), Rules(), SECTION).cautions == ()


def test_sets_that_miss_more_than_luck_allows_are_said_to():
    validation = perfect_films(40)
    shares = np.full((60, 3), 0.3) + np.eye(3)[np.tile([0, 1, 2], 20)] * 0.1
    elsewhere = scored(np.tile([0, 1, 2], 20), shares)
    _, figures = figures_of(elsewhere, validation=validation)
    assert all("less than luck explains" in one.sentence for one in figures.sets)
    rule = ConformalRule(kind="marginal", error=0.05, limits=dict.fromkeys(LABELS, 1.0))
    assert rule.sets(elsewhere.probabilities, LABELS).all()


MAPIE = json.loads((GOLDEN / "conformal_mapie.json").read_text())


@pytest.mark.parametrize("case", MAPIE["cases"], ids=lambda case: f"{case['kind']}-{case['n']}")
def test_limits_and_sets_are_those_of_mapie(case):
    n, section = case["n"], EvaluateSection(abstain=0.2)
    validation = scored(MAPIE["y"][:n], MAPIE["validation"][:n])
    rule = rule_of(fit_conformal(validation, section), case["kind"], case["error"])
    assert list(rule.limits.values()) == pytest.approx(case["limits"], abs=1e-12)
    sets = rule.sets(np.array(MAPIE["test"]), LABELS)
    np.testing.assert_array_equal(sets, np.array(case["sets"], dtype=bool))


def test_sets_of_a_classifier_that_is_always_sure_and_right_hold_more_than_was_asked_for():
    _, figures = figures_of(perfect_films(40), validation=perfect_films(40))
    assert all("as where many films get the same probability" in s.sentence for s in figures.sets)
