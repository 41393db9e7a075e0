"""How the interval of each kind of number is made: chosen by measured coverage.

`benchmarks/coverage.py` measures; docs/explanation/intervals.md has the table.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from carina.evaluation.combined_intervals import mover
from carina.evaluation.effective_n import effective_n
from carina.evaluation.influence import (
    area_influence,
    area_variance,
    precision_influence,
    shrunk_ratio,
    sum_by_unit,
    variance,
    weight_of_evidence,
)
from carina.evaluation.intervals import (
    LEAST_DEFINED,
    SAME,
    Interval,
    accelerated,
    acceleration,
    expanded_quantile,
    hanley_mcneil,
    newcombe,
    open_ended,
    skew_corrected,
    t_quantile,
    wilson,
)
from carina.evaluation.metric import Metric
from carina.evaluation.resamples import Floats
from carina.evaluation.scored_films import ScoredFilms


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """An interval, and what the mean of such numbers needs.

    Attributes:
        interval: it has a width.
        method: its name.
        sums: float64 `[units]`, what each unit adds to the number; empty if not known.
    """

    interval: Interval
    method: str
    sums: Floats


def share_interval(
    hits: Floats, trials: Floats, *, independent: bool = False
) -> tuple[Interval, str]:
    """Return the interval of a share of trials, and its method's name.

    Args:
        hits, trials: float64 `[units]`; some unit has a trial.
        independent: whether every trial counts as a unit of its own.

    References:
        Wilson, J Am Stat Assoc 22 (1927) 209-212; Korn & Graubard, Surv Methodol 24 (1998)
        193-201, on Student's quantile with an effective n.
    """
    n = float(trials.sum())
    share = float(hits.sum()) / n
    if independent or float(trials.max()) <= 1:
        return wilson(share * n, n), "wilson"
    n_with = int((trials > 0).sum())
    effective = effective_n(hits, trials)
    interval = wilson(share * effective, effective, quantile=t_quantile(n_with - 1))
    return interval, "wilson-effective-n"


def f1_interval(hits: Floats, trials: Floats, *, independent: bool = False) -> tuple[Interval, str]:
    """Return the interval of an F1 score from that of the share behind it.

    Args:
        hits, trials: float64 `[units]`, of the share behind it; some unit has a trial.
        independent: whether every trial counts as a unit of its own.

    References:
        Hand, Christen & Kirielle, Mach Learn 110 (2021) 451-456.
    """
    (low, high), method = share_interval(hits, trials, independent=independent)
    return (2 * low / (1 + low), 2 * high / (1 + high)), method.replace("wilson", "wilson-f1")


def area_interval(films: ScoredFilms, index: int) -> Made:
    """Return the interval of a class's area under the ROC curve.

    It is Newcombe's, whose ends are the areas whose own standard error just reaches the one
    found, with Hanley and McNeil's variance brought to the clustered DeLong variance that the
    patients show. Where that rests on few patients, as near 1, the ratio of both is drawn
    towards what is expected beforehand: 1 for independent films, else half of the way from
    there to patients whose films are all alike.

    Args:
        films: one film of the class or more, and one of the others.
        index: of the class.

    References:
        Newcombe, Stat Med 25 (2006) 559-573, method 5; Obuchowski, Biometrics 53 (1997)
        567-578.
    """
    is_class = films.y_true == index
    area, added = area_influence(is_class, films.probabilities[:, index])
    m, n = int(is_class.sum()), int((~is_class).sum())
    n_units = films.n_units_in(is_class) + films.n_units_in(~is_class)
    sums = sum_by_unit(added, films.units)
    ratio = shrunk_ratio(
        area_variance(added, is_class=is_class, units=films.units),
        hanley_mcneil(area, n_positive=m, n_negative=n),
        prior=_half_alike((m + n) / n_units),
        evidence=weight_of_evidence(sums),
    )
    interval = newcombe(area, n_positive=m, n_negative=n, ratio=ratio)
    return Made(interval, f"newcombe-delong-{_unit(films)}", sums)


def precision_interval(films: ScoredFilms, index: int, *, alike: bool = False) -> Made:
    """Return the interval of a class's average precision.

    It is Wilson's with an effective number of films of the class: as many as make the
    variance that the patients show, drawn towards the real number as for `area_interval`.

    Args:
        films: one film of the class or more.
        index: of the class.
        alike: whether a patient's films are expected beforehand to be all alike, not half: in
            a mean over the classes, half covers too little.

    References:
        Boyd, Eng & Page, ECML PKDD 2013, 451-466: of the plain intervals the binomial one
        with the films of the class as trials covers best.
    """
    is_class = films.y_true == index
    average, added = precision_influence(is_class, films.probabilities[:, index])
    m, sums = int(is_class.sum()), sum_by_unit(added, films.units)
    size = m / films.n_units_in(is_class)
    ratio = shrunk_ratio(
        variance(sums),
        average * (1 - average) / m,
        prior=size if alike else _half_alike(size),
        evidence=weight_of_evidence(sums),
    )
    interval = wilson(average * m / ratio, m / ratio)
    return Made(interval, f"wilson-ranks-{_unit(films)}", sums)


def mean_interval(films: ScoredFilms, metric: Metric, value: float, sums: Floats) -> Made:
    """Return the interval of a mean over films.

    Args:
        films: one film or more.
        metric: its ends.
        value: the mean.
        sums: float64 `[units]`, what each adds.
    """
    spread = float(np.abs(sums).max(initial=0.0))
    if sums.size < 2 or spread <= SAME * max(1.0, abs(value)):
        return open_made(metric, value, n_units=films.n_units)
    low, high = skew_corrected(value, sums)
    return Made((low, high), f"hall-{_unit(films)}", sums)


def as_share_interval(films: ScoredFilms, metric: Metric, value: float, sums: Floats) -> Made:
    """Return the interval of a number over all films that moves as a share of them would.

    Scaled to 0 to 1 it is a share of an effective number of films: as many as make the
    variance that the patients show, drawn towards what is expected beforehand where that
    rests on few of them: as if each patient were one film, and for a correlation as if
    films were half alike, the more the rarer the smallest class is.

    Args:
        films: one film or more.
        metric: its ends.
        value: the number.
        sums: float64 `[units]`, what each adds.
    """
    n, reach = len(films), metric.highest - metric.lowest
    share = min(1.0, max(0.0, (value - metric.lowest) / reach))
    size = n / films.n_units
    is_correlation = metric.interval == "correlation"
    ratio = shrunk_ratio(
        variance(sums) / reach**2,
        share * (1 - share) / n,
        prior=_half_alike(size) * _imbalance(films) if is_correlation else size,
        evidence=weight_of_evidence(sums),
    )
    ends = wilson(share * n / ratio, n / ratio)
    low, high = (metric.lowest + reach * end for end in ends)
    return Made((low, high), f"wilson-scaled-{_unit(films)}", sums)


def _imbalance(films: ScoredFilms) -> float:
    """Return 1 / 4 s (1 - s), where s is the share of the smallest class, at least one film."""
    counts = np.bincount(films.y_true, minlength=len(films.labels))
    share = max(1, int(counts.min())) / max(2, len(films))
    return 1 / (4 * share * (1 - share))


def drawn_interval(
    films: ScoredFilms, metric: Metric, value: float, *, draws: Floats, sums: Floats, n_units: int
) -> Made:
    """Return the bootstrap interval of any other number: BCa, made wider for few units.

    Args:
        films: one film or more.
        metric: its ends.
        value: the number.
        draws: float64 `[draws]`, with NaN where a draw left it undefined.
        sums: float64 `[units]`, what each adds.
        n_units: on how many units the number rests at least, where draws do not vary.
    """
    drawn = draws[~np.isnan(draws)]
    instead = open_made(metric, value, n_units=n_units)
    if sums.size < 2 or not drawn.size or np.ptp(drawn) <= SAME:
        return instead
    low, high = accelerated(
        value, drawn, skew=acceleration(sums), quantile=expanded_quantile(sums.size)
    )
    if drawn.size < LEAST_DEFINED * draws.size or high - low <= SAME:
        low, high = min(low, instead.interval[0]), max(high, instead.interval[1])
        return Made((low, high), instead.method, sums)
    return Made((low, high), f"bootstrap-bca-{_unit(films)}", sums)


def open_made(metric: Metric, value: float, *, n_units: int) -> Made:
    """Return what is left open where nothing varies."""
    interval = open_ended(value, n_units=n_units, highest=metric.highest, lowest=metric.lowest)
    return Made(interval, "open-ended", np.zeros(0))


def mean_of_classes(
    values: list[float], intervals: list[Interval], sums: list[Floats], *, of_ranks: bool
) -> Interval:
    """Return the interval of a plain mean of the classes' numbers.

    Negative correlations make the mean surer than its parts. Few patients show stronger ones
    than there are, so that they count up to a limit only; those of numbers that rest on
    ranks, which would then cover too little, do not count at all.

    Args:
        values, intervals: of each class.
        sums: float64 `[units]` of each class, what each unit adds: they tell how the
            estimates correlate.
        of_ranks: whether the numbers are areas or average precisions.
    """
    table = np.stack(sums)
    squares = np.sqrt((table**2).sum(axis=1))
    scale = np.outer(squares, squares)
    products = table @ table.T
    # what does not vary at all goes together; one number that does not goes with no other
    still = squares == 0
    correlation = np.where(scale > 0, products / np.where(scale > 0, scale, 1.0), 0.0)
    correlation[np.ix_(still, still)] = 1.0
    # half of what would leave the mean of equal numbers no variance
    least = 0.0 if of_ranks else -0.5 / max(1, len(values) - 1)
    correlation = np.maximum(correlation, least)
    np.fill_diagonal(correlation, 1.0)
    weights = [1 / len(values)] * len(values)
    return mover(values, intervals, weights=weights, correlation=correlation)[1]


def _half_alike(films_a_unit: float) -> float:
    """Return the variance ratio expected beforehand of units with so many films."""
    return (1 + films_a_unit) / 2


def _unit(films: ScoredFilms) -> str:
    return films.unit.replace(" ", "-")
