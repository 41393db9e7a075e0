"""Pictures of other body parts and views, drawn where none can be had.

No package ships a lateral chest film or a radiograph of a hand, a knee or a skull that may be used
here, so that these are drawings: outlines, bones and gas as ellipses and bars of about the right
size and density, blurred and with grain. They are coarser than real films, and what a gate does
with them says less than what it does with real pictures.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

SIDE = 320
_Y, _X = np.mgrid[0:SIDE, 0:SIDE] / SIDE
Picture = NDArray[np.float64]


def _ellipse(x: float, y: float, wide: float, high: float, angle: float = 0.0) -> Picture:
    """Return 1 inside an ellipse with a soft edge, 0 outside."""
    right, down = _X - x, _Y - y
    u = right * np.cos(angle) + down * np.sin(angle)
    v = -right * np.sin(angle) + down * np.cos(angle)
    radius = np.sqrt((u / wide) ** 2 + (v / high) ** 2)
    return 1 / (1 + np.exp(((radius - 1) * 30).clip(-50, 50)))


def _bone(x0: float, y0: float, x1: float, y1: float, wide: float) -> Picture:
    """Return a bar with round ends, brighter at its rims as a bone's cortex is."""
    along = np.array([x1 - x0, y1 - y0])
    length = float(np.hypot(*along)) or 1e-6
    share = (((_X - x0) * along[0] + (_Y - y0) * along[1]) / length**2).clip(0, 1)
    off = np.hypot(_X - x0 - share * along[0], _Y - y0 - share * along[1]) / wide
    return np.where(off < 1, 0.6 + 0.4 * off**2, 0.0)


def lateral_chest(rng: np.random.Generator) -> Picture:
    """Return a chest from the side: spine behind, heart in front and low, both lungs as one."""
    lean = rng.normal(0, 0.03)
    body = _ellipse(0.5, 0.55, rng.uniform(0.33, 0.42), 0.62, lean)
    lung = _ellipse(0.52 + lean, 0.47, rng.uniform(0.24, 0.3), rng.uniform(0.34, 0.4), lean)
    heart = _ellipse(0.38, rng.uniform(0.6, 0.68), rng.uniform(0.12, 0.18), 0.16, 0.5)
    dome = _ellipse(0.48, rng.uniform(0.98, 1.05), 0.36, 0.26)
    spine = _bone(0.68 + lean, 0.05, 0.74 - lean, 1.0, 0.06)
    discs = spine * (0.75 + 0.25 * np.sin(_Y * rng.uniform(55, 75)))
    arm = _ellipse(rng.uniform(0.35, 0.6), 0.02, 0.28, 0.12)
    sternum = _bone(0.2, 0.25, 0.16, 0.7, 0.015)
    return (
        0.75 * body - 0.5 * lung + 0.45 * heart + 0.5 * dome * body + 0.3 * discs + 0.35 * arm
        + 0.2 * sternum
    )  # fmt: skip


def hand(rng: np.random.Generator) -> Picture:
    """Return a hand from above."""
    picture = 0.35 * _ellipse(0.5, 0.66, 0.2, 0.22)
    for place in range(5):
        angle = np.deg2rad(-70 + 32 * place + rng.normal(0, 3))
        x, y = 0.5 + 0.16 * np.sin(angle), 0.62 - 0.18 * np.cos(angle)
        reach = 0.36 if 0 < place < 4 else 0.27
        tip = (x + reach * np.sin(angle), y - reach * np.cos(angle))
        picture = np.maximum(picture, 0.35 * (_bone(x, y, *tip, 0.045) > 0))
        for start, end in ((0.0, 0.42), (0.47, 0.74), (0.79, 0.98)):
            piece = [(x + s * (tip[0] - x), y + s * (tip[1] - y)) for s in (start, end)]
            picture += 0.5 * _bone(*piece[0], *piece[1], 0.017)
        picture += 0.4 * _bone(0.5 + 0.05 * (place - 2), 0.74, x, y, 0.02)
    return (
        picture + 0.4 * _bone(0.46, 0.82, 0.45, 1.0, 0.04) + 0.4 * _bone(0.55, 0.82, 0.56, 1, 0.03)
    )


def knee(rng: np.random.Generator) -> Picture:
    """Return a knee from the front."""
    bend = rng.normal(0, 0.03)
    gap = rng.uniform(0.47, 0.53)
    picture = 0.35 * _ellipse(0.5, 0.5, rng.uniform(0.27, 0.36), 0.9)
    picture += 0.5 * _bone(0.5 + bend, 0, 0.5, gap - 0.14, 0.08)
    picture += 0.5 * _ellipse(0.5, gap - 0.08, 0.17, 0.09)
    picture += 0.5 * _ellipse(0.5, gap + 0.07, 0.16, 0.06)
    return (
        picture
        + 0.5 * _bone(0.5, gap + 0.1, 0.5 - bend, 1, 0.07)
        + 0.3 * _bone(0.66, gap + 0.12, 0.66, 1, 0.025)
    )


def skull(rng: np.random.Generator) -> Picture:
    """Return a skull from the front."""
    high = rng.uniform(0.38, 0.44)
    outer = _ellipse(0.5, 0.44, 0.33, high)
    inner = _ellipse(0.5, 0.44, 0.3, high - 0.03)
    picture = 0.9 * outer - 0.4 * inner
    for side in (-1, 1):
        picture -= 0.25 * _ellipse(0.5 + side * 0.12, 0.55, 0.07, 0.06)
        picture += 0.3 * _ellipse(0.5 + side * 0.16, 0.72, 0.05, 0.14)
    return picture + 0.3 * _ellipse(0.5, 0.85, 0.17, 0.07) - 0.2 * _ellipse(0.5, 0.67, 0.04, 0.08)


def abdomen(rng: np.random.Generator) -> Picture:
    """Return an abdomen from the front: spine, pelvis and gas."""
    picture = 0.55 * _ellipse(0.5, 0.5, rng.uniform(0.42, 0.5), 0.75)
    picture += 0.25 * _bone(0.5, 0, 0.5, 0.75, 0.05) * (0.8 + 0.2 * np.sin(_Y * 60))
    for side in (-1, 1):
        picture += 0.25 * _ellipse(0.5 + side * 0.23, 0.82, 0.17, 0.12, side * 0.6)
        picture -= 0.2 * _ellipse(0.5 + side * 0.11, 0.95, 0.05, 0.05)
    for _ in range(int(rng.integers(3, 9))):
        picture -= rng.uniform(0.1, 0.25) * _ellipse(
            *rng.uniform(0.2, 0.75, 2), *rng.uniform(0.03, 0.1, 2), rng.uniform(0, 3)
        )
    return picture


def ct_of_the_chest(rng: np.random.Generator) -> Picture:
    """Return an axial slice through the chest, lung window."""
    wide, high = rng.uniform(0.38, 0.45), rng.uniform(0.26, 0.33)
    picture = 0.7 * _ellipse(0.5, 0.5, wide, high)
    for side in (-1, 1):
        picture -= 0.6 * _ellipse(0.5 + side * 0.19, 0.49, 0.14, 0.19, side * 0.2)
        for _ in range(12):
            x, y = 0.5 + side * rng.normal(0.19, 0.06), rng.normal(0.49, 0.08)
            picture += 0.3 * _ellipse(x, y, 0.008, 0.008)
    picture += 0.25 * _ellipse(0.45, 0.45, 0.1, 0.09)
    return picture + 0.3 * _ellipse(0.5, 0.72, 0.05, 0.05) - 0.3 * _ellipse(0.5, 0.72, 0.015, 0.015)


def head_slice(rng: np.random.Generator) -> Picture:
    """Return an axial slice through a head."""
    picture = 0.9 * _ellipse(0.5, 0.5, 0.33, 0.41) - 0.5 * _ellipse(0.5, 0.5, 0.29, 0.37)
    for side in (-1, 1):
        picture -= 0.2 * _ellipse(0.5 + side * 0.05, 0.47, 0.025, 0.1, side * 0.3)
    folds = np.sin(_X * rng.uniform(50, 90)) * np.sin(_Y * rng.uniform(50, 90))
    return picture + 0.06 * folds * _ellipse(0.5, 0.5, 0.28, 0.36)


DRAWN: dict[str, Callable[[np.random.Generator], Picture]] = {
    "lateral chest, drawn": lateral_chest,
    "hand, drawn": hand,
    "knee, drawn": knee,
    "skull, drawn": skull,
    "abdomen, drawn": abdomen,
    "CT of the chest, drawn": ct_of_the_chest,
    "slice of a head, drawn": head_slice,
}


def drawn(kind: str, number: int) -> Image.Image:
    """Return a drawing of a kind, with its own exposure, blur and grain."""
    rng = np.random.default_rng([17, sorted(DRAWN).index(kind), number])
    picture = DRAWN[kind](rng)
    soft = rng.standard_normal((8, 8))
    clouds = Image.fromarray(soft.astype(np.float32)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    picture = picture + rng.uniform(0.02, 0.06) * np.asarray(clouds) * (picture > 0.1)
    low, high = np.quantile(picture, [0.005, 0.995])
    grey = ((picture - low) / (high - low)).clip(0, 1) ** rng.uniform(0.7, 1.5)
    grey = (rng.uniform(0.85, 1.0) * grey + rng.normal(0, 0.02, grey.shape)).clip(0, 1)
    image = Image.fromarray((255 * grey).astype(np.uint8))
    return image.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 1.5)))
