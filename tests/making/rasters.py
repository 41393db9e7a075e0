"""Small raster files with known grey values, as bytes."""

import io

import numpy as np
from PIL import Image


def grey_ramp(height=12, width=16, *, top=255):
    """Return integers int64 `[height, width]` from 0 to `top`, no two rows or columns alike."""
    return np.linspace(0, top, height * width).round().astype(np.int64).reshape(height, width)


def encoded(pixels, file_format, *, mode=None, **options):
    """Return a picture's file: `pixels` is an array or a Pillow image, converted to `mode`."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    if mode is not None:
        image = image.convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, format=file_format, **options)
    return buffer.getvalue()


def png_8_bit(values):
    """Return an 8-bit grey PNG of integers in 0..255."""
    return encoded(np.asarray(values, dtype=np.uint8), "PNG")


def png_16_bit(values):
    """Return a 16-bit grey PNG of integers in 0..65535."""
    return encoded(np.asarray(values, dtype=np.uint16), "PNG")


def turned_png(values, orientation):
    """Return an 8-bit PNG whose EXIF data says how to turn it (6: a quarter clockwise)."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(np.asarray(values, dtype=np.uint8), "PNG", exif=exif)


def several_pictures(file_format, n=2):
    """Return an animated PNG or a TIFF of several pages."""
    pages = [Image.fromarray(np.full((12, 16), 60 * i, dtype=np.uint8)) for i in range(n)]
    return encoded(pages[0], file_format, save_all=True, append_images=pages[1:])
