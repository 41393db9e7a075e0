"""Copies of films as they come about when pictures are passed on, in kinds and strengths.

The first eight kinds were there when the thresholds of the near-duplicate search were chosen;
the last three were kept for the figures. All take and return float32 `[height, width]` in
`[0, 1]` and draw what varies from the generator.
"""
# ruff: noqa: ARG001 - every edit has the same three arguments.

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Pixels = NDArray[np.float32]
Edit = Callable[[Pixels, int, np.random.Generator], Pixels]
STRENGTHS = ("weak", "medium", "strong")
_TILES = 8
_BINS = 256


def recompressed(pixels: Pixels, strength: int, rng: np.random.Generator) -> Pixels:
    """Saved as JPEG of quality 60, 30 or 10."""
    stream = io.BytesIO()
    _image(pixels).save(stream, format="JPEG", quality=(60, 30, 10)[strength])
    return _pixels(Image.open(stream))


def resized(pixels: Pixels, strength: int, rng: np.random.Generator) -> Pixels:
    """Made 0.7, 0.4 or 0.2 times as large, with proportions up to 0, 5 or 10 % off."""
    factor = (0.7, 0.4, 0.2)[strength]
    off = (0.0, 0.05, 0.1)[strength]
    height, width = (round(side * factor * (1 + rng.uniform(-off, off))) for side in pixels.shape)
    return _pixels(_image(pixels).resize((max(width, 32), max(height, 32)), _sampling(rng)))


def recontrasted(pixels: Pixels, strength: int, rng: np.random.Generator) -> Pixels:
    """A gamma up to 1.3, 1.7 or 2.5 either way; 1, 3 or 8 % of the range cut off at each end."""
    gamma = (1.3, 1.7, 2.5)[strength] ** rng.choice([-1, 1])
    cut = (0.01, 0.03, 0.08)[strength]
    low, high = np.quantile(pixels, [cut, 1 - cut])
    return _at_8_bits(((pixels - low) / max(high - low, 1e-3)).clip(0, 1) ** gamma)


def equalised(pixels: Pixels, strength: int, rng: np.random.Generator) -> Pixels:
    """Histogram equalisation: half of it, all of it, all of it and twice the contrast."""
    levels = (pixels * (_BINS - 1) + 0.5).astype(np.intp)
    counts = np.bincount(levels.ravel(), minlength=_BINS)
    ranks = (counts.cumsum() / counts.sum())[levels]
    if strength == 0:
        return _at_8_bits((pixels + ranks) / 2)
    return _at_8_bits(ranks if strength == 1 else (2 * ranks - 0.5).clip(0, 1))


def locally_equalised(pixels: Pixels, strength: int, rng: np.random.Generator) -> Pixels:
    """CLAHE with 8 x 8 tiles and a clip limit of 1.5, 3 or 6 times the mean count.

    Zuiderveld, Graphics Gems IV (1994) 474-485.
    """
    limit = (1.5, 3.0, 6.0)[strength]
    height, width = pixels.shape
    levels = (pixels * (_BINS - 1) + 0.5).astype(np.intp)
    rows = np.linspace(0, height, _TILES + 1).astype(int)
    columns = np.linspace(0, width, _TILES + 1).astype(int)
    ranks = np.empty((_TILES, _TILES, _BINS))
    for i in range(_TILES):
        for j in range(_TILES):
            tile = levels[rows[i] : rows[i + 1], columns[j] : columns[j + 1]]
            counts = np.bincount(tile.ravel(), minlength=_BINS) / tile.size
            kept = counts.clip(max=limit / _BINS)
            ranks[i, j] = (kept + (1 - kept.sum()) / _BINS).cumsum()
    y, x = ((np.arange(side) + 0.5) / side * _TILES - 0.5 for side in (height, width))
    y, x = y.clip(0, _TILES - 1)[:, None], x.clip(0, _TILES - 1)[None]
    y0, x0 = np.minimum(y.astype(int), _TILES - 2), np.minimum(x.astype(int), _TILES - 2)
    top = ranks[y0, x0, levels] * (x0 + 1 - x) + ranks[y0, x0 + 1, levels] * (x - x0)
    low = ranks[y0 + 1, x0, levels] * (x0 + 1 - x) + ranks[y0 + 1, x0 + 1, levels] * (x - x0)
    return _at_8_bits(top * (y0 + 1 - y) + low * (y - y0))


def cropped(pixels: Pixels, strength: int, rng: np.random.Generator) -> Pixels:
    """Cut off up to 3, 6 or 10 % of the film at each of the four sides."""
    most = (0.03, 0.06, 0.10)[strength]
    height, width = pixels.shape
    top, low = (rng.uniform(0, most, 2) * height).astype(int)
    left, right = (rng.uniform(0, most, 2) * width).astype(int)
    return pixels[top : height - low, left : width - right].copy()


def lettered(pixels: Pixels, strength: int, rng: np.random.Generator) -> Pixels:
    """1, 3 or 6 letters and as many arrows, white or black, 5, 8 or 10 % of the film high."""
    count = (1, 3, 6)[strength]
    share = (0.05, 0.08, 0.10)[strength]
    image = _image(pixels)
    width, height = image.size
    size = max(int(share * height), 8)
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size=size)
    for _ in range(count):
        grey = int(rng.choice([0, 255]))
        letter = str(rng.choice(list("RLPAERECTSUPINE12")))
        pen.text(_place(rng, width, height), letter, fill=grey, font=font)
        x, y = _place(rng, width, height)
        dx, dy = rng.uniform(-1.5, 1.5, 2) * size
        pen.line([(x, y), (x + dx, y + dy)], fill=grey, width=max(size // 6, 2))
        pen.regular_polygon((x, y, max(size // 4, 3)), 3, fill=grey)
    return _pixels(image)


def noisy(pixels: Pixels, strength: int, rng: np.random.Generator) -> Pixels:
    """Gaussian noise of deviation 0.02, 0.05 or 0.1 of the grey range."""
    deviation = (0.02, 0.05, 0.1)[strength]
    return _at_8_bits((pixels + rng.normal(0, deviation, pixels.shape)).clip(0, 1))


def blurred(pixels: Pixels, strength: int, rng: np.random.Generator) -> Pixels:
    """A Gaussian of 0.3, 0.6 or 1.2 % of the longer side."""
    sigma = (0.003, 0.006, 0.012)[strength] * max(pixels.shape)
    return _pixels(_image(pixels).filter(ImageFilter.GaussianBlur(sigma)))


def bordered(pixels: Pixels, strength: int, rng: np.random.Generator) -> Pixels:
    """A black or white border of up to 4, 8 or 15 % on each of the four sides."""
    most = (0.04, 0.08, 0.15)[strength]
    height, width = pixels.shape
    rows = (rng.uniform(0, most, 2) * height).astype(int)
    columns = (rng.uniform(0, most, 2) * width).astype(int)
    grey = float(rng.choice([0.0, 1.0]))
    return np.pad(pixels, [tuple(rows), tuple(columns)], constant_values=grey)


def rotated(pixels: Pixels, strength: int, rng: np.random.Generator) -> Pixels:
    """Turned by 1, 2 or 4 degrees either way, black where nothing was."""
    angle = (1.0, 2.0, 4.0)[strength] * rng.choice([-1, 1])
    return _pixels(_image(pixels).rotate(float(angle), Image.Resampling.BILINEAR))


def mirrored(pixels: Pixels, strength: int, rng: np.random.Generator) -> Pixels:
    """Left and right changed over."""
    return np.ascontiguousarray(pixels[:, ::-1])


def inverted(pixels: Pixels, strength: int, rng: np.random.Generator) -> Pixels:
    """Black and white changed over."""
    return 1 - pixels


KINDS: dict[str, Edit] = {
    "re-compressed": recompressed,
    "resized": resized,
    "re-contrasted": recontrasted,
    "equalised": equalised,
    "locally equalised": locally_equalised,
    "cropped": cropped,
    "letters and arrows": lettered,
    "noise": noisy,
}
UNSEEN_KINDS: dict[str, Edit] = {"blur": blurred, "border": bordered, "turned": rotated}
OTHER_KINDS: dict[str, Edit] = {"mirrored": mirrored, "inverted": inverted}


def _image(pixels: Pixels) -> Image.Image:
    return Image.fromarray(np.rint(pixels * 255).astype(np.uint8))


def _pixels(image: Image.Image) -> Pixels:
    return np.asarray(image, dtype=np.float32) / 255


def _at_8_bits(pixels: NDArray[np.float64] | Pixels) -> Pixels:
    return (np.rint(pixels * 255) / 255).astype(np.float32)


def _sampling(rng: np.random.Generator) -> Image.Resampling:
    choices = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)
    return choices[rng.integers(len(choices))]


def _place(rng: np.random.Generator, width: int, height: int) -> tuple[float, float]:
    return float(rng.uniform(0.02, 0.9) * width), float(rng.uniform(0.02, 0.9) * height)
