"""Candidate methods for 95 % intervals, each over many studies at once.

The formulas are written here a second time, over many studies, apart from those of Carina:
`--as-built` measures Carina's own, and tests/unit/test_coverage.py holds both together.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import special, stats

from covered.closed_forms import (
    LEVEL,
    Ends,
    Z,
    area_intervals,
    area_mean_intervals,
    class_mean_intervals,
    f1_intervals,
    precision_intervals,
    precision_mean_intervals,
    scaled_intervals,
    share_intervals,
    variance_of,
)
from covered.numbers import Number
from covered.studies import Floats

# the method that Carina uses, by the kind of number
CHOSEN = {
    "proportion": "wilson-effective-0.5-t",
    "f1": "wilson-effective-0.5-t",
    "mean-of-classes": "square-and-add",
    "area": "newcombe-ratio-2-half",
    "area-macro": "square-and-add-positive",
    "precision-recall": "wilson-ratio-2-half",
    "precision-recall-macro": "square-and-add-alike",
    "mean": "hall-t",
    "correlation": "wilson-ratio-2-half-balance",
    "other": "wilson-ratio-2",
}
_CLOSED: dict[str, Callable[[Number], dict[str, Ends]]] = {
    "proportion": share_intervals,
    "f1": f1_intervals,
    "mean-of-classes": class_mean_intervals,
    "area": area_intervals,
    "area-macro": area_mean_intervals,
    "precision-recall": precision_intervals,
    "precision-recall-macro": precision_mean_intervals,
    "correlation": scaled_intervals,
    "other": scaled_intervals,
}


def candidate_intervals(number: Number) -> dict[str, Ends]:
    """Return every candidate interval of a number, by the method's name."""
    found = _by_delta(number)
    if number.kind == "mean":
        found |= _for_skewed_means(number)
    if number.draws.shape[1]:
        found |= _by_bootstrap(number)
    if number.kind in _CLOSED:
        found |= _CLOSED[number.kind](number)
    return found


def quantiles(draws: Floats, levels: Floats) -> Floats:
    """Return one quantile a row, of draws that may hold NaN; float64 `[rows]`."""
    ordered = np.sort(draws, axis=1)  # NaN last
    last = np.maximum((~np.isnan(draws)).sum(axis=1) - 1, 0)
    place = np.clip(np.nan_to_num(levels), 0, 1) * last
    below = np.floor(place).astype(int)
    above = np.minimum(below + 1, last)
    rows = np.arange(len(draws))
    share = place - below
    found: Floats = (1 - share) * ordered[rows, below] + share * ordered[rows, above]
    return found


def _by_delta(number: Number) -> dict[str, Ends]:
    """Return the intervals that standard errors give, plain and on another scale."""
    value, error = number.value, np.sqrt(variance_of(number.influence))
    t = float(stats.t.ppf((1 + LEVEL) / 2, number.influence.shape[1] - 1))
    found = {"delta-t": (value - t * error, value + t * error)}
    with np.errstate(divide="ignore", invalid="ignore"):
        if number.kind == "correlation":
            reach, centre = t * error / (1 - value**2), np.arctanh(value)
            ends = np.tanh(centre - reach), np.tanh(centre + reach)
            found["delta-fisher-t"] = _or_the_value(ends, value)
        elif number.kind != "mean":
            reach, centre = t * error / (value * (1 - value)), special.logit(value)
            ends = special.expit(centre - reach), special.expit(centre + reach)
            found["delta-logit-t"] = _or_the_value(ends, value)
    return found


def _or_the_value(ends: Ends, value: Floats) -> Ends:
    low, high = ends
    return np.where(np.isnan(low), value, low), np.where(np.isnan(high), value, high)


def _for_skewed_means(number: Number) -> dict[str, Ends]:
    """Return Hall's cubic (J R Stat Soc B 54 (1992) 221-228), and bootstrap-t."""
    value, u = number.value, number.influence
    n = u.shape[1]
    error = np.sqrt(variance_of(u))
    skew = (u**3).sum(axis=1) / np.maximum((u**2).sum(axis=1), 1e-300) ** 1.5 * np.sqrt(n)
    a, b = skew / 3, skew / 6
    t = float(stats.t.ppf((1 + LEVEL) / 2, n - 1))

    def inverse(x: float) -> Floats:
        """Return the T whose transform is x: T + a T^2/sqrt n + a^2 T^3/3n + b/sqrt n."""
        y = np.cbrt(1 + 3 * a * (x / np.sqrt(n) - b / n)) - 1
        return np.where(np.abs(a) > 1e-9, y / np.where(a == 0, 1, a), x / np.sqrt(n)) * np.sqrt(n)

    found = {"hall-t": (value - inverse(t) * error, value - inverse(-t) * error)}
    if not number.draws.shape[1]:
        return found
    with np.errstate(divide="ignore", invalid="ignore"):
        student = (number.draws - value[:, None]) / (number.errors * np.sqrt(n / (n - 1)))
    kept = np.where(np.isfinite(student), student, np.nan)
    low, high = (quantiles(kept, np.full(len(u), p)) for p in (0.025, 0.975))
    found["bootstrap-t"] = value - high * error, value - low * error
    return found


def _by_bootstrap(number: Number) -> dict[str, Ends]:
    """Return percentile, bias-corrected, and BCa made wider for few patients."""
    value, draws, u = number.value, number.draws, number.influence
    n_units = u.shape[1]
    defined = np.maximum((~np.isnan(draws)).sum(axis=1), 1)
    less = (draws < value[:, None] - 1e-12).sum(axis=1)
    same = (np.abs(draws - value[:, None]) <= 1e-12).sum(axis=1)
    below = (less + same / 2) / defined
    bias = np.where((below > 0) & (below < 1), stats.norm.ppf(np.clip(below, 1e-9, 1 - 1e-9)), 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        skew = np.nan_to_num((u**3).sum(axis=1) / (6 * (u**2).sum(axis=1) ** 1.5))
    wide = float(stats.t.ppf((1 + LEVEL) / 2, n_units - 1)) * np.sqrt(n_units / (n_units - 1))
    found = {}
    for name, b, a, q in (
        ("percentile", 0 * bias, 0 * skew, Z),
        ("bc", bias, 0 * skew, Z),
        ("bca-wide", bias, skew, wide),
    ):
        ends = []
        for sign in (-1, 1):
            moved = b + sign * q
            ends.append(quantiles(draws, stats.norm.cdf(b + moved / (1 - a * moved))))
        found[name] = np.minimum(ends[0], value), np.maximum(ends[1], value)
    return found
