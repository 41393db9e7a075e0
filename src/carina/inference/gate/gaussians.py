"""Films as Gaussians: small pictures of them, and what a network makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carina.imaging.film_gaussian import FilmGaussian
from carina.imaging.thumbnails import Floats

# At most so many directions, and at least so many films for each.
_MOST_DIRECTIONS, _FILMS_A_DIRECTION = 20, 6
_MOST_FEATURE_DIRECTIONS, _FILMS_A_FEATURE_DIRECTION = 48, 4
# Of the mean variance: what a direction keeps at least, so that no feature that happens to be
# the same on all films makes every other film infinitely far.
_LEAST_VARIANCE = 1e-3
_TINY = 1e-12
_FEWEST_OF_A_CLASS = 2


@dataclass(frozen=True, slots=True, eq=False)
class FeatureGaussian:
    """A network's features of films as one Gaussian around each class's mean.

    Attributes:
        means: float32 `[classes, features]`, of the classes with two films or more.
        directions: float32 `[k, features]`, orthonormal.
        variances: float32 `[k]`, along the directions, within classes.
        rest: variance along every other direction.

    References:
        Lee et al., A simple unified framework for detecting out-of-distribution samples, NeurIPS
        31 (2018) (distance to the nearest class with one covariance); Tipping & Bishop, J R Stat
        Soc B 61 (1999) 611-622 (the covariance from few films).
    """

    means: Floats
    directions: Floats
    variances: Floats
    rest: float

    def distances(self, features: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the log of each film's squared distance over the number of features.

        Args:
            features: float `[n, features]`.

        Returns:
            float64 `[n]`: to the nearest class; about 0 for a film like those it was fitted on,
            infinite for features that are no numbers or too large to square.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            off = features[:, None, :].astype(np.float32) - self.means
            along = off @ self.directions.T
            explained = (along**2 / self.variances).sum(axis=-1)
            unexplained = ((off**2).sum(axis=-1) - (along**2).sum(axis=-1)).clip(0) / self.rest
            nearest = (explained + unexplained).min(axis=1) / features.shape[1]
        nearest = np.where(np.isnan(nearest), np.inf, nearest)
        return np.asarray(np.log(nearest.astype(np.float64).clip(_TINY)))


def film_gaussian(thumbnails: Floats) -> FilmGaussian:
    """Return films as a Gaussian.

    Args:
        thumbnails: float32 `[n, 576]` of `equalised_thumbnails`, two films or more.
    """
    mean = thumbnails.mean(axis=0, dtype=np.float64)
    kept = min(_MOST_DIRECTIONS, max(1, len(thumbnails) // _FILMS_A_DIRECTION))
    directions, variances, rest = _principal(thumbnails - mean, kept)
    return FilmGaussian(mean.astype(np.float32), directions, variances, rest)


def feature_gaussian(
    features: NDArray[np.floating], classes: Sequence[int] | NDArray[np.integer]
) -> FeatureGaussian:
    """Return a network's features of films as a Gaussian around each class's mean.

    A class with one film has no mean, which would be that film's own features in a file that is
    handed on; the film is left out.

    Args:
        features: float `[n, features]`, two films or more.
        classes: each film's class.
    """
    numbers, own, counts = np.unique(np.asarray(classes), return_inverse=True, return_counts=True)
    if (counts < _FEWEST_OF_A_CLASS).any():
        kept_films = (counts >= _FEWEST_OF_A_CLASS)[own]
        if not kept_films.any():
            return feature_gaussian(features, np.zeros(len(features), dtype=np.intp))
        return feature_gaussian(features[kept_films], own[kept_films])
    means = np.stack(
        [features[own == place].mean(axis=0, dtype=np.float64) for place in range(len(numbers))]
    )
    kept = min(_MOST_FEATURE_DIRECTIONS, max(1, len(features) // _FILMS_A_FEATURE_DIRECTION))
    directions, variances, rest = _principal(features - means[own], kept)
    return FeatureGaussian(means.astype(np.float32), directions, variances, rest)


def _principal(centred: NDArray[np.floating], kept: int) -> tuple[Floats, Floats, float]:
    """Return the directions of largest variance, these variances and the mean of the others."""
    n, width = centred.shape
    kept = min(kept, n - 1, width - 1)
    _, singular, rows = np.linalg.svd(centred.astype(np.float64), full_matrices=False)
    every = singular**2 / n
    floor = max(_LEAST_VARIANCE * float(every.sum()) / width, _TINY)
    rest = max(float(every[kept:].sum()) / (width - kept), floor)
    directions = rows[:kept]
    # An eigenvector has no sign of its own: its largest value is made positive.
    signs = np.sign(directions[np.arange(kept), np.abs(directions).argmax(axis=1)])
    return (
        (directions * signs[:, None]).astype(np.float32),
        every[:kept].clip(rest).astype(np.float32),
        rest,
    )
