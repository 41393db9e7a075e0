"""Grad-CAM: the head alone tells how each map moves the logit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from carina.errors import ClassifierError
from carina.inference.explain import (
    CHUNK_BYTES,
    EXPLAINERS,
    ExplanationMethod,
    FilmInNetwork,
    in_float32,
)
from carina.inference.explain.head_gradient import head_gradient

NAME = "grad-cam"
# Steps as shares of the largest map value. A large one may carry a unit of the head over
# its kink, a small one drowns in float32's rounding; each map gets the one that fits it.
_STEP_SHARES = (1e-2, 2e-3, 5e-4, 1e-4)
# Doubt about a derivative, as a share of the largest one, at which no other step is tried.
_SURE = 1e-4

Logit = Callable[[NDArray[np.float32]], NDArray[np.float64]]


def grad_cam(film: FilmInNetwork, *, class_index: int) -> NDArray[np.float32]:
    """Return the Grad-CAM of a class, not normalised.

    The weight of a map is the mean of the logit's derivatives at its places: its derivative
    along a shift of the whole map, over the number of places. It is exact where every operation
    of the head has a derivative here, as in all that Carina trains; else, in some imported
    networks, it comes from small steps up and down.

    References:
        Selvaraju et al., Grad-CAM, ICCV 2017, equations 1 and 2.
    """
    maps, head = film.maps_and_head()
    largest = float(np.abs(maps).max(initial=0))
    if largest == 0:
        return np.zeros(maps.shape[1:], dtype=np.float32)
    slopes = _exact_slopes(film, class_index)
    if slopes is None:
        slopes = _slopes(maps, lambda moved: head(moved)[:, class_index], largest)
    heat = np.tensordot(slopes / maps[0].size, maps.astype(np.float64), axes=1)
    return in_float32(np.maximum(heat, 0))


EXPLAINERS.register(NAME)(ExplanationMethod("Grad-CAM", grad_cam, needs_maps=True))


def _exact_slopes(film: FilmInNetwork, class_index: int) -> NDArray[np.float64] | None:
    """Return the logit's derivative along a shift of each whole map, float64 `[maps]`, or None
    where an operation of the head has none here."""
    maps, _ = film.maps_and_head()
    if not film.head_file:
        return None
    try:
        gradient = head_gradient(film.head_file, maps, class_index=class_index, needed_by=NAME)
    except ClassifierError:
        return None
    slopes = gradient.sum(axis=(1, 2), dtype=np.float64)
    return slopes if np.isfinite(slopes).all() else None


def _slopes(maps: NDArray[np.float32], logit: Logit, largest: float) -> NDArray[np.float64]:
    """Return the logit's derivative along a shift of each whole map, float64 `[maps]`.

    Central differences: half of what the slopes upwards and downwards differ by, and the
    logit's rounding, are the doubt about one; each map keeps the step of least doubt. A head
    without a kink nearby is done after the first step.
    """
    middle = float(logit(maps[None])[0])
    slopes = np.zeros(len(maps))
    doubts = np.full(len(maps), np.inf)
    for share in _STEP_SHARES:
        unsure = np.flatnonzero(doubts > _SURE * np.abs(slopes).max())
        if not unsure.size:
            break
        step = np.float32(share * largest)
        up, down = _moved_logits(maps, logit, unsure, step)
        kinks = np.abs(up + down - 2 * middle) / 2
        doubt = (kinks + np.finfo(np.float32).eps * abs(middle)) / float(step)
        better = doubt < doubts[unsure]
        slopes[unsure[better]] = ((up - down) / (2 * float(step)))[better]
        doubts[unsure[better]] = doubt[better]
    return slopes


def _moved_logits(
    maps: NDArray[np.float32], logit: Logit, shifted: NDArray[np.intp], step: np.float32
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the logits float64 `[shifted]` with each of some maps shifted up, and down."""
    up, down = np.empty(shifted.size), np.empty(shifted.size)
    at_once = max(1, CHUNK_BYTES // (2 * maps.nbytes))
    for start in range(0, shifted.size, at_once):
        part = slice(start, start + at_once)
        channels = shifted[part]
        rows = np.arange(channels.size)
        moved = np.repeat(maps[None], 2 * channels.size, axis=0)
        moved[rows, channels] += step
        moved[rows + channels.size, channels] -= step
        logits = logit(moved)
        up[part], down[part] = logits[: channels.size], logits[channels.size :]
    return up, down
