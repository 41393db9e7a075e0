"""What a picture is told from films by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from carina.imaging.film_gaussian import TURNS, FilmGaussian
from carina.imaging.thumbnails import THUMBNAIL_SIDE, Floats, details, equalised_thumbnails

_FLOOR = 0.01
# The lowest frequencies of a picture in both directions, without its mean.
_FREQUENCIES = 5
_HALF_TURN = TURNS.index(180)
_QUARTERS = (TURNS.index(90), TURNS.index(270))
N_COLUMNS = 2 * (15 + _FREQUENCIES**2 - 1)
"""Of `Pictures.columns`: 15 measures, the lowest frequencies but the mean, and their squares."""


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """How pictures lie to a classifier's training films.

    Attributes:
        layout: float64 `[n]`, the log of the squared distance from them, as the picture is.
        pose: float64 `[n]`, the log of how many times nearer it lies in the best other pose;
            below 0 for a picture that fits best as it is.
        best: float64 `[n]`, the log of the squared distance in that other pose.
        turn: intp `[n]`, degrees anticlockwise by which the picture was turned, then.
        inverted: bool `[n]`, whether black and white are swapped, then.
        columns: float32 `[n, columns]`, what a score tells films from other pictures by.
        sharpness: float64 `[n]`, the log of the mean step between neighbours over the deviation.
    """

    layout: NDArray[np.float64]
    pose: NDArray[np.float64]
    best: NDArray[np.float64]
    turn: NDArray[np.intp]
    inverted: NDArray[np.bool_]
    columns: Floats
    sharpness: NDArray[np.float64]

    def of(self, places: NDArray[np.intp]) -> Pictures:
        """Return some of the pictures."""
        return Pictures(**{one.name: getattr(self, one.name)[places] for one in fields(self)})

    @classmethod
    def joined(cls, parts: Sequence[Pictures]) -> Pictures:
        """Return the pictures of some parts in a row."""
        return cls(
            **{
                one.name: np.concatenate([getattr(part, one.name) for part in parts])
                for one in fields(cls)
            }
        )


def pictures_of(small: NDArray[np.uint8], films: FilmGaussian) -> Pictures:
    """Return how pictures lie to films.

    Args:
        small: uint8 `[n, 96, 96]`, as in `imaging.sketch.SKETCH`.
        films: the training films.
    """
    thumbnails = equalised_thumbnails(small)
    distances = np.log(films.fit(thumbnails).distances.astype(np.float64).clip(_FLOOR))
    upright = distances[:, 0, 0]
    others = distances.reshape(len(small), -1)[:, 1:]
    other = others.argmin(axis=1)
    best = others[np.arange(len(small)), other]
    fine_x, fine_y, coarse = details(small)
    plain = np.stack(
        [
            upright,
            upright - best,
            upright - distances[:, 1, 0],
            upright - distances[:, 0, _HALF_TURN],
            upright - distances[:, 0, _QUARTERS].min(axis=1),
            *_resemblances(thumbnails, films),
            fine_x,
            fine_y,
            coarse,
            fine_x - coarse,
            fine_y - fine_x,
            *_along_and_beside(thumbnails, films),
            *(thumbnails @ _cosines().T).T,
        ],
        axis=1,
    )
    return Pictures(
        layout=upright,
        pose=upright - best,
        best=best,
        turn=np.asarray(TURNS)[(other + 1) % len(TURNS)],
        inverted=other + 1 >= len(TURNS),
        columns=np.concatenate([plain, plain**2], axis=1).astype(np.float32),
        sharpness=((fine_x.astype(np.float64) + fine_y) / 2),
    )


def _resemblances(thumbnails: Floats, films: FilmGaussian) -> tuple[Floats, Floats, Floats]:
    """Return the correlations with the mean film, with the own mirror image and with the own
    picture upside down, each `[n]`."""
    n, n_pixels = thumbnails.shape
    norm = np.linalg.norm(films.mean) * np.sqrt(n_pixels)
    pictures = thumbnails.reshape(n, THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    mirrored = (pictures * pictures[:, :, ::-1]).mean(axis=(1, 2))
    flipped = (pictures * pictures[:, ::-1]).mean(axis=(1, 2))
    return thumbnails @ films.mean / norm, mirrored, flipped


def _along_and_beside(
    thumbnails: Floats, films: FilmGaussian
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the logs of the squared distance along the directions in which films vary, and of
    what lies beside them all, each `[n]` and about 0 for a film."""
    off = thumbnails - films.mean
    along = off @ films.directions.T
    explained = (along**2 / films.variances).mean(axis=1)
    beside = ((off**2).sum(axis=1) - (along**2).sum(axis=1)).clip(0) / films.rest
    n_others = thumbnails.shape[1] - len(films.variances)
    logs = (np.log(part.astype(np.float64).clip(_FLOOR)) for part in (explained, beside / n_others))
    first, second = logs
    return first, second


@lru_cache(maxsize=1)
def _cosines() -> Floats:
    """Return the lowest frequencies of a DCT-II in both directions, float32 `[24, 576]`."""
    place = (np.arange(THUMBNAIL_SIDE) + 0.5) * np.pi / THUMBNAIL_SIDE
    waves = np.cos(np.arange(_FREQUENCIES)[:, None] * place)
    both = np.einsum("ai,bj->abij", waves, waves).reshape(_FREQUENCIES**2, -1)[1:]
    return np.asarray(both / np.linalg.norm(both, axis=1, keepdims=True), dtype=np.float32)
