"""The bones of a phantom: rib cage, clavicles, scapulae, spine and upper arms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from carina.imaging.phantom_canvas import (
    Canvas,
    Layer,
    Points,
    Stroke,
    mirrored,
    open_line,
    oval,
)

_SIDES = (-1, 1)


@dataclass(frozen=True, slots=True)
class Ribcage:
    """The sizes of a rib cage, and the outlines that follow from them.

    Attributes:
        half_width: from the midline to the widest place of a lung.
        top: height of the apices, y.
        base: height of the dome at the picture's left, y.
        base_difference: how much lower the other dome lies.
        slope: how steeply the ribs fall; 1 is the average.
        angle: how much deeper the costophrenic angles are.
    """

    half_width: float
    top: float
    base: float
    base_difference: float
    slope: float
    angle: float

    def lung(self, side: int) -> Points:
        """Return a lung as at the picture's right; `side` -1 has the higher dome."""
        dome = self.dome(side)
        wall = self.wall(dome + 0.075 + self.angle)
        top = self.top
        medial = [(-0.01, dome), (-0.01, 0.6), (-0.004, 0.42), (0.032, 0.30),
                  (0.062, top + 0.055), (0.095, top + 0.012)]  # fmt: skip
        return np.concatenate([open_line(medial), wall, self._dome_line(side)[::-1]])

    def wall(self, lowest: float) -> Points:
        """Return the inside of the chest wall at the picture's right, from the apex down."""
        a, top = self.half_width, self.top
        tall = lowest - top
        return open_line(
            [
                (0.125, top), (0.165, top + 0.012), (0.205 * a / 0.36, top + 0.045 * tall / 0.7),
                (0.70 * a, top + 0.11 * tall / 0.7), (0.83 * a, top + 0.21 * tall / 0.7),
                (0.93 * a, top + 0.34 * tall / 0.7), (0.985 * a, top + 0.48 * tall / 0.7),
                (1.0 * a, top + 0.60 * tall / 0.7), (0.985 * a, lowest),
            ]
        )  # fmt: skip

    def dome(self, side: int) -> float:
        """Return the height of a dome's top, y."""
        return self.base + (self.base_difference if side > 0 else 0.0)

    def below_dome(self, side: int) -> Points:
        """Return the abdomen below a dome, on its side of the picture."""
        a = self.half_width
        lower = np.array([(0.985 * a, 1.4), (0.0, 1.4)])
        return mirrored(np.concatenate([self._dome_line(side), lower]), side)

    def _dome_line(self, side: int) -> Points:
        """Return the diaphragm from the midline to the costophrenic angle."""
        a, dome = self.half_width, self.dome(side)
        peak = 0.47 if side < 0 else 0.55
        return open_line(
            [(-0.01, dome + 0.012), (0.25 * a, dome + 0.006), (peak * a, dome - 0.008),
             (0.75 * a, dome + 0.012), (0.92 * a, dome + 0.045 + 0.4 * self.angle),
             (0.985 * a, dome + 0.075 + self.angle)]
        )  # fmt: skip


def bones(canvas: Canvas, cage: Ribcage, *, arm_angle: float) -> Layer:
    """Return the attenuation of all bones, float32 `[height, width]`."""
    posterior, anterior = _ribs(cage)
    blades, borders = _scapulae(cage, arm_angle)
    heads, shafts = _arm_bones(arm_angle)
    layer = 0.18 * canvas.stroke(posterior, soft=0.0018)
    layer += 0.15 * canvas.stroke(anterior, soft=0.003)
    layer += 0.17 * canvas.stroke(borders + _wall_lines(cage), soft=0.003)
    layer += 0.24 * canvas.stroke(_clavicles(cage))
    layer += 0.06 * canvas.fill(blades + heads, soft=0.003)
    layer += 0.20 * canvas.stroke(shafts, soft=0.003)
    layer += 0.27 * canvas.stroke(_spine(), soft=0.0025)
    return layer


def _cortex(line: Points, width: float, *, value: float = 1.0, end: float = 1.0) -> list[Stroke]:
    """Return a bone whose rims are denser than its inside."""
    end_width = None if end == 1 else width
    inner = None if end == 1 else 0.64 * width
    return [
        Stroke(line, width, value, end_width, value * end),
        Stroke(line, 0.64 * width, 0.7 * value, inner, 0.7 * value * end),
    ]


def _ribs(cage: Ribcage) -> tuple[list[Stroke], list[Stroke]]:
    """Return the ribs' posterior and anterior halves, both sides."""
    posterior, anterior = [], []
    wall = cage.wall(cage.base + 0.08)
    spacing = (cage.base - cage.top) * 0.094
    for number in range(11):
        start = cage.top + 0.012 + number * spacing
        drop = (0.055 + 0.0065 * number) * cage.slope
        side_y = start + drop
        side_x = float(np.interp(side_y, wall[:, 1], wall[:, 0])) + 0.006
        rise = 0.018 if number < 8 else 0.006
        back = open_line(
            [(0.03, start + 0.004), (0.075, start - rise * 0.7),
             (0.45 * side_x + 0.03, start - rise + 0.18 * drop),
             (0.80 * side_x, start + 0.42 * drop), (0.965 * side_x, start + 0.78 * drop),
             (side_x, side_y + 0.012)]
        )  # fmt: skip
        width = 0.021 + 0.006 * min(number, 4) / 4
        fall = (0.055 + 0.010 * number) * cage.slope
        reach = 0.10 + 0.012 * max(number - 3, 0)
        front = open_line(
            [(side_x, side_y + 0.008), (0.95 * side_x, side_y + 0.42 * fall),
             (0.78 * side_x, side_y + 0.84 * fall), (0.55 * side_x + 0.03, side_y + 1.02 * fall),
             (reach, side_y + 0.98 * fall)]
        )  # fmt: skip
        for side in _SIDES:
            posterior += _cortex(mirrored(back, side), width)
            if number < 9:
                anterior += _cortex(mirrored(front, side), width * 1.15, end=0.35)
    return posterior, anterior


def _wall_lines(cage: Ribcage) -> list[Stroke]:
    """Return the rim where the ribs turn forward."""
    wall = cage.wall(cage.base + 0.12)[16:] + np.array([0.005, 0.0])
    return [Stroke(mirrored(wall, side), 0.011, 0.65) for side in _SIDES]


def _clavicles(cage: Ribcage) -> list[Stroke]:
    y = cage.top + 0.085
    line = open_line(
        [(0.028, y + 0.018), (0.075, y + 0.004), (0.15, y - 0.022), (0.24, y - 0.055),
         (0.33, y - 0.062), (0.40, y - 0.045)]
    )  # fmt: skip
    strokes = []
    for side in _SIDES:
        strokes += _cortex(mirrored(line, side), 0.027, end=0.45)
        strokes.append(Stroke(mirrored(line[:7], side), 0.034, 0.9, 0.027, 0.8))
    return strokes


def _scapulae(cage: Ribcage, arm_angle: float) -> tuple[list[Points], list[Stroke]]:
    """Return the scapulae's blades, and their borders, spines and acromia.

    The further the arms are from the trunk, the further the blades swing outwards.
    """
    a, out = cage.half_width, 0.06 * (arm_angle - 0.3)
    tip = (1.0 * a + 2 * out, 0.50)
    medial = open_line(
        [(0.79 * a + out, 0.225), (0.81 * a + out, 0.30), (0.89 * a + 1.5 * out, 0.42), tip]
    )
    lateral = open_line(
        [tip, (1.045 * a + 2 * out, 0.475), (1.06 * a + out, 0.40), (0.395, 0.31), (0.398, 0.262)]
    )
    upper = open_line([(0.398, 0.24), (0.372, 0.228), (0.335, 0.235), (0.79 * a + out, 0.225)])
    spine = open_line([(0.82 * a + out, 0.262), (0.345, 0.228), (0.388, 0.190), (0.43, 0.176)])
    blade = np.concatenate([medial, lateral, upper])
    blades, strokes = [], []
    for side in _SIDES:
        blades.append(mirrored(blade, side))
        strokes += [
            Stroke(mirrored(medial, side), 0.004, 0.45),
            Stroke(mirrored(upper, side), 0.006, 0.4),
            Stroke(mirrored(lateral, side), 0.011, 0.8, 0.014, 1.0),
            Stroke(mirrored(spine, side), 0.010, 0.45, 0.024, 0.8),
        ]
    return blades, strokes


def _arm_bones(arm_angle: float) -> tuple[list[Points], list[Stroke]]:
    """Return the heads of the upper arm bones, and their shafts."""
    direction = np.array([np.sin(arm_angle), np.cos(arm_angle)])
    neck = np.array([0.436, 0.235])
    shaft = np.stack([neck, neck + 0.07 * direction, neck + 0.9 * direction])
    heads, strokes = [], []
    for side in _SIDES:
        heads.append(oval(side * 0.428, 0.228, radii=(0.031, 0.035)))
        strokes += [
            Stroke(mirrored(shaft, side), 0.042, 0.9),
            Stroke(mirrored(shaft[:2], side), 0.055, 0.9, 0.042, 0.9),
            Stroke(mirrored(shaft[1:], side), 0.022, 0.5),
        ]
    return heads, strokes


def _spine() -> list[Stroke]:
    """Return the vertebrae: bodies with end plates, pedicles, spinous processes."""
    strokes = []
    y, height = -0.1, 0.036
    while y < 1.25:
        height += 0.0012
        half = 0.033 + 0.30 * (height - 0.036)
        low = y + height
        strokes.append(Stroke(np.array([(0, y), (0, low)]), 1.88 * half, 0.55))
        for edge in (y + 0.002, low - 0.002):
            strokes.append(Stroke(np.array([(-half, edge), (half, edge)]), 0.005, 0.9))
        for x, top, bottom, width in (
            (-0.02, 0.2, 0.6, 0.011), (0.02, 0.2, 0.6, 0.011), (0.0, 0.55, 1.15, 0.009),
        ):  # fmt: skip
            line = np.array([(x, y + top * height), (x, y + bottom * height)])
            strokes.append(Stroke(line, width, 1.0))
        y += height + 0.009
    return strokes
