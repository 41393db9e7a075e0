"""Draw patients (or films) with replacement, many draws at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from carina.evaluation.metric import Metric
from carina.evaluation.resamples import Floats, Resamples
from carina.evaluation.scored_films import ScoredFilms

# what one chunk of draws may hold at once: 2 million film weights, 8 MB in float32
_CHUNK = 2_000_000


def draw_weights(
    units: NDArray[np.intp], *, resamples: int, seed: int
) -> Iterator[NDArray[np.float32]]:
    """Yield chunks float32 `[draws, n]` of how often each film is drawn.

    A unit brings all its films with it.

    Args:
        units: intp `[n]`; number of each film's unit, 0 to the number of units - 1.
        resamples: how many draws in all.
        seed: decides them; the size of a chunk does not.
    """
    rng = np.random.default_rng(seed)
    n_units = int(units.max()) + 1
    at_once = max(1, _CHUNK // max(units.size, n_units))
    own_films = n_units == units.size and bool((units == np.arange(n_units)).all())
    for start in range(0, resamples, at_once):
        draws = min(at_once, resamples - start)
        drawn = rng.integers(n_units, size=(draws, n_units))
        drawn += np.arange(draws)[:, None] * n_units
        counts = np.bincount(drawn.ravel(), minlength=draws * n_units)
        weights = counts.reshape(draws, n_units).astype(np.float32)
        yield weights if own_films else weights[:, units]


def draw_metrics(
    films: ScoredFilms, metrics: Mapping[str, Metric], *, resamples: int, seed: int
) -> dict[str, Floats]:
    """Return every metric in every draw: float64 `[draws]` or `[draws, classes]`, NaN
    where the draw leaves it undefined.

    Args:
        films: what is drawn from, one film or more.
        metrics: by name.
        resamples: how many draws.
        seed: decides them.
    """
    if not metrics:
        return {}
    chunks: dict[str, list[Floats]] = {name: [] for name in metrics}
    for weights in draw_weights(films.units, resamples=resamples, seed=seed):
        drawn = Resamples(films.y_true, films.predicted, films.probabilities, weights)
        for name, metric in metrics.items():
            chunks[name].append(metric.measure(drawn))
    return {name: np.concatenate(parts) for name, parts in chunks.items()}
