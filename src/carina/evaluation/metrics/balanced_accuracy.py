"""Accuracy with every class counted alike, however many films it has."""

import numpy as np

from carina.evaluation.metric import Metric
from carina.evaluation.metrics import METRICS
from carina.evaluation.metrics.recall import RECALL
from carina.evaluation.resamples import Floats, Resamples, ratio


def _mean_recall_of_present(films: Resamples) -> Floats:
    """Return the mean recall float64 `[draws]` over the classes that have films.

    References:
        Brodersen et al., ICPR 2010, 3121-3124; as in scikit-learn, a class without
        films does not count (`recall_macro` is undefined there).
    """
    present = films.support > 0
    recalls = np.where(present, ratio(films.hits, films.support), 0.0)
    return ratio(recalls.sum(axis=1), present.sum(axis=1).astype(np.float64))


METRICS.register("balanced_accuracy")(
    Metric(
        title="Balanced accuracy",
        measure=_mean_recall_of_present,
        undefined_because="there is no film",
        mean_of=RECALL,
    )
)
