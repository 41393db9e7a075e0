"""Drawing shapes given in body coordinates into float32 layers of a film."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Points = NDArray[np.float64]
Layer = NDArray[np.float32]

# Shapes are drawn at twice the film's size and averaged down, for smooth edges.
OVERSAMPLING = 2


@dataclass(frozen=True, slots=True)
class Pose:
    """How the patient stands before the detector.

    Attributes:
        rotation_rad: turn in the plane of the film.
        scale: size of the body on the film, about 1.
        shift_x: offset to the image's right, in film heights.
        shift_y: offset downwards, in film heights.
    """

    rotation_rad: float = 0.0
    scale: float = 1.0
    shift_x: float = 0.0
    shift_y: float = 0.0


@dataclass(frozen=True, slots=True)
class Canvas:
    """An empty film of a size, and the pose that maps the body onto it.

    Body coordinates are in film heights: x is 0 at the midline and grows to the image's
    right (the patient's left), y is 0 at the upper edge of the film and 1 at the lower.

    Attributes:
        height: rows of a layer.
        width: columns of a layer.
        pose: body coordinates -> film.
    """

    height: int
    width: int
    pose: Pose = Pose()

    def to_pixels(self, points: Points, *, oversampling: int = 1) -> Points:
        """Return float64 `[n, 2]` (x, y) film pixels of `[n, 2]` body coordinates."""
        cosine = np.cos(self.pose.rotation_rad) * self.pose.scale
        sine = np.sin(self.pose.rotation_rad) * self.pose.scale
        x, y = points[:, 0], points[:, 1] - 0.5
        on_film = np.stack(
            [cosine * x - sine * y + self.pose.shift_x, sine * x + cosine * y + self.pose.shift_y],
            axis=1,
        )
        centre = np.array([self.width / 2, self.height / 2])
        return np.asarray((on_film * self.height + centre) * oversampling, dtype=np.float64)

    def body_grid(self) -> tuple[Layer, Layer]:
        """Return the body coordinates (x, y) of every pixel's centre, float32 `[h, w]` each."""
        rows = (np.arange(self.height, dtype=np.float32) + 0.5 - self.height / 2) / self.height
        columns = (np.arange(self.width, dtype=np.float32) + 0.5 - self.width / 2) / self.height
        x = columns[None, :] - np.float32(self.pose.shift_x)
        y = rows[:, None] - np.float32(self.pose.shift_y)
        cosine = np.float32(np.cos(self.pose.rotation_rad) / self.pose.scale)
        sine = np.float32(np.sin(self.pose.rotation_rad) / self.pose.scale)
        return cosine * x + sine * y, cosine * y - sine * x + np.float32(0.5)

    def sheet(self) -> Sheet:
        """Return an empty sheet to draw on."""
        size = (self.width * OVERSAMPLING, self.height * OVERSAMPLING)
        return Sheet(self, Image.new("L", size))

    def fill(self, *outlines: Points) -> Layer:
        """Return a layer that is 1 inside the closed outlines and 0 outside."""
        sheet = self.sheet()
        for outline in outlines:
            sheet.polygon(outline)
        return sheet.layer()

    def soften(self, layer: Layer, sigma: float) -> Layer:
        """Return a layer in `[0, 1]` blurred by a Gaussian; `sigma` is in film heights."""
        radius = sigma * self.height * self.pose.scale
        shrink = max(1, int(radius / 4))
        image = Image.fromarray((layer * 255 + 0.5).astype(np.uint8))
        if shrink > 1:
            image = image.reduce(shrink)
        image = image.filter(ImageFilter.GaussianBlur(radius / shrink))
        if shrink > 1:
            return self.enlarge(np.asarray(image, dtype=np.float32)) / 255
        return np.asarray(image, dtype=np.float32) / 255

    def enlarge(self, coarse: Layer) -> Layer:
        """Return a coarse layer interpolated to the size of the film."""
        size = (self.width, self.height)
        smooth = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
        return np.asarray(smooth, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A layer while it is being drawn; a later shape covers an earlier one."""

    canvas: Canvas
    image: Image.Image

    def polygon(self, outline: Points, level: float = 1.0) -> None:
        """Fill a closed outline of body coordinates with a level in `[0, 1]`."""
        ImageDraw.Draw(self.image).polygon(self._pixels(outline), fill=round(level * 255))

    def line(self, points: Points, thickness: float, level: float = 1.0) -> None:
        """Draw a line through body coordinates; `thickness` is in film heights."""
        pixels = thickness * self.canvas.height * self.canvas.pose.scale * OVERSAMPLING
        ImageDraw.Draw(self.image).line(
            self._pixels(points),
            fill=round(level * 255),
            width=max(1, round(pixels)),
            joint="curve" if pixels > 4 else None,
        )

    def layer(self) -> Layer:
        """Return what was drawn: float32 `[h, w]` in `[0, 1]`."""
        return np.asarray(self.image.reduce(OVERSAMPLING), dtype=np.float32) / 255

    def _pixels(self, points: Points) -> list[tuple[float, float]]:
        pixels = self.canvas.to_pixels(points, oversampling=OVERSAMPLING)
        return [(float(x), float(y)) for x, y in pixels]


def smooth_outline(knots: Sequence[tuple[float, float]] | Points, *, closed: bool = True) -> Points:
    """Return a smooth curve through the knots: float64 `[n, 2]`.

    References:
        Catmull & Rom, Computer Aided Geometric Design (1974) 317-326 (uniform spline).
    """
    p = np.asarray(knots, dtype=np.float64)
    if closed:
        p = np.concatenate([p[-1:], p, p[:2]])
    else:
        p = np.concatenate([p[:1], p, p[-1:]])
    t = np.linspace(0, 1, 8, endpoint=False)[None, :, None]
    a, b, c, d = (p[i : len(p) - 3 + i, None, :] for i in range(4))
    curve = 0.5 * (
        2 * b
        + (c - a) * t
        + (2 * a - 5 * b + 4 * c - d) * t**2
        + (3 * b - a - 3 * c + d) * t**3
    )
    flat = curve.reshape(-1, 2)
    return flat if closed else np.concatenate([flat, p[-2:-1]])


def ellipse(centre: tuple[float, float], radii: tuple[float, float]) -> Points:
    """Return an ellipse's outline: float64 `[32, 2]`."""
    angle = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    return np.stack(
        [centre[0] + radii[0] * np.cos(angle), centre[1] + radii[1] * np.sin(angle)], axis=1
    )


def band(centre_line: Points, half_width: NDArray[np.float64] | float) -> tuple[Points, Points]:
    """Return the two edges of a band about a line: float64 `[n, 2]` each."""
    direction = np.gradient(centre_line, axis=0)
    length = np.hypot(direction[:, 0], direction[:, 1])[:, None]
    normal = np.stack([-direction[:, 1], direction[:, 0]], axis=1) / np.maximum(length, 1e-9)
    offset = normal * np.broadcast_to(half_width, len(centre_line))[:, None]
    return centre_line - offset, centre_line + offset
