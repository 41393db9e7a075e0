"""Every number equals scikit-learn's where both define it."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from sklearn import metrics as reference

from carina.domain.recipe import EvaluateSection
from carina.evaluation.brier_parts import BRIER_OF_CLASS
from carina.evaluation.curves import precision_recall_curve, roc_curve
from carina.evaluation.evaluate import all_metrics, loss_and_accuracy
from carina.evaluation.metrics import METRICS
from carina.evaluation.metrics.auroc import auroc
from making.scored import drawn_films, scored_tables

QUICK = EvaluateSection(resamples=100)
some = settings(max_examples=40, deadline=None)


def evaluated(films):
    """Return the numbers alone; a whole evaluation holds much more, and takes its time."""
    metrics, per_class, matrix = all_metrics(films, QUICK)
    return SimpleNamespace(metrics=metrics, per_class=per_class, confusion_matrix=matrix)


def values(estimates):
    return {name: estimate.value for name, estimate in estimates.items()}


def assert_report_equal(films):
    own = evaluated(films)
    report = reference.classification_report(
        films.y_true,
        films.predicted,
        labels=range(len(films.labels)),
        target_names=films.labels,
        output_dict=True,
        zero_division=0,
    )
    for label in films.labels:
        row = values(own.per_class[label])
        for name, theirs in (("precision", "precision"), ("recall", "recall"), ("f1", "f1-score")):
            if row[name] is None:  # scikit-learn puts 0 where nothing can be said
                assert report[label][theirs] == 0
            else:
                assert row[name] == pytest.approx(report[label][theirs], abs=1e-12)
        assert row["support"] == report[label]["support"]
    for suffix in ("macro", "weighted"):
        for name, theirs in (("precision", "precision"), ("recall", "recall"), ("f1", "f1-score")):
            value = own.metrics[f"{name}_{suffix}"].value
            assert value == pytest.approx(report[f"{suffix} avg"][theirs], abs=1e-12)
    assert own.metrics["accuracy"].value == pytest.approx(
        reference.accuracy_score(films.y_true, films.predicted)
    )


@some
@given(films=scored_tables(every_class=True))
def test_the_classification_report_is_scikit_learns(films):
    assert_report_equal(films)


@some
@given(films=scored_tables())
def test_the_confusion_matrix_and_its_counts_are_scikit_learns(films):
    own = evaluated(films)
    labels = range(len(films.labels))
    matrix = reference.confusion_matrix(films.y_true, films.predicted, labels=labels)
    assert np.array_equal(own.confusion_matrix.counts, matrix)
    each = reference.multilabel_confusion_matrix(films.y_true, films.predicted, labels=labels)
    for label, ((tn, fp), (fn, tp)) in zip(films.labels, each, strict=True):
        row = values(own.per_class[label])
        assert (row["tn"], row["fp"], row["fn"], row["tp"]) == (tn, fp, fn, tp)
        if tn + fp:
            assert row["specificity"] == pytest.approx(tn / (tn + fp))


@some
@given(films=scored_tables())
def test_scores_with_ties_give_scikit_learns_areas(films):
    own = evaluated(films)
    for index, label in enumerate(films.labels):
        is_class, scores = films.y_true == index, films.probabilities[:, index]
        row = values(own.per_class[label])
        if is_class.any() and not is_class.all():
            assert row["roc_auc"] == pytest.approx(reference.roc_auc_score(is_class, scores))
            assert auroc(is_class, scores) == pytest.approx(row["roc_auc"])
        else:
            assert row["roc_auc"] is None
        if is_class.any() and not is_class.all():
            expected = reference.average_precision_score(is_class, scores)
            assert row["average_precision"] == pytest.approx(expected)
        else:  # scikit-learn says 1.0 where all films are of the class
            assert row["average_precision"] is None


def test_average_precision_is_undefined_without_a_film_of_another_class():
    films = drawn_films(40)
    alone = evaluated(films.where(films.y_true == 0))
    precision = alone.per_class[films.labels[0]]["average_precision"]
    assert precision.value is None  # scikit-learn says 1.0
    assert "films of other classes are both needed" in precision.undefined_because
    assert alone.metrics["average_precision_macro"].value is None


@some
@given(films=scored_tables())
def test_balanced_accuracy_counts_the_classes_that_are_there(films):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns of answers without films
        expected = reference.balanced_accuracy_score(films.y_true, films.predicted)
    assert evaluated(films).metrics["balanced_accuracy"].value == pytest.approx(expected)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_log_loss_and_mean_area_are_scikit_learns(n_classes):
    films = drawn_films(90, n_classes=n_classes)
    own = evaluated(films).metrics
    expected = reference.log_loss(films.y_true, films.probabilities)
    assert own["log_loss"].value == pytest.approx(expected, abs=1e-12)
    areas = [
        reference.roc_auc_score(films.y_true == c, films.probabilities[:, c])
        for c in range(n_classes)
    ]
    assert own["roc_auc_macro"].value == pytest.approx(np.mean(areas))


def test_the_loss_of_logits_is_the_log_loss_of_their_softmax():
    films = drawn_films(60)
    found = loss_and_accuracy(films, np.log(films.probabilities) + 3.0)
    expected = reference.log_loss(films.y_true, films.probabilities)
    assert found["loss"].value == pytest.approx(expected)
    assert found["accuracy"].value == np.mean(films.predicted == films.y_true)


@some
@given(films=scored_tables(every_class=True, n_classes=2))
def test_the_roc_curve_is_scikit_learns_without_its_straight_points(films):
    is_class, scores = films.y_true == 1, films.probabilities[:, 1]
    curve = roc_curve(is_class, scores)
    x, y, _ = reference.roc_curve(is_class, scores, drop_intermediate=False)
    assert reference.auc(curve.x, curve.y) == pytest.approx(reference.auc(x, y))
    points = set(zip(np.round(x, 9), np.round(y, 9), strict=True))
    assert set(zip(np.round(curve.x, 9), np.round(curve.y, 9), strict=True)) <= points


@some
@given(films=scored_tables(every_class=True, n_classes=2))
def test_every_point_of_the_precision_recall_curve_is_scikit_learns(films):
    is_class, scores = films.y_true == 1, films.probabilities[:, 1]
    curve = precision_recall_curve(is_class, scores)
    precision, recall, _ = reference.precision_recall_curve(is_class, scores)
    theirs = set(zip(np.round(recall, 9), np.round(precision, 9), strict=True))
    assert set(zip(np.round(curve.x, 9), np.round(curve.y, 9), strict=True)) <= theirs
    assert (curve.x[0], curve.y[0], curve.x[-1]) == (0.0, 1.0, 1.0)


@some
@given(films=scored_tables())
def test_the_matthews_correlation_is_scikit_learns_where_films_are_of_two_classes(films):
    value = METRICS.get("matthews_corrcoef").measure(films.once)[0]
    if np.unique(films.y_true).size < 2:
        assert np.isnan(value)  # undefined; scikit-learn says 0 here
    else:
        expected = reference.matthews_corrcoef(films.y_true, films.predicted)
        assert value == pytest.approx(expected, abs=1e-9)


@some
@given(films=scored_tables())
def test_the_negative_predictive_value_is_the_precision_of_the_rest(films):
    values = METRICS.get("npv").measure(films.once)[0]
    for index, value in enumerate(values):
        rest, answered_rest = films.y_true != index, films.predicted != index
        if answered_rest.any():
            assert value == pytest.approx(reference.precision_score(rest, answered_rest), abs=1e-9)
        else:
            assert np.isnan(value)


@some
@given(films=scored_tables())
def test_brier_scores_are_scikit_learns_over_all_films_and_by_class(films):
    expected = reference.brier_score_loss(
        films.y_true, films.probabilities, labels=range(len(films.labels))
    )
    found = METRICS.get("brier_score").measure(films.once)[0]
    assert found == pytest.approx(expected, abs=1e-9)
    for index, value in enumerate(BRIER_OF_CLASS.measure(films.once)[0]):
        of_class = reference.brier_score_loss(
            films.y_true == index, films.probabilities[:, index], pos_label=True
        )
        assert value == pytest.approx(of_class, abs=1e-9)
