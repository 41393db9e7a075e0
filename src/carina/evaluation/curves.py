"""ROC and precision-recall curves, as few points as draw the same line."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from carina.domain.evaluation import Curve, Curves
from carina.evaluation.resamples import Floats

MOST_POINTS = 500


def draw_curves(labels: tuple[str, ...], y_true: NDArray[np.integer], scores: Floats) -> Curves:
    """Return the curves of every class that has films of its own and films of others.

    Args:
        labels: the classes in order.
        y_true: int `[n]`; index of the true class.
        scores: float64 `[n, classes]`.
    """
    positives = {label: y_true == index for index, label in enumerate(labels)}
    drawable = {label: own for label, own in positives.items() if own.any() and not own.all()}
    column = {label: scores[:, index] for index, label in enumerate(labels)}
    return Curves(
        roc={label: roc_curve(own, column[label]) for label, own in drawable.items()},
        precision_recall={
            label: precision_recall_curve(own, column[label]) for label, own in drawable.items()
        },
    )


def roc_curve(y_true: NDArray[np.bool_], y_score: NDArray[np.floating]) -> Curve:
    """Return the ROC curve from (0, 0) to (1, 1), thresholds falling.

    Args:
        y_true: bool `[n]` with both values.
        y_score: float `[n]`; higher means more likely positive.

    >>> roc_curve(np.array([False, True]), np.array([0.2, 0.7])).y
    (0.0, 1.0, 1.0)
    """
    thresholds, found, falsely = _counts_by_threshold(y_true, y_score)
    x = np.concatenate([[0.0], falsely / falsely[-1]])
    y = np.concatenate([[0.0], found / found[-1]])
    return _curve(x, y, thresholds)


def precision_recall_curve(y_true: NDArray[np.bool_], y_score: NDArray[np.floating]) -> Curve:
    """Return precision over recall from (0, 1), thresholds falling, to recall 1.

    It ends where recall reaches 1: lower thresholds only lose precision.

    Args:
        y_true: bool `[n]` with both values.
        y_score: float `[n]`; higher means more likely positive.

    >>> precision_recall_curve(np.array([False, True]), np.array([0.2, 0.7])).x
    (0.0, 1.0)
    """
    thresholds, found, falsely = _counts_by_threshold(y_true, y_score)
    last = int(np.argmax(found == found[-1])) + 1
    found, falsely = found[:last], falsely[:last]
    x = np.concatenate([[0.0], found / found[-1]])
    y = np.concatenate([[1.0], found / (found + falsely)])
    return _curve(x, y, thresholds[:last])


def _counts_by_threshold(
    y_true: NDArray[np.bool_], y_score: NDArray[np.floating]
) -> tuple[Floats, Floats, Floats]:
    """Return falling thresholds with the true and the false positives at and above each."""
    order = np.argsort(-y_score, kind="stable")
    scores = np.asarray(y_score[order], dtype=np.float64)
    is_last = np.append(np.diff(scores) != 0, True)
    found = np.cumsum(y_true[order])[is_last].astype(np.float64)
    called = np.flatnonzero(is_last) + 1
    return scores[is_last], found, called - found


def _curve(x: Floats, y: Floats, thresholds: Floats) -> Curve:
    """Return the points that draw the line; the first one has no threshold."""
    kept = _points_that_count(x, y)
    every: list[float | None] = [None, *thresholds.tolist()]
    return Curve(
        x=tuple(x[kept].tolist()),
        y=tuple(y[kept].tolist()),
        thresholds=tuple(every[i] for i in kept),
    )


def _points_that_count(x: Floats, y: Floats) -> NDArray[np.intp]:
    """Return the points to keep: corners only, and of those `MOST_POINTS` at most.

    A point between two others on one straight line is no corner. Where more corners are
    left, those next to even steps along the line stay, so that no point of the curve is
    further than its length / 500 (0.004 for ROC) from what is drawn.
    """
    turn = np.diff(x)[:-1] * np.diff(y)[1:] - np.diff(x)[1:] * np.diff(y)[:-1]
    corners = np.concatenate([[0], np.flatnonzero(np.abs(turn) > 1e-15) + 1, [x.size - 1]])
    if corners.size <= MOST_POINTS:
        return corners
    lengths = np.abs(np.diff(x[corners])) + np.abs(np.diff(y[corners]))
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    steps = np.linspace(0.0, along[-1], MOST_POINTS)
    nearest = np.unique(np.searchsorted(along, steps).clip(0, corners.size - 1))
    chosen: NDArray[np.intp] = corners[nearest]
    return chosen
