"""Whether the films that come look like those that a classifier was made for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from carina.domain.gate import GateMeasures
from carina.domain.input_statistics import InputStatistics

# A bin that no film fell into counts as half a film, so that the logarithm is defined.
_EMPTY_BIN = 0.5


def measures_of(measures: GateMeasures, statistics: InputStatistics) -> dict[str, float]:
    """Return the values of one film that its classifier's statistics tell the usual range of.

    Args:
        measures: of the film (`Classifier.answers_and_measures`).
        statistics: of the classifier's card.

    Returns:
        measure -> value; empty for a classifier without statistics.
    """
    values = measures.values
    return {name: values[name] for name in statistics.deciles if name in values}


def n_bins(statistics: InputStatistics, measure: str) -> int:
    """Return how many bins a measure has: ten, or fewer where deciles are equal."""
    return len(_inner_edges(statistics, measure)) + 1


def bin_of(statistics: InputStatistics, measure: str, value: float) -> int:
    """Return the bin that a value falls into, from 0 on; a value on an edge lies above it.

    >>> tens = InputStatistics(n_films=50, deciles={"contrast": tuple(map(float, range(11)))})
    >>> [bin_of(tens, "contrast", value) for value in (-5, 0.5, 1, 9.5, 40)]
    [0, 0, 1, 9, 9]
    """
    return int(np.searchsorted(_inner_edges(statistics, measure), value, side="right"))


def bin_shares(
    statistics: InputStatistics, measure: str, values: NDArray[np.floating]
) -> tuple[float, ...]:
    """Return the share of values in each bin, for `InputStatistics.shares`.

    Args:
        statistics: with the measure's deciles.
        measure: its name.
        values: float `[n]`, one or more.
    """
    edges = _inner_edges(statistics, measure)
    bins = np.searchsorted(edges, values, side="right")
    return tuple(map(float, np.bincount(bins, minlength=len(edges) + 1) / len(bins)))


def population_stability_index(
    statistics: InputStatistics, counts: Mapping[str, Sequence[int]]
) -> dict[str, float]:
    """Return how far the films that came lie from those that the deciles were taken of.

    The sum over the bins of (share here - share there) x ln(share here / share there); 0 if all
    bins are as full as they were. By custom 0.1 is a small and 0.25 a large change; what chance
    alone makes of so many films is `expected_index`.

    Args:
        statistics: of the classifier's card.
        counts: measure -> films by bin (`bin_of`); measures without a film are left out.

    Raises:
        ValueError: if a measure has another number of bins than its deciles make.

    References:
        Siddiqi, Credit Risk Scorecards (2006), chapter 10 (system stability report).

    >>> tens = InputStatistics(n_films=50, deciles={"contrast": tuple(map(float, range(11)))})
    >>> population_stability_index(tens, {"contrast": [4] * 10})
    {'contrast': 0.0}
    """
    found = {}
    for measure, films in counts.items():
        expected = _expected(statistics, measure)
        here = np.asarray(films, dtype=np.float64)
        if here.shape != expected.shape:
            raise ValueError(
                f"'{measure}' has {len(expected)} bins, and {len(here)} counts were given"
            )
        if here.sum() == 0:
            continue
        shares = here.clip(_EMPTY_BIN)
        shares /= shares.sum()
        found[measure] = float(((shares - expected) * np.log(shares / expected)).sum())
    return found


def expected_index(statistics: InputStatistics, measure: str, *, n_films: int) -> float:
    """Return the mean index that chance alone makes of films like those of the deciles.

    (bins - 1) x (1 / films here + 1 / films there): under no change the index is distributed as
    that chi-squared.

    References:
        Yurdakul, Statistical Properties of Population Stability Index, dissertation, Western
        Michigan University (2018), chapter 3.

    >>> tens = InputStatistics(n_films=90, deciles={"contrast": tuple(map(float, range(11)))})
    >>> round(expected_index(tens, "contrast", n_films=90), 3)
    0.2
    """
    there = statistics.n_films_of.get(measure, statistics.n_films)
    return (n_bins(statistics, measure) - 1) * (1 / max(n_films, 1) + 1 / max(there, 1))


def _inner_edges(statistics: InputStatistics, measure: str) -> list[float]:
    """Return the deciles 10 to 90 % that differ from each other, and from the least value."""
    least, *inner, _ = statistics.deciles[measure]
    return [edge for edge in sorted(set(inner)) if edge > least]


def _expected(statistics: InputStatistics, measure: str) -> NDArray[np.float64]:
    """Return the share of the films of the deciles in each bin, float64 `[bins]`; equal where
    the card does not say, and above 0 for the logarithm."""
    bins = n_bins(statistics, measure)
    shares = np.array(statistics.shares.get(measure, (1 / bins,) * bins))
    floor = _EMPTY_BIN / max(statistics.n_films_of.get(measure, statistics.n_films), 1)
    return np.asarray(shares.clip(floor) / shares.clip(floor).sum())
