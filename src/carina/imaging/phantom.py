"""Synthetic frontal chest films with known lungs and lesions, to try everything without data.

A film is composed in attenuation (thickness times density, which add up along a ray) and
turned into grey by a film curve, so that what overlaps looks as on a film. Anatomy, position,
exposure, noise and frame are drawn first and alike for every finding, the lesions last: two
films from one generator's state differ in their lesions and in nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from carina.domain.progress import Progress, Step, silent
from carina.errors import UnknownNameError
from carina.files.atomic import write_bytes
from carina.imaging.phantom_anatomy import Chest, chest, draw_patient
from carina.imaging.phantom_canvas import Canvas, Layer, blurred, clouds
from carina.imaging.phantom_lesions import draw_lesions, lesion_mask
from carina.imaging.pictures import pixels_png
from carina.registry import unknown_name_sentence

PHANTOM_FINDINGS = ("normal", "pneumonia", "covid")
PHANTOM_CLASSES = {"Normal": "normal", "Pneumonia": "pneumonia", "COVID-19": "covid"}
_SMALLEST_SIDE_PX = 32
_BEAM = 2.1


@dataclass(frozen=True, slots=True, eq=False)
class Phantom:
    """One synthetic film, with what is true of it.

    Attributes:
        pixels: float32 `[height, width]` in `[0, 1]`; 0 is black.
        lung_mask: bool `[height, width]`; the lungs beside heart and spine.
        lesion_mask: bool `[height, width]`; where a lesion is dense enough to be seen.
        finding: one of `PHANTOM_FINDINGS`.
    """

    pixels: NDArray[np.float32]
    lung_mask: NDArray[np.bool_]
    lesion_mask: NDArray[np.bool_]
    finding: str


@dataclass(frozen=True, slots=True)
class Exposure:
    """How a film was taken and developed.

    Attributes:
        lung_grey: grey of the lungs, in `[0, 1]`.
        dense_grey: grey of heart and spine.
        scatter: scattered over direct radiation.
        noise: deviation of the quantum noise behind soft tissue.
        border: black margin at left, top, right, bottom, in shares of the side.
        marker: "R", "L" or "".
        marker_place: x and y in shares of the film.
        marker_height: in shares of the film's width.
        fog: grey of unattenuated beam.
    """

    lung_grey: float
    dense_grey: float
    scatter: float
    noise: float
    border: tuple[float, float, float, float]
    marker: str
    marker_place: tuple[float, float]
    marker_height: float
    fog: float


def make_phantom(
    finding: str, *, rng: np.random.Generator, height: int = 320, width: int = 288
) -> Phantom:
    """Return one synthetic film.

    Args:
        finding: one of `PHANTOM_FINDINGS`: "normal", "pneumonia" (one lobe consolidated) or
            "covid" (faint patches in both lungs, at the wall and low).
        rng: draws the patient, the exposure and then the lesions.
        height, width: pixels, 32 at least.

    Raises:
        UnknownNameError: if there is no such finding.
        ValueError: if a side is under 32 pixels.

    >>> phantom = make_phantom("normal", rng=np.random.default_rng(1), height=64, width=64)
    >>> phantom.pixels.shape, bool(phantom.lesion_mask.any())
    ((64, 64), False)
    """
    if finding not in PHANTOM_FINDINGS:
        raise UnknownNameError(unknown_name_sentence("finding", finding, PHANTOM_FINDINGS))
    if min(height, width) < _SMALLEST_SIDE_PX:
        raise ValueError(f"a phantom of {width} x {height} pixels; 32 a side are the least")
    canvas = _draw_position(rng, height, width)
    patient = draw_patient(rng)
    exposure = draw_exposure(rng)
    cast = chest(canvas, patient, rng)
    noise = _noise(rng, canvas)
    lesions = draw_lesions(finding, canvas, patient.cage, cast, rng=rng)
    frame = _frame(canvas, exposure)
    seen = frame > 0.5
    pixels = _developed(canvas, cast, lesions, exposure=exposure, noise=noise)
    pixels = _marked(pixels * frame + 0.03 * (1 - frame), exposure)
    return Phantom(
        pixels=pixels.clip(0, 1).astype(np.float32),
        lung_mask=(cast.lungs > 0.5) & seen,
        lesion_mask=lesion_mask(lesions) & (cast.lungs > 0.5) & seen,
        finding=finding,
    )


def draw_exposure(rng: np.random.Generator) -> Exposure:
    """Return how a film was taken, drawn at random."""
    border = rng.uniform(-0.06, 0.035, 4).clip(0)
    at_left = rng.random() < 0.6
    return Exposure(
        lung_grey=rng.uniform(0.18, 0.26),
        dense_grey=rng.uniform(0.83, 0.95),
        scatter=rng.uniform(0.08, 0.3),
        noise=rng.uniform(0.004, 0.012),
        border=(float(border[0]), float(border[1]), float(border[2]), float(border[3])),
        marker=("R" if at_left else "L") if rng.random() < 0.6 else "",
        marker_place=(
            (0.09 if at_left else 0.91) + rng.uniform(-0.03, 0.03),
            rng.uniform(0.05, 0.14),
        ),
        marker_height=rng.uniform(0.045, 0.065),
        fog=rng.uniform(0.02, 0.08),
    )


def write_phantoms(
    folder: Path,
    *,
    counts: Mapping[str, Mapping[str, int]],
    seed: int,
    lung_masks: bool = False,
    progress: Progress = silent,
) -> None:
    """Write films as 8-bit grey PNG: `folder/PART/CLASS/phantom-0001.png`.

    Every film has a generator of its own, from seed, part, class and number: no film depends
    on how many others are written, and no two show the same patient.

    Args:
        folder: made if absent.
        counts: films by part ("train", ...) and class ("Normal", "Pneumonia", "COVID-19").
        seed: 0 or more.
        lung_masks: whether each film's lungs are written too, white on black:
            `folder/lung-masks/PART/CLASS/phantom-0001.png`.
        progress: told after every film.

    Raises:
        UnknownNameError: if a class is not among `PHANTOM_CLASSES`.
        StorageError: if a film cannot be written.
    """
    for name in sorted({name for classes in counts.values() for name in classes}):
        if name not in PHANTOM_CLASSES:
            raise UnknownNameError(unknown_name_sentence("class", name, PHANTOM_CLASSES))
    films = [
        (part, name, number)
        for part, classes in counts.items()
        for name, n_films in classes.items()
        for number in range(1, n_films + 1)
    ]
    progress(Step("drawing films", 0, len(films)))
    for done, (part, name, number) in enumerate(films, start=1):
        rng = np.random.default_rng([seed, number, *f"{part}/{name}".encode()])
        phantom = make_phantom(PHANTOM_CLASSES[name], rng=rng)
        film = Path(part, name, f"phantom-{number:04d}.png")
        _write_png(folder / film, phantom.pixels)
        if lung_masks:
            _write_png(folder / "lung-masks" / film, phantom.lung_mask.astype(np.float32))
        progress(Step("drawing films", done, len(films)))


def _write_png(path: Path, pixels: Layer) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, pixels_png(pixels))


def _draw_position(rng: np.random.Generator, height: int, width: int) -> Canvas:
    return Canvas(
        height,
        width,
        scale=rng.uniform(0.98, 1.08),
        angle=rng.normal(0, 0.018),
        shift=(rng.normal(0, 0.008), rng.normal(0.0, 0.01)),
    )


def _noise(rng: np.random.Generator, canvas: Canvas) -> Layer:
    """Return quantum noise and the faint unevenness of tissue, of deviation near 1."""
    shape = (canvas.height, canvas.width)
    grain = rng.standard_normal(shape, dtype=np.float32)
    return np.asarray(0.75 * grain + 0.5 * clouds(rng, shape, cells=120), dtype=np.float32)


def _developed(
    canvas: Canvas, cast: Chest, lesions: Layer, *, exposure: Exposure, noise: Layer
) -> Layer:
    """Return the grey values; the film curve is set by the anatomy without the lesions."""
    direct = np.exp(-_BEAM * cast.attenuation)
    scattered = exposure.scatter * blurred(direct, 0.09 * canvas.unit)
    healthy = -np.log((direct + scattered) / (1 + exposure.scatter)) / _BEAM
    direct = np.exp(-_BEAM * (cast.attenuation + lesions))
    dense = -np.log((direct + scattered) / (1 + exposure.scatter)) / _BEAM
    lung = float(healthy[cast.lungs > 0.5].mean())
    top = float(np.percentile(healthy[::4, ::4], 98))
    grey = exposure.lung_grey + (dense - lung) * (
        (exposure.dense_grey - exposure.lung_grey) / (top - lung)
    )
    grey = grey + exposure.noise * noise * (0.5 + healthy)
    grey = _knee(grey - exposure.fog) + exposure.fog
    return np.asarray(1 - _knee(1 - grey), dtype=np.float32)


def _knee(grey: Layer) -> Layer:
    """Return values bent to stay over 0: the toe of a film curve."""
    return np.asarray(0.5 * (grey + np.sqrt(grey * grey + np.float32(0.006))), dtype=np.float32)


def _frame(canvas: Canvas, exposure: Exposure) -> Layer:
    """Return the collimated field, float32 `[height, width]`: 1 inside."""
    left, top, right, bottom = exposure.border
    image = Image.new("L", (canvas.width, canvas.height))
    box = (
        round(left * canvas.width),
        round(top * canvas.height),
        canvas.width - 1 - round(right * canvas.width),
        canvas.height - 1 - round(bottom * canvas.height),
    )
    ImageDraw.Draw(image).rectangle(box, fill=255)
    field = image if max(exposure.border) == 0 else image.filter(ImageFilter.GaussianBlur(0.7))
    return np.asarray(field, dtype=np.float32) / np.float32(255)


def _marked(pixels: Layer, exposure: Exposure) -> Layer:
    """Return the film with the letter of its side."""
    if not exposure.marker:
        return pixels
    height, width = pixels.shape
    image = Image.new("L", (width, height))
    place = (exposure.marker_place[0] * width, exposure.marker_place[1] * height)
    font = _font(max(round(exposure.marker_height * width * 1.3), 6))
    ImageDraw.Draw(image).text(place, exposure.marker, fill=240, font=font, anchor="mm")
    letter = np.asarray(image, dtype=np.float32) / np.float32(255)
    return np.asarray(np.maximum(pixels, letter), dtype=np.float32)


@lru_cache(maxsize=32)
def _font(size_px: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size=size_px)
