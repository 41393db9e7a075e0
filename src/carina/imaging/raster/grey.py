"""A decoded picture -> grey values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from carina.imaging.decoded import COLOUR_DIFFERENCE, COLOURED_SHARE, new_pixels
from carina.imaging.raster.opened import Opened
from carina.imaging.raster.stored import refuse

_SIXTEEN_BIT = ("I;16", "I;16B", "I;16L")
_ALPHA = ("LA", "RGBA", "PA", "La", "RGBa")
# ITU-R BT.601 luma in parts of 65536, as Pillow rounds it at 8 bit (its Convert.c, L24).
_LUMA = (19595, 38470, 7471)
# A film of 12 bit in 16 that were not scaled up: nearly black.
_TWELVE_BIT = 4095
# libjpeg gives this to blocks whose data are missing (jdhuff.c: an empty block is mid grey).
_MISSING_GREY = 128
_LEAST_MISSING_ROWS = 8
_ROWS_AT_ONCE = 256
_TRANSPARENT = "parts of the picture are transparent, read as black"


def is_only_grey(opened: Opened) -> bool:
    """Return whether a picture is grey at more than 8 bit, so that it has no colours to show."""
    return opened.image.mode in (*_SIXTEEN_BIT, "F")


def grey_only_values(opened: Opened, cautions: list[str], *, name: str) -> NDArray[np.float32]:
    """Return the grey values of a picture that `is_only_grey`: float32 `[height, width]`.

    Raises:
        ImageError: "unsupported-pixels" for float values outside of `[0, 1]`.
    """
    if opened.image.mode != "F":
        return _sixteen_bit(opened, cautions)
    values = _float(opened.image, name)
    return np.float32(1) - values if opened.stored.negative else values


def luma_values(opened: Opened, shown: Image.Image, cautions: list[str]) -> NDArray[np.float32]:
    """Return the luma of a picture that `shown_picture` gave: float32 `[height, width]`."""
    if opened.deep is not None:
        return _deep_grey(opened.deep, opened.stored.transparent)
    levels = np.asarray(shown if shown.mode == "L" else shown.convert("L"))
    if opened.stored.file_format == "JPEG" and (n_rows := _missing_rows(levels)):
        cautions.append(
            f"its lowest {n_rows} rows are one even grey, as where the data of a JPEG end early"
        )
    return _scaled(levels, 255)


def shown_picture(opened: Opened, cautions: list[str], *, name: str) -> Image.Image:
    """Return the picture as its file shows it, at 8 bit, grey ("L") or in colour ("RGB").

    What is transparent lies on black, which is added to the cautions.

    Raises:
        ImageError: "no-pixels" if everything is transparent; "damaged" if a pixel names a colour
            that the palette lacks.
    """
    image = opened.image
    if not _within_palette(opened):
        refuse(name, "is damaged: its pixels name colours that its palette lacks", "damaged")
    if image.mode == "1":
        image = image.convert("L")
    if opened.stored.transparent:
        image = _without_the_transparent_colour(opened, image, cautions)
    elif image.mode in _ALPHA or "transparency" in image.info:
        image = _over_black(image, cautions, opened, name)
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


def colour_share(shown: Image.Image, cautions: list[str]) -> float:
    """Return the share of a small copy's pixels that differ clearly between the channels."""
    if shown.mode == "L":
        return 0.0
    small = shown.resize((64, 64), Image.Resampling.NEAREST)
    red, green, blue = small.split()
    differences = [ImageChops.difference(red, green), ImageChops.difference(green, blue)]
    widest = np.maximum(*(np.asarray(d) for d in differences))
    share = float((widest > COLOUR_DIFFERENCE).mean())
    if share > COLOURED_SHARE:
        cautions.append("a colour picture, read as grey")
    return share


def luma_16(colours: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Return ITU-R BT.601 luma at 16 bit: of equal channels exactly their value.

    Args:
        colours: uint16 `[height, width, 3]`.
    """
    # at most 65535 * 65536 + 32768, which is below 2 ** 32
    parts = [np.uint32(weight) * colours[..., n] for n, weight in enumerate(_LUMA)]
    total: NDArray[np.uint32] = parts[0] + parts[1] + parts[2] + np.uint32(0x8000)
    return (total >> 16).astype(np.uint16)


def _scaled(values: NDArray[np.integer], top: int) -> NDArray[np.float32]:
    height, width = values.shape
    pixels = new_pixels(height, width)
    pixels[:] = values
    pixels /= np.float32(top)
    return pixels


def _sixteen_bit(opened: Opened, cautions: list[str]) -> NDArray[np.float32]:
    stored = opened.stored
    top = 2**stored.bits - 1
    values = np.asarray(opened.image)
    if stored.negative:
        values = top - values
    if stored.transparent:
        places = values == stored.transparent[0]
        if places.any():
            cautions.append(_TRANSPARENT)
            values = np.where(places, np.uint16(0), values)
    brightest = int(values.max())
    if top == 65535 and 0 < brightest <= _TWELVE_BIT:
        cautions.append(
            f"its brightest value is {brightest} of 65535, so that the film is nearly black: if "
            "it was saved with 12 bit or less, scale it to 16"
        )
    return _scaled(values, top)


def _float(image: Image.Image, name: str) -> NDArray[np.float32]:
    values = np.array(image, dtype=np.float32)
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
        refuse(
            name,
            "has float grey values that are not all between 0 (black) and 1 (white); scale them, "
            "or save the film with 16 bit",
            "unsupported-pixels",
        )
    return values


def _deep_grey(deep: NDArray[np.uint16], transparent: tuple[int, ...]) -> NDArray[np.float32]:
    """Return the grey values of samples at 16 bit, over black where they are transparent."""
    height, width, n_channels = deep.shape
    pixels = new_pixels(height, width)
    for start in range(0, height, _ROWS_AT_ONCE):
        rows = deep[start : start + _ROWS_AT_ONCE]
        grey = luma_16(rows) if n_channels >= 3 else rows[..., 0]
        shares = grey / np.float64(65535)
        if n_channels in (2, 4):
            shares *= rows[..., -1] / np.float64(65535)
        if transparent:
            shares[(rows == np.array(transparent, dtype=np.uint16)).all(axis=-1)] = 0
        pixels[start : start + _ROWS_AT_ONCE] = shares
    return pixels


def _within_palette(opened: Opened) -> bool:
    if opened.image.mode not in ("P", "L") or opened.stored.n_colours is None:
        return True
    return int(np.asarray(opened.image).max()) < opened.stored.n_colours


def _without_the_transparent_colour(
    opened: Opened, image: Image.Image, cautions: list[str]
) -> Image.Image:
    """Return a PNG's picture with black where it has its one transparent colour.

    Pillow compares that colour with values that it has scaled up (2 and 4 bit) or cut (16).
    """
    stored = opened.stored
    samples = np.array(stored.transparent)
    if opened.deep is not None:
        places = (opened.deep == samples.astype(np.uint16)).all(axis=-1)
    else:
        values = np.asarray(image)
        scale = 255 // (2**stored.bits - 1)
        places = np.atleast_3d(values) == samples * scale
        places = places.all(axis=-1)
    if not places.any():
        return image
    cautions.append(_TRANSPARENT)
    visible = image.copy()
    visible.paste(0 if image.mode == "L" else (0, 0, 0), mask=Image.fromarray(places))
    return visible


def _over_black(image: Image.Image, cautions: list[str], opened: Opened, name: str) -> Image.Image:
    """Return the picture over black; say so where that changes anything."""
    layered = image.convert("RGBA")
    least, most = layered.getchannel("A").getextrema()
    if least == 255:
        return layered.convert("RGB")
    if most == 0:
        if opened.stored.file_format != "BMP":
            refuse(name, "is transparent everywhere: there is nothing to be seen in it; save it "
                   "without transparency", "no-pixels")  # fmt: skip
        # Windows programs leave the fourth byte of a BMP's pixels at 0, and its viewers ignore it
        return layered.convert("RGB")
    cautions.append(_TRANSPARENT)
    black = Image.new("RGBA", layered.size, (0, 0, 0, 255))
    return Image.alpha_composite(black, layered).convert("RGB")


def _missing_rows(levels: NDArray[np.uint8]) -> int:
    """Return how many of the lowest rows are mid grey throughout, if that is no whole picture."""
    if levels[-1, 0] != _MISSING_GREY or levels[-1, -1] != _MISSING_GREY:
        return 0
    other = np.flatnonzero((levels != _MISSING_GREY).any(axis=1))
    n_rows = len(levels) - 1 - int(other[-1]) if other.size else 0
    return n_rows if n_rows >= _LEAST_MISSING_ROWS else 0
