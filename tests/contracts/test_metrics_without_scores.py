"""Every registered metric says whether answers alone tell it, and says the truth."""

from dataclasses import replace

import numpy as np
import pytest

from carina.domain.recipe import EvaluateSection
from carina.evaluation.evaluate import all_metrics
from carina.evaluation.metrics import METRICS
from making.scored import drawn_films

FILMS = drawn_films(40, seed=3)
SECTION = EvaluateSection(resamples=100)


@pytest.mark.parametrize("name", METRICS.names())
def test_a_metric_that_needs_no_scores_is_the_same_with_other_probabilities(name):
    metric = METRICS.get(name)
    scored = metric.measure(FILMS.once)
    other = replace(FILMS, probabilities=np.random.default_rng(0).dirichlet([1, 1, 1], len(FILMS)))
    same = np.array_equal(scored, metric.measure(other.once))
    assert same is not metric.needs_scores


def test_without_scores_a_metric_is_the_same_or_undefined_with_its_reason():
    overall, per_class, confusion = all_metrics(FILMS, SECTION)
    told, told_per_class, told_confusion = all_metrics(replace(FILMS, has_scores=False), SECTION)
    assert told_confusion == confusion
    assert list(told) == list(overall)
    pairs = [(name, told[name], overall[name]) for name in overall]
    for label, own in per_class.items():
        pairs += [(name, told_per_class[label][name], own[name]) for name in own]
    for name, without, with_scores in pairs:
        if name in METRICS.names():
            assert (without.value is None) is METRICS.get(name).needs_scores
        if without.value is None:
            assert without.undefined_because == "only answers are known, no probabilities"
        else:
            assert without == with_scores
