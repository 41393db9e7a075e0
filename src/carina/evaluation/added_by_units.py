"""What each unit adds to a number, and how many trials and hits it brings."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from carina.evaluation.metric import Metric
from carina.evaluation.resamples import Floats, Resamples
from carina.evaluation.scored_films import ScoredFilms

# More units are taken together in groups: 500 tell a variance to 3 %.
MOST_GROUPS = 500
# what one chunk may hold at once: 2 million film weights, 8 MB in float32
_CHUNK = 2_000_000


def added_by_units(films: ScoredFilms, metrics: Mapping[str, Metric]) -> dict[str, Floats]:
    """Return what each unit adds to each number.

    Each is counted twice, in turn: the slope of the number along the weight of the unit.
    (Left out, as in the usual jackknife, the only patient of a class would leave the number
    undefined.)

    Args:
        films: one film or more.
        metrics: by name.

    Returns:
        Float64 `[groups]`, or `[groups, classes]`, of mean 0; groups are units, or groups of
        units where there are more than 500. The squares add up to the variance.

    References:
        Efron, The Jackknife, the Bootstrap and Other Resampling Plans (1982), chapter 6
        (the infinitesimal jackknife, here with a finite step upwards).
    """
    n_units = films.n_units
    n_groups = min(n_units, MOST_GROUPS)
    groups = films.units % n_groups
    grown = 1 + np.bincount(groups, minlength=n_groups) / len(films)
    parts: dict[str, list[Floats]] = {name: [] for name in metrics}
    at_once = max(1, _CHUNK // len(films))
    for start in range(0, n_groups, at_once):
        twice = np.arange(start, min(start + at_once, n_groups))
        weights = 1 + (groups[None, :] == twice[:, None]).astype(np.float32)
        drawn = Resamples(films.y_true, films.predicted, films.probabilities, weights)
        for name, metric in metrics.items():
            parts[name].append(metric.measure(drawn))
    return {
        name: _added(metrics[name].measure(films.once)[0], np.concatenate(chunks), grown)
        for name, chunks in parts.items()
    }


def _added(value: Floats, with_it: Floats, grown: Floats) -> Floats:
    """Return what groups add; exact for a mean over films."""
    scale = grown if with_it.ndim == 1 else grown[:, None]
    added: Floats = np.nan_to_num((with_it - value) * scale)
    added -= added.mean(axis=0)
    return added


def counts_by_unit(
    films: ScoredFilms, metrics: Mapping[str, Metric]
) -> dict[str, tuple[Floats, Floats]]:
    """Return the hits and the trials of each unit, for metrics that are shares.

    Args:
        films: one film or more.
        metrics: by name; those without a `proportion` are passed over.

    Returns:
        Two float64 `[units]`, or `[units, classes]`; where every film is a unit of its own,
        one row with the sums.
    """
    units = films.units
    n_units = int(units.max()) + 1
    shares = {name: metric.proportion for name, metric in metrics.items() if metric.proportion}
    if n_units == len(films):
        sums = {name: proportion(films.once) for name, proportion in shares.items()}
        return {name: (counts.hits, counts.of) for name, counts in sums.items()}
    hits: dict[str, list[Floats]] = {name: [] for name in shares}
    trials: dict[str, list[Floats]] = {name: [] for name in shares}
    at_once = max(1, _CHUNK // len(films))
    for start in range(0, n_units, at_once):
        own = np.arange(start, min(start + at_once, n_units))
        weights = (units[None, :] == own[:, None]).astype(np.float32)
        drawn = Resamples(films.y_true, films.predicted, films.probabilities, weights)
        for name, proportion in shares.items():
            counts = proportion(drawn)
            hits[name].append(counts.hits)
            trials[name].append(counts.of)
    return {name: (np.concatenate(hits[name]), np.concatenate(trials[name])) for name in shares}
