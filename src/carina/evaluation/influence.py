"""What each patient adds to a number: the variance of numbers that rest on ranks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from carina.evaluation.resamples import Floats

# How many patients' worth of evidence the ratio that is expected beforehand gets. Chosen by
# benchmarks/coverage.py: with 1, areas near 1, whose variance rests on two or three films, get
# intervals that are too narrow; with 5, large studies get too wide ones.
PRIOR_PATIENTS = 2.0


def area_influence(is_class: NDArray[np.bool_], score: Floats) -> tuple[float, Floats]:
    """Return the area under the ROC curve, and what each film adds to it.

    A film's placement is the share of the other kind's films that score on the right side of
    its score, ties one half. What it adds is its placement's distance from the area, over the
    number of films of its kind.

    Args:
        is_class: bool `[n]`; one film of the class or more, and one of the others.
        score: float64 `[n]`; higher for the class.

    Returns:
        The area, and float64 `[n]` whose sum is 0.

    References:
        DeLong, DeLong & Clarke-Pearson, Biometrics 44 (1988) 837-845.
    """
    own, others = np.sort(score[is_class]), np.sort(score[~is_class])
    placed = np.empty(score.size)
    placed[is_class] = _share_below(others, score[is_class])
    placed[~is_class] = 1 - _share_below(own, score[~is_class])
    area = float(placed[is_class].mean())
    n_alike = np.where(is_class, own.size, others.size)
    return area, (placed - area) / n_alike


def _share_below(ordered: Floats, scores: Floats) -> Floats:
    """Return which share of `ordered` is below each score, ties one half."""
    below = np.searchsorted(ordered, scores, side="left")
    upto = np.searchsorted(ordered, scores, side="right")
    share: Floats = (below + upto) / (2 * ordered.size)
    return share


def precision_influence(is_class: NDArray[np.bool_], score: Floats) -> tuple[float, Floats]:
    """Return the average precision, and what each film adds to it.

    It is the derivative of the average precision along the film's weight: how far the
    precision at a positive film lies from the mean, and what a film changes at every positive
    film at or below its score.

    Args:
        is_class: bool `[n]`; one film of the class or more.
        score: float64 `[n]`; higher for the class.

    Returns:
        The average precision, and float64 `[n]` whose sum is 0.

    References:
        Boyd, Eng & Page, ECML PKDD 2013, 451-466, on the step-wise estimate; Efron, The
        Jackknife, the Bootstrap and Other Resampling Plans (1982), chapter 6, on the
        variance from derivatives (infinitesimal jackknife).
    """
    _, group = np.unique(-score, return_inverse=True)  # from the highest score down
    n_groups = int(group.max()) + 1
    own = np.bincount(group, weights=is_class, minlength=n_groups)
    found, called = np.cumsum(own), np.cumsum(np.bincount(group, minlength=n_groups))
    precision, m = found / called, float(own.sum())
    average = float(own @ precision) / m
    # a film counts in the precision of its own score and of every lower one
    rise = np.cumsum((own * (called - found) / called**2)[::-1])[::-1]
    fall = np.cumsum((own * found / called**2)[::-1])[::-1]
    added = np.where(is_class, (precision - average + rise)[group], -fall[group])
    return average, added / m


def sum_by_unit(added: Floats, units: NDArray[np.intp]) -> Floats:
    """Return what each unit adds, float64 `[units]`: the sum over its films."""
    sums: Floats = np.bincount(units, weights=added).astype(np.float64)
    return sums


def variance(sums: Floats) -> float:
    """Return the variance of a number from what its units add.

    Args:
        sums: float64 `[units]`, of sum 0.

    Returns:
        The variance; infinite if there is one unit only.
    """
    if sums.size < 2:
        return float("inf")
    return float(sums @ sums) * sums.size / (sums.size - 1)


def area_variance(added: Floats, *, is_class: NDArray[np.bool_], units: NDArray[np.intp]) -> float:
    """Return the variance of an area under the ROC curve whose patients have several films.

    It is also that of the difference of two areas on the same films. With one film a patient
    it is DeLong's. Patients with films of both kinds add the covariance of both parts.

    Args:
        added: float64 `[n]`, from `area_influence`; for a difference, first less second.
        is_class: bool `[n]`.
        units: intp `[n]` (`units_of`).

    Returns:
        The variance; infinite if films of either kind come from one unit only.

    References:
        Obuchowski, Biometrics 53 (1997) 567-578.
    """
    n_units = int(units.max()) + 1
    total, sums = 0.0, []
    for kind in (is_class, ~is_class):
        own = np.bincount(units[kind], weights=added[kind], minlength=n_units)
        n_with = np.unique(units[kind]).size
        if n_with < 2:
            return float("inf")
        total += float(own @ own) * n_with / (n_with - 1)
        sums.append(own)
    covariance = float(sums[0] @ sums[1]) * n_units / (n_units - 1)
    # few patients with films of both kinds may put the sum below 0
    return max(0.0, total + 2 * covariance)


def weight_of_evidence(sums: Floats) -> float:
    """Return how many units a variance really rests on.

    Where a few units add nearly everything, as near an area of 1, the variance is as
    uncertain as one of these few. It is the squared sum of the squares over the sum of the
    fourth powers: one over the squared relative error of the variance.

    Args:
        sums: float64 `[units]`; what each adds, of sum 0.
    """
    squares = sums**2
    fourth = float(squares @ squares)
    return float(squares.sum()) ** 2 / fourth if fourth > 0 else 0.0


def shrunk_ratio(found: float, expected: float, *, prior: float, evidence: float) -> float:
    """Return the ratio of a variance to the one expected of independent films.

    It is drawn towards what is expected beforehand, the more the less evidence there is.

    Args:
        found: the variance that units show; infinite if it cannot be told.
        expected: the variance expected of independent films, 0 or more.
        prior: the ratio expected beforehand.
        evidence: how many units `found` rests on (`weight_of_evidence`).
    """
    if not np.isfinite(found) or expected <= 0 or evidence <= 0:
        return prior
    return (evidence * found / expected + PRIOR_PATIENTS * prior) / (evidence + PRIOR_PATIENTS)
