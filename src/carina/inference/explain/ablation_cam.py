"""Ablation-CAM: what the logit loses when a map is taken away."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from carina.inference.explain import (
    CHUNK_BYTES,
    EXPLAINERS,
    ExplanationMethod,
    FilmInNetwork,
    Logits,
    in_float32,
)

# A logit is a float32 sum of many terms: it repeats to this share of the largest logit, and a
# smaller loss is rounding.
_ROUNDING = 8 * float(np.finfo(np.float32).eps)


def ablation_cam(film: FilmInNetwork, *, class_index: int) -> NDArray[np.float32]:
    """Return the Ablation-CAM of a class, not normalised.

    The weight of a map is what the logit loses when the map is set to 0. The paper divides it
    by the logit itself: that changes the scale alone while the logit is above 0, and would
    turn the map round where it is below, so it is left out.

    References:
        Desai & Ramaswamy, Ablation-CAM, WACV 2020, section 3.
    """
    maps, head = film.maps_and_head()
    present = np.flatnonzero(maps.reshape(len(maps), -1).any(axis=1))
    whole = head(maps[None])[0]
    lost = np.zeros(len(maps))
    lost[present] = whole[class_index] - _logits_without(maps, head, present)[:, class_index]
    lost[np.abs(lost) <= _ROUNDING * np.abs(whole).max(initial=0)] = 0
    heat = np.tensordot(lost, maps.astype(np.float64), axes=1)
    return in_float32(np.maximum(heat, 0))


EXPLAINERS.register("ablation-cam")(
    ExplanationMethod("Ablation-CAM", ablation_cam, needs_maps=True)
)


def _logits_without(
    maps: NDArray[np.float32], head: Logits, removed: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return the logits float64 `[removed, classes]` with each of some maps set to 0."""
    at_once = max(1, CHUNK_BYTES // maps.nbytes)
    found = []
    # Once even if there is nothing to remove, for the number of classes.
    for start in range(0, max(removed.size, 1), at_once):
        channels = removed[start : start + at_once]
        ablated = np.repeat(maps[None], max(channels.size, 1), axis=0)
        ablated[np.arange(channels.size), channels] = 0
        found.append(head(ablated)[: channels.size])
    return np.concatenate(found)
