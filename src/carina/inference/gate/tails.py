"""How rare a value is among films, from few of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# A fifth of the films: of 50 films ten, enough for one number.
_TAIL_SHARE = 0.2
_LEAST_SCALE = 1e-3


@dataclass(frozen=True, slots=True)
class Tail:
    """The upper tail of a measure over films, as an exponential.

    Attributes:
        start: one film in five lies above it.
        scale: the mean excess over it.
    """

    start: float
    scale: float

    def surprise(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return minus the natural log of the share of films that lie above each value; 0 below
        the tail's start counts as common."""
        excess = (np.asarray(values, dtype=np.float64) - self.start) / self.scale
        return np.asarray(np.where(excess > 0, excess - np.log(_TAIL_SHARE), 0.0))

    def limit(self, share: float) -> float:
        """Return the value that only a share of the films, at most a fifth, exceeds."""
        return self.start + self.scale * float(np.log(_TAIL_SHARE / share))


def fitted_tail(values: NDArray[np.floating]) -> Tail:
    """Return the tail of a measure's values over films.

    Over a high threshold, excesses are about exponential for most distributions that one meets
    (Pickands' theorem with the shape 0). The mean excess is taken from the median one over ln 2,
    so that a few wrong films among them do not stretch it.

    Args:
        values: float `[n]`, one or more.

    References:
        Pickands, Ann Stat 3 (1975) 119-131; Coles, An Introduction to Statistical Modeling of
        Extreme Values (2001), chapter 4.

    >>> tail = fitted_tail(np.arange(1000) / 1000)
    >>> round(tail.start, 2), round(tail.scale, 2)
    (0.8, 0.14)
    """
    start = float(np.quantile(values, 1 - _TAIL_SHARE))
    above = np.asarray(values, dtype=np.float64)
    above = above[above > start] - start
    typical = float(np.median(above)) / float(np.log(2)) if above.size else 0.0
    return Tail(start, max(typical, _LEAST_SCALE))
