"""Recall, which the clinic calls sensitivity: the share of a class's films that was found."""

from carina.evaluation.metric import Metric, Proportion, proportion_metric
from carina.evaluation.metrics import METRICS
from carina.evaluation.resamples import Floats, Resamples, ratio


def _found_of_class(films: Resamples) -> Proportion:
    return Proportion(hits=films.hits, of=films.support)


def _macro(films: Resamples) -> Floats:
    mean: Floats = ratio(films.hits, films.support).mean(axis=1)
    return mean


def _found_of_all(films: Resamples) -> Proportion:
    # weighted by support, the supports cancel: this is the accuracy
    return Proportion(hits=films.hits.sum(axis=1), of=films.n_films)


RECALL = METRICS.register("recall")(
    proportion_metric(
        "Sensitivity (recall)",
        _found_of_class,
        undefined_because="there is no film of {label}",
        per_class=True,
    )
)
METRICS.register("recall_macro")(
    Metric(
        title="Recall, mean over the classes",
        measure=_macro,
        undefined_because="a class has no film",
        mean_of=RECALL,
    )
)
METRICS.register("recall_weighted")(
    proportion_metric(
        "Recall, weighted by support",
        _found_of_all,
        undefined_because="there is no film",
    )
)
