"""Pictures that are no films, made of films: what a gate is fitted against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from carina.imaging.sketch import SKETCH_SIDE

Small = NDArray[np.uint8]
Levels = NDArray[np.uint16]

POSES: dict[str, Callable[[Small], Small]] = {
    "inverted": lambda small: 255 - small,
    "turned left": lambda small: np.rot90(small, 1, axes=(1, 2)),
    "turned right": lambda small: np.rot90(small, 3, axes=(1, 2)),
    "upside down": lambda small: np.rot90(small, 2, axes=(1, 2)),
    "flipped": lambda small: small[:, ::-1],
    "inverted and upside down": lambda small: 255 - small[:, ::-1, ::-1],
}
"""Sketches uint8 `[n, 96, 96]` of films in another pose than a reader wants them in."""
PARTS = ("corner", "middle", "patch", "side", "band")
_PARTS = {
    "corner": ((0.3, 0.6), (0.3, 0.6)),
    "middle": ((0.25, 0.55), (0.25, 0.55)),
    "patch": ((0.08, 0.25), (0.08, 0.25)),
    "side": ((0.8, 1.0), (0.3, 0.55)),
    "band": ((0.25, 0.5), (0.8, 1.0)),
}
_GRIDS = (2, 3, 4, 6)
_FILMS_AT_ONCE = 64


def parts_of(levels: Levels, part: str, rng: np.random.Generator) -> Small:
    """Return a part of each film, as a sketch shows it, uint8 `[n, 96, 96]`.

    Args:
        levels: uint16 `[n, height, width]`, prepared films.
        part: one of `PARTS`: a corner, a piece of the middle, a small patch, one side from top to
            bottom, or a band from left to right.
        rng: draws size and place.
    """
    shares = _PARTS[part]
    made = np.empty((len(levels), SKETCH_SIDE, SKETCH_SIDE), dtype=np.uint8)
    for place, film in enumerate(levels):
        height, width = (
            max(int(rng.uniform(*share) * side), 4)
            for share, side in zip(shares, film.shape, strict=True)
        )
        free = (film.shape[0] - height, film.shape[1] - width)
        if part == "corner":
            top, left = (int(rng.integers(2)) * room for room in free)
        elif part == "middle":
            top, left = (int(rng.uniform(0.35, 0.65) * room) for room in free)
        else:
            top, left = (int(rng.integers(room + 1)) for room in free)
        made[place] = _shrunk(film[top : top + height, left : left + width])
    return made


def shuffled(small: Small, rng: np.random.Generator) -> Small:
    """Return sketches whose 2 x 2 to 6 x 6 blocks changed places."""
    made = np.empty_like(small)
    for place, picture in enumerate(small):
        n = int(_GRIDS[int(rng.integers(len(_GRIDS)))])
        side = SKETCH_SIDE // n
        blocks = picture.reshape(n, side, n, side).swapaxes(1, 2).reshape(n * n, side, side)
        # Never back where it was: a cycle through all blocks.
        order = np.empty(n * n, dtype=np.intp)
        cycle = rng.permutation(n * n)
        order[cycle] = np.roll(cycle, 1)
        rows = blocks[order].reshape(n, n, side, side).swapaxes(1, 2)
        made[place] = rows.reshape(SKETCH_SIDE, SKETCH_SIDE)
    return made


def scrambled(small: Small, rng: np.random.Generator) -> Small:
    """Return textures: pictures with the films' frequencies, at random places.

    References:
        Theiler et al., Physica D 58 (1992) 77-94 (surrogates with random phases).
    """
    films = small.astype(np.float32)
    noise = np.fft.rfft2(rng.standard_normal(small.shape, dtype=np.float32))
    strength = np.abs(np.fft.rfft2(films - films.mean(axis=(1, 2), keepdims=True)))
    phases = noise / np.maximum(np.abs(noise), 1e-6)
    texture = np.fft.irfft2(strength * phases, s=small.shape[1:])
    return _as_grey(texture + films.mean(axis=(1, 2), keepdims=True))


def blurred(small: Small, rng: np.random.Generator) -> Small:
    """Return soft shades: 3 x 3 to 8 x 8 grey values of each film, at random places, made large."""
    made = np.empty_like(small)
    for place, picture in enumerate(small):
        side = int(rng.integers(3, 9))
        coarse = rng.choice(picture.ravel(), (side, side))
        smooth = Image.fromarray(coarse).resize(picture.shape, Image.Resampling.BICUBIC)
        made[place] = np.asarray(smooth)
    return made


def tiled(levels: Levels, rng: np.random.Generator) -> Small:
    """Return textures: a patch of each film, mirrored again and again."""
    patches = parts_of(levels, "patch", rng)
    made = np.empty_like(patches)
    for place, patch in enumerate(patches):
        n = int(rng.integers(2, 5))
        side = SKETCH_SIDE // n
        tile = np.asarray(Image.fromarray(patch).resize((side, side), Image.Resampling.BOX))
        pair = np.block([[tile, tile[:, ::-1]], [tile[::-1], tile[::-1, ::-1]]])
        made[place] = np.tile(pair, (n, n))[:SKETCH_SIDE, :SKETCH_SIDE]
    return made


def collages(small: Small, rng: np.random.Generator) -> Small:
    """Return two or four films in one picture."""
    made = np.empty_like(small)
    for place in range(len(small)):
        rows, columns = ((1, 2), (2, 1), (2, 2))[int(rng.integers(3))]
        films = small[rng.integers(len(small), size=rows * columns)]
        panels = films[:, ::rows, ::columns]
        panels = panels.reshape(rows, columns, SKETCH_SIDE // rows, SKETCH_SIDE // columns)
        made[place] = panels.swapaxes(1, 2).reshape(SKETCH_SIDE, SKETCH_SIDE)
    return made


def warped(small: Small, rng: np.random.Generator) -> Small:
    """Return films wrung out of shape: every place moved by up to a quarter of the side."""
    down, right = np.mgrid[0:SKETCH_SIDE, 0:SKETCH_SIDE]
    made = np.empty_like(small)
    for place, picture in enumerate(small):
        moves = []
        for _ in range(2):
            coarse = rng.standard_normal((4, 4)).astype(np.float32)
            fine = Image.fromarray(coarse).resize(small.shape[1:], Image.Resampling.BICUBIC)
            moves.append(np.asarray(fine) * SKETCH_SIDE / 6)
        rows = (down + moves[0]).astype(np.intp).clip(0, SKETCH_SIDE - 1)
        columns = (right + moves[1]).astype(np.intp).clip(0, SKETCH_SIDE - 1)
        made[place] = picture[rows, columns]
    return made


def _as_grey(values: NDArray[np.floating]) -> Small:
    return np.asarray(np.rint(values.clip(0, 255)), dtype=np.uint8)


def _shrunk(levels: NDArray[np.uint16]) -> Small:
    """Return a part of a prepared film as a sketch shows it."""
    grey = np.rint(levels / np.float32(257)).astype(np.uint8)
    picture = Image.fromarray(grey).resize(
        (SKETCH_SIDE, SKETCH_SIDE), Image.Resampling.BILINEAR, reducing_gap=3.0
    )
    return np.asarray(picture)


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """Pictures made of films.

    Attributes:
        small: uint8 `[m, 96, 96]`.
        source: intp `[m]`, the film that each was made of.
        kind: each picture's kind.
    """

    small: Small
    source: NDArray[np.intp]
    kind: tuple[str, ...]

    @property
    def is_part(self) -> NDArray[np.bool_]:
        """Which are parts of films, bool `[m]`."""
        return np.array([kind in PARTS for kind in self.kind])

    @property
    def is_texture(self) -> NDArray[np.bool_]:
        """Which are neither parts nor whole films in another pose, bool `[m]`."""
        return np.array([kind not in PARTS and kind not in POSES for kind in self.kind])


def made_of_films(
    small: Small,
    levels: Callable[[NDArray[np.intp]], Levels],
    *,
    most: int,
    rng: np.random.Generator,
) -> Made:
    """Return other pictures made of films, one of each kind of each film.

    Args:
        small: uint8 `[n, 96, 96]`, the films' sketches.
        levels: places of films -> their prepared levels.
        most: films that are used; drawn from more.
        rng: draws them, and how they are changed.
    """
    chosen = np.sort(rng.permutation(len(small))[:most])
    own = small[chosen]
    kinds: dict[str, list[Small]] = {name: [turn(own)] for name, turn in POSES.items()}
    for name, change in (
        ("shuffled", shuffled), ("scrambled", scrambled), ("collage", collages), ("warped", warped),
        ("blurred", blurred),
    ):  # fmt: skip
        kinds[name] = [change(own, rng)]
    # Prepared films are large: some at a time.
    for start in range(0, len(chosen), _FILMS_AT_ONCE):
        prepared = levels(chosen[start : start + _FILMS_AT_ONCE])
        for part in PARTS:
            kinds.setdefault(part, []).append(parts_of(prepared, part, rng))
        kinds.setdefault("tiled", []).append(tiled(prepared, rng))
    return Made(
        small=np.concatenate([piece for pieces in kinds.values() for piece in pieces]),
        source=np.tile(chosen, len(kinds)),
        kind=tuple(name for name in kinds for _ in chosen),
    )
