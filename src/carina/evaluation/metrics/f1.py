"""F1: the harmonic mean of precision and recall."""

import numpy as np

from carina.evaluation.metric import Metric, Proportion
from carina.evaluation.metrics import METRICS
from carina.evaluation.resamples import Floats, Resamples, ratio


def _per_class(films: Resamples) -> Floats:
    """Return 2 TP / (2 TP + FP + FN), float64 `[draws, classes]`."""
    return ratio(2 * films.hits, films.support + films.answered)


def _share_behind(films: Resamples) -> Proportion:
    """Return hits among the films that are the class in truth or in answer, F*.

    F1 is 2 F* / (1 + F*), so that an interval of this share, a plain one, gives that of F1.

    References:
        Hand, Christen & Kirielle, Mach Learn 110 (2021) 451-456.
    """
    return Proportion(hits=films.hits, of=films.support + films.answered - films.hits)


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
        interval="f1",
        proportion=_share_behind,
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
        interval="as-share",
        undefined_because="there is no film",
    )
)
