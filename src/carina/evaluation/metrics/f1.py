"""F1: the harmonic mean of precision and recall."""

import numpy as np

from carina.evaluation.metric import Metric
from carina.evaluation.metrics import METRICS
from carina.evaluation.resamples import Floats, Resamples, ratio


def _per_class(films: Resamples) -> Floats:
    """Return 2 TP / (2 TP + FP + FN), float64 `[draws, classes]`."""
    return ratio(2 * films.hits, films.support + films.answered)


def _macro(films: Resamples) -> Floats:
    mean: Floats = _per_class(films).mean(axis=1)
    return np.where((films.support > 0).all(axis=1), mean, np.nan)


def _weighted(films: Resamples) -> Floats:
    # a class without films has weight 0, whatever its F1
    weighted = np.where(films.support > 0, _per_class(films), 0.0) * films.support
    return ratio(weighted.sum(axis=1), films.n_films)


F1 = METRICS.register("f1")(
    Metric(
        title="F1",
        measure=_per_class,
        undefined_because="{label} is neither the truth nor the answer for any film",
        per_class=True,
    )
)
METRICS.register("f1_macro")(
    Metric(
        title="F1, mean over the classes",
        measure=_macro,
        undefined_because="a class has no film",
        mean_of=F1,
    )
)
METRICS.register("f1_weighted")(
    Metric(
        title="F1, weighted by support",
        measure=_weighted,
        undefined_because="there is no film",
    )
)
