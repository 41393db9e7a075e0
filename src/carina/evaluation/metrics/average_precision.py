"""Average precision: the area under the precision-recall steps, one class against the rest."""

import numpy as np

from carina.evaluation.metric import Metric
from carina.evaluation.metrics import METRICS
from carina.evaluation.resamples import Floats, Ranked, Resamples, ratio


def _steps(ranked: Ranked) -> Floats:
    """Return the sum of precision times gain in recall, float64 `[draws]`.

    Films with one score enter together, as in scikit-learn; a random score gets the
    share of the class's films. Without a film of another class it is undefined, as the
    area under the ROC curve is: every order of the films is then perfect. scikit-learn says
    1.0 there, which would read as a faultless ranking where nothing was ranked.

    References:
        Boyd, Eng & Page, ECML PKDD 2013, 451-466 (the step-wise estimate).
    """
    steps = ranked.steps
    positives = steps.own.sum(axis=1, dtype=np.float64)
    films = ranked.weights.sum(axis=1, dtype=np.float64)
    found = positives[:, None] - steps.own_below
    called = films[:, None] - steps.own_below - steps.others_below
    # a draw without films at or above a score has none of the class at it either
    precision = found / np.maximum(called, 1.0)
    value = ratio(np.einsum("bs,bs->b", precision, steps.own), positives)
    return np.where(films > positives, value, np.nan)


def _per_class(films: Resamples) -> Floats:
    return np.stack([_steps(ranked) for ranked in films.ranked], axis=1)


def _macro(films: Resamples) -> Floats:
    mean: Floats = _per_class(films).mean(axis=1)
    return mean


AVERAGE_PRECISION = METRICS.register("average_precision")(
    Metric(
        title="Average precision",
        measure=_per_class,
        undefined_because="films of {label} and films of other classes are both needed",
        per_class=True,
        interval="average-precision",
        needs_scores=True,
    )
)
METRICS.register("average_precision_macro")(
    Metric(
        title="Average precision, mean over the classes",
        measure=_macro,
        undefined_because="every class needs films of its own and films of others",
        mean_of=AVERAGE_PRECISION,
        needs_scores=True,
    )
)
