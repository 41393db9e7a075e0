"""The pictures that go with an answer: the film at its depth, its thumbnail, its heat map."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from carina.domain.radiograph import Radiograph
from carina.errors import ClassifierError
from carina.imaging.pictures import film_png, heat_png
from carina.inference.classifier import Classifier

FilmPicture = Literal["png", "levels", "thumbnail", "none"]
PICTURE_SIDE = 1280
LEVELS_SIDE = 2048  # a 3,000 pixel film at two thirds: more than most screens can show
THUMBNAIL_SIDE = 144  # 72 CSS pixels on a screen of double density
_DEEPEST = 65535
# Of a map that is laid over a finer film: it is smooth, and takes a third of the time and bytes.
_LAYER_SIDE = 640
# zlib's level: at 6 a 2,048 pixel film of 12 bits takes five times as long and is 4 % smaller.
_COMPRESSION = 1


@dataclass(frozen=True, slots=True)
class AskedPictures:
    """Which pictures an answer shall bring.

    Attributes:
        explain: whether it brings a heat map.
        label: the class that the map is about; the predicted one if None.
        method: a registered explanation method; the class's usual one if None.
        film: how the film itself is drawn; None for "png" beside a heat map, else "none".
    """

    explain: bool = False
    label: str | None = None
    method: str | None = None
    film: FilmPicture | None = None

    @property
    def drawn(self) -> FilmPicture:
        """How the film itself is drawn."""
        return self.film or ("png" if self.explain else "none")


def answer_pictures(
    classifier: Classifier, radiograph: Radiograph, *, predicted: str, asked: AskedPictures
) -> dict[str, Any]:
    """Return the fields of a `FilmAnswer` that hold pictures, with the map's class and method.

    Args:
        classifier: what the heat map explains.
        radiograph: the film.
        predicted: the class that is explained if none was asked for.
        asked: which pictures.
    """
    fields: dict[str, Any] = {
        name: base64.b64encode(draw(radiograph)).decode("ascii")
        for name, draw in _FILM_FIELDS[asked.drawn].items()
    }
    if asked.explain:
        fields |= _heat_fields(classifier, radiograph, asked.label or predicted, asked=asked)
    return fields


def levels_png(radiograph: Radiograph, *, longer_side: int = LEVELS_SIDE) -> bytes:
    """Return a film as a grey PNG of 16 bit, for windows and levels chosen by the reader.

    A film whose file holds at most 8 bits, and that need not be made smaller, loses nothing in
    8 bits and gets them.

    Args:
        radiograph: the film.
        longer_side: pixels; a larger film is made smaller by averaging, a smaller one stays.
    """
    pixels = radiograph.pixels
    larger = max(pixels.shape) > longer_side
    if larger:
        pixels = _made_smaller(pixels, longer_side)
    elif radiograph.bits <= 8:
        return film_png(radiograph)
    levels = np.rint(pixels * _DEEPEST).clip(0, _DEEPEST).astype(np.uint16)
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, format="PNG", compress_level=_COMPRESSION)
    return buffer.getvalue()


def _made_smaller(pixels: NDArray[np.float32], longer_side: int) -> NDArray[np.float32]:
    height, width = pixels.shape
    scale = longer_side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = Image.fromarray(pixels.astype(np.float32)).resize(size, Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32)


def _thumbnail_png(radiograph: Radiograph) -> bytes:
    return film_png(radiograph, longer_side=THUMBNAIL_SIDE)


def _picture_png(radiograph: Radiograph) -> bytes:
    return film_png(radiograph, longer_side=PICTURE_SIDE)


_FILM_FIELDS: dict[FilmPicture, dict[str, Callable[[Radiograph], bytes]]] = {
    "png": {"film_png": _picture_png},
    "levels": {"levels_png": levels_png, "thumbnail_png": _thumbnail_png},
    "thumbnail": {"thumbnail_png": _thumbnail_png},
    "none": {},
}


def _heat_fields(
    classifier: Classifier, radiograph: Radiograph, label: str, *, asked: AskedPictures
) -> dict[str, Any]:
    """Return the heat map of a class, or why there is none."""
    works = classifier.card.explained_by(label)
    method = asked.method or works[0]
    fields: dict[str, Any] = {"explained": label, "method": method}
    if method not in works:
        other = f"; {' and '.join(works)} can" if works else ""
        fields["heat_map_note"] = f"{method} cannot explain {label} of this classifier{other}"
        return fields
    try:
        heat = classifier.explain(radiograph, label, method=method).heat
    except ClassifierError as error:  # a head with a layer that the method cannot follow
        fields["heat_map_note"] = str(error)
        return fields
    if not heat.any():
        fields["heat_map_note"] = f"nothing on this film speaks for {label}"
        return fields
    png = heat_png(heat, longer_side=PICTURE_SIDE if asked.drawn == "png" else _LAYER_SIDE)
    fields["heat_map_png"] = base64.b64encode(png).decode("ascii")
    return fields
