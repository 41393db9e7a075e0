"""Answers without scores: what can be told of them, and why the rest cannot."""

from __future__ import annotations

from collections.abc import Mapping

from carina.domain.estimate import Estimate
from carina.domain.recipe import EvaluateSection
from carina.evaluation.estimating import estimate_metrics
from carina.evaluation.metric import Metric
from carina.evaluation.scored_films import ScoredFilms

NO_SCORES = "only answers are known, no probabilities"


def estimate_what_is_known(
    films: ScoredFilms, metrics: Mapping[str, Metric], section: EvaluateSection
) -> tuple[dict[str, Estimate], dict[str, dict[str, Estimate]]]:
    """Return the estimates over all films, and those of each class.

    As `estimate_metrics`; of films without scores, what rests on scores is undefined.

    Args:
        films: one film or more.
        metrics: by name.
        section: how many resamples, and their seed.
    """
    if films.has_scores:
        return estimate_metrics(films, metrics, section)
    told = {name: metric for name, metric in metrics.items() if not metric.needs_scores}
    overall, per_class = estimate_metrics(films, told, section)
    unknown = Estimate.undefined(NO_SCORES, n=len(films))
    kinds = {name: metric.per_class for name, metric in metrics.items()}
    return (
        {
            name: overall.get(name, unknown)
            for name, is_of_class in kinds.items()
            if not is_of_class
        },
        {
            label: {
                name: own.get(name, unknown) for name, is_of_class in kinds.items() if is_of_class
            }
            for label, own in per_class.items()
        },
    )
