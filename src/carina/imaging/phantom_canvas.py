"""Where the parts of a phantom are drawn: smooth outlines in the patient's units -> soft layers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Points = NDArray[np.float64]
Layer = NDArray[np.float32]

CENTRE_Y = 0.55
_TALL = 1.11
_FINER = 2
_STEPS = 8
# Catmull and Rom, A class of local interpolating splines (1974), tension 1/2.
_SPLINE = 0.5 * np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]])
_POWERS = (np.arange(_STEPS) / _STEPS)[:, None] ** np.arange(4)


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line, of one width and density or of some that change along it.

    Attributes:
        points: float64 `[n, 2]`, x and y.
        width: at the start, in the patient's units.
        value: how dense, in `[0, 1]`.
        end_width: at the end; None for a line that does not change.
        end_value: at the end, where there is an `end_width`.
    """

    points: Points
    width: float
    value: float = 1.0
    end_width: float | None = None
    end_value: float = 1.0


@dataclass(frozen=True, slots=True)
class Canvas:
    """A film's pixels, and how the patient stands before them.

    The patient's units: the width of a film that is 1.11 times as high as wide; x from the
    midline to the right of the picture, y downwards, (0, 0.55) in the middle of the film.

    Attributes:
        height, width: pixels of the film.
        scale: of the patient; 1 fits the film.
        angle: the patient's tilt, in radians.
        shift: of the patient to the right and down, in the patient's units.
    """

    height: int
    width: int
    scale: float = 1.0
    angle: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)

    @property
    def unit(self) -> float:
        """Pixels of one of the patient's units."""
        return min(self.width, self.height / _TALL) * self.scale

    def fill(self, outlines: Iterable[Points], *, soft: float = 0.0) -> Layer:
        """Return the inside of outlines, blurred, float32 `[height, width]` in `[0, 1]`."""
        finer = self._finer(soft)
        image, draw = self._blank(finer)
        for outline in outlines:
            draw.polygon(self._placed(outline, finer), fill=255)
        return self._layer(image, finer, soft)

    def stroke(self, strokes: Sequence[Stroke], *, soft: float = 0.0) -> Layer:
        """Return lines, the later over the earlier, float32 `[height, width]` in `[0, 1]`."""
        finer = self._finer(soft)
        image, draw = self._blank(finer)
        placed = self._placed(np.concatenate([stroke.points for stroke in strokes]), finer)
        start = 0
        for stroke in strokes:
            end = start + len(stroke.points)
            line = placed[start:end]
            start = end
            if stroke.end_width is None:
                width = max(round(stroke.width * self.unit * finer), 1)
                draw.line(line, fill=round(255 * stroke.value), width=width)
            else:
                _draw_tapered(draw, line, stroke, self.unit * finer)
        return self._layer(image, finer, soft)

    def coordinates(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return x `[1, width]` or `[height, width]` and y of every pixel, in patient's units."""
        u = (np.arange(self.width, dtype=np.float32)[None] + 0.5 - self.width / 2) / self.unit
        v = (np.arange(self.height, dtype=np.float32)[:, None] + 0.5 - self.height / 2) / self.unit
        u, v = u - np.float32(self.shift[0]), v - np.float32(self.shift[1])
        cos, sin = np.float32(np.cos(self.angle)), np.float32(np.sin(self.angle))
        return u * cos + v * sin, v * cos - u * sin + np.float32(CENTRE_Y)

    def _finer(self, soft: float) -> int:
        """Return how much finer than the film a layer is drawn; what is blurred needs no more."""
        return 1 if soft * self.unit >= 1 else _FINER

    def _placed(self, points: Points, finer: int) -> list[tuple[float, float]]:
        x, y = points[:, 0], points[:, 1] - CENTRE_Y
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        u = (x * cos - y * sin + self.shift[0]) * self.unit + self.width / 2
        v = (x * sin + y * cos + self.shift[1]) * self.unit + self.height / 2
        return list(zip((u * finer).tolist(), (v * finer).tolist(), strict=True))

    def _blank(self, finer: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
        image = Image.new("L", (self.width * finer, self.height * finer))
        return image, ImageDraw.Draw(image)

    def _layer(self, image: Image.Image, finer: int, soft: float) -> Layer:
        if finer > 1:
            image = image.reduce(finer)
        if soft > 0:
            # a box as wide as three deviations: near enough, and three times as quick
            image = image.filter(ImageFilter.BoxBlur(1.5 * soft * self.unit))
        return np.asarray(image, dtype=np.float32) / np.float32(255)


def closed(points: Sequence[tuple[float, float]]) -> Points:
    """Return a smooth closed outline through points, float64 `[8 n, 2]`."""
    knots = np.asarray(points, dtype=np.float64)
    return _spline(np.concatenate([knots[-1:], knots, knots[:2]]))


def open_line(points: Sequence[tuple[float, float]] | Points) -> Points:
    """Return a smooth line through points, float64 `[8 (n - 1) + 1, 2]`."""
    knots = np.asarray(points, dtype=np.float64)
    line = _spline(np.concatenate([knots[:1], knots, knots[-1:]]))
    return np.concatenate([line, knots[-1:]])


def oval(x: float, y: float, *, radii: tuple[float, float]) -> Points:
    """Return an ellipse, float64 `[32, 2]`."""
    turn = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    return np.stack([x + radii[0] * np.cos(turn), y + radii[1] * np.sin(turn)], axis=1)


def mirrored(points: Points, side: int) -> Points:
    """Return points drawn for the right of the picture on one side: 1 right, -1 left."""
    return np.asarray(points * np.array([side, 1.0]), dtype=np.float64)


def blurred(layer: Layer, radius_px: float) -> Layer:
    """Return a layer blurred widely: on a coarse grid, so that it costs little.

    Args:
        layer: float32 `[height, width]` of any range.
        radius_px: about the standard deviation, in pixels.
    """
    height, width = layer.shape
    step = max(radius_px / 1.5, 1.0)
    coarse = (max(round(width / step), 2), max(round(height / step), 2))
    small = Image.fromarray(layer).resize(coarse, Image.Resampling.BILINEAR)
    wide = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))
    return wide.clip(layer.min(), layer.max())


def clouds(rng: np.random.Generator, shape: tuple[int, int], *, cells: int) -> Layer:
    """Return a smooth random field, float32 `shape`, of mean 0 and deviation near 1."""
    rows = max(round(cells * shape[0] / shape[1]), 2)
    coarse = rng.standard_normal((rows, cells), dtype=np.float32)
    size = (shape[1], shape[0])
    fine = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
    return np.asarray(fine, dtype=np.float32) * np.float32(1.5)


def _draw_tapered(
    draw: ImageDraw.ImageDraw, line: list[tuple[float, float]], stroke: Stroke, unit: float
) -> None:
    """Draw a line piece by piece, each of its own width and density."""
    n = len(line) - 1
    end_width = stroke.width if stroke.end_width is None else stroke.end_width
    for i in range(n):
        share = i / max(n - 1, 1)
        width = max(round((stroke.width + (end_width - stroke.width) * share) * unit), 1)
        value = stroke.value + (stroke.end_value - stroke.value) * share
        draw.line(line[i : i + 2], fill=round(255 * value), width=width)


def _spline(knots: Points) -> Points:
    """Return the spline between all but the outermost knots."""
    windows = np.stack([knots[i : len(knots) - 3 + i] for i in range(4)])
    weights = _POWERS @ _SPLINE
    return np.asarray(np.einsum("sk,knd->nsd", weights, windows).reshape(-1, 2), dtype=np.float64)
