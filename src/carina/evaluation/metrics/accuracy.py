"""The share of films that got the right answer."""

from carina.evaluation.metric import Proportion, proportion_metric
from carina.evaluation.metrics import METRICS
from carina.evaluation.resamples import Resamples


def _right_of_all(films: Resamples) -> Proportion:
    return Proportion(hits=films.hits.sum(axis=1), of=films.n_films)


METRICS.register("accuracy")(
    proportion_metric("Accuracy", _right_of_all, undefined_because="there is no film")
)
