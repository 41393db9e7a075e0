"""The bones of a phantom: rib cage, clavicles, scapulae, spine and upper arms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from carina.imaging.phantom_canvas import (
    Canvas,
    Layer,
    Points,
    Stroke,
    closed,
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
        medial = [(0.03, dome + 0.005), (0.028, 0.6), (0.034, 0.40), (0.045, 0.29),
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
            [(0.03, dome + 0.03), (0.25 * a, dome + 0.006), (peak * a, dome - 0.008),
             (0.75 * a, dome + 0.012), (0.92 * a, dome + 0.045 + 0.4 * self.angle),
             (0.985 * a, dome + 0.075 + self.angle)]
        )  # fmt: skip


def bones(canvas: Canvas, cage: Ribcage, *, arm_angle: float) -> Layer:
    """Return the attenuation of all bones, float32 `[height, width]`."""
    posterior, anterior = _ribs(cage)
    layer = 0.17 * canvas.stroke(posterior, soft=0.0022)
    layer += 0.10 * canvas.stroke(anterior, soft=0.003)
    layer += 0.10 * canvas.stroke(_wall_lines(cage), soft=0.003)
    layer += 0.16 * canvas.stroke(_clavicles(cage), soft=0.0025)
    layer += 0.11 * canvas.stroke(_scapulae(cage), soft=0.003)
    layer += 0.22 * canvas.stroke(_arm_bones(arm_angle), soft=0.004)
    return np.asarray(layer + _spine(canvas), dtype=np.float32)


def _cortex(line: Points, width: float, *, value: float = 1.0, end: float = 1.0) -> list[Stroke]:
    """Return a bone whose rims are denser than its inside."""
    return [
        Stroke(line, width, None, value, value * end),
        Stroke(line, 0.62 * width, None, 0.62 * value, 0.62 * value * end),
    ]


def _ribs(cage: Ribcage) -> tuple[list[Stroke], list[Stroke]]:
    """Return the ribs' posterior and anterior halves, both sides."""
    posterior, anterior = [], []
    lowest = cage.base + 0.20
    wall = cage.wall(cage.base + 0.08)
    spacing = (cage.base - cage.top) * 0.094
    for number in range(12):
        start = cage.top + 0.012 + number * spacing
        drop = (0.055 + 0.0065 * number) * cage.slope
        side_y = min(start + drop, lowest)
        side_x = float(np.interp(side_y, wall[:, 1], wall[:, 0])) + 0.006
        rise = 0.018 if number < 8 else 0.006
        back = open_line(
            [(0.03, start + 0.004), (0.075, start - rise * 0.7),
             (0.45 * side_x + 0.03, start - rise + 0.18 * drop),
             (0.80 * side_x, start + 0.42 * drop), (0.965 * side_x, start + 0.78 * drop),
             (side_x, side_y + 0.012)]
        )  # fmt: skip
        width = 0.019 + 0.0045 * min(number, 4) / 4
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
    return [Stroke(mirrored(wall, side), 0.011) for side in _SIDES]


def _clavicles(cage: Ribcage) -> list[Stroke]:
    y = cage.top + 0.085
    line = open_line(
        [(0.028, y + 0.018), (0.075, y + 0.004), (0.15, y - 0.022), (0.24, y - 0.055),
         (0.33, y - 0.062), (0.40, y - 0.045)]
    )  # fmt: skip
    strokes = []
    for side in _SIDES:
        strokes += _cortex(mirrored(line, side), 0.027)
        strokes.append(Stroke(mirrored(line[:6], side), 0.034, 0.026, 0.9))
    return strokes


def _scapulae(cage: Ribcage) -> list[Stroke]:
    """Return the scapulae: medial and lateral border, spine, acromion, glenoid."""
    a = cage.half_width
    medial = open_line([(0.80 * a, 0.235), (0.84 * a, 0.32), (0.93 * a, 0.43), (1.0 * a, 0.505)])
    lateral = open_line([(1.0 * a, 0.505), (1.07 * a, 0.42), (0.405, 0.32), (0.402, 0.265)])
    spine = open_line([(0.82 * a, 0.255), (0.34, 0.225), (0.385, 0.185), (0.435, 0.172)])
    upper = open_line([(0.80 * a, 0.235), (0.33, 0.215), (0.375, 0.22), (0.40, 0.235)])
    strokes = []
    for side in _SIDES:
        strokes += [
            Stroke(mirrored(medial, side), 0.006, None, 0.7),
            Stroke(mirrored(upper, side), 0.006, None, 0.6),
            Stroke(mirrored(lateral, side), 0.014, None, 0.9),
            Stroke(mirrored(spine, side), 0.015, 0.024, 0.7),
        ]
    return strokes


def _arm_bones(arm_angle: float) -> list[Stroke]:
    strokes = []
    direction = np.array([np.sin(arm_angle), np.cos(arm_angle)])
    neck = np.array([0.432, 0.245])
    head = np.array([(0.428, 0.215), (0.430, 0.235)])
    shaft = np.stack([neck, neck + 0.06 * direction, neck + 0.9 * direction])
    for side in _SIDES:
        strokes += [
            Stroke(mirrored(shaft, side), 0.046, None, 0.9),
            Stroke(mirrored(shaft[1:], side), 0.022, None, 0.5),
            Stroke(mirrored(head, side), 0.07, None, 0.75),
        ]
    return strokes


def _spine(canvas: Canvas) -> Layer:
    """Return the vertebrae: bodies with end plates, pedicles, spinous processes."""
    bodies, plates, details = [], [], []
    y, height = -0.1, 0.036
    while y < 1.25:
        height += 0.0012
        half = 0.029 + 0.30 * (height - 0.036) + 0.004
        bodies.append(
            closed([(-half, y), (0, y + 0.002), (half, y), (half * 0.9, y + height / 2),
                    (half, y + height), (0, y + height), (-half, y + height),
                    (-half * 0.9, y + height / 2)])
        )  # fmt: skip
        plates += [
            Stroke(np.array([(-half, edge), (half, edge)]), 0.004)
            for edge in (y + 0.002, y + height - 0.002)
        ]
        details += [oval(x, y + 0.4 * height, radii=(0.006, 0.009)) for x in (-0.02, 0.02)]
        details.append(oval(0.0, y + 0.85 * height, radii=(0.005, 0.013)))
        y += height + 0.009
    layer = 0.13 * canvas.fill(bodies, soft=0.004) + 0.06 * canvas.stroke(plates, soft=0.003)
    return np.asarray(layer + 0.06 * canvas.fill(details, soft=0.003), dtype=np.float32)
