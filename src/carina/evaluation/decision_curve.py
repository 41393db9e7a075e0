"""Whether acting on the answers does more good than acting on every film, or on none."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carina.domain.estimate import Estimate
from carina.domain.operating_points import DecisionCurve, NetBenefit
from carina.domain.recipe import EvaluateSection
from carina.evaluation.combined_intervals import mover
from carina.evaluation.estimating import estimate_metrics
from carina.evaluation.intervals import SAME
from carina.evaluation.positives import positive_classes
from carina.evaluation.resamples import Floats
from carina.evaluation.scored_films import ScoredFilms
from carina.evaluation.shares import Share, share_and_interval, share_metrics

_GRID: Floats = np.arange(1, 100) / 100
_WEIGHT: Floats = _GRID / (1 - _GRID)
# share of the highest net benefit there can be: less than the width of a printed line
_TOLERANCE = 0.005
# of many intervals some lie clear of 0 by chance; a stretch narrower than this is not claimed
_NARROWEST = 0.05

_Stretch = tuple[float, float]


def decision_curves(films: ScoredFilms, section: EvaluateSection) -> dict[str, DecisionCurve]:
    """Return whether acting on the answers helps, class -> curve.

    The net benefit at a threshold probability t is TP/n - FP/n * t / (1 - t): the films of the
    class that are acted on, less what acting on others costs for someone who acts from t on.
    It holds where as large a share of films is of the class as of these.

    A class without films, or without films of others, has no curve.

    Each net benefit is a difference of two shares of the films, and its interval is made of
    theirs. The bootstrap that is usual for it (Vickers, Cronin, Elkin & Gonen, BMC Med Inform
    Decis Mak 8 (2008) 53) covers 19 to 95 % where few others are called, since drawing again
    from none gives none; this one covers 93 to 98 % (benchmarks/net_benefit.py).

    Args:
        films: one film or more.
        section: how many resamples, and their seed; which class counts as positive.

    References:
        Vickers & Elkin, Med Decis Making 26 (2006) 565-574.
    """
    every = [_lines(films, label) for label in positive_classes(films.labels, section)]
    drawable = [lines for lines in every if 0 < lines.prevalence < 1]
    shares: dict[str, Share] = {}
    for lines in drawable:
        shares |= _shares(films, lines)
    estimates = estimate_metrics(films, share_metrics(shares), section)[0] if shares else {}
    return {lines.label: _curve(lines, estimates) for lines in drawable}


@dataclass(frozen=True, slots=True, eq=False)
class _Lines:
    """One class against the rest.

    Attributes:
        label: the class.
        prevalence: its share of the films.
        acting: float64 `[grid]`; net benefit of acting on the answers.
        on_all: float64 `[grid]`; of acting on every film.
        kept: places of the grid that draw both lines.
    """

    label: str
    prevalence: float
    acting: Floats
    on_all: Floats
    kept: NDArray[np.intp]

    @property
    def useful(self) -> _Stretch | None:
        """The widest stretch where acting on the answers is best."""
        return widest_stretch(_GRID, self.acting > np.maximum(self.on_all, 0) + SAME)


def _lines(films: ScoredFilms, label: str) -> _Lines:
    index = films.labels.index(label)
    own = (films.y_true == index)[:, None]
    called = films.probabilities[:, [index]] >= _GRID
    prevalence = float(own.mean())
    acting = (called & own).mean(axis=0) - (called & ~own).mean(axis=0) * _WEIGHT
    on_all = prevalence - (1 - prevalence) * _WEIGHT
    # the lines are not followed far below 0
    drawn = np.stack([acting, on_all]).clip(min=-prevalence / 2)
    kept = places_that_draw(_GRID, drawn, tolerance=_TOLERANCE * prevalence)
    return _Lines(label, prevalence, acting, on_all, kept)


def _shares(films: ScoredFilms, lines: _Lines) -> dict[str, Share]:
    """Return the shares that the net benefits of the kept places are made of."""
    index = films.labels.index(lines.label)
    own, everyone = films.y_true == index, np.ones(len(films), dtype=np.bool_)
    shares = {}
    for number in lines.kept:
        called = films.probabilities[:, index] >= _GRID[number]
        kinds = {"tp": called & own, "fp": called & ~own, "tn": ~called & ~own, "fn": ~called & own}
        for name, kind in kinds.items():
            key = f"{lines.label} {number} {name}"
            shares[key] = Share("Share of the films", kind, everyone, "there is no film")
    return shares


def _curve(lines: _Lines, estimates: Mapping[str, Estimate]) -> DecisionCurve:
    points = tuple(_point(lines, int(number), estimates) for number in lines.kept)
    beyond = widest_stretch(
        _GRID[lines.kept],
        np.array([_is_above(p.classifier) and _is_above(p.over_treat_all) for p in points]),
    )
    if beyond is not None and beyond[1] - beyond[0] < _NARROWEST - SAME:
        beyond = None
    return DecisionCurve(
        prevalence=lines.prevalence,
        points=points,
        useful=lines.useful,
        useful_beyond_chance=beyond,
        sentence=_sentence(lines.label, lines.useful, beyond),
    )


def _point(lines: _Lines, number: int, estimates: Mapping[str, Estimate]) -> NetBenefit:
    tp, fp, tn, fn = (
        estimates[f"{lines.label} {number} {name}"] for name in ("tp", "fp", "tn", "fn")
    )
    weight = float(_WEIGHT[number])
    return NetBenefit(
        threshold=float(_GRID[number]),
        classifier=weighted_difference(tp, fp, of_first=1.0, of_second=weight),
        treat_all=float(lines.on_all[number]),
        # acting on fewer spares others, and misses some of the class
        over_treat_all=weighted_difference(tn, fn, of_first=weight, of_second=1.0),
    )


def weighted_difference(
    first: Estimate, second: Estimate, *, of_first: float, of_second: float
) -> Estimate:
    """Return a weighted share of the films less another weighted one.

    Args:
        first, second: shares of the same films, with no film in both.
        of_first, of_second: their weights, 0 or more.
    """
    (p, of_p), (q, of_q) = share_and_interval(first), share_and_interval(second)
    together = _correlation(p, q)
    value, (low, high) = mover(
        (p, q),
        (of_p, of_q),
        weights=(of_first, -of_second),
        correlation=np.array([[1.0, together], [together, 1.0]]),
    )
    return Estimate(value=value, low=low, high=high, n=first.n, method="mover")


def _correlation(p: float, q: float) -> float:
    """Return the correlation of two shares that have no film in common (multinomial)."""
    spread = p * (1 - p) * q * (1 - q)
    return -p * q / math.sqrt(spread) if spread > 0 else 0.0


def _is_above(estimate: Estimate) -> bool:
    return estimate.low is not None and estimate.low > SAME


def widest_stretch(grid: Floats, holds: NDArray[np.bool_]) -> _Stretch | None:
    """Return the first and last place of the widest stretch where something holds; the first
    of equally wide ones; None if it holds nowhere.

    Args:
        grid: float64 `[places]`, rising.
        holds: bool `[places]`.

    >>> widest_stretch(np.array([0.1, 0.2, 0.3, 0.4]), np.array([True, False, True, True]))
    (0.3, 0.4)
    """
    edges = np.diff(np.concatenate([[False], holds, [False]]).astype(np.int8))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    if not starts.size:
        return None
    widest = int(np.argmax(grid[ends] - grid[starts]))
    return float(grid[starts[widest]]), float(grid[ends[widest]])


def places_that_draw(grid: Floats, lines: Floats, *, tolerance: float) -> NDArray[np.intp]:
    """Return as few places as draw all lines, none of them further off than `tolerance`.

    Args:
        grid: float64 `[places]`, rising.
        lines: float64 `[lines, places]`.
        tolerance: how far a line may be from what is drawn, in its own unit.

    References:
        Douglas & Peucker, Cartographica 10 (1973) 112-122.

    >>> places_that_draw(np.arange(4.0), np.array([[0.0, 1, 2, 0]]), tolerance=0.1).tolist()
    [0, 2, 3]
    """
    kept, open_stretches = {0, grid.size - 1}, [(0, grid.size - 1)]
    while open_stretches:
        first, last = open_stretches.pop()
        along = (grid[first : last + 1] - grid[first]) / max(grid[last] - grid[first], SAME)
        ends = lines[:, [first]], lines[:, [last]]
        off = np.abs(lines[:, first : last + 1] - (ends[0] + along * (ends[1] - ends[0])))
        farthest = int(off.max(axis=0).argmax())
        if off[:, farthest].max() > tolerance:
            kept.add(first + farthest)
            open_stretches += [(first, first + farthest), (first + farthest, last)]
    return np.array(sorted(kept), dtype=np.intp)


def _sentence(label: str, useful: _Stretch | None, beyond: _Stretch | None) -> str:
    """Return what a curve says, in words."""
    if useful is None:
        return (
            f"{label}: at no threshold probability from 1 % to 99 % does acting on the answers do "
            "more good than acting on every film, or on none."
        )
    best = (
        f"{label}: for someone who would act at a probability {_range(useful)}, acting on the "
        "answers does more good than acting on every film, or on none"
    )
    if beyond is None:
        return f"{best}, but nowhere by more than chance explains."
    if beyond == useful:
        return f"{best}, throughout by more than chance explains."
    return f"{best}; {_range(beyond)} by more than chance explains."


def _range(stretch: _Stretch) -> str:
    low, high = (f"{100 * end:.0f} %" for end in stretch)
    return f"of {low}" if low == high else f"from {low} to {high}"
