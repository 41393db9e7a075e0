"""How a picture would have to be turned or inverted to look like an upright chest film."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carina.auditing.film_likeness import film_likeness
from carina.imaging.film_gaussian import TURNS, Fit
from carina.imaging.thumbnails import Floats

# From `benchmarks/film_reference.py` and `benchmarks/misfits.py`. A pose is believed where the
# picture so turned lies no farther than all but 5 % of the films of a set that the reference
# had not seen, nearer than it lies as it is by at least this factor, and is a film at all.
_FITS = 2.4
_NEARER, _MUCH_NEARER = 1.25, 1.6
_LEAST_ODDS = -2.0


@dataclass(frozen=True, slots=True, eq=False)
class Poses:
    """In which pose pictures fit best; an array `[n]` each.

    Attributes:
        as_it_is: distance from upright chest films (`film_reference.Fit`), unchanged.
        best: distance in the best pose.
        inverted: whether black and white are swapped in it.
        turn: degrees anticlockwise by which the picture was turned, then.
        odds: log odds of a chest film in any pose (`film_likeness`).
    """

    as_it_is: Floats
    best: Floats
    inverted: NDArray[np.bool_]
    turn: NDArray[np.intp]
    odds: Floats

    @property
    def gain(self) -> Floats:
        """How many times nearer the best pose is than the picture as it is; 1 or more."""
        return np.asarray(self.as_it_is / np.maximum(self.best, 1e-3), dtype=np.float32)

    @property
    def believed(self) -> NDArray[np.bool_]:
        """Whether the best pose is another one than it has, and is clear enough."""
        is_film = (self.best < _FITS) & (self.odds > _LEAST_ODDS)
        return np.asarray(is_film & (self.gain >= _NEARER))

    @property
    def clear(self) -> NDArray[np.bool_]:
        """Whether a believed pose is beyond much doubt."""
        return np.asarray(self.believed & (self.gain >= _MUCH_NEARER))


def pose_measures(small: NDArray[np.uint8], fit: Fit) -> Floats:
    """Return what `poses_of` judges by: eight distances and the log odds, float32 `[n, 9]`."""
    distances = fit.distances.reshape(len(small), -1)
    return np.column_stack([distances, film_likeness(small, fit)]).astype(np.float32)


def poses_of(measures: Floats) -> Poses:
    """Return the poses that measures of `pose_measures` tell."""
    distances, odds = measures[:, :-1], measures[:, -1]
    best = distances.argmin(axis=1)
    return Poses(
        as_it_is=distances[:, 0],
        best=distances.min(axis=1),
        inverted=best >= len(TURNS),
        turn=np.asarray(TURNS)[best % len(TURNS)],
        odds=odds,
    )
