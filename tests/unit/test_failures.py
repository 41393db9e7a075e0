"""Errors beside confounders: what is compared, with which interval, and what is claimed."""

from dataclasses import replace

import numpy as np
import pytest

from carina.auditing.audit import inseparable_films
from carina.domain.recipe import EvaluateSection
from carina.evaluation.combined_intervals import mover
from carina.evaluation.failures import Pointing, error_agreement
from carina.evaluation.intervals import wilson
from making.datasets import dataset_of
from making.planted import deal, phantom_pool
from making.scored import scored

SECTION = EvaluateSection(resamples=200)
LABELS = ("Covid", "Normal")


def answered(y_true, predicted, *, labels=LABELS):
    """Return films with sure answers."""
    return scored(y_true, np.eye(len(labels))[np.asarray(predicted)], labels=labels)


def pointing(classes, **facts):
    facts = {"signal": "frame", "title": "the frame", **facts}
    return Pointing(classes=np.asarray(classes, dtype=np.intp), **facts)


def sides(right_there, wrong_there, right_elsewhere, wrong_elsewhere):
    """Return films of one class and a confounder, by how many answers are right where."""
    counts = (right_there, wrong_there, right_elsewhere, wrong_elsewhere)
    predicted = np.repeat([0, 1, 0, 1], counts)
    classes = np.repeat([0, 0, 1, 1], counts)
    return answered(np.zeros(sum(counts), dtype=int), predicted), pointing(classes)


def test_the_interval_of_the_difference_is_made_of_those_of_the_shares():
    films, own = sides(56, 14, 48, 32)
    (found,) = error_agreement(films, [own], SECTION)
    ends = [wilson(56, 70), wilson(48, 80)]
    value, (low, high) = mover([56 / 70, 48 / 80], ends, weights=[1, -1])
    assert found.difference.value == pytest.approx(value)
    assert found.difference.low == pytest.approx(low)
    assert found.difference.high == pytest.approx(high)
    assert (found.n_right, found.n_wrong) == (70, 80)
    assert (found.n_errors, found.n_errors_alike) == (46, 32)
    assert found.within_classes == found.difference  # one class has films


def test_a_class_that_is_easy_to_both_is_no_agreement_within_the_classes():
    # Covid: both are nearly always right. Normal: both are right for half, independently.
    y_true = np.repeat([0, 0, 0, 0, 1, 1, 1, 1], (90, 10, 9, 1, 25, 25, 25, 25))
    predicted = np.repeat([0, 1, 0, 1, 1, 0, 1, 0], (90, 10, 9, 1, 25, 25, 25, 25))
    classes = np.repeat([0, 0, 1, 1, 1, 1, 0, 0], (90, 10, 9, 1, 25, 25, 25, 25))
    (found,) = error_agreement(answered(y_true, predicted), [pointing(classes)], SECTION)
    assert found.difference.low > 0.05
    assert found.within_classes.value == pytest.approx(0, abs=1e-12)
    assert "which may be luck; that does not show that it plays no part" in found.sentence


def test_errors_that_follow_a_confounder_are_said_to_and_what_else_it_may_be():
    films, own = sides(95, 5, 20, 30)
    (found,) = error_agreement(films, [own], SECTION)
    assert found.within_classes.low > 0
    assert found.sentence.startswith(
        "Where the class is told rightly by the frame alone (100 films), 95.0 % of the "
        "classifier's answers are right; where it is told wrongly (50), 40.0 %: a difference of "
        "55.0 points ("
    )
    assert "this is how a classifier errs that has learned it. It is no proof" in found.sentence
    lungs = replace(own, has_lungs=True, title="a blurred picture of 8 x 8 pixels")
    outside = replace(own, in_pixels=False, title="the file format")
    said = [one.sentence for one in error_agreement(films, [lungs, outside], SECTION)]
    assert "The lungs are in it as well" in said[0]
    assert "A network does not see it in the pixels" in said[1]


@pytest.mark.parametrize(
    ("how", "counts"), [("wrongly", (50, 0, 20, 9)), ("rightly", (20, 9, 50, 0))]
)
def test_nothing_is_claimed_below_thirty_films_on_a_side(how, counts):
    films, own = sides(*counts)
    (found,) = error_agreement(films, [own], SECTION)
    assert found.difference.value is None
    assert found.within_classes.value is None
    assert found.sentence == (
        f"By the frame alone, the class is told {how} for only 29 of 79 test films: nothing is "
        "claimed below 30."
    )


def test_films_that_a_confounder_was_not_asked_about_do_not_count():
    films, own = sides(40, 0, 20, 20)
    classes = own.classes.copy()
    classes[:5] = -1
    (found,) = error_agreement(films, [replace(own, classes=classes)], SECTION)
    assert (found.n_right, found.n_wrong) == (35, 40)
    assert error_agreement(films, [replace(own, classes=np.full(80, -1))], SECTION) == ()
    assert error_agreement(films, [], SECTION) == ()


def test_films_of_one_patient_are_inseparable():
    pool = phantom_pool(6)
    trial = deal(pool, "clean", strength=0, rng=np.random.default_rng(1))
    records = [replace(r, patient=f"p{n // 2}") for n, r in enumerate(trial.records)]
    groups = inseparable_films(dataset_of(records), trial.scan)
    assert len(set(groups.values())) == 3
    assert groups[records[0].key] == groups[records[1].key]
