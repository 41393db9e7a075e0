"""What a page says may be claimed: as much as the test shows, and no more."""

import pytest

from carina.domain.estimate import Estimate
from carina.domain.evaluation import EvaluatedData, WithoutLeaks
from carina.domain.external import AgainstInternal
from carina.domain.folds import Fold, FoldFigures
from carina.domain.probes import (
    COARSE_CONFOUNDER_BALANCED_ACCURACY,
    CONFOUNDER_BALANCED_ACCURACY,
    MASKED_BALANCED_ACCURACY,
    method_of_signal,
)
from carina.domain.recipe import EvaluateSection
from carina.evaluation.evaluate import evaluate
from carina.reporting.claims import claims_of
from making.scored import drawn_films


def estimate(value, low, high, n=66, method="bootstrap-patients"):
    return Estimate(value=value, low=low, high=high, n=n, method=method)


@pytest.fixture(scope="module")
def tested():
    films = drawn_films(66, n_classes=2)
    data = EvaluatedData(name="ward", part="test", n_images=66)
    return evaluate(films, data=data, classifier="x", section=EvaluateSection(resamples=100))


def having(tested, balanced, **changes):
    metrics = {**tested.metrics, "balanced_accuracy": estimate(*balanced)}
    return tested.model_copy(update={"metrics": metrics, **changes})


def probes(masked, confounder):
    return {
        MASKED_BALANCED_ACCURACY: estimate(*masked),
        CONFOUNDER_BALANCED_ACCURACY: estimate(*confounder, method=method_of_signal("frame")),
    }


GOOD = (0.95, 0.88, 0.98)
GUESS = (0.52, 0.40, 0.64)


def test_what_may_be_claimed_names_the_films_the_interval_and_guessing(tested):
    assert claims_of(having(tested, GOOD)).may == (
        "On films like the 66 films of the test part of ward, a balanced "
        "accuracy of 95.0 % (88.0 to 98.0 %), where guessing reaches 50.0 %."
    )


def test_nothing_is_claimed_of_what_cannot_be_told_from_guessing(tested):
    claims = claims_of(having(tested, GUESS, probes=probes(GUESS, GUESS)))
    assert "cannot be told from guessing (50.0 %)" in claims.may
    assert claims.may_not.endswith("Its answers cannot be told from guessing.")


@pytest.mark.parametrize(("low", "opening"), [(0.6, "Only that it ranks"), (0.4, "Nothing.")])
def test_an_area_above_chance_is_claimed_where_the_answers_are_guesses(tested, low, opening):
    metrics = {
        "balanced_accuracy": estimate(*GUESS),
        "roc_auc_macro": estimate(0.8, low, 0.95),
    }
    changed = tested.model_copy(update={"metrics": {**tested.metrics, **metrics}})
    assert claims_of(changed).may.startswith(opening)


def test_no_figure_is_claimed_of_films_that_chose_the_network(tested):
    data = tested.data.model_copy(update={"chose_the_network": True})
    assert claims_of(having(tested, GOOD, data=data)).may.startswith("No figure. The network was")


def test_a_blurred_picture_that_tells_as_much_is_named(tested):
    coarse = estimate(0.94, 0.88, 0.97, method=method_of_signal("thumbnail"))
    found = {**probes(GUESS, GUESS), COARSE_CONFOUNDER_BALANCED_ACCURACY: coarse}
    claims = claims_of(having(tested, GOOD, probes=found))
    assert "The 8 x 8 thumbnail alone, too coarse for most findings, gives 94.0 %" in claims.may_not


def test_a_test_of_one_class_is_a_sensitivity(tested):
    data = EvaluatedData(name="elsewhere", part="all", external=True, n_images=40)
    one = {
        "Covid": {"support": Estimate.count(40, n=40)},
        "Normal": {"support": Estimate.count(0, n=40)},
    }
    external = having(tested, (0.7, 0.6, 0.8, 40), data=data, per_class=one)
    said = claims_of(tested, external=[external]).elsewhere
    assert "all Covid, a sensitivity of 70.0 %" in said
    assert "balanced" not in said


def test_no_figure_is_claimed_of_twenty_films(tested):
    few = having(tested, (0.95, 0.76, 0.99, 20))
    assert "No figure" in claims_of(few).may
    assert "20 films leave room for" in claims_of(few).may


def test_claims_rest_on_the_films_that_training_had_not_seen(tested):
    left = WithoutLeaks(
        n_removed=6, metrics={"balanced_accuracy": estimate(0.8, 0.7, 0.9, 60)}, sentence="six"
    )
    claims = claims_of(having(tested, GOOD, without_leaks=left))
    assert "the 60 films of ward that were not known from training" in claims.may
    assert "80.0 % (70.0 to 90.0 %)" in claims.may
    gone = claims_of(having(tested, GOOD, without_leaks=left.model_copy(update={"metrics": {}})))
    assert gone.may.startswith("Nothing.")


@pytest.mark.parametrize(
    ("masked", "words"),
    [
        ((0.93, 0.85, 0.97), "That it recognises a disease. Without the lungs nearly all"),
        ((0.80, 0.70, 0.88), "That it recognises a disease. Without the lungs much"),
        ((0.62, 0.55, 0.70), "That all of it is disease."),
        (GUESS, "That the disease is seen. No shortcut that was looked for explains"),
    ],
)
def test_the_more_is_left_without_the_lungs_the_less_may_be_claimed(tested, masked, words):
    assert words in claims_of(having(tested, GOOD, probes=probes(masked, GUESS))).may_not


def test_the_best_confounder_is_named_with_its_figure(tested):
    claims = claims_of(having(tested, GOOD, probes=probes(GUESS, (0.9, 0.8, 0.95))))
    assert "the frame of the image alone gives 90.0 % (80.0 to 95.0 %)" in claims.may_not
    assert "blacked out" not in claims.may_not


def test_without_a_look_at_the_films_no_disease_is_claimed(tested):
    assert "was not looked for in this test" in claims_of(having(tested, GOOD)).may_not


def test_without_an_external_test_the_third_sentence_says_so(tested):
    assert "not tested on another source" in claims_of(tested).elsewhere


def test_an_external_test_is_told_with_its_drop(tested):
    data = EvaluatedData(name="elsewhere", part="all", external=True, n_images=40)
    beside = AgainstInternal(
        name="ward",
        n_internal=66,
        n_external=40,
        internal={},
        drops={"balanced_accuracy": GOOD_DROP},
    )
    external = having(tested, (0.7, 0.6, 0.8, 40), data=data, against_internal=beside)
    assert claims_of(tested, external=[external]).elsewhere == (
        "On 40 films of elsewhere a balanced accuracy of 70.0 % (60.0 to 80.0 %), 25.0 (14.0 to "
        "36.0) percentage points lower than on ward."
    )
    level = beside.model_copy(update={"drops": {"balanced_accuracy": estimate(-0.02, -0.1, 0.06)}})
    same = external.model_copy(update={"against_internal": level})
    assert "cannot be told from" in claims_of(tested, external=[same]).elsewhere


GOOD_DROP = estimate(-0.25, -0.36, -0.14)


def test_a_source_held_out_counts_as_a_test_elsewhere(tested):
    fold = Fold(
        name="without-b",
        tested_on="b",
        chosen=True,
        n_images=30,
        metrics={"balanced_accuracy": estimate(0.6, 0.5, 0.7)},
    )
    folds = FoldFigures(by="source", folds=(fold,), pooled={"balanced_accuracy": estimate(*GOOD)})
    claims = claims_of(having(tested, GOOD, folds=folds))
    assert "one source held out at a time, the balanced accuracy is b 60.0 %" in claims.elsewhere
    assert "each answered by a training that had not seen it" in claims.may
