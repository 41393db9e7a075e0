"""What an upright frontal chest film looks like, whatever else a data set holds.

The median film of a data set says nothing where most of its pictures are something else, so a
fixed reference is shipped: the mean of two thousand frontal films of four public sets, at
24 x 24 pixels and equalised, the directions in which they vary most, and two weighted sums that
were fitted to them. It holds averages and no film. `benchmarks/film_reference.py` makes it and
prints what it tells apart on films of a set that was left out of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from carina.imaging.sketch import SKETCH_SIDE

Floats = NDArray[np.float32]

THUMBNAIL_SIDE = 24
REFERENCE_FILE = "film_reference.npz"
TURNS = (0, 90, 180, 270)
"""Degrees anticlockwise, in the order of `Fit.distances`."""
_SIGNS = (1, -1)
_LEVELS = 256
# A row or column of the sketch whose grey values differ by less than this is a margin, and at
# most so much is taken off at each edge: the frame of a scan, not the patient's surroundings.
_MARGIN_SPREAD = 10
_MOST_MARGIN = 24
_BEFORE = {1: ((1, 0), (0, 0)), 2: ((0, 0), (1, 0))}


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


@dataclass(frozen=True, slots=True, eq=False)
class FilmReference:
    """Frontal chest films as a Gaussian: a mean, some directions, and the same noise elsewhere.

    Attributes:
        mean: float32 `[576]`, of thumbnails as `equalised_thumbnails` makes them.
        directions: float32 `[k, 576]`, orthonormal, the one of the largest variance first.
        variances: float32 `[k]`, along the directions.
        rest: variance along every other direction.
        film_weights: float32 `[1 + features]`, an offset and weights of
            `film_likeness.likeness_features`: the log odds of a chest film against pictures
            made at random.
        child_weights: float32 `[1 + k]`, an offset and weights of `Fit.coordinates`: a
            child's film against an adult's.

    References:
        Tipping & Bishop, J R Stat Soc B 61 (1999) 611-622 (probabilistic principal components).
    """

    mean: Floats
    directions: Floats
    variances: Floats
    rest: float
    film_weights: Floats
    child_weights: Floats

    def fit(self, thumbnails: Floats) -> Fit:
        """Return how thumbnails fit, in all eight poses and both polarities.

        Args:
            thumbnails: float32 `[n, 576]` of `equalised_thumbnails`.
        """
        n, n_pixels = thumbnails.shape
        # Not the picture is turned but the reference: [n, turns, mirrored, 1 + k].
        along = (thumbnails @ self._posed().T).reshape(n, len(TURNS), 2, -1)
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


@lru_cache(maxsize=1)
def film_reference() -> FilmReference:
    """Return the reference that is shipped with the package."""
    with (
        files("carina.auditing").joinpath(REFERENCE_FILE).open("rb") as stream,
        np.load(stream, allow_pickle=False) as stored,
    ):
        return FilmReference(
            mean=stored["mean"].astype(np.float32),
            directions=stored["directions"].astype(np.float32),
            variances=stored["variances"].astype(np.float32),
            rest=float(stored["rest"]),
            film_weights=stored["film_weights"].astype(np.float32),
            child_weights=stored["child_weights"].astype(np.float32),
        )


def equalised_thumbnails(small: NDArray[np.uint8]) -> Floats:
    """Return sketches without even margins at 24 x 24 pixels, their grey values equalised.

    Each grey value becomes its rank in its picture, so that exposure and film curve do not
    count; equal values share the mean rank.

    Args:
        small: uint8 `[n, 96, 96]`.

    Returns:
        float32 `[n, 576]`, each row of mean 0 and mean square 1 (0 for a picture of one grey).
    """
    cells = small.astype(np.int32)
    for axis in (1, 2):
        cells = _in_cells(cells, _cell_edges(small, axis), axis)
    levels = cells.reshape(len(small), -1)
    rows = np.arange(len(small))[:, None]
    counts = np.bincount((rows * _LEVELS + levels).ravel(), minlength=len(small) * _LEVELS)
    counts = counts.reshape(len(small), _LEVELS)
    middle = (counts.cumsum(axis=1) - counts / 2) / levels.shape[1] - 0.5
    ranks = np.take_along_axis(middle, levels, axis=1)
    deviation = np.sqrt((ranks**2).mean(axis=1, keepdims=True))
    even = deviation < 1e-6
    return np.where(even, 0.0, ranks / np.where(even, 1.0, deviation)).astype(np.float32)


def _cell_edges(small: NDArray[np.uint8], axis: int) -> NDArray[np.intp]:
    """Return where an axis's cells begin and the last one ends, `[n, 25]`; margins are out."""
    across = 3 - axis
    spread = small.max(axis=across).astype(np.int16) - small.min(axis=across)
    is_film = spread >= _MARGIN_SPREAD
    first = np.minimum(is_film.argmax(axis=1), _MOST_MARGIN)[:, None]
    last = SKETCH_SIDE - np.minimum(is_film[:, ::-1].argmax(axis=1), _MOST_MARGIN)[:, None]
    place = np.arange(THUMBNAIL_SIDE + 1) / THUMBNAIL_SIDE
    return np.asarray(np.rint(first + place * (last - first)).astype(np.intp))


def _in_cells(levels: NDArray[np.int32], edges: NDArray[np.intp], axis: int) -> NDArray[np.int32]:
    """Return the mean of an axis's values between the edges, rounded down."""
    sums = np.pad(levels.cumsum(axis=axis, dtype=np.int32), [(0, 0), *_BEFORE[axis]])
    shaped = np.expand_dims(edges, 3 - axis)
    totals = np.diff(np.take_along_axis(sums, shaped, axis=axis), axis=axis)
    return np.asarray(totals // np.diff(shaped, axis=axis), dtype=np.int32)
