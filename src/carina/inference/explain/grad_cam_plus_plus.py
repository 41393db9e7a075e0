"""Grad-CAM++: each place weighs the maps by its own derivative."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from carina.inference.explain import EXPLAINERS, ExplanationMethod, FilmInNetwork, in_float32
from carina.inference.explain.head_gradient import head_gradient

NAME = "grad-cam++"


def grad_cam_plus_plus(film: FilmInNetwork, *, class_index: int) -> NDArray[np.float32]:
    """Return the Grad-CAM++ of a class, not normalised.

    With the exponential of the logit as the score, and g the logit's derivative at a place of
    map A, equation 19 makes the place's coefficient g^2 / (2 g^2 + g^3 sum(A)) and equation 5
    the map's weight the sum over its places of the coefficient times ReLU(g); what is left is
    g / (2 + g sum(A)) where g is above 0. The exponential itself is common to all maps and
    left out, being scale alone.

    Equation 19 holds where the logit's second and third derivatives are 0: for heads of
    means, maxima, dense layers and ReLU, as every network that is not a cascade has them. The
    logits of a cascade are logarithms of probabilities, whose second derivative is not 0: g is
    exact there too, and the coefficient an approximation.

    Raises:
        ClassifierError: if the head has an operation whose derivative is not known.

    References:
        Chattopadhay et al., Grad-CAM++, WACV 2018, equations 5 and 19.
    """
    maps, _ = film.maps_and_head()
    gradient = head_gradient(film.head_file, maps, class_index=class_index, needed_by=NAME)
    rising = np.maximum(gradient, 0).astype(np.float64)
    # Maps come from a ReLU; the sum of others may make the denominator 0.
    totals = np.maximum(maps.sum(axis=(1, 2), dtype=np.float64), 0)[:, None, None]
    weights = (rising / (2 + rising * totals)).sum(axis=(1, 2))
    heat = np.tensordot(weights, maps.astype(np.float64), axes=1)
    return in_float32(np.maximum(heat, 0))


EXPLAINERS.register(NAME)(ExplanationMethod("Grad-CAM++", grad_cam_plus_plus, needs_maps=True))
