"""A raster file's picture as Pillow decodes it, upright, with its full depth."""

from __future__ import annotations

import io
import struct
import sys
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps, PngImagePlugin, UnidentifiedImageError

from carina.errors import ImageError
from carina.imaging.decoded import MAX_PIXELS
from carina.imaging.raster import bmp, jpeg, png, tiff, tiff_directory
from carina.imaging.raster.other_formats import refuse_other_format
from carina.imaging.raster.stored import MAX_INFLATED_BYTES, Stored, refuse
from carina.imaging.traces import file_traces, jpeg_compression

# All that Pillow's decoders raise on damaged bytes.
_DAMAGE = (
    OSError, SyntaxError, ValueError, struct.error, zlib.error, EOFError, LookupError, TypeError,
    ArithmeticError, AttributeError, AssertionError, RuntimeError,
)  # fmt: skip
# What Pillow says of damage without words of the file in it.
_KNOWN_REASONS = (
    "image file is truncated", "broken data stream", "unrecognized data stream contents",
    "not enough image data", "decoder error", "buffer overrun", "decoding error",
)  # fmt: skip
# Pillow takes the upper byte of samples of 16 bit. Unpacked in the other byte order, the same
# samples give the lower one; grey and alpha together are as long as four samples of 8 bit.
_LOWER_BYTES = {
    f"{mode};16{order}": f"{mode};16{other}"
    for mode in ("RGB", "RGBA", "RGBX")
    for order, other in (("B", "L"), ("L", "B"), ("N", "B" if sys.byteorder == "little" else "L"))
}
_GREY_AND_ALPHA = "LA;16B"


@dataclass(frozen=True, slots=True)
class Opened:
    """A decoded picture, upright.

    Attributes:
        image: at 8 bits a channel, or grey at up to 32.
        stored: what the file's header says.
        deep: uint16 `[height, width, channels]`: red, green, blue or grey, and perhaps alpha, at
            full depth; None where `image` has it.
        traces, jpeg_tables, jpeg_quality: as in `FilmFacts`.
        cautions: sentences about what was noticed while decoding.
    """

    image: Image.Image
    stored: Stored
    deep: NDArray[np.uint16] | None
    traces: tuple[str, ...]
    jpeg_tables: str
    jpeg_quality: int | None
    cautions: tuple[str, ...]


def opened_raster(data: bytes, *, name: str) -> Opened:
    """Return the picture in the bytes of a PNG, JPEG, TIFF or BMP file.

    One thread at a time: Pillow's limits and Python's warnings, which are set here and put back,
    are those of the whole process.

    Raises:
        ImageError: with the code that says why there is none.
    """
    stored = _stored(data, name=name)
    try:
        with _limits(), warnings.catch_warnings(record=True) as noticed:
            warnings.simplefilter("always")
            image = _loaded(stored, name)
            traces, compression = file_traces(image), jpeg_compression(image)
            cautions = [*stored.cautions, *_upright(image)]
            deep = _deep(image, stored, name) if stored.deep_colour else None
    except UnidentifiedImageError:
        if stored.file_format == "TIFF":
            refuse(name, "is a TIFF of a kind that is not read; save the film as a grey TIFF or "
                   "PNG of 8 or 16 bit", "unsupported-pixels")  # fmt: skip
        refuse(name, "is damaged: there is no picture in it", "damaged")
    except _DAMAGE as error:
        raise ImageError(
            f"{name} is damaged or cut short: {_reason(error)}", image_code="damaged"
        ) from None
    if any(issubclass(warning.category, UserWarning) for warning in noticed):
        cautions.append("some of what the file says beside its picture is damaged and was not read")
    return Opened(image, stored, deep, traces, *compression, tuple(cautions))


def _stored(data: bytes, *, name: str) -> Stored:
    """Return what the file's header says; refuse what is no raster file that is read."""
    if data.startswith(png.SIGNATURE):
        return png.stored_png(data, name=name)
    if data.startswith(jpeg.SIGNATURE):
        return jpeg.stored_jpeg(data, name=name)
    if data.startswith(tiff_directory.SIGNATURES):
        return tiff.stored_tiff(data, name=name)
    if data.startswith(bmp.SIGNATURE):
        return bmp.stored_bmp(data, name=name)
    return refuse_other_format(data, name=name)


@contextmanager
def _limits() -> Iterator[None]:
    """Hold Pillow to what is read here, whatever the program around it has set."""
    kept = (
        Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES,
        PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY,
    )  # fmt: skip
    Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = MAX_PIXELS, False
    PngImagePlugin.MAX_TEXT_CHUNK = MAX_INFLATED_BYTES
    PngImagePlugin.MAX_TEXT_MEMORY = 16 * MAX_INFLATED_BYTES
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = kept[:2]
        PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY = kept[2:]


def _loaded(stored: Stored, name: str) -> Image.Image:
    image = Image.open(io.BytesIO(stored.data), formats=(stored.file_format,))
    if image.format == "MPO":
        refuse(name, "is a JPEG that holds several pictures (MPO), as some cameras write; save the "
               "one that is meant alone", "several-frames")  # fmt: skip
    image.load()
    return image


def _upright(image: Image.Image) -> tuple[str, ...]:
    """Turn a picture as its EXIF data say; a TIFF was turned while it was loaded."""
    try:
        ImageOps.exif_transpose(image, in_place=True)
    except _DAMAGE:
        return ("its EXIF data are damaged, so that a turn noted there could not be applied",)
    return ()


def _deep(image: Image.Image, stored: Stored, name: str) -> NDArray[np.uint16]:
    """Return the samples at 16 bit: uint16 `[height, width, channels]`, upright."""
    other = Image.open(io.BytesIO(stored.data), formats=(stored.file_format,))
    raw_mode = _raw_mode(other)
    lower = "RGBA" if raw_mode == _GREY_AND_ALPHA else _LOWER_BYTES.get(raw_mode)
    if lower is None:
        refuse(name, f"is a {stored.file_format} of 16 bit colour in a form that is not read; save "
               "the film as a grey PNG of 16 bit", "unsupported-pixels")  # fmt: skip
    other.tile = [tile._replace(args=_with_raw_mode(tile.args, lower)) for tile in other.tile]
    other.load()
    _upright(other)
    upper, lower_bytes = np.asarray(image), np.asarray(other)
    if raw_mode == _GREY_AND_ALPHA:
        upper, lower_bytes = lower_bytes[..., 0::2], lower_bytes[..., 1::2]
    deep: NDArray[np.uint16] = upper.astype(np.uint16) << 8
    deep |= lower_bytes
    return deep


def _raw_mode(image: ImageFile.ImageFile) -> str:
    args = image.tile[0].args
    return str(args[0] if isinstance(args, tuple) else args)


def _with_raw_mode(args: tuple[Any, ...] | str | None, raw_mode: str) -> tuple[Any, ...] | str:
    return (raw_mode, *args[1:]) if isinstance(args, tuple) else raw_mode


def _reason(error: Exception) -> str:
    """Return what a decoder said, if it is known to hold nothing of the file."""
    text = str(error)
    return text if text.startswith(_KNOWN_REASONS) else "its picture cannot be decoded"
