"""What every registered metric keeps, whoever adds it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carina.domain.recipe import EvaluateSection
from carina.evaluation.estimating import estimate_metrics
from carina.evaluation.metrics import METRICS
from carina.evaluation.resamples import Resamples
from making.scored import constant_films, drawn_films, perfect_films, scored_tables

every_metric = pytest.mark.parametrize("name", METRICS.names())
a_few = settings(max_examples=25, deadline=None)


def measured(name, films):
    return METRICS.get(name).measure(films.once)[0]


def drawn(films, weights):
    weights = np.asarray(weights, dtype=np.float32)
    return Resamples(films.y_true, films.predicted, films.probabilities, weights)


@every_metric
@a_few
@given(films=scored_tables(), seed=st.integers(0, 99))
def test_order_of_images_does_not_matter(name, films, seed):
    order = np.random.default_rng(seed).permutation(len(films))
    shuffled = replace(
        films,
        y_true=films.y_true[order],
        probabilities=films.probabilities[order],
        predicted=films.predicted[order],
    )
    np.testing.assert_allclose(measured(name, shuffled), measured(name, films), atol=1e-12)


@every_metric
@a_few
@given(films=scored_tables())
def test_values_lie_between_the_lowest_and_the_highest(name, films):
    values = measured(name, films)
    defined = values[~np.isnan(values)]
    assert (defined >= METRICS.get(name).lowest - 1e-12).all()
    assert (defined <= METRICS.get(name).highest + 1e-12).all()


@every_metric
def test_a_perfect_classifier_gets_the_best_value(name):
    np.testing.assert_allclose(measured(name, perfect_films()), METRICS.get(name).best, atol=1e-12)


@every_metric
def test_constant_scores_give_no_warning_and_a_value_or_nan(name):
    films = perfect_films()
    same = np.full_like(films.probabilities, 1 / 3)
    films = replace(films, probabilities=same, predicted=same.argmax(axis=1))
    assert np.shape(measured(name, films)) == (() if not METRICS.get(name).per_class else (3,))


@every_metric
@a_few
@given(films=scored_tables(), data=st.data())
def test_drawing_a_film_twice_is_the_same_as_having_it_twice(name, films, data):
    n = len(films)
    times = data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n).filter(any))
    index = np.repeat(np.arange(n), times)
    copies = replace(
        films,
        y_true=films.y_true[index],
        probabilities=films.probabilities[index],
        predicted=films.predicted[index],
        patients=(None,) * index.size,
        sources=("one",) * index.size,
        abstained=np.zeros(index.size, dtype=bool),
    )
    by_weight = METRICS.get(name).measure(drawn(films, [times]))[0]
    np.testing.assert_allclose(by_weight, measured(name, copies), atol=1e-9)


@every_metric
def test_many_draws_at_once_equal_one_after_the_other(name):
    films = drawn_films(40)
    weights = np.random.default_rng(1).integers(0, 3, size=(7, 40))
    at_once = METRICS.get(name).measure(drawn(films, weights))
    singly = [METRICS.get(name).measure(drawn(films, [row]))[0] for row in weights]
    np.testing.assert_allclose(at_once, singly, atol=1e-12)


def estimates(name, films):
    """Return the metric's estimates, over all films or of each class."""
    overall, per_class = estimate_metrics(
        films, {name: METRICS.get(name)}, EvaluateSection(resamples=100)
    )
    return [*overall.values(), *(row[name] for row in per_class.values() if row)]


def assert_inside_an_interval_with_a_width(estimate, metric):
    assert estimate.low < estimate.high
    assert estimate.low <= estimate.value <= estimate.high
    assert estimate.low >= metric.lowest - 1e-9
    assert estimate.high <= metric.highest + 1e-9  # log loss rounds at the 12th decimal


@every_metric
@a_few
@given(films=scored_tables() | scored_tables(with_patients=True))
def test_every_estimate_has_a_value_inside_its_interval_or_a_reason(name, films):
    for estimate in estimates(name, films):
        if estimate.value is None:
            assert estimate.undefined_because
            assert "{" not in estimate.undefined_because
        else:
            assert_inside_an_interval_with_a_width(estimate, METRICS.get(name))


@every_metric
def test_perfect_films_never_get_an_interval_without_width(name):
    for estimate in estimates(name, perfect_films()):
        assert_inside_an_interval_with_a_width(estimate, METRICS.get(name))


@every_metric
@pytest.mark.parametrize("patients", [None, [f"p{i // 4}" for i in range(30)], ["p"] * 30])
def test_one_answer_to_every_film_gets_an_interval_with_a_width(name, patients):
    films = constant_films(patients=patients)
    for estimate in estimates(name, films):
        if estimate.value is not None:
            assert_inside_an_interval_with_a_width(estimate, METRICS.get(name))


@every_metric
def test_a_metric_says_what_it_is_in_words(name):
    metric = METRICS.get(name)
    assert metric.title
    assert metric.undefined_because
    assert metric.per_class or "{label}" not in metric.undefined_because
