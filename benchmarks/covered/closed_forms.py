"""Candidate intervals in closed form, each over many studies at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import special, stats

from covered.numbers import Number
from covered.studies import Floats

Ends = tuple[Floats, Floats]

LEVEL = 0.95
Z = float(stats.norm.ppf((1 + LEVEL) / 2))


def variance_of(influence: Floats) -> Floats:
    """Return the variance of a number whose patients have these influences."""
    n_units = influence.shape[1]
    found: Floats = (influence**2).sum(axis=1) * n_units / (n_units - 1)
    return found


def wilson(share: Floats, of: Floats, quantile: Floats | float = Z) -> Ends:
    """Return Wilson's interval of shares of any number of trials."""
    q = np.asarray(quantile) ** 2
    centre = (share + q / (2 * of)) / (1 + q / of)
    half = np.sqrt(q) / (1 + q / of) * np.sqrt(share * (1 - share) / of + q / (4 * of**2))
    return np.minimum(share, centre - half), np.maximum(share, centre + half)


def shrunk_ratio(
    number: Number, variance: Floats, expected: Floats, prior: Floats, weight: float
) -> Floats:
    """Return the ratio of both variances, drawn to `prior` where few patients tell it."""
    squares = number.influence**2
    fourth = (squares**2).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        evidence = np.where(fourth > 0, squares.sum(axis=1) ** 2 / fourth, 0.0)
        ratio = variance / expected
    usable = np.isfinite(ratio) & (evidence > 0)
    evidence, ratio = np.where(usable, evidence, 0.0), np.where(usable, ratio, 0.0)
    return (evidence * ratio + weight * prior) / (evidence + weight)


# --- shares ------------------------------------------------------------------------------


def effective_trials(hits: Floats, trials: Floats, *, added: float) -> Floats:
    """Return the effective number of trials, with `added` patients of each outcome."""
    of = trials.sum(axis=1)
    size = (trials**2).sum(axis=1) / np.maximum(of, 1)
    total = of + 2 * added * size
    share = (hits.sum(axis=1) + added * size) / np.maximum(total, 1e-9)
    square = ((hits - share[:, None] * trials) ** 2).sum(axis=1)
    square = square + added * size**2 * (share**2 + (1 - share) ** 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        effect = square / (total * share * (1 - share))
    effect = np.where(np.isfinite(effect), effect, size)
    found: Floats = of / np.maximum(effect, 1.0)
    return found


def share_intervals(number: Number) -> dict[str, Ends]:
    """Return the intervals of a share: Wilson's with several numbers of trials."""
    hits, trials = number.hits, number.trials
    of = trials.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = hits.sum(axis=1) / of
        n_units = (trials > 0).sum(axis=1)
        found = {"wilson-films": wilson(share, of), "wilson-patients": wilson(share, n_units)}
        t = stats.t.ppf((1 + LEVEL) / 2, np.maximum(n_units - 1, 1))
        # one trial a patient: nothing is estimated but the share
        t = np.where((trials > 1).any(axis=1), t, Z)
        for added in (0.0, 0.5, 1.0):
            effective = effective_trials(hits, trials, added=added)
            found[f"wilson-effective-{added:g}-t"] = wilson(share, effective, t)
    return found


def f1_intervals(number: Number) -> dict[str, Ends]:
    """Return the intervals of F1 from those of the share behind it."""
    return {
        name: (2 * low / (1 + low), 2 * high / (1 + high))
        for name, (low, high) in share_intervals(number).items()
    }


def class_mean_intervals(number: Number) -> dict[str, Ends]:
    """Return the interval of a mean of the classes' shares or F1 scores."""
    each = [
        (f1_intervals if one.kind == "f1" else share_intervals)(one)["wilson-effective-0.5-t"]
        for one in number.classes
    ]
    # a precision without an answer counts as 0, and may be anything
    values = [np.nan_to_num(one.value) for one in number.classes]
    ends = [(np.nan_to_num(low), np.where(np.isnan(high), 1, high)) for low, high in each]
    # half of what would leave the mean no variance, and none
    half = -0.5 / (len(values) - 1)
    return {
        "square-and-add": _square_and_add(number, values, ends, least=half),
        "square-and-add-positive": _square_and_add(number, values, ends, least=0.0),
    }


def _square_and_add(
    number: Number, values: list[Floats], intervals: list[Ends], *, least: float
) -> Ends:
    """Return Zou and Donner's interval of a mean (Stat Med 27 (2008) 1693-1702).

    Correlations below `least` count as that.
    """
    k, centre = len(values), np.mean(values, axis=0)
    below = [value - low for value, (low, _) in zip(values, intervals, strict=True)]
    above = [high - value for value, (_, high) in zip(values, intervals, strict=True)]
    reaches = []
    for apart in (below, above):
        square = np.zeros_like(centre)
        for i in range(k):
            for j in range(k):
                r = 1.0 if i == j else np.maximum(_correlation(number, i, j), least)
                square = square + r * apart[i] * apart[j]
        reaches.append(np.sqrt(np.maximum(square, 0)) / k)
    return centre - reaches[0], centre + reaches[1]


def _correlation(number: Number, i: int, j: int) -> Floats:
    """Return the correlation of two classes' numbers, as patients show it."""
    a, b = number.classes[i].influence, number.classes[j].influence
    with np.errstate(divide="ignore", invalid="ignore"):
        r = (a * b).sum(axis=1) / np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    # numbers that do not vary at all go together; one that does not goes with no other
    still = (np.abs(a).max(axis=1) == 0) & (np.abs(b).max(axis=1) == 0)
    return np.where(still, 1.0, np.nan_to_num(r))


# --- areas and average precisions ----------------------------------------------------------


def hanley_mcneil(area: Floats, m: Floats, n: Floats) -> Floats:
    """Return the variance of an area, with Newcombe's (m + n) / 2 - 1 for both n - 1."""
    spread = (m + n) / 2 - 1
    shape = 1 + spread * (1 - area) / (2 - area) + spread * area / (1 + area)
    return area * (1 - area) * shape / (m * n)


def score_interval(value: Floats, variance: Callable[[Floats], Floats]) -> Ends:
    """Return the values whose own standard error just reaches the one found."""
    ends = []
    for outside in (np.zeros_like(value), np.ones_like(value)):
        far, near = outside, value.copy()
        for _ in range(40):
            middle = (far + near) / 2
            out = np.abs(value - middle) > Z * np.sqrt(np.maximum(variance(middle), 0))
            far, near = np.where(out, middle, far), np.where(out, near, middle)
        ends.append(near)
    return ends[0], ends[1]


def _area_variance(number: Number) -> tuple[Floats, Floats]:
    """Return the clustered DeLong variance and Welch's degrees of freedom.

    Every patient has films of one class, so that the covariance of both parts is 0.
    """
    u, (_, _, p, q) = number.influence, number.counts
    own = number.trials > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        a = (u**2 * own).sum(axis=1) * p / (p - 1)
        b = (u**2 * ~own).sum(axis=1) * q / (q - 1)
        freedom = (a + b) ** 2 / (a**2 / (p - 1) + b**2 / (q - 1))
    return a + b, np.where(np.isfinite(freedom), np.maximum(freedom, 1), 1)


def area_intervals(number: Number) -> dict[str, Ends]:
    """Return the intervals of an area: DeLong's, and Newcombe's with several variances."""
    value = number.value
    m, n, p, q = (np.maximum(count, 1) for count in number.counts)
    variance, freedom = _area_variance(number)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.sqrt(variance)
        reach = stats.t.ppf((1 + LEVEL) / 2, freedom) * error / (value * (1 - value))
        centre = special.logit(value)
        low, high = special.expit(centre - reach), special.expit(centre + reach)
    found = {
        "delong": (value - Z * error, value + Z * error),
        "delong-logit-t": (
            np.where(np.isnan(low), value, low),
            np.where(np.isnan(high), value, high),
        ),
        "newcombe-films": score_interval(value, lambda x: hanley_mcneil(x, m, n)),
        "newcombe-patients": score_interval(value, lambda x: hanley_mcneil(x, p, q)),
    }
    size = (m + n) / (p + q)
    for weight, name, prior in (
        (1, "1-half", (1 + size) / 2),
        (2, "2-half", (1 + size) / 2),
        (5, "5-half", (1 + size) / 2),
        (2, "2", size),
    ):
        ratio = shrunk_ratio(number, variance, hanley_mcneil(value, m, n), prior, weight)
        found[f"newcombe-ratio-{name}"] = score_interval(
            value, lambda x, r=ratio: r * hanley_mcneil(x, m, n)
        )
    return found


def area_mean_intervals(number: Number) -> dict[str, Ends]:
    """Return the interval of a mean of the classes' areas."""
    intervals = [area_intervals(one)["newcombe-ratio-2-half"] for one in number.classes]
    values = [one.value for one in number.classes]
    half = -0.5 / (len(values) - 1)
    return {
        "square-and-add": _square_and_add(number, values, intervals, least=half),
        "square-and-add-positive": _square_and_add(number, values, intervals, least=0.0),
    }


def precision_intervals(number: Number) -> dict[str, Ends]:
    """Return the intervals of an average precision: Wilson's with several numbers of films."""
    value = number.value
    m, _, p, _ = (np.maximum(count, 1) for count in number.counts)
    variance = variance_of(number.influence)
    found = {"wilson-positives": wilson(value, m), "wilson-positive-patients": wilson(value, p)}
    for weight, name, prior in (
        (1, "1-half", (1 + m / p) / 2),
        (2, "2-half", (1 + m / p) / 2),
        (5, "5-half", (1 + m / p) / 2),
        (2, "2", m / p),
    ):
        ratio = shrunk_ratio(number, variance, value * (1 - value) / m, prior, weight)
        found[f"wilson-ratio-{name}"] = wilson(value, m / ratio)
    return found


def precision_mean_intervals(number: Number) -> dict[str, Ends]:
    """Return the intervals of a mean of the classes' average precisions."""
    each = [precision_intervals(one) for one in number.classes]
    values = [one.value for one in number.classes]
    half = -0.5 / (len(values) - 1)
    found = {}
    for name, base, least in (
        ("square-and-add", "wilson-ratio-2-half", half),
        ("square-and-add-positive", "wilson-ratio-2-half", 0.0),
        ("square-and-add-alike", "wilson-ratio-2", 0.0),
    ):
        ends = [intervals[base] for intervals in each]
        found[name] = _square_and_add(number, values, ends, least=least)
    return found


# --- numbers over all films ------------------------------------------------------------------


def scaled_intervals(number: Number) -> dict[str, Ends]:
    """Return the intervals of a number over all films, as if it were a share of them."""
    is_correlation = number.kind == "correlation"
    value = (number.value + 1) / 2 if is_correlation else number.value
    variance = variance_of(number.influence) / (4 if is_correlation else 1)
    size = number.n_films / number.influence.shape[1]
    found = {}
    for name, prior in (
        ("2", np.full_like(value, size)),
        ("2-half", np.full_like(value, (1 + size) / 2)),
        ("2-half-balance", (1 + size) / 2 * number.imbalance),
    ):
        expected = value * (1 - value) / number.n_films
        ratio = shrunk_ratio(number, variance, expected, prior, 2)
        low, high = wilson(value, number.n_films / ratio)
        if is_correlation:
            low, high = 2 * low - 1, 2 * high - 1
        found[f"wilson-ratio-{name}"] = low, high
    return found
