"""Which films an epoch shows, in which order, and how much each class weighs."""

import numpy as np
from numpy.typing import NDArray

from carina.domain.recipe import TrainSection


def class_weights(labels: NDArray[np.int64], n_classes: int) -> NDArray[np.float64]:
    """Return the weight of each class in the loss: n / (classes * n of the class).

    Args:
        labels: int64 `[n]`; index of the class.
        n_classes: number of classes.

    Returns:
        float64 `[classes]`; as scikit-learn's "balanced". A class without a film gets 0.

    References:
        King & Zeng, Political Analysis 9 (2001) 137-163.

    >>> class_weights(np.array([0, 0, 0, 1]), 2).round(3).tolist()
    [0.667, 2.0]
    """
    counts = np.bincount(labels, minlength=n_classes)
    weights = np.zeros(n_classes)
    np.divide(labels.size, n_classes * counts, out=weights, where=counts > 0)
    return weights


def epoch_order(
    labels: NDArray[np.int64], rng: np.random.Generator, *, weighting: str
) -> NDArray[np.int64]:
    """Return the films of one epoch, in the order in which they are shown.

    Args:
        labels: int64 `[n]`; index of the class.
        rng: the epoch's own.
        weighting: as in `TrainSection`. "balanced-sampling" draws every class that has
            films equally often: all of a class's films before any of them again.

    Returns:
        int64 `[n]`; indices into `labels`, each once unless classes are balanced.
    """
    if weighting != "balanced-sampling":
        return rng.permutation(labels.size)
    classes = np.unique(labels)
    shares = np.full(classes.size, labels.size // classes.size)
    shares[rng.permutation(classes.size)[: labels.size % classes.size]] += 1
    drawn = [
        _rounds(np.flatnonzero(labels == label), int(share), rng)
        for label, share in zip(classes, shares, strict=True)
    ]
    return rng.permutation(np.concatenate(drawn))


def loss_weights(
    labels: NDArray[np.int64], n_classes: int, train: TrainSection
) -> NDArray[np.float64] | None:
    """Return the class weights that a recipe asks for, or None for all equal."""
    if train.weighting != "class-weights":
        return None
    return class_weights(labels, n_classes)


def _rounds(films: NDArray[np.int64], n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return `n` of `films`, in as many shuffled rounds through all of them as it takes."""
    rounds = [rng.permutation(films) for _ in range(-(-n // films.size))]
    return np.concatenate([*rounds, films[:0]])[:n]
