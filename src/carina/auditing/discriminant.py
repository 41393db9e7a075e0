"""A linear discriminant, cross-validated under many labellings at once.

Films are described so that their columns are uncorrelated and of one spread (whitened, the
weak directions held back by a ridge), and each is put into the class whose mean it is nearest
to, in units of the spread within the classes: Fisher's discriminant with a ridge and with
equal priors, whatever the counts. The description takes no label, so it is made once. Another
labelling only means other class means, and from them another spread within the classes, which
differs from the whole in as many directions as there are classes: a few matrix products for
hundreds of labellings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carina.auditing.relabelling import N_FOLDS, Relabelled

Floats = NDArray[np.float32]

# Of the variance of a column. Planted shortcuts are told best with 0.3 and more, within 0.02
# (`benchmarks/planted_shortcuts.py --ridges`); with more than 1, less is told of the differences
# that real data sets have by themselves.
_RIDGE = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """How well the classes were told.

    Attributes:
        recalls: float64 `[classes]`, the share of each class told rightly under the own labels.
        balanced_accuracy: float64 `[1 + draws]`, the mean of the recalls of each labelling.
        answers: int8 `[n]`, the class that the films of the other folds give each film under the
            own labels.
    """

    recalls: NDArray[np.float64]
    balanced_accuracy: NDArray[np.float64]
    answers: NDArray[np.int8]


def whitened(columns: Floats, *, ridge: float = _RIDGE) -> Floats:
    """Return columns without correlation and of about one spread, float32 `[n, p]`.

    Args:
        columns: float32 `[n, p]`; columns that do not vary are dropped.
        ridge: what is added to the variance of every direction, as a share of a column's.
    """
    extent = np.ptp(columns, axis=0)
    # What differs in the last bits only does not vary.
    varies = extent > 1e-6 * np.abs(columns).max(axis=0)
    kept = columns[:, varies].astype(np.float64)
    kept = (kept - kept.mean(axis=0)) / kept.std(axis=0)
    variance, directions = np.linalg.eigh(kept.T @ kept / max(len(kept), 1))
    scale = 1 / np.sqrt(variance.clip(0) + ridge)
    return np.asarray(kept @ (directions * scale), dtype=np.float32)


def told_classes(films: Floats, trial: Relabelled) -> Told:
    """Return how well the classes of the films of one fold are told by those of the others.

    Args:
        films: float32 `[n, p]`, whitened.
        trial: folds and labellings.
    """
    sums, sizes, n_units = _class_sums(films, trial)
    all_sums, all_sizes, all_units = sums.sum(axis=0), sizes.sum(axis=0), n_units.sum(axis=0)
    fold_of = trial.fold_of
    # Of a mean of k units the square is too long by the variance over k, for no fault of its class.
    variance = float(films.var(axis=0).sum())
    n_labellings = len(trial.labels)
    right = np.zeros((n_labellings, trial.n_classes))
    own = np.zeros(len(films), dtype=np.int8)
    for fold in range(N_FOLDS):
        inside = np.flatnonzero(fold_of == fold)
        others, other_units = all_sizes - sizes[fold], all_units - n_units[fold]
        means = (all_sums - sums[fold]) / others.clip(1)[..., None]
        axes = _within(means, others / len(films))
        lengths = np.einsum("lcp,lcp->lc", means, axes)
        offsets = (lengths - variance / other_units.clip(1)) / 2
        # A class without a film elsewhere cannot be told.
        offsets[others == 0] = np.inf
        answers = _nearest(films[inside], axes, offsets)
        own[inside] = answers[0]
        labels = trial.labels[:, trial.unit_of[inside]]
        for y in range(trial.n_classes):
            right[:, y] += ((answers == y) & (labels == y)).sum(axis=1)
    recalls = right / all_sizes
    return Told(recalls=recalls[0], balanced_accuracy=recalls.mean(axis=1), answers=own)


def _class_sums(films: Floats, trial: Relabelled) -> tuple[Floats, Floats, Floats]:
    """Return, by fold, labelling and class: the sum of films `[f, l, c, p]`, how many films
    and how many units `[f, l, c]`."""
    unit_sums = np.zeros((trial.fold_of_unit.size, films.shape[1]), dtype=np.float32)
    np.add.at(unit_sums, trial.unit_of, films)
    per_unit = np.column_stack([unit_sums, trial.unit_sizes, np.ones_like(trial.unit_sizes)])
    n_labellings, n_classes = len(trial.labels), trial.n_classes
    totals = np.empty((N_FOLDS, n_labellings, n_classes, per_unit.shape[1]), dtype=np.float32)
    for fold in range(N_FOLDS):
        inside = np.flatnonzero(trial.fold_of_unit == fold)
        for y in range(n_classes):
            is_class = (trial.labels[:, inside] == y).astype(np.float32)
            totals[fold, :, y] = is_class @ per_unit[inside]
    return totals[..., :-2], totals[..., -2], totals[..., -1]


def _within(means: Floats, shares: Floats) -> Floats:
    """Return the class means over the covariance within the classes, in the shape of `means`.

    That of all films is the identity, the ridge included; that between the classes is taken
    off: `W = I - sum of share x mean x mean'`. By Woodbury's identity the means over `W` are the
    solution of a system as small as there are classes. `W` is positive: the shares are of all
    films, and so leave at least what the fold's own films add.

    Args:
        means: float32 `[labellings, classes, p]`, of the films outside a fold.
        shares: their number as a share of all films, float32 `[labellings, classes]`.
    """
    exact = means.astype(np.float64)
    between = np.einsum("lcp,ldp->lcd", exact, exact) * shares[:, None, :]
    return np.linalg.solve(np.eye(means.shape[1]) - between, exact).astype(np.float32)


def _nearest(films: Floats, axes: Floats, offsets: Floats) -> NDArray[np.int8]:
    """Return the class of the nearest mean, int8 `[labellings, n]`; of equals the first.

    Args:
        films: float32 `[n, p]`.
        axes: the class means over the covariance, float32 `[labellings, classes, p]`.
        offsets: half the squared length of each mean, float32 `[labellings, classes]`.
    """
    best = np.full((len(axes), len(films)), -np.inf, dtype=np.float32)
    answers = np.zeros(best.shape, dtype=np.int8)
    for y in range(axes.shape[1]):
        scores = axes[:, y] @ films.T
        scores -= offsets[:, y, None]
        is_better = scores > best
        np.copyto(answers, np.int8(y), where=is_better)
        np.maximum(best, scores, out=best)
    return answers
