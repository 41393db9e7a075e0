"""Whether a picture is a frontal chest film at all, from its sketch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from carina.auditing.film_reference import film_reference
from carina.imaging.film_gaussian import Fit
from carina.imaging.thumbnails import Floats, details, equalised_thumbnails

_FLOOR = 0.01


def film_likeness(small: NDArray[np.uint8], fit: Fit | None = None) -> Floats:
    """Return the log odds that pictures are frontal chest films, in any pose and polarity.

    The odds are against pictures made at random (`benchmarks/not_films.py`), one to one: real
    films lie around 6, photographs and textures below -3. No probability of a real data set.

    Args:
        small: uint8 `[n, 96, 96]`.
        fit: of their thumbnails, if it is known.

    Returns:
        float32 `[n]`.
    """
    reference = film_reference()
    fit = fit or reference.fit(equalised_thumbnails(small))
    features = likeness_features(small, fit)
    weights = reference.film_weights
    return np.asarray(features @ weights[1:] + weights[0], dtype=np.float32)


def likeness_features(small: NDArray[np.uint8], fit: Fit) -> Floats:
    """Return what the log odds are a weighted sum of, float32 `[n, features]`.

    How well the best pose fits, how much better than the others, the resemblance to the mean
    film and fine detail at two scales; their squares; and the coordinates of the best pose.

    Args:
        small: uint8 `[n, 96, 96]`.
        fit: of their thumbnails.
    """
    ordered = np.sort(fit.distances.reshape(len(small), -1), axis=1).clip(_FLOOR)
    best = ordered[:, 0]
    fine_x, fine_y, coarse = details(small)
    plain = np.stack(
        [
            np.log(best),
            np.log(ordered[:, 1] / best),
            np.log(ordered[:, 2:].mean(axis=1) / best),
            fit.resemblance,
            fine_x,
            fine_y,
            coarse,
            fine_x - coarse,
        ],
        axis=1,
    )
    return np.concatenate([plain, plain**2, fit.coordinates], axis=1).astype(np.float32)
