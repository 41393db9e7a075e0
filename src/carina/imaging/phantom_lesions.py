"""What a phantom's lungs may show: one lobar consolidation, or ground glass on both sides."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from carina.imaging.phantom_anatomy import Chest
from carina.imaging.phantom_bones import Ribcage
from carina.imaging.phantom_canvas import Canvas, Layer, Stroke, clouds, open_line


def draw_lesions(
    finding: str, canvas: Canvas, cage: Ribcage, chest: Chest, *, rng: np.random.Generator
) -> Layer:
    """Return the attenuation of a finding's lesions, float32 `[height, width]`.

    Args:
        finding: "pneumonia", "covid" or "normal", which has none.
        canvas, cage, chest: of the patient.
        rng: draws where they lie, how large and how dense they are.
    """
    if finding == "pneumonia":
        return consolidation(canvas, cage, chest, rng)
    if finding == "covid":
        return ground_glass(canvas, cage, chest, rng)
    return np.zeros((canvas.height, canvas.width), dtype=np.float32)


def consolidation(canvas: Canvas, cage: Ribcage, chest: Chest, rng: np.random.Generator) -> Layer:
    """Return the attenuation of one lobe's pneumonia: dense, soft-edged, some with air bronchi."""
    side = int(rng.choice([-1, 1]))
    tall = cage.dome(side) - cage.top
    x = side * cage.half_width * rng.uniform(0.45, 0.68)
    y = cage.top + tall * rng.choice([0.24, 0.55, 0.80]) + rng.uniform(-0.04, 0.04)
    radii = (rng.uniform(0.115, 0.165), rng.uniform(0.105, 0.165))
    patch = _patch(canvas, (x, y), radii=radii, rng=rng, ragged=0.35)
    layer = rng.uniform(0.55, 0.95) * patch * chest.sides[side > 0]
    if rng.random() < 0.5:
        layer = layer * (1 - 0.5 * _bronchogram(canvas, side, (x, y), rng))
    return np.asarray(layer, dtype=np.float32)


def ground_glass(canvas: Canvas, cage: Ribcage, chest: Chest, rng: np.random.Generator) -> Layer:
    """Return the attenuation of faint patches in both lungs, at the wall and low."""
    layer = np.zeros((canvas.height, canvas.width), dtype=np.float32)
    strength = rng.uniform(0.40, 0.62)
    for side in (-1, 1):
        tall = cage.dome(side) - cage.top
        for number in range(int(rng.integers(3, 7))):
            share = rng.uniform(0.62, 0.92) if number < 3 else rng.uniform(0.35, 0.8)
            x = side * cage.half_width * rng.uniform(0.68, 0.92)
            radii = (rng.uniform(0.05, 0.085), rng.uniform(0.055, 0.10))
            place = (x, cage.top + tall * share)
            patch = _patch(canvas, place, radii=radii, rng=rng, ragged=0.4)
            layer = np.maximum(layer, rng.uniform(0.75, 1.1) * patch)
    fine = 1 + 0.10 * clouds(rng, layer.shape, cells=90)
    return np.asarray(strength * layer * fine.clip(0.5, 1.5) * chest.lungs, dtype=np.float32)


def lesion_mask(layer: Layer) -> NDArray[np.bool_]:
    """Return where lesions are dense enough to be seen: a quarter of their highest density."""
    highest = float(layer.max())
    return layer > highest / 4 if highest > 0 else np.zeros(layer.shape, dtype=np.bool_)


def _patch(
    canvas: Canvas,
    place: tuple[float, float],
    *,
    radii: tuple[float, float],
    rng: np.random.Generator,
    ragged: float,
) -> Layer:
    """Return a soft blot with an uneven edge, float32 in `[0, 1]`."""
    x, y = canvas.coordinates()
    tilt = rng.uniform(-0.6, 0.6)
    cos, sin = math.cos(tilt), math.sin(tilt)
    dx, dy = x - place[0], y - place[1]
    along, across = (dx * cos + dy * sin) / radii[0], (dy * cos - dx * sin) / radii[1]
    away = np.sqrt(along**2 + across**2) + ragged * 0.4 * clouds(rng, x.shape, cells=16)
    share = np.clip((1.45 - away) / 1.0, 0, 1)
    return np.asarray(share * share * (3 - 2 * share), dtype=np.float32)


def _bronchogram(
    canvas: Canvas, side: int, place: tuple[float, float], rng: np.random.Generator
) -> Layer:
    """Return bronchi that run from the hilum through a place."""
    hilum = np.array([side * 0.08, 0.46])
    strokes = []
    for turn in (-0.35, 0.0, 0.35):
        reach = 1.25 * (np.array(place) - hilum)
        angle = turn + rng.uniform(-0.1, 0.1)
        turned = reach @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        line = open_line(np.stack([hilum, hilum + 0.55 * reach, hilum + turned]))
        strokes.append(Stroke(line, 0.008))
    return canvas.stroke(strokes, soft=0.003)
