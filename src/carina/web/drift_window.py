"""The last answered films, counted by how usual they look."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from carina.domain.gate import GateMeasures
from carina.domain.input_statistics import InputStatistics
from carina.inference.drift import (
    bin_of,
    expected_index,
    measures_of,
    n_bins,
    population_stability_index,
)

WINDOW = 1000
"""Films of the window: by chance alone ten bins then come to an index of 0.009."""


@dataclass(frozen=True, slots=True)
class Drift:
    """How far the last films lie from the training films in one measure.

    Attributes:
        index: the population stability index.
        expected: the mean of the index by chance alone, for so many films.
        n_films: films of the window that have the measure.
    """

    index: float
    expected: float
    n_films: int


class DriftWindow:
    """Counts of the last answered films by decile of the training films; threads may share it.

    It holds bins, not films: nothing of a film can be read from it.
    """

    def __init__(self, statistics: InputStatistics, *, window: int = WINDOW) -> None:
        self._statistics = statistics
        self._window = window
        self._lock = threading.Lock()
        self._last: deque[dict[str, int]] = deque()
        self._counts = {name: [0] * n_bins(statistics, name) for name in statistics.deciles}

    def add(self, measures: GateMeasures) -> None:
        """Count an answered film, and let go of the oldest of a full window."""
        statistics = self._statistics
        values = measures_of(measures, statistics)
        bins = {name: bin_of(statistics, name, value) for name, value in values.items()}
        with self._lock:
            self._last.append(bins)
            for name, place in bins.items():
                self._counts[name][place] += 1
            if len(self._last) > self._window:
                for name, place in self._last.popleft().items():
                    self._counts[name][place] -= 1

    def drift(self) -> Mapping[str, Drift]:
        """Return the drift of every measure that a film was counted for."""
        statistics = self._statistics
        with self._lock:
            counts = {name: tuple(films) for name, films in self._counts.items()}
        indices = population_stability_index(statistics, counts)
        return {
            name: Drift(index, expected_index(statistics, name, n_films=n), n)
            for name, index in indices.items()
            for n in (sum(counts[name]),)
        }
