"""The films of one evaluation, drawn many times at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """One class against the rest in every resample, by rising score.

    Attributes:
        positives: float64 `[draws, scores]`; films of the class at each different score.
        negatives: float64 `[draws, scores]`; films of other classes there.
    """

    positives: Floats
    negatives: Floats


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
    weights: NDArray[np.float32]

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
        drawn = self.weights[:, order].astype(np.float64)
        positive = self.y_true[order] == index
        positives, negatives = drawn * positive, drawn * ~positive
        if not is_new.all():  # films with one score enter together
            starts = np.flatnonzero(is_new)
            positives = np.add.reduceat(positives, starts, axis=1)
            negatives = np.add.reduceat(negatives, starts, axis=1)
        return Ranked(positives, negatives)


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
