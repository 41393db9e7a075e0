"""What tells two films apart, or that they are one: digests of their pixels."""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from carina.domain.film_facts import FilmFacts
from carina.domain.radiograph import Radiograph

_HASHED_SIDE_PX = 32
_HASH_SIDE = 8
_CONTRAST_LEVELS = 4096


def film_facts(radiograph: Radiograph) -> FilmFacts:
    """Return what an audit, a split and a gate need to know of a film."""
    return FilmFacts(
        sha256=radiograph.sha256,
        pixel_digest=pixel_digest(radiograph.pixels),
        perceptual_hash=perceptual_hash(radiograph.pixels),
        height=radiograph.height,
        width=radiograph.width,
        file_format=radiograph.file_format,
        colour_mode=radiograph.colour_mode,
        bits=radiograph.bits,
        contrast=contrast(radiograph.pixels),
        view=radiograph.view,
        cautions=radiograph.cautions,
        traces=radiograph.traces,
        jpeg_tables=radiograph.jpeg_tables,
        jpeg_quality=radiograph.jpeg_quality,
        colour_share=radiograph.colour_share,
    )


def pixel_digest(pixels: NDArray[np.float32]) -> str:
    """Return a digest of the grey values at 8 bits and of the size, 64 hex digits.

    One picture in two lossless containers or colour modes has one digest.

    Args:
        pixels: float32 `[height, width]` in `[0, 1]`.
    """
    digest = hashlib.sha256(f"{pixels.shape[0]}x{pixels.shape[1]}:".encode())
    digest.update(_at_8_bits(pixels).tobytes())
    return digest.hexdigest()


def perceptual_hash(pixels: NDArray[np.float32]) -> str:
    """Return a hash in which pictures that look alike differ in few of 64 bits, 16 hex digits.

    The signs of the 8 x 8 lowest frequencies (without the mean) of a 32 x 32 miniature,
    each against their median.

    Args:
        pixels: float32 `[height, width]` in `[0, 1]`.

    References:
        Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions (2010), 3.2.1.
    """
    miniature = Image.fromarray(pixels).resize(
        (_HASHED_SIDE_PX, _HASHED_SIDE_PX), Image.Resampling.BILINEAR
    )
    cosines = _cosines()
    frequencies = cosines @ np.asarray(miniature, dtype=np.float64) @ cosines.T
    bits = (frequencies > np.median(frequencies)).ravel()
    return np.packbits(bits).tobytes().hex()


def contrast(pixels: NDArray[np.float32]) -> float:
    """Return the 95th minus the 5th percentile of the grey values, in `[0, 1]`.

    Args:
        pixels: float32 `[height, width]` in `[0, 1]`; taken at 4,096 levels.
    """
    levels = (pixels * (_CONTRAST_LEVELS - 1) + 0.5).astype(np.intp)
    below = np.bincount(levels.ravel(), minlength=_CONTRAST_LEVELS).cumsum() / levels.size
    low, high = np.searchsorted(below, (0.05, 0.95))
    return float(high - low) / (_CONTRAST_LEVELS - 1)


def _at_8_bits(pixels: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.rint(pixels * 255).astype(np.uint8)


@lru_cache(maxsize=1)
def _cosines() -> NDArray[np.float64]:
    """Return the frequencies 1 to 8 of a DCT-II, `[8, 32]`."""
    frequency = np.arange(1, _HASH_SIDE + 1)[:, None]
    place = np.arange(_HASHED_SIDE_PX)[None]
    return np.asarray(np.cos(np.pi * frequency * (2 * place + 1) / (2 * _HASHED_SIDE_PX)))
