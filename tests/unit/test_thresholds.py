import numpy as np
import pytest
from pydantic import ValidationError

from carina.domain.recipe import EvaluateSection
from carina.domain.thresholds import ChosenThreshold, Thresholds
from carina.errors import RecipeError
from carina.evaluation.positives import positive_classes
from carina.evaluation.threshold_choice import (
    choose_thresholds,
    deployed_thresholds,
    require_decidable,
)
from making.scored import drawn_films, scored

FEW_DRAWS = EvaluateSection(resamples=100)


def binary(own, others, *, labels=("Covid", "Normal")):
    """Return films with these probabilities of the first class."""
    p = np.array([*own, *others])
    y_true = np.repeat([0, 1], [len(own), len(others)])
    return scored(y_true, np.stack([p, 1 - p], axis=1), labels=labels)


def chosen_by(rule, films, **asked):
    section = EvaluateSection(resamples=100, **asked)
    return next(one for one in choose_thresholds(films, section) if one.rule == rule)


def test_at_least_answers_the_positive_class_from_its_threshold_on():
    probabilities = np.array([[0.3, 0.7], [0.29, 0.71], [0.9, 0.1]])
    assert Thresholds(rule="at-least", positive=0, threshold=0.3).apply(probabilities).tolist() == [
        0,
        1,
        0,
    ]
    assert Thresholds(rule="at-least", positive=1, threshold=0.71).apply(
        probabilities
    ).tolist() == [0, 1, 0]


def test_at_least_refuses_other_than_two_classes():
    with pytest.raises(ValueError, match="two classes"):
        Thresholds(rule="at-least", positive=1, threshold=0.5).apply(np.full((1, 3), 1 / 3))


def test_a_card_written_before_there_were_thresholds_still_answers_by_the_highest():
    assert Thresholds.model_validate({"rule": "highest"}) == Thresholds()


@pytest.mark.parametrize(
    "values",
    [
        {"rule": "at-least"},
        {"rule": "at-least", "positive": 1},
        {"rule": "at-least", "positive": 2, "threshold": 0.5},
        {"rule": "at-least", "positive": 1, "threshold": 1.5},
        {"rule": "at-least", "positive": 1, "threshold": float("nan")},
        {"rule": "highest", "threshold": 0.5},
        {"rule": "lowest"},
    ],
)
def test_a_rule_that_cannot_answer_is_refused(values):
    with pytest.raises(ValidationError):
        Thresholds.model_validate(values)


def test_a_choice_without_a_threshold_says_why():
    with pytest.raises(ValidationError, match="reason"):
        ChosenThreshold(label="Covid", rule="youden", threshold=None)


@pytest.mark.parametrize(
    ("labels", "positive"),
    [
        (("COVID-19", "NORMAL"), "COVID-19"),
        (("NORMAL", "PNEUMONIA"), "PNEUMONIA"),
        (("covid", "non_covid"), "covid"),
        (("No Finding", "Effusion"), "Effusion"),
        (("COVID+", "COVID-"), "COVID+"),
        (("Effusion", "without effusion"), "Effusion"),
        (("Nodule", "Normal"), "Nodule"),
        (("Covid", "Viral Pneumonia"), "Viral Pneumonia"),
        (("healthy", "normal"), "normal"),
    ],
)
def test_of_two_classes_the_one_that_is_not_normal_counts_as_positive(labels, positive):
    assert positive_classes(labels, EvaluateSection()) == (positive,)


def test_the_recipe_names_the_positive_class_and_three_classes_each_count():
    section = EvaluateSection(positive="normal")
    assert positive_classes(("Covid", "Normal"), section) == ("Normal",)
    assert positive_classes(("a", "b", "normal"), section) == ("a", "b", "normal")


def test_the_threshold_for_a_sensitivity_is_the_highest_that_can_promise_it():
    own = np.arange(1, 40) / 40  # 39 films: 38 of 39 promise 38/40, 37 promise too little
    choice = chosen_by("sensitivity", binary(own, [0.01, 0.03]), sensitivity=0.95)
    assert choice.threshold == pytest.approx((0.03 + own[1]) / 2)
    assert choice.on_validation["sensitivity"].value == 38 / 39


def test_a_threshold_lies_halfway_between_the_probabilities_observed():
    films = binary([0.8] * 10 + [0.9] * 10, [0.2] * 10)
    assert chosen_by("youden", films).threshold == pytest.approx(0.5)
    assert chosen_by("sensitivity", films).threshold == pytest.approx(0.5)


def test_below_the_lowest_probability_observed_the_threshold_is_half_of_it():
    films = binary([0.2] * 30, [0.9] * 10)
    assert chosen_by("sensitivity", films).threshold == pytest.approx(0.1)


def test_too_few_films_choose_no_sensitivity_and_say_what_they_could():
    films = binary(np.linspace(0.6, 0.9, 10), np.linspace(0.1, 0.7, 30))
    choice = chosen_by("sensitivity", films, sensitivity=0.95)
    assert choice.threshold is None
    assert choice.undefined_because == (
        "10 validation films of Covid cannot promise a sensitivity of 95 %, which takes 19; "
        "they can promise 90 % (evaluate.sensitivity=0.9)"
    )
    assert chosen_by("sensitivity", films, sensitivity=0.9).threshold is not None


def test_films_of_one_probability_are_called_together():
    own = [0.1] * 5 + [0.5] * 35
    choice = chosen_by("sensitivity", binary(own, [0.3] * 10), sensitivity=0.9)
    assert choice.threshold == pytest.approx(0.05)
    assert choice.on_validation["sensitivity"].value == 1.0


def test_youden_takes_the_lowest_of_equal_thresholds():
    films = binary([0.9] * 5 + [0.3] * 5, [0.6] * 5 + [0.1] * 5)
    assert chosen_by("youden", films).threshold == pytest.approx(0.2)


def test_youden_agrees_with_the_roc_curve_of_scikit_learn():
    from sklearn.metrics import roc_curve

    films = drawn_films(200, n_classes=3, seed=4)
    chosen = [one for one in choose_thresholds(films, FEW_DRAWS) if one.rule == "youden"]
    assert [one.label for one in chosen] == list(films.labels)
    for index, one in enumerate(chosen):
        fpr, tpr, _ = roc_curve(films.y_true == index, films.probabilities[:, index])
        sensitivity, specificity = (
            one.on_validation[name].value for name in ("sensitivity", "specificity")
        )
        assert sensitivity + specificity - 1 == pytest.approx((tpr - fpr).max(), abs=1e-12)


def test_no_youden_threshold_where_nothing_tells_the_classes_apart():
    choice = chosen_by("youden", binary([0.2] * 10, [0.8] * 10))
    assert choice.threshold is None
    assert "no threshold tells Covid from the rest" in choice.undefined_because


def test_the_cost_of_a_miss_alone_decides_its_threshold():
    for own in ([0.2], [0.99]):
        assert chosen_by("cost", binary(own, [0.5]), miss_cost=4).threshold == pytest.approx(0.2)


def test_the_deployed_threshold_is_the_one_that_decides():
    films = drawn_films(120, n_classes=2, seed=1)
    section = EvaluateSection(resamples=100, decide_by="youden", positive="Normal")
    chosen = choose_thresholds(films, section)
    rule = deployed_thresholds(chosen, films.labels, section)
    assert (rule.rule, rule.positive) == ("at-least", 1)
    assert rule.threshold == next(one for one in chosen if one.rule == "youden").threshold
    assert deployed_thresholds(chosen, films.labels, EvaluateSection()) == Thresholds()


def test_a_threshold_that_was_not_chosen_is_not_deployed_and_says_why():
    section = EvaluateSection(resamples=100, decide_by="sensitivity")
    films = drawn_films(12, n_classes=2)
    rule = deployed_thresholds(choose_thresholds(films, section), films.labels, section)
    assert rule.rule == "highest"
    assert "6 validation films of Covid" in rule.unfitted_because


def test_what_cannot_decide_is_refused_before_a_training():
    two, counts = ("Covid", "Normal"), {"Covid": 18, "Normal": 40}
    require_decidable(two, EvaluateSection(decide_by="cost"), n_validation={})
    with pytest.raises(RecipeError, match="there are 3"):
        require_decidable(("a", "b", "c"), EvaluateSection(decide_by="youden"), n_validation=counts)
    with pytest.raises(RecipeError, match="18 validation films of Covid cannot promise"):
        require_decidable(two, EvaluateSection(decide_by="sensitivity"), n_validation=counts)
    with pytest.raises(RecipeError, match="did you mean 'Covid'"):
        require_decidable(two, EvaluateSection(positive="Covit"), n_validation=counts)
    with pytest.raises(RecipeError, match="takes 10 validation films"):
        require_decidable(two, EvaluateSection(decide_by="youden"), n_validation={"Covid": 9})
