"""Brier score: the mean squared distance of the probabilities from the truth."""

import numpy as np

from carina.evaluation.metric import Metric
from carina.evaluation.metrics import METRICS
from carina.evaluation.resamples import Floats, Resamples, ratio


def squared_errors(films: Resamples) -> Floats:
    """Return (probability - truth)^2 of each film and class, float64 `[n, classes]`."""
    truth = films.y_true[:, None] == np.arange(films.n_classes)
    errors: Floats = (films.probabilities - truth) ** 2
    return errors


def _of_all_classes(films: Resamples) -> Floats:
    """Return the Brier score float64 `[draws]`: in `[0, 2]`, for two classes in `[0, 1]`.

    With three classes or more it is the sum over the classes. With two, that sum would count
    each error twice and is halved: `scale_by_half="auto"` of scikit-learn.

    References:
        Brier, Mon Weather Rev 78 (1950) 1-3.
    """
    of_film = squared_errors(films).sum(axis=1) / (2 if films.n_classes == 2 else 1)
    return ratio(films.weights @ of_film, films.n_films)


METRICS.register("brier_score")(
    Metric(
        title="Brier score",
        measure=_of_all_classes,
        undefined_because="there is no film",
        interval="mean",
        highest=2.0,
        best=0.0,
        needs_scores=True,
    )
)
