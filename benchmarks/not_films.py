"""Pictures made at random that are no chest films: what the audit's reference is held against.

Overlapping discs and boxes (the "dead leaves" whose statistics are those of photographs: Lee,
Mumford & Huang, Int J Comput Vision 41 (2001) 35-59), clouds of a random spectrum, bright
bodies on a dark ground, printed pages, and waves. All at 96 x 96 pixels, as sketches are.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

SIDE = 96
_Y, _X = np.mgrid[0:SIDE, 0:SIDE]
Picture = NDArray[np.float64]


def pictures_at_random(n: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return uint8 `[n, 96, 96]`, the kinds in turn."""
    kinds = (_leaves, _leaves, _cloud, _bodies, _bodies, _page, _waves)
    return np.stack([_developed(kinds[i % len(kinds)], rng) for i in range(n)])


def _developed(
    kind: Callable[[np.random.Generator], Picture], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return one picture over the whole range of grey, with noise and at times a frame."""
    picture = kind(rng)
    picture = picture + rng.normal(0, rng.choice([0, 0.01, 0.05]), picture.shape) * picture.std()
    low, high = np.quantile(picture, [0.01, 0.99])
    grey = ((picture - low) / (high - low + 1e-9)).clip(0, 1)
    if rng.random() < 0.2:
        width = int(rng.integers(2, 20))
        grey[:, :width] = grey[:, -width:] = 0
    return (grey * 255).astype(np.uint8)


def _leaves(rng: np.random.Generator) -> Picture:
    picture = np.zeros((SIDE, SIDE))
    smallest = rng.uniform(2, 15)
    for _ in range(rng.integers(3, 150)):
        radius = smallest * (1 + rng.pareto(2))
        y, x = rng.uniform(-20, SIDE + 20, 2)
        if rng.random() < 0.5:
            inside = (_Y - y) ** 2 + ((_X - x) * rng.uniform(0.5, 2)) ** 2 < radius**2
        else:
            inside = (np.abs(_Y - y) < radius) & (np.abs(_X - x) < radius * rng.uniform(0.3, 3))
        slope_y, slope_x = rng.normal(0, 0.01, 2)
        picture[inside] = (rng.random() + slope_y * (_Y - y) + slope_x * (_X - x))[inside]
    return picture


def _cloud(rng: np.random.Generator) -> Picture:
    steepness, stretch = rng.uniform(0.3, 2.2), rng.uniform(0.5, 2)
    frequency = np.hypot(np.fft.fftfreq(SIDE)[:, None] * stretch, np.fft.fftfreq(SIDE)[None])
    frequency[0, 0] = 1
    noise = np.fft.fft2(rng.standard_normal((SIDE, SIDE)))
    return np.fft.ifft2(noise / frequency**steepness).real


def _bodies(rng: np.random.Generator) -> Picture:
    picture = np.zeros((SIDE, SIDE))
    y, x = rng.normal(SIDE / 2, 8, 2)
    for _ in range(rng.integers(1, 12)):
        long, short = rng.uniform(4, 45, 2)
        angle = rng.uniform(0, np.pi)
        down, right = _Y - y - rng.normal(0, 10), _X - x - rng.normal(0, 10)
        u = right * np.cos(angle) + down * np.sin(angle)
        v = -right * np.sin(angle) + down * np.cos(angle)
        outside = (((u / long) ** 2 + (v / short) ** 2 - 1) * rng.uniform(1, 10)).clip(-50, 50)
        picture += rng.normal() / (1 + np.exp(outside))
    return picture


def _page(rng: np.random.Generator) -> Picture:
    picture = np.full((SIDE, SIDE), rng.random())
    for row in range(int(rng.integers(2, 8)), SIDE, int(rng.integers(3, 12))):
        column = int(rng.integers(0, 20))
        while column < SIDE - 6:
            width = int(rng.integers(1, 12))
            picture[row : row + int(rng.integers(1, 6)), column : column + width] = (
                rng.random() * 0.5
            )
            column += width + int(rng.integers(1, 4))
    return picture


def _waves(rng: np.random.Generator) -> Picture:
    ramp = (_Y * rng.normal() + _X * rng.normal()) / SIDE
    wave = rng.normal() * rng.random() * np.sin(_X * rng.uniform(0.02, 0.5))
    return ramp + wave + rng.normal(0, 0.02, (SIDE, SIDE))
