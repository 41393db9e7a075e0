"""Specificity: the share of the other classes' films that was not answered with this class."""

from carina.evaluation.metric import Proportion, proportion_metric
from carina.evaluation.metrics import METRICS
from carina.evaluation.resamples import Resamples


def _spared_of_others(films: Resamples) -> Proportion:
    others = films.n_films[:, None] - films.support
    false_positives = films.answered - films.hits
    return Proportion(hits=others - false_positives, of=others)


METRICS.register("specificity")(
    proportion_metric(
        "Specificity",
        _spared_of_others,
        undefined_because="there is no film of another class than {label}",
        per_class=True,
    )
)
