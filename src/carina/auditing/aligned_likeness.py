"""How alike two films are when one is laid over the other: the pixels, not a hash of them.

A film is laid over another by an affine map of the plane (a crop, a border, a stretch, a
slight turn), found from a rough one by Gauss-Newton steps on locally normalised pictures, from
small ones to large ones. The likeness is then taken block by block, and the film is as like
as its worse blocks are: new letters or an arrow spoil a few blocks of a copy, other ribs spoil
nearly all of another film.

References:
    Baker & Matthews, Int J Comput Vis 56 (2004) 221-255: the inverse compositional steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Maps = NDArray[np.float32]
"""float32 `[n, 2, 3]`: from places on the fixed film to places on the moving one, both in
shares of the sides from the middle: x and y in `[-0.5, 0.5]`."""

# What varies by less than 4 % of the grey ranks is noise and compression in a plain field.
_FLAT = 0.04
_MOST_DEVIATION = 2.5
_MOST_ERROR = 1.5
_DAMPING = 0.02
_MOST_SHIFT = 0.06
_MOST_STRETCH = 0.12
_BLOCKS = 8
_FEWEST_BLOCKS = 12
_BLOCK_INSIDE = 0.6
_PLAIN_BLOCK = 0.1
_BLOCK_RANK = 0.4


@dataclass(frozen=True, slots=True, eq=False)
class Reliefs:
    """Films without their large shades, as they are laid over one another.

    Attributes:
        pixels: float32 `[n, side, side]` in `[-2.5, 2.5]`: grey less its local mean, over its
            local deviation; 0 outside the frame.
        frames: float32 `[n, 4]`, the part that is film, as `imaging.film_hash` has frames.
    """

    pixels: NDArray[np.float32]
    frames: NDArray[np.float32]

    def of(self, films: NDArray[np.intp]) -> Reliefs:
        """Return those of some films, in their order."""
        return Reliefs(self.pixels[films], self.frames[films])


def reliefs(
    thumbnails: NDArray[np.float32], frames: NDArray[np.float32], *, window: float
) -> Reliefs:
    """Return films without their large shades.

    Args:
        thumbnails: float32 `[n, side, side]` in `[0, 1]`, equalised.
        frames: float32 `[n, 4]`; what lies outside has no part in what is inside.
        window: side of the square that is local, in shares of the film's side.
    """
    side = thumbnails.shape[-1]
    reach = max(1, round(window * side / 2))
    within = _within(frames, side)
    down, across = (_line_means(one, reach) for one in within)
    share = np.maximum(down[:, :, np.newaxis] * across[:, np.newaxis], 1e-3)
    mask = within[0][:, :, np.newaxis] * within[1][:, np.newaxis]
    apart = (thumbnails - _box_means(thumbnails * mask, reach) / share) * mask
    spread = np.sqrt(_box_means(apart * apart, reach) / share + _FLAT**2)
    pixels = np.clip(apart / spread, -_MOST_DEVIATION, _MOST_DEVIATION)
    return Reliefs(np.asarray(pixels, dtype=np.float32), frames)


def maps_between(moving: NDArray[np.float32], fixed: NDArray[np.float32]) -> Maps:
    """Return the maps that lay a frame of one film over a frame of another.

    Args:
        moving, fixed: float32 `[n, 4]`, frames as `imaging.film_hash` has them.
    """
    scale = (moving[:, 2:] - moving[:, :2]) / (fixed[:, 2:] - fixed[:, :2])
    middle = (moving[:, 2:] + moving[:, :2]) / 2 - 0.5
    maps = np.zeros((len(moving), 2, 3), dtype=np.float32)
    maps[:, 0, 0], maps[:, 1, 1] = scale[:, 0], scale[:, 1]
    maps[:, :, 2] = middle - scale * ((fixed[:, 2:] + fixed[:, :2]) / 2 - 0.5)
    return maps


def refined_maps(maps: Maps, moving: Reliefs, fixed: Reliefs, *, n_steps: int) -> Maps:
    """Return maps that lay one film better over another.

    Args:
        maps: where to start.
        moving, fixed: the films.
        n_steps: Gauss-Newton steps.
    """
    slopes = _slopes(fixed.pixels)
    target = fixed.pixels.reshape(len(maps), -1)
    system = np.empty((0, 6, 6), dtype=np.float32)
    for step in range(n_steps):
        values, inside = _laid_over(moving, maps, fixed)
        if step == 0:
            system = _damped(np.matmul(slopes * inside[:, np.newaxis], slopes.swapaxes(1, 2)))
        error = np.clip(values - target, -_MOST_ERROR, _MOST_ERROR) * inside
        moves = np.linalg.solve(system, slopes @ error[..., np.newaxis])[..., 0]
        maps = _without(maps, moves)
    return maps


def correlation_under(maps: Maps, moving: Reliefs, fixed: Reliefs) -> NDArray[np.float32]:
    """Return the correlation of all pixels that two films share under maps, float32 `[n]`.

    Args:
        maps: from places on the fixed films to places on the moving ones.
        moving, fixed: the films.
    """
    values, inside = _laid_over(moving, maps, fixed)
    target = fixed.pixels.reshape(len(maps), -1) * inside
    values *= inside
    both, a, b = (
        np.einsum("np,np->n", one, other)
        for one, other in ((values, target), (values, values), (target, target))
    )
    return np.asarray(both / np.sqrt(np.maximum(a * b, 1e-6)))


def likeness_under(maps: Maps, moving: Reliefs, fixed: Reliefs) -> NDArray[np.float32]:
    """Return how alike films are under maps, float32 `[n]` in `[0, 1]`.

    The films are cut into 8 x 8 blocks; each has the correlation of its pixels, as far as
    both films have them. Blocks that are plain on both films say nothing. The likeness is the
    correlation that 40 % of the blocks stay under; it is 0 where fewer than 12 blocks say
    anything: films without structure are like nothing.

    Args:
        maps: from places on the fixed films to places on the moving ones.
        moving, fixed: the films; the side of their pixels is a multiple of 8.
    """
    n_pairs, side = len(maps), fixed.pixels.shape[-1]
    a, inside = _laid_over(moving, maps, fixed)
    b = fixed.pixels.reshape(n_pairs, -1) * inside
    a *= inside
    share = np.maximum(_block_means(inside, side), 1e-6)
    mean_a, mean_b = (_block_means(one, side) / share for one in (a, b))
    var_a, var_b, both = (
        _block_means(one * other, side) / share - mean_one * mean_other
        for one, other, mean_one, mean_other in (
            (a, a, mean_a, mean_a),
            (b, b, mean_b, mean_b),
            (a, b, mean_a, mean_b),
        )
    )
    correlation = both / np.sqrt(np.maximum(var_a * var_b, 1e-8))
    tells = (share >= _BLOCK_INSIDE) & (np.maximum(var_a, var_b) > _PLAIN_BLOCK)
    n_telling = tells.sum(axis=1)
    ordered = np.sort(np.where(tells, correlation, np.inf), axis=1)
    rank = (_BLOCK_RANK * (n_telling - 1)).clip(0).astype(np.intp)
    likeness = np.where(n_telling >= _FEWEST_BLOCKS, ordered[np.arange(n_pairs), rank], 0.0)
    return np.asarray(likeness.clip(0, 1), dtype=np.float32)


def _within(
    frames: NDArray[np.float32], side: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return 1.0 for the rows and for the columns that lie in frames, two float32 `[n, side]`."""
    place = (np.arange(side, dtype=np.float32) + 0.5) / side
    down, across = (
        ((place > frames[:, low, np.newaxis]) & (place < frames[:, high, np.newaxis]))
        for low, high in ((1, 3), (0, 2))
    )
    return down.astype(np.float32), across.astype(np.float32)


def _line_means(lines: NDArray[np.float32], reach: int) -> NDArray[np.float32]:
    """Return means over 2 reach + 1 places of lines float32 `[n, side]`, 0 beyond the ends."""
    width = 2 * reach + 1
    sums = np.pad(lines, ((0, 0), (reach + 1, reach))).cumsum(axis=1, dtype=np.float32)
    return np.asarray((sums[:, width:] - sums[:, :-width]) / width)


def _box_means(pictures: NDArray[np.float32], reach: int) -> NDArray[np.float32]:
    """Return means over squares of 2 reach + 1 pixels, 0 beyond the edges."""
    width = 2 * reach + 1
    edges = ((0, 0), (reach + 1, reach), (reach + 1, reach))
    rows = np.pad(pictures, edges).cumsum(axis=1, dtype=np.float32)
    rows = rows[:, width:] - rows[:, :-width]
    sums = rows.cumsum(axis=2, dtype=np.float32)
    return np.asarray((sums[:, :, width:] - sums[:, :, :-width]) / width**2)


@lru_cache(maxsize=8)
def _places(side: int) -> NDArray[np.float32]:
    """Return the pixels' middles as x, y, 1: float32 `[3, side * side]`, x, y in `[-0.5, 0.5]`."""
    place = (np.arange(side, dtype=np.float32) + 0.5) / side - 0.5
    y, x = np.meshgrid(place, place, indexing="ij")
    return np.stack([x.ravel(), y.ravel(), np.ones(side * side, dtype=np.float32)])


def _laid_over(
    moving: Reliefs, maps: Maps, fixed: Reliefs
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the moving films at the fixed films' places, and 1.0 where both are film.

    Returns:
        two float32 `[n, side * side]`.
    """
    n_pairs, side = len(maps), fixed.pixels.shape[-1]
    at = maps @ _places(side) + np.float32(0.5)
    low, high = moving.frames[:, :2, np.newaxis], moving.frames[:, 2:, np.newaxis]
    inside = ((at >= low) & (at <= high)).all(axis=1)
    down, across = _within(fixed.frames, side)
    both = inside * (down[:, :, np.newaxis] * across[:, np.newaxis]).reshape(n_pairs, -1)
    at = np.clip(at * np.float32(side) - np.float32(0.5), 0, np.float32(side - 1.001))
    first = at.astype(np.int32)
    at -= first
    index = first[:, 1] * side + first[:, 0]
    index += np.arange(n_pairs, dtype=np.int32)[:, np.newaxis] * (side * side)
    flat = moving.pixels.ravel()
    top, low_row = flat.take(index), flat.take(index + side)
    top += at[:, 0] * (flat.take(index + 1) - top)
    low_row += at[:, 0] * (flat.take(index + side + 1) - low_row)
    top += at[:, 1] * (low_row - top)
    return top, both


def _slopes(fixed: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how films change with the six numbers of a map, float32 `[n, 6, side * side]`."""
    n_pairs, side = len(fixed), fixed.shape[-1]
    down, across = np.gradient(fixed, axis=(1, 2))
    down, across = (one.reshape(n_pairs, 1, -1) * np.float32(side) for one in (down, across))
    places = _places(side)
    return np.concatenate([across * places, down * places], axis=1)


def _damped(system: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return normal equations float32 `[n, 6, 6]` that can be solved for plain films too."""
    unit = np.eye(6, dtype=np.float32)
    return np.asarray(system * (1 + _DAMPING * unit) + 1e-3 * unit, dtype=np.float32)


def _without(maps: Maps, moves: NDArray[np.float32]) -> Maps:
    """Return maps with small moves of the fixed film undone, none larger than a step may be."""
    most = np.array([_MOST_STRETCH, _MOST_STRETCH, _MOST_SHIFT] * 2, dtype=np.float32)
    square = np.zeros((len(maps), 3, 3), dtype=np.float32)
    square[:, :2] = np.clip(moves, -most, most).reshape(-1, 2, 3)
    square += np.eye(3, dtype=np.float32)
    return np.asarray(maps @ np.linalg.inv(square))


def _block_means(values: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Return means over 8 x 8 blocks of pixels float32 `[n, side * side]`, float32 `[n, 64]`."""
    step = side // _BLOCKS
    blocks = values.reshape(-1, _BLOCKS, step, _BLOCKS, step)
    return np.asarray(blocks.mean(axis=(2, 4)).reshape(-1, _BLOCKS * _BLOCKS))
