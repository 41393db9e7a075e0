"""The patient of a phantom: drawn sizes, and the attenuation that they cast on the film.

Lengths are in the patient's units (`phantom_canvas.Canvas`); "left" and "right" are those of
the picture. Attenuation is in units of the thickest soft tissue of an average chest. The
anatomy follows textbook proportions by eye; it is meant to look right, not to be measured.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from carina.imaging.phantom_bones import Ribcage, bones
from carina.imaging.phantom_canvas import (
    Canvas,
    Layer,
    Points,
    Stroke,
    blurred,
    closed,
    clouds,
    mirrored,
    open_line,
    oval,
)

LEFT, RIGHT = -1, 1
# Directions in which the vessels leave a hilum, from upwards to downwards, in radians.
_LEANS = (-1.2, -0.85, -0.4, 0.1, 0.5, 0.8, 1.05, 1.3)
_THINNEST = 0.0032


@dataclass(frozen=True, slots=True)
class Patient:
    """How one patient is built.

    Attributes:
        cage: the rib cage.
        heart: size of the heart; 1 is a cardiothoracic ratio near 0.46.
        fat: how thick the soft tissue of the wall is, in `[0, 1]`.
        breasts: density of the breasts' shadow; 0 for none.
        aorta: how far the aortic knob stands out, in `[0, 1]`.
        arm_angle: of the upper arms from the trunk, in radians.
        air: how dark the lungs are.
        bone: how dense the bones are.
        stomach: x and depth below the dome of the gastric bubble, and its size; 0 for none.
        turn: how far the heart and the trachea lie from the spine's middle.
        tracheal_x: where the trachea runs.
        vessels: how marked the vessels are.
    """

    cage: Ribcage
    heart: float
    fat: float
    breasts: float
    aorta: float
    arm_angle: float
    air: float
    bone: float
    stomach: tuple[float, float, float]
    turn: float
    tracheal_x: float
    vessels: float


@dataclass(frozen=True, slots=True, eq=False)
class Chest:
    """What a patient casts on the film.

    Attributes:
        attenuation: float32 `[height, width]`, 0 beside the body.
        lungs: float32 `[height, width]` in `[0, 1]`, how much lung is free of the heart.
        sides: the same of the picture's left and right lung alone.
    """

    attenuation: Layer
    lungs: Layer
    sides: tuple[Layer, Layer]


def draw_patient(rng: np.random.Generator) -> Patient:
    """Return a patient drawn at random."""
    return Patient(
        cage=Ribcage(
            half_width=rng.uniform(0.335, 0.39),
            top=rng.uniform(0.13, 0.18),
            base=rng.uniform(0.76, 0.87),
            base_difference=rng.uniform(0.015, 0.04),
            slope=rng.uniform(0.75, 1.25),
            angle=rng.uniform(0.0, 0.05),
        ),
        heart=rng.uniform(0.92, 1.24),
        fat=rng.uniform(0.0, 1.0) ** 1.5,
        breasts=max(rng.uniform(-0.2, 0.2), 0.0),
        aorta=rng.uniform(0.0, 1.0),
        arm_angle=rng.uniform(0.12, 0.6),
        air=rng.uniform(0.68, 0.8),
        bone=rng.uniform(0.75, 1.2),
        stomach=(rng.uniform(0.12, 0.2), rng.uniform(0.04, 0.07), max(rng.uniform(-0.4, 1), 0.0)),
        turn=rng.normal(0, 0.008),
        tracheal_x=rng.uniform(-0.016, 0.006),
        vessels=rng.uniform(0.7, 1.3),
    )


def chest(canvas: Canvas, patient: Patient, rng: np.random.Generator) -> Chest:
    """Return what a patient casts on the film; `rng` draws the vessels' branches."""
    cage = patient.cage
    outlines = [mirrored(cage.lung(side), side) for side in (LEFT, RIGHT)]
    lungs = canvas.fill(outlines, soft=0.0025)
    depth = 0.66 + 0.34 * blurred(lungs, 0.05 * canvas.unit)
    body = _body(canvas, patient)
    heart = canvas.fill([_heart(patient) + np.array([patient.turn, 0.0])], soft=0.003)
    middle = canvas.fill([_mediastinum(patient)], soft=0.006)
    x, y = canvas.coordinates()
    abdomen = canvas.fill([cage.below_dome(LEFT), cage.below_dome(RIGHT)], soft=0.003)
    column = middle * (0.10 + 0.12 * _rising(y, 0.3, 0.05))
    inside = heart * (0.30 + 0.24 * blurred(heart, 0.05 * canvas.unit))
    centre = inside * _rising(y, 0.5 * cage.top + 0.25, 0.02) * (1 - 0.9 * abdomen) + column
    body = body * (1 + _unevenness(canvas, rng))
    near_spine = np.exp(-((x / 0.032) ** 2)) * np.maximum(abdomen, 0.55)
    air = patient.air * lungs * depth * (1 - near_spine)
    attenuation = body * (1 - air) + centre * np.minimum(body, 1)
    attenuation += _vessels(canvas, patient, rng) * air * (0.5 - 0.3 * heart)
    attenuation += _breasts(canvas, patient) + _abdomen(canvas, patient, rng)
    attenuation -= _airways(canvas, patient)
    attenuation += patient.bone * bones(canvas, cage, arm_angle=patient.arm_angle)
    free = 1 - np.maximum(heart, middle)
    seen = np.asarray(lungs * free, dtype=np.float32)
    return Chest(
        attenuation=np.asarray(np.maximum(attenuation, 0), dtype=np.float32),
        lungs=seen,
        sides=(seen * (x < 0), seen * (x >= 0)),
    )


def _rising(y: Layer, at: float, over: float) -> Layer:
    """Return a step from 0 to 1, softened over a length."""
    return np.asarray(0.5 + 0.5 * np.tanh((y - at) / over), dtype=np.float32)


def _unevenness(canvas: Canvas, rng: np.random.Generator) -> Layer:
    """Return how much thicker or thinner than even the soft tissue is."""
    shape = (canvas.height, canvas.width)
    return 0.03 * clouds(rng, shape, cells=6) + 0.018 * clouds(rng, shape, cells=22)


def _body(canvas: Canvas, patient: Patient) -> Layer:
    """Return the soft tissue of trunk, neck and arms, thinner towards its outline."""
    cage, fat = patient.cage, patient.fat
    flank = cage.half_width + 0.035 + 0.075 * fat
    neck = 0.078 + 0.03 * fat
    half = [
        (neck, -0.3), (neck, -0.02), (neck + 0.012, 0.055), (neck + 0.09, 0.105),
        (0.31, 0.135 - 0.02 * fat), (0.40, 0.165 - 0.02 * fat), (0.452 + 0.03 * fat, 0.23),
        (0.455 + 0.03 * fat, 0.31), (max(0.42, flank + 0.01), 0.40), (flank + 0.005, 0.52),
        (flank - 0.01, 0.68), (flank - 0.012, 0.85), (flank, 1.05), (flank + 0.02, 1.4),
    ]  # fmt: skip
    outline = closed(half + [(-x, y) for x, y in reversed(half)])
    trunk = canvas.fill([outline], soft=0.003)
    arms = canvas.fill([mirrored(_arm(patient), LEFT), mirrored(_arm(patient), RIGHT)], soft=0.006)
    x, y = canvas.coordinates()
    inner = blurred(np.maximum(trunk, 0.6 * arms), 0.055 * canvas.unit)
    across = np.clip(x / (cage.half_width + 0.14), -1, 1) ** 2
    depth = (0.28 + 0.72 * inner**1.8) * (1 - 0.38 * across) * (1 + 0.18 * fat)
    depth = depth * (0.86 + 0.22 * _rising(y, cage.base, 0.12))
    return np.asarray(np.maximum(trunk * depth, arms * (0.30 + 0.3 * inner)), dtype=np.float32)


def _arm(patient: Patient) -> Points:
    """Return the upper arm at the picture's right, from the shoulder down."""
    cos, sin = np.cos(patient.arm_angle), np.sin(patient.arm_angle)
    half = 0.058 + 0.022 * patient.fat
    shape = np.array(
        [(-0.05, -0.05), (half * 0.9, -0.03), (half, 0.1), (half * 0.92, 0.9), (-half, 0.9),
         (-half, 0.16)]
    )  # fmt: skip
    turned = shape @ np.array([[cos, -sin], [sin, cos]])
    return closed([(0.425 + x, 0.225 + y) for x, y in turned])


def _heart(patient: Patient) -> Points:
    """Return the heart with the great vessels: right atrium at the left, apex at the right."""
    size, base = patient.heart, patient.cage.base
    wide = patient.cage.half_width / 0.36 * size
    knob = 0.066 + 0.02 * patient.aorta
    top = 0.5 * patient.cage.top + 0.2
    return closed(
        [
            (-0.045, top), (-0.052, top + 0.10), (-0.055, 0.46), (-0.078 * wide, 0.54),
            (-0.100 * wide, 0.64), (-0.096 * wide, 0.73), (-0.075 * wide, base - 0.01),
            (-0.02, base + 0.06), (0.10 * wide, base + 0.06), (0.178 * wide, base + 0.012),
            (0.190 * wide, base - 0.045), (0.168 * wide, 0.645), (0.125 * wide, 0.55),
            (0.083, 0.47), (0.067, 0.43), (knob + 0.006, 0.395), (knob, 0.355),
            (0.048, 0.325), (0.042, top),
        ]
    )  # fmt: skip


def _mediastinum(patient: Patient) -> Points:
    """Return what lies before and behind the heart, from neck to abdomen."""
    x = 0.045 + 0.012 * patient.fat
    return closed([(-x, -0.2), (-x, 0.3), (-x, 0.8), (-x, 1.4), (x, 1.4), (x, 0.8), (x, 0.3),
                   (x, -0.2)])  # fmt: skip


def _breasts(canvas: Canvas, patient: Patient) -> Layer | float:
    if patient.breasts == 0:
        return 0.0
    y = patient.cage.base - 0.13
    radii = (0.14 + 0.03 * patient.fat, 0.15 + 0.03 * patient.fat)
    place = 0.62 * patient.cage.half_width + 0.03
    outlines = [oval(side * place, y, radii=radii) for side in (LEFT, RIGHT)]
    layer = canvas.fill(outlines, soft=0.006)
    downwards = np.clip((canvas.coordinates()[1] - y) / radii[1] + 0.75, 0, 1.6)
    return np.asarray(patient.breasts * layer * downwards, dtype=np.float32)


def _abdomen(canvas: Canvas, patient: Patient, rng: np.random.Generator) -> Layer:
    """Return the liver, less the gas in stomach and bowel."""
    cage = patient.cage
    liver = canvas.fill([cage.below_dome(LEFT)], soft=0.02)
    x, depth, size = patient.stomach
    fluid = rng.uniform(0.03, 0.12)
    parts = rng.uniform(-1, 1, (3, 4)) * [0.035, 0.012, 0.01, 0.006]
    if size == 0:
        return np.asarray(0.12 * liver, dtype=np.float32)
    y = cage.dome(RIGHT) + depth
    bubbles = []
    for dx, dy, wider, higher in parts:
        radii = (0.022 + 0.035 * size + wider, 0.016 + 0.022 * size + higher)
        bubbles.append(np.minimum(oval(x + dx, y + dy, radii=radii), [np.inf, y + fluid * size]))
    return np.asarray(0.12 * liver - 0.26 * canvas.fill(bubbles, soft=0.004), dtype=np.float32)


def _airways(canvas: Canvas, patient: Patient) -> Layer:
    """Return the air of trachea and main bronchi."""
    x, carina = patient.tracheal_x + patient.turn, 0.385
    windpipe = open_line([(0.002, -0.2), (0.6 * x, 0.1), (x, 0.27), (x, carina)])
    strokes = [
        Stroke(windpipe, 0.036),
        Stroke(open_line([(x, carina - 0.01), (-0.04, 0.42), (-0.075, 0.46)]), 0.022),
        Stroke(open_line([(x, carina - 0.01), (0.04, 0.425), (0.085, 0.455)]), 0.019),
    ]
    return 0.20 * canvas.stroke(strokes, soft=0.005)


def _vessels(canvas: Canvas, patient: Patient, rng: np.random.Generator) -> Layer:
    """Return the branching vessels and the hila."""
    strokes: list[Stroke] = []
    for side, hilum in ((LEFT, (-0.075, 0.475)), (RIGHT, (0.08, 0.45))):
        outwards = 0.0 if side == RIGHT else np.pi
        for mean_lean in _LEANS:
            lean = mean_lean + rng.uniform(-0.18, 0.18)
            start = (hilum[0] + side * rng.uniform(0, 0.02), hilum[1] + 0.035 * lean)
            width = rng.uniform(0.011, 0.016)
            strokes += _branches(start, outwards + side * lean, width, rng)
    fine = canvas.stroke(strokes, soft=0.0015)
    hila = [oval(-0.08, 0.48, radii=(0.026, 0.055)), oval(0.088, 0.455, radii=(0.026, 0.045))]
    soft = canvas.fill(hila, soft=0.012)
    return np.asarray(patient.vessels * (0.85 * fine + 0.6 * soft), dtype=np.float32)


def _branches(
    start: tuple[float, float], angle: float, width: float, rng: np.random.Generator
) -> list[Stroke]:
    """Return one vessel and what it branches into, down to the thinnest."""
    if width < _THINNEST:
        return []
    first, bend, spread, thick, thin, longer = rng.uniform(0, 1, 6).tolist()
    length = 0.02 + 2.6 * width + 0.03 * longer
    points = [start]
    for turn in (0.5 * (first - 0.5), 0.5 * (first - 0.5) + 0.6 * (bend - 0.5)):
        x, y = points[-1]
        half = 0.5 * length
        points.append((x + half * math.cos(angle + turn), y + half * math.sin(angle + turn)))
    onwards = angle + 0.5 * (first - 0.5) + 0.6 * (bend - 0.5)
    strokes = [Stroke(np.array(points), width, min(0.22 + 0.6 * width / 0.014, 1.0))]
    side = 1 if spread > 0.5 else -1
    strokes += _branches(points[2], onwards - side * 0.2, width * (0.7 + 0.14 * thick), rng)
    strokes += _branches(points[2], onwards + side * 0.55, width * (0.42 + 0.2 * thin), rng)
    return strokes
