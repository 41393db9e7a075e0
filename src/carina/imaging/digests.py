"""What tells two films apart, or that they are one: digests of their pixels."""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from carina.domain.film_facts import FilmFacts
from carina.domain.radiograph import Radiograph
from carina.imaging.burned_in_text import film_cautions
from carina.imaging.greys import Greys, greys_of, row_blocks
from carina.imaging.sketch import SKETCH_SIDE, sketch, sketch_of
from carina.imaging.strokes import text_strokes

_HASHED_SIDE_PX = 32
_BLOCK_PX = SKETCH_SIDE // _HASHED_SIDE_PX
_HASH_SIDE = 8
_CONTRAST_LEVELS = 4096
_LEVEL_OF_GREY = (np.arange(256) / 255 * (_CONTRAST_LEVELS - 1) + 0.5).astype(np.intp)


def film_facts(radiograph: Radiograph) -> FilmFacts:
    """Return what an audit, a split and a gate need to know of a film."""
    return facts_and_sketch(radiograph)[0]


def facts_and_sketch(radiograph: Radiograph) -> tuple[FilmFacts, NDArray[np.void]]:
    """Return a film's facts and its sketch, made in one go of its grey values at 8 bits."""
    greys = greys_of(radiograph.pixels)
    own_sketch = sketch_of(greys)
    facts = FilmFacts(
        sha256=radiograph.sha256,
        pixel_digest=_digest_of(greys),
        perceptual_hash=_hash_of(own_sketch),
        height=radiograph.height,
        width=radiograph.width,
        file_format=radiograph.file_format,
        colour_mode=radiograph.colour_mode,
        bits=radiograph.bits,
        contrast=_contrast_of_film(greys, radiograph.pixels),
        view=radiograph.view,
        cautions=film_cautions(radiograph, greys),
        traces=radiograph.traces,
        jpeg_tables=radiograph.jpeg_tables,
        jpeg_quality=radiograph.jpeg_quality,
        colour_share=radiograph.colour_share,
        text_strokes=text_strokes(greys.values),
    )
    return facts, own_sketch


def contrast_and_sketch(pixels: NDArray[np.float32]) -> tuple[float, NDArray[np.void]]:
    """Return a film's contrast and its sketch, as `facts_and_sketch` makes them, without the rest.

    Args:
        pixels: float32 `[height, width]` in `[0, 1]`.
    """
    greys = greys_of(pixels)
    return _contrast_of_film(greys, pixels), sketch_of(greys)


def pixel_digest(pixels: NDArray[np.float32]) -> str:
    """Return a digest of the grey values at 8 bits and of the size, 64 hex digits.

    One picture in two lossless containers or colour modes has one digest.

    Args:
        pixels: float32 `[height, width]` in `[0, 1]`.
    """
    return _digest_of(greys_of(pixels))


def perceptual_hash(pixels: NDArray[np.float32]) -> str:
    """Return a hash in which pictures that look alike differ in few of 64 bits, 16 hex digits.

    The signs of the 8 x 8 lowest frequencies (without the mean) of a 32 x 32 miniature,
    each against their median.

    Args:
        pixels: float32 `[height, width]` in `[0, 1]`.

    References:
        Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions (2010), 3.2.1.
    """
    return _hash_of(sketch(pixels))


def contrast(pixels: NDArray[np.float32]) -> float:
    """Return the 95th minus the 5th percentile of the grey values, in `[0, 1]`.

    Args:
        pixels: float32 `[height, width]` in `[0, 1]`; taken at 4,096 levels.
    """
    counts = np.zeros(_CONTRAST_LEVELS)
    for rows in row_blocks(pixels.shape):
        levels = (pixels[rows] * (_CONTRAST_LEVELS - 1) + 0.5).astype(np.intp)
        counts += np.bincount(levels.ravel(), minlength=_CONTRAST_LEVELS)
    return _contrast(counts)


def _contrast_of_film(greys: Greys, pixels: NDArray[np.float32]) -> float:
    return _contrast_of(greys) if greys.is_exact else contrast(pixels)


def _contrast_of(greys: Greys) -> float:
    """Return what `contrast` would of a film that has no more than 256 levels."""
    counts = np.zeros(_CONTRAST_LEVELS)
    counts[_LEVEL_OF_GREY] = greys.counts
    return _contrast(counts)


def _contrast(counts: NDArray[np.float64]) -> float:
    below = counts.cumsum() / counts.sum()
    low, high = np.searchsorted(below, (0.05, 0.95))
    return float(high - low) / (_CONTRAST_LEVELS - 1)


def _digest_of(greys: Greys) -> str:
    height, width = greys.values.shape
    digest = hashlib.sha256(f"{height}x{width}:".encode())
    digest.update(greys.values.tobytes())
    return digest.hexdigest()


def _hash_of(own_sketch: NDArray[np.void]) -> str:
    """Return the perceptual hash of a sketch's small picture."""
    blocks = own_sketch["small"].reshape(_HASHED_SIDE_PX, _BLOCK_PX, _HASHED_SIDE_PX, _BLOCK_PX)
    miniature = blocks.mean(axis=(1, 3), dtype=np.float64)
    cosines = _cosines()
    frequencies = cosines @ miniature @ cosines.T
    bits = (frequencies > np.median(frequencies)).ravel()
    return np.packbits(bits).tobytes().hex()


@lru_cache(maxsize=1)
def _cosines() -> NDArray[np.float64]:
    """Return the frequencies 1 to 8 of a DCT-II, `[8, 32]`."""
    frequency = np.arange(1, _HASH_SIDE + 1)[:, None]
    place = np.arange(_HASHED_SIDE_PX)[None]
    return np.asarray(np.cos(np.pi * frequency * (2 * place + 1) / (2 * _HASHED_SIDE_PX)))
