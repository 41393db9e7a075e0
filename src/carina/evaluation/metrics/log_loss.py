"""Log loss: the mean surprise at the true class, in nats."""

import math

import numpy as np

from carina.evaluation.metric import Metric
from carina.evaluation.metrics import METRICS
from carina.evaluation.resamples import Floats, Resamples, ratio

# what a film costs whose class was given probability 0, in nats
LARGEST_SURPRISE = -math.log(np.finfo(np.float64).eps)


def _mean_surprise(films: Resamples) -> Floats:
    """Return the mean of -log p(true class), float64 `[draws]`.

    Probabilities are held one float64 epsilon above 0, as in scikit-learn: a film that
    was given probability 0 for its class costs 36, not infinity.
    """
    given = films.probabilities[np.arange(films.y_true.size), films.y_true]
    surprise = -np.log(np.clip(given, np.finfo(np.float64).eps, 1.0))
    return ratio(films.weights @ surprise, films.n_films)


METRICS.register("log_loss")(
    Metric(
        title="Log loss",
        measure=_mean_surprise,
        undefined_because="there is no film",
        interval="mean",
        highest=LARGEST_SURPRISE,
        best=0.0,
        needs_scores=True,
    )
)
