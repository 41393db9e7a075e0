"""Films as a Gaussian of thumbnails, and in which pose a picture fits it best."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from carina.imaging.thumbnails import THUMBNAIL_SIDE, Floats

TURNS = (0, 90, 180, 270)
"""Degrees anticlockwise, in the order of `Fit.distances`."""
_SIGNS = (1, -1)


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """How thumbnails fit the films of a reference.

    Attributes:
        distances: float32 `[n, 2, 4]`, squared Mahalanobis distances over the number of
            pixels, about 1 for a film like those of the reference; as it is and with black
            and white swapped; taken for a film that was turned by `TURNS`. A mirrored
            film counts as what it mirrors.
        coordinates: float32 `[n, k]`, along the reference's directions, in deviations, in
            the pose that fits best.
        resemblance: float32 `[n]`, the largest correlation with the mean film in any pose.
    """

    distances: Floats
    coordinates: Floats
    resemblance: Floats

    def of(self, places: NDArray[np.bool_]) -> Fit:
        """Return the fit of some of the thumbnails."""
        return Fit(self.distances[places], self.coordinates[places], self.resemblance[places])


@dataclass(frozen=True, eq=False)
class FilmGaussian:
    """Films as a Gaussian: a mean, some directions, and the same noise elsewhere.

    Attributes:
        mean: float32 `[576]`, of thumbnails as `equalised_thumbnails` makes them.
        directions: float32 `[k, 576]`, orthonormal, the one of the largest variance first.
        variances: float32 `[k]`, along the directions.
        rest: variance along every other direction.

    References:
        Tipping & Bishop, J R Stat Soc B 61 (1999) 611-622 (probabilistic principal components).
    """

    mean: Floats
    directions: Floats
    variances: Floats
    rest: float

    def fit(self, thumbnails: Floats) -> Fit:
        """Return how thumbnails fit, in all eight poses and both polarities.

        Args:
            thumbnails: float32 `[n, 576]` of `equalised_thumbnails`.
        """
        n, n_pixels = thumbnails.shape
        # Not the picture is turned but the reference: [n, turns, mirrored, 1 + k].
        along = (thumbnails @ self._posed.T).reshape(n, len(TURNS), 2, -1)
        size = (thumbnails**2).sum(axis=1)[:, None, None] + float(self.mean @ self.mean)
        own = self.directions @ self.mean
        deviations = np.sqrt(self.variances)
        squared = np.stack([size - 2 * sign * along[..., 0] for sign in _SIGNS], axis=1)
        coordinates = np.stack([sign * along[..., 1:] - own for sign in _SIGNS], axis=1)
        explained = ((coordinates / deviations) ** 2).sum(axis=-1)
        unexplained = (squared - (coordinates**2).sum(axis=-1)).clip(0) / self.rest
        distances = (explained + unexplained) / n_pixels
        best = distances.reshape(n, -1).argmin(axis=1)
        norm = np.sqrt((thumbnails**2).sum(axis=1).clip(1e-6)) * np.linalg.norm(self.mean)
        return Fit(
            distances=distances.min(axis=-1).astype(np.float32),
            coordinates=(
                coordinates.reshape(n, -1, len(deviations))[np.arange(n), best] / deviations
            ).astype(np.float32),
            resemblance=(np.abs(along[..., 0]).max(axis=(1, 2)) / norm).astype(np.float32),
        )

    @cached_property
    def _posed(self) -> Floats:
        """Return mean and directions turned and mirrored, `[4 turns x 2 x (1 + k), 576]`."""
        upright = np.concatenate([self.mean[None], self.directions])
        pictures = upright.reshape(-1, THUMBNAIL_SIDE, THUMBNAIL_SIDE)
        return np.concatenate(
            [
                np.rot90(kind, turn // 90, axes=(1, 2)).reshape(len(upright), -1)
                for turn in TURNS
                for kind in (pictures, pictures[:, :, ::-1])
            ]
        )
