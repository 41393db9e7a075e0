"""Grad-CAM without gradients: the head alone tells how each map moves the logit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from carina.inference.explain import EXPLAINERS, Head

_CHUNK_BYTES = 64_000_000
_STEP_SHARE = 0.01


@EXPLAINERS.register("grad-cam")
def grad_cam(maps: NDArray[np.float32], head: Head, *, class_index: int) -> NDArray[np.float32]:
    """Return the Grad-CAM of a class, not normalised.

    The weight of a map is the mean of the logit's derivatives at its places: its derivative
    along the whole map, over the number of places. That is taken as a central difference,
    with a step of 1 % of the largest value in the maps.

    References:
        Selvaraju et al., Grad-CAM, ICCV 2017, equations 1 and 2.
    """
    n_maps, height, width = maps.shape
    step = np.float32(_STEP_SHARE * float(np.abs(maps).max(initial=0)))
    if step == 0:
        return np.zeros((height, width), dtype=np.float32)
    weights = np.empty(n_maps)
    n_at_once = max(1, _CHUNK_BYTES // (2 * maps.nbytes))
    for start in range(0, n_maps, n_at_once):
        channels = np.arange(start, min(start + n_at_once, n_maps))
        moved = np.repeat(maps[None], 2 * channels.size, axis=0)
        moved[np.arange(channels.size), channels] += step
        moved[np.arange(channels.size) + channels.size, channels] -= step
        logits = head(moved)[:, class_index]
        weights[channels] = logits[: channels.size] - logits[channels.size :]
    weights /= 2 * float(step) * height * width
    heat = np.tensordot(weights, maps.astype(np.float64), axes=1)
    return np.maximum(heat, 0).astype(np.float32)
