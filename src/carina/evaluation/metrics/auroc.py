"""Area under the ROC curve, one class against the rest."""

import numpy as np
from numpy.typing import NDArray

from carina.errors import EvaluationError
from carina.evaluation.metric import Metric
from carina.evaluation.metrics import METRICS
from carina.evaluation.resamples import Floats, Ranked, Resamples, ratio


def auroc(y_true: NDArray[np.bool_], y_score: NDArray[np.floating]) -> float:
    """Return the chance that a positive image scores above a negative one.

    Args:
        y_true: bool `[n]`; True where the finding is present.
        y_score: float `[n]`; higher means more likely present. Any monotone
            scale will do: probabilities and logits give the same area.

    Returns:
        The area in `[0, 1]`; ties count one half.

    Raises:
        EvaluationError: if `y_true` holds only one class.

    References:
        Hanley & McNeil, Radiology 143 (1982) 29-36.

    >>> auroc(np.array([False, True, True]), np.array([0.1, 0.1, 0.9]))
    0.75
    """
    n_positive = int(y_true.sum())
    n_negative = y_true.size - n_positive
    if n_positive == 0 or n_negative == 0:
        raise EvaluationError(
            f"AUROC needs both classes; got {n_positive} positive and "
            f"{n_negative} negative of {y_true.size} images"
        )
    _, group, counts = np.unique(y_score, return_inverse=True, return_counts=True)
    mean_rank = counts.cumsum() - (counts - 1) / 2
    wins = mean_rank[group][y_true].sum() - n_positive * (n_positive + 1) / 2
    return float(wins / (n_positive * n_negative))


def _area(ranked: Ranked) -> Floats:
    """Return the area float64 `[draws]`: negatives below each positive, ties one half."""
    steps = ranked.steps
    below = steps.others_below + 0.5 * steps.others
    wins = np.einsum("bs,bs->b", steps.own, below, dtype=np.float64)
    positives = steps.own.sum(axis=1, dtype=np.float64)
    negatives = ranked.weights.sum(axis=1, dtype=np.float64) - positives
    return ratio(wins, positives * negatives)


def _areas(films: Resamples) -> Floats:
    return np.stack([_area(ranked) for ranked in films.ranked], axis=1)


def _macro(films: Resamples) -> Floats:
    mean: Floats = _areas(films).mean(axis=1)
    return mean


ROC_AUC = METRICS.register("roc_auc")(
    Metric(
        title="ROC AUC",
        measure=_areas,
        undefined_because="films of {label} and films of other classes are both needed",
        per_class=True,
        interval="area",
        needs_scores=True,
    )
)

METRICS.register("roc_auc_macro")(
    Metric(
        title="ROC AUC, mean over the classes",
        measure=_macro,
        undefined_because="every class needs films of its own and films of others",
        mean_of=ROC_AUC,
        needs_scores=True,
    )
)
