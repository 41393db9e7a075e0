"""A raster file's picture as Pillow decodes it, upright, with its full depth."""

from __future__ import annotations

import io
import struct
import sys
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, PngImagePlugin, UnidentifiedImageError

from carina.errors import ImageError
from carina.imaging.decoded import MAX_PIXELS
from carina.imaging.raster import bmp, jpeg, png, tiff, tiff_directory
from carina.imaging.raster.other_formats import refuse_other_format
from carina.imaging.raster.stored import MAX_INFLATED_BYTES, Stored, damaged, refuse
from carina.imaging.traces import PROGRAM_TAGS, file_traces, jpeg_compression

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
_ORIENTATION = 0x0112
# What undoes each orientation (CIPA DC-008, Exif, table 4); 1 is upright.
_TURNS: dict[object, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90,
}  # fmt: skip
# Pillow takes the upper byte of samples of 16 bit. Unpacked in the other byte order, the same
# samples give the lower one; grey and alpha together are as long as four samples of 8 bit.
_LOWER_BYTES = {
    f"{mode};16{order}": f"{mode};16{other}"
    for mode in ("RGB", "RGBA", "RGBX")
    for order, other in (("B", "L"), ("L", "B"), ("N", "B" if sys.byteorder == "little" else "L"))
}
_GREY_AND_ALPHA = "LA;16B"
_BITS_OF_GREY = {"1": 1, "L": 8}
# What rows hold before they are read: at first and at a second try, of more bits and of one.
_MARKS = ((0xA5, 0x5A), (255, 0))


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
    try:
        stored = _stored(data, name=name)
        with _limits(), warnings.catch_warnings(record=True) as noticed:
            warnings.simplefilter("always")
            image = _loaded(stored, name)
            exif, cautions = _exif(image)
            traces, compression = file_traces(image, exif), jpeg_compression(image)
            deep = _deep(image, stored, name) if stored.deep_colour else None
            turn = _TURNS.get(exif.get(_ORIENTATION))
            if turn is not None:
                image = image.transpose(turn)
                deep = None if deep is None else _turned(deep, turn)
    except UnidentifiedImageError:
        if data.startswith(tiff_directory.SIGNATURES):
            refuse(name, "is a TIFF of a kind that is not read; save the film as a grey TIFF or "
                   "PNG of 8 or 16 bit", "unsupported-pixels")  # fmt: skip
        refuse(name, "is damaged: there is no picture in it", "damaged")
    except _DAMAGE as error:
        raise ImageError(
            f"{name} is damaged or cut short: {_reason(error)}", image_code="damaged"
        ) from None
    if any(issubclass(warning.category, UserWarning) for warning in noticed):
        cautions += ("some of what the file says beside its picture is damaged and was not read",)
    return Opened(image, stored, deep, traces, *compression, (*stored.cautions, *cautions))


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
    if stored.file_format == "PNG":
        return _loaded_png(stored, name)
    image = _unloaded(stored)
    if image.format == "MPO":
        refuse(name, "is a JPEG that holds several pictures (MPO), as some cameras write; save the "
               "one that is meant alone", "several-frames")  # fmt: skip
    if stored.file_format == "BMP" and _BITS_OF_GREY.get(image.mode, stored.bits) != stored.bits:
        refuse(name, f"is a BMP of {stored.bits} bit with a palette of few greys, which Pillow "
               "takes for another kind; save it as a PNG", "unsupported-pixels")  # fmt: skip
    image.load()
    return image


def _loaded_png(stored: Stored, name: str) -> Image.Image:
    """Return a PNG's picture, if the file has all of its rows.

    Pillow takes a PNG whose data end early for a whole one, and leaves in the rows that it lacks
    what stood there: so a mark is put there before, and another one if the first was found.
    Of an interlaced PNG it notices by itself.
    """
    for last_try in (False, True):
        image = _unloaded(stored)
        mark = _MARKS[image.mode == "1"][last_try]
        n_bands = len(image.getbands())
        colour = (mark,) * n_bands if n_bands > 1 else mark
        image.im = Image.new(image.mode, image.size, colour).im
        image.load()
        row = image.crop((0, stored.height - 1, stored.width, stored.height)).getextrema()
        if row not in ((mark, mark), ((mark, mark),) * n_bands):
            return image
    return damaged(name, "the PNG has fewer rows than it declares")


def _unloaded(stored: Stored) -> ImageFile.ImageFile:
    if stored.file_format == "TIFF":  # or Pillow imports the readers of all its formats
        import PIL.TiffImagePlugin  # noqa: F401 - registers itself
    return Image.open(io.BytesIO(stored.data), formats=(stored.file_format,))


def _exif(image: Image.Image) -> tuple[Mapping[int, object], tuple[str, ...]]:
    """Return the EXIF tags that matter, or none and a caution.

    Pillow has turned a TIFF while it loaded it, and has then forgotten the turn.
    """
    try:
        exif = image.getexif()
        return {tag: exif.get(tag) for tag in (_ORIENTATION, *PROGRAM_TAGS.values())}, ()
    except _DAMAGE:
        return {}, ("its EXIF data are damaged: a turn noted there could not be applied",)


def _turned(deep: NDArray[np.uint16], turn: Image.Transpose) -> NDArray[np.uint16]:
    bands = [Image.fromarray(deep[..., n]).transpose(turn) for n in range(deep.shape[2])]
    return np.dstack([np.asarray(band) for band in bands])


def _deep(image: Image.Image, stored: Stored, name: str) -> NDArray[np.uint16]:
    """Return the samples at 16 bit: uint16 `[height, width, channels]`, upright."""
    other = _unloaded(stored)
    raw_mode = _raw_mode(other)
    lower = "RGBA" if raw_mode == _GREY_AND_ALPHA else _LOWER_BYTES.get(raw_mode)
    if lower is None:
        refuse(name, f"is a {stored.file_format} of 16 bit colour in a form that is not read; save "
               "the film as a grey PNG of 16 bit", "unsupported-pixels")  # fmt: skip
    other.tile = [tile._replace(args=_with_raw_mode(tile.args, lower)) for tile in other.tile]
    other.load()
    upper, lower_bytes = np.asarray(image), np.asarray(other)
    if raw_mode == _GREY_AND_ALPHA:
        upper, lower_bytes = lower_bytes[..., 0::2], lower_bytes[..., 1::2]
    deep: NDArray[np.uint16] = np.left_shift(upper, np.uint16(8), dtype=np.uint16)
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
