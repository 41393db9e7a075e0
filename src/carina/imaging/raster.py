"""PNG, JPEG, TIFF and BMP -> grey values, with Pillow.

What each becomes: 1 and 8 bit grey v / 255; 16 bit grey v / 65535, at full depth; float
TIFF as it is if within [0, 1]; TIFF that stores white as 0 turned over; colour, palette, CMYK
(Adobe's inversion undone) and YCbCr as ITU-R BT.601 luma / 255; alpha laid over black. EXIF
orientation is applied.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageOps, UnidentifiedImageError

from carina.errors import ImageError
from carina.imaging.decoded import Decoded, require_size
from carina.imaging.traces import file_traces, jpeg_compression

_FORMATS = ("PNG", "JPEG", "TIFF", "BMP")
_16_BIT = ("I;16", "I;16B", "I;16L", "I")
_ALPHA = ("LA", "RGBA", "PA", "La", "RGBa")
_COLOUR_DIFFERENCE = 24
_COLOURED_SHARE = 0.01
_SIGNATURES = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*")
_PHOTOMETRIC_INTERPRETATION = 262
# All that Pillow's decoders raise on damaged bytes.
_DAMAGE = (
    OSError, SyntaxError, ValueError, struct.error, zlib.error, EOFError, KeyError, IndexError,
    TypeError, OverflowError, AttributeError, ZeroDivisionError,
)  # fmt: skip


def decode_raster(data: bytes, *, name: str) -> Decoded:
    """Return the picture in the bytes of a PNG, JPEG, TIFF or BMP file.

    Raises:
        ImageError: with the code that says why there is none.
    """
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            require_size(image.height, image.width, name=name)
            _require_one_frame(image, name)
            image.load()
            decoded = _decoded(ImageOps.exif_transpose(image), image.format or "", data, name)
            if _is_negative(image):
                decoded = replace(decoded, pixels=1 - decoded.pixels)
            tables, quality = jpeg_compression(image)
            return replace(
                decoded, traces=file_traces(image), jpeg_tables=tables, jpeg_quality=quality
            )
    except UnidentifiedImageError as error:
        if data.startswith(_SIGNATURES):
            raise _damaged(name, error) from error
        raise ImageError(
            f"{name} is no PNG, JPEG, TIFF, BMP or DICOM file", image_code="unknown-format"
        ) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(f"{name} is too large: {error}", image_code="too-large") from error
    except _DAMAGE as error:
        raise _damaged(name, error) from error


def _damaged(name: str, error: Exception) -> ImageError:
    return ImageError(f"{name} is damaged or cut short: {error}", image_code="damaged")


def _is_negative(image: Image.Image) -> bool:
    """Return whether a TIFF stores white as 0 in a mode that Pillow leaves so.

    TIFF 6.0, page 37: PhotometricInterpretation 0 is WhiteIsZero. Pillow turns 1 and 8 bit over.
    """
    tags = getattr(image, "tag_v2", {})
    return tags.get(_PHOTOMETRIC_INTERPRETATION) == 0 and image.mode in (*_16_BIT, "F")


def _require_one_frame(image: Image.Image, name: str) -> None:
    n_frames = getattr(image, "n_frames", 1)
    if n_frames > 1:
        raise ImageError(
            f"{name} holds {n_frames} pictures; save the one that is meant alone",
            image_code="several-frames",
        )


def _decoded(image: Image.Image, file_format: str, data: bytes, name: str) -> Decoded:
    mode = image.mode
    cautions: list[str] = []
    colour_share = 0.0
    if mode in _16_BIT:
        pixels, bits = _sixteen_bit(image, name), 16
    elif mode == "F":
        pixels, bits = _float(image, name), 32
    else:
        if mode in _ALPHA or "transparency" in image.info:
            image = _over_black(image, cautions)
        colour_share = _colour_share(image)
        if colour_share > _COLOURED_SHARE:
            cautions.append("a colour picture, read as grey")
        if file_format == "PNG" and data[24:25] == b"\x10" and mode.startswith("RGB"):
            cautions.append("16 bit colour, read at 8 bits")
        if image.mode not in ("L", "RGB"):
            image = image.convert("L" if image.mode == "1" else "RGB")
        pixels = np.asarray(image.convert("L"), dtype=np.float32) / np.float32(255)
        bits = 1 if mode == "1" else 8
    return Decoded(
        pixels, file_format, mode, bits, cautions=tuple(cautions), colour_share=colour_share
    )


def _sixteen_bit(image: Image.Image, name: str) -> NDArray[np.float32]:
    values = np.asarray(image)
    if values.min() < 0 or values.max() > 65535:
        raise ImageError(
            f"{name} has grey values from {values.min()} to {values.max()}; 0 to 65535 (16 bit) "
            "is what can be read",
            image_code="unsupported-pixels",
        )
    return values.astype(np.float32) / np.float32(65535)


def _float(image: Image.Image, name: str) -> NDArray[np.float32]:
    values = np.array(image, dtype=np.float32)
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
        raise ImageError(
            f"{name} has float grey values that are not all between 0 (black) and 1 (white); "
            "scale them, or save the film with 16 bit",
            image_code="unsupported-pixels",
        )
    return values


def _over_black(image: Image.Image, cautions: list[str]) -> Image.Image:
    """Return the picture over black; say so where that changes anything."""
    layered = image.convert("RGBA")
    if layered.getchannel("A").getextrema()[0] == 255:
        return layered.convert("RGB")
    cautions.append("parts of the picture are transparent, read as black")
    black = Image.new("RGBA", layered.size, (0, 0, 0, 255))
    return Image.alpha_composite(black, layered).convert("RGB")


def _colour_share(image: Image.Image) -> float:
    """Return the share of a small copy's pixels that differ clearly between the channels."""
    if image.mode in ("1", "L"):
        return 0.0
    small = image.convert("RGB").resize((64, 64), Image.Resampling.NEAREST)
    red, green, blue = small.split()
    differences = [ImageChops.difference(red, green), ImageChops.difference(green, blue)]
    widest = np.maximum(*(np.asarray(d) for d in differences))
    return float((widest > _COLOUR_DIFFERENCE).mean())
