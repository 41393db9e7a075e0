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

from carina.imaging.film_gaussian import FilmGaussian
from carina.imaging.thumbnails import Floats

REFERENCE_FILE = "film_reference.npz"


@dataclass(frozen=True, eq=False)
class FilmReference(FilmGaussian):
    """Frontal chest films as a Gaussian, and two weighted sums that were fitted to them.

    Attributes:
        mean, directions, variances, rest: as in `FilmGaussian`.
        film_weights: float32 `[1 + features]`, an offset and weights of
            `film_likeness.likeness_features`: the log odds of a chest film against pictures
            made at random.
        child_weights: float32 `[1 + k]`, an offset and weights of `Fit.coordinates`: a
            child's film against an adult's.
    """

    film_weights: Floats
    child_weights: Floats


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
