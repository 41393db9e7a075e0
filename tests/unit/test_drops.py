"""An external test beside the internal one."""

import pytest

from carina.domain.estimate import Estimate
from carina.domain.evaluation import WithoutLeaks
from carina.domain.recipe import EvaluateSection
from carina.evaluation.evaluate import evaluate, evaluated_data, scored_films
from carina.evaluation.external import against_internal
from carina.evaluation.independent import difference, mean_of
from carina.evaluation.intervals import wilson
from carina.reporting.external_wording import drop_sentence
from carina.workflows.known_films import without_known
from making.predictions import predictions_of

QUICK = EvaluateSection(resamples=100)


def proportion(hits, n):
    low, high = wilson(hits, n)
    return Estimate(value=hits / n, low=low, high=high, n=n, method="wilson")


def evaluation_of(
    name, n_right, n_wrong, *, known=0, classes=("Covid", "Normal"), names=("Covid", "Normal")
):
    films = predictions_of(n_right, n_wrong, classes=classes, names=names)
    data = evaluated_data(names, films, name=name, part="all")
    found = evaluate(scored_films(names, films), data=data, classifier="c", section=QUICK)
    keys = {f"{film.source}/{film.path}" for film in films[:known]}
    without = without_known(names, films, keys, QUICK)
    return found.model_copy(update={"without_leaks": without})


def test_a_drop_from_a_perfect_test_still_has_a_width():
    found = difference(proportion(40, 40), proportion(59, 59))
    assert found.value == 0
    assert found.low == pytest.approx(wilson(40, 40)[0] - 1)
    assert found.high == pytest.approx(1 - wilson(59, 59)[0])


def test_a_mean_over_folds_is_surer_than_one_fold_and_undefined_if_one_is():
    folds = [proportion(hits, 40) for hits in (40, 38, 36, 37, 39)]
    mean = mean_of(folds)
    assert mean.value == pytest.approx(190 / 200)
    assert mean.low < 190 / 200 < mean.high < 1
    assert mean.high - mean.low < min(fold.high - fold.low for fold in folds)
    assert mean.n == 200
    missing = Estimate.undefined("no film of Covid", n=3)
    assert mean_of([*folds, missing]).undefined_because == "1 of 6 have no such number"


def test_a_drop_to_a_number_that_is_undefined_says_why():
    missing = Estimate.undefined("no film of Covid", n=3)
    assert difference(missing, proportion(1, 2)).undefined_because == "no film of Covid"


def test_the_external_test_is_held_against_the_internal_one_over_all_and_per_class():
    external, internal = evaluation_of("nih", 60, 40), evaluation_of("covid", 95, 5)
    beside = against_internal(external, internal, name="the internal test part")
    assert beside.drops["accuracy"].value == pytest.approx(-0.35)
    assert beside.drops["accuracy"].high < 0
    recall = beside.drops_per_class["Covid"]["recall"]
    assert recall.value == pytest.approx(
        external.per_class["Covid"]["recall"].value - internal.per_class["Covid"]["recall"].value
    )
    assert "support" not in beside.drops_per_class["Covid"]
    sentence = drop_sentence(external, beside)
    assert "On the 100 films of nih accuracy is 60.0 %" in sentence
    assert "35.0 points" in sentence
    assert "lower than on the internal test part (100 films)" in sentence


def test_films_that_training_knew_count_on_neither_side():
    external = evaluation_of("nih", 70, 30, known=20)
    internal = evaluation_of("covid", 90, 10, known=10)
    beside = against_internal(external, internal, name="the internal test part")
    assert (beside.without_known, beside.n_external) == (True, 80)
    assert (beside.without_leaks, beside.n_internal) == (True, 90)
    assert beside.internal == internal.without_leaks.metrics
    there, here = (one.without_leaks.metrics["accuracy"].value for one in (external, internal))
    assert beside.drops["accuracy"].value == pytest.approx(there - here)
    assert "without those that training knew" in drop_sentence(external, beside)


def test_a_test_of_known_films_alone_is_held_against_nothing():
    nothing = WithoutLeaks(n_removed=100, metrics={}, sentence="nothing is left")
    external = evaluation_of("nih", 70, 30).model_copy(update={"without_leaks": nothing})
    assert against_internal(external, evaluation_of("covid", 90, 10), name="test") is None


def test_numbers_over_all_classes_have_no_drop_where_one_test_lacks_a_class():
    external = evaluation_of("nih", 20, 5, classes=("Covid",))
    beside = against_internal(external, evaluation_of("covid", 90, 10), name="the internal test")
    assert beside.absent == ("Normal",)
    assert beside.drops["accuracy"].value is None
    covid, normal = beside.drops_per_class["Covid"], beside.drops_per_class["Normal"]
    assert covid["recall"].value is not None
    # of two classes the specificity of one is the sensitivity of the other
    assert normal["specificity"].value == covid["recall"].value
    for name in ("precision", "npv", "f1", "average_precision", "roc_auc", "brier_score"):
        assert covid[name].value is None
        assert "only one of the two tests has films of Normal" in covid[name].undefined_because
    assert "only one of the two tests has films of Normal" in drop_sentence(external, beside)


def test_with_three_classes_and_one_of_them_absent_specificity_does_not_compare_either():
    names = ("Covid", "Normal", "Pneumonia")
    beside = against_internal(
        evaluation_of("nih", 20, 5, classes=names[:2], names=names),
        evaluation_of("covid", 90, 10, classes=names, names=names),
        name="the internal test",
    )
    own = beside.drops_per_class["Covid"]
    assert [name for name, drop in own.items() if drop.value is not None] == ["recall"]


def test_no_drop_is_taken_from_an_internal_test_of_known_films_alone():
    nothing = WithoutLeaks(n_removed=100, metrics={}, sentence="nothing is left")
    internal = evaluation_of("covid", 90, 10).model_copy(update={"without_leaks": nothing})
    external = evaluation_of("nih", 70, 30)
    beside = against_internal(external, internal, name="the internal test part")
    every = [*beside.drops.values(), *beside.drops_per_class["Covid"].values()]
    assert {drop.value for drop in every} == {None}
    assert "accuracy is 70.0 %" in drop_sentence(external, beside)
    assert "not held against that on the internal test part: without the films" in drop_sentence(
        external, beside
    )


def test_films_of_a_runs_own_test_are_not_said_to_be_known_from_training():
    films = predictions_of(40, 10)
    known = {f"{film.source}/{film.path}" for film in films[:5]}
    when = "known when the classifier was made or tested"
    said = without_known(("Covid", "Normal"), films, known, QUICK, known_how=when).sentence
    assert said.startswith("5 of 50 test films were known when the classifier was made or tested")
