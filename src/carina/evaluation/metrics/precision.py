"""Precision (positive predictive value): the share of a class's answers that is right."""

import numpy as np

from carina.evaluation.metric import Metric, Proportion, proportion_metric
from carina.evaluation.metrics import METRICS
from carina.evaluation.resamples import Floats, Resamples, ratio


def _right_of_answers(films: Resamples) -> Proportion:
    return Proportion(hits=films.hits, of=films.answered)


def _or_zero(films: Resamples) -> Floats:
    """Return the precision float64 `[draws, classes]`, 0 where a class was never answered.

    A mean needs a value there; 0 is scikit-learn's, and the cautious one.
    """
    return np.where(films.answered > 0, ratio(films.hits, films.answered), 0.0)


def _macro(films: Resamples) -> Floats:
    mean = _or_zero(films).mean(axis=1)
    return np.where((films.support > 0).all(axis=1), mean, np.nan)


def _weighted(films: Resamples) -> Floats:
    return ratio((_or_zero(films) * films.support).sum(axis=1), films.n_films)


PRECISION = METRICS.register("precision")(
    proportion_metric(
        "PPV (precision)",
        _right_of_answers,
        undefined_because="no film was answered with {label}",
        per_class=True,
    )
)
METRICS.register("precision_macro")(
    Metric(
        title="Precision, mean over the classes",
        measure=_macro,
        undefined_because="a class has no film",
        mean_of=PRECISION,
    )
)
METRICS.register("precision_weighted")(
    Metric(
        title="Precision, weighted by support",
        measure=_weighted,
        interval="as-share",
        undefined_because="there is no film",
    )
)
