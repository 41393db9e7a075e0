"""The films of one evaluation, drawn many times at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """What lies at and below each score that a film of the class has, in every resample.

    All float32 `[draws, scores]` by rising score, whole numbers.

    Attributes:
        own: films of the class at the score.
        own_below: films of the class below it.
        others: films of other classes at it.
        others_below: films of other classes below it.
    """

    own: Counts
    own_below: Counts
    others: Counts
    others_below: Counts


@dataclass(frozen=True, eq=False)
class Ranked:
    """One class against the rest in every resample, by rising score.

    Attributes:
        weights: float32 `[draws, n]`; how often each film was drawn, by rising score.
        is_own: bool `[n]`; the films of the class.
        starts: intp `[scores]`; the first film with each different score.
    """

    weights: Counts
    is_own: NDArray[np.bool_]
    starts: NDArray[np.intp]

    @cached_property
    def positives(self) -> Floats:
        """Films of the class at each different score, float64 `[draws, scores]`."""
        return self._at_each_score(self.is_own)

    @cached_property
    def negatives(self) -> Floats:
        """Films of other classes at each different score, float64 `[draws, scores]`."""
        return self._at_each_score(~self.is_own)

    @cached_property
    def steps(self) -> Steps:
        """What lies at and below each score that a film of the class has."""
        ends = np.append(self.starts[1:], self.is_own.size) - 1
        own_at = np.add.reduceat(self.is_own.astype(np.intp), self.starts)
        groups = np.flatnonzero(own_at)
        # float32 counts whole numbers exactly up to 16.7 million films
        drawn = np.cumsum(self.weights, axis=1)
        drawn_own = np.cumsum(self.weights[:, self.is_own], axis=1)
        own_upto = drawn_own[:, np.cumsum(own_at[groups]) - 1]
        own_below = np.zeros_like(own_upto)
        own_below[:, 1:] = own_upto[:, :-1]
        own, first = own_upto - own_below, self.starts[groups]
        below = drawn[:, np.maximum(first - 1, 0)]
        below[:, first == 0] = 0
        return Steps(
            own=own,
            own_below=own_below,
            others=drawn[:, ends[groups]] - below - own,
            others_below=below - own_below,
        )

    def _at_each_score(self, mask: NDArray[np.bool_]) -> Floats:
        drawn = self.weights.astype(np.float64) * mask
        if self.starts.size == mask.size:
            return drawn
        together: Floats = np.add.reduceat(drawn, self.starts, axis=1)
        return together


@dataclass(frozen=True, eq=False)
class Resamples:
    """The films of one evaluation, drawn many times at once.

    What several metrics need is computed once and kept; nothing here may be changed.

    Attributes:
        y_true: int `[n]`; index of the true class.
        predicted: int `[n]`; index of the answer.
        probabilities: float64 `[n, classes]` in `[0, 1]`.
        weights: float32 `[draws, n]`; how often each film was drawn, whole numbers.
    """

    y_true: NDArray[np.integer]
    predicted: NDArray[np.integer]
    probabilities: Floats
    weights: Counts

    @property
    def n_classes(self) -> int:
        """The number of classes."""
        return int(self.probabilities.shape[1])

    @cached_property
    def n_films(self) -> Floats:
        """Films drawn, float64 `[draws]`."""
        drawn: Floats = self.weights.sum(axis=1, dtype=np.float64)
        return drawn

    @cached_property
    def confusion(self) -> Floats:
        """Counts float64 `[draws, true class, answer]`."""
        k = self.n_classes
        cells = np.zeros((self.y_true.size, k * k), dtype=np.float32)
        cells[np.arange(self.y_true.size), self.y_true * k + self.predicted] = 1
        # float32 counts whole numbers exactly up to 16.7 million films
        return (self.weights @ cells).astype(np.float64).reshape(-1, k, k)

    @cached_property
    def support(self) -> Floats:
        """Films of each class, float64 `[draws, classes]`."""
        of_class: Floats = self.confusion.sum(axis=2)
        return of_class

    @cached_property
    def answered(self) -> Floats:
        """Films answered with each class, float64 `[draws, classes]`."""
        with_class: Floats = self.confusion.sum(axis=1)
        return with_class

    @cached_property
    def hits(self) -> Floats:
        """Films of each class answered with it, float64 `[draws, classes]`."""
        return np.diagonal(self.confusion, axis1=1, axis2=2).astype(np.float64)

    @cached_property
    def ranked(self) -> tuple[Ranked, ...]:
        """Every class against the rest, by rising score."""
        return tuple(self._rank(index) for index in range(self.n_classes))

    def _rank(self, index: int) -> Ranked:
        scores = self.probabilities[:, index]
        order = np.argsort(scores, kind="stable")
        is_new = np.diff(scores[order], prepend=-np.inf) > 0
        return Ranked(
            weights=self.weights.take(order, axis=1),
            is_own=self.y_true[order] == index,
            starts=np.flatnonzero(is_new),
        )


def all_once(
    y_true: NDArray[np.integer], predicted: NDArray[np.integer], probabilities: Floats
) -> Resamples:
    """Return the one draw that holds every film once: the films themselves."""
    ones = np.ones((1, y_true.size), dtype=np.float32)
    return Resamples(y_true, predicted, probabilities, ones)


def ratio(above: Floats, below: Floats) -> Floats:
    """Return `above / below`, NaN where `below` is 0."""
    safe = np.where(below == 0, 1.0, below)
    return np.where(below == 0, np.nan, above / safe)
