"""Small honest pictures of every kind that is read, as bytes."""

import struct
import zlib

import numpy as np
from PIL import Image, ImageCms, TiffImagePlugin

from making.hostile.pngs import END, Chunk, grey_png, header, png_of
from making.rasters import encoded, several_pictures

_HEIGHT, _WIDTH = 20, 24


def grey(top: int = 255) -> np.ndarray:
    """Return integers `[height, width]` from 0 to `top` with some noise."""
    rng = np.random.default_rng(3)
    ramp = np.linspace(0, 0.9, _HEIGHT * _WIDTH).reshape(_HEIGHT, _WIDTH)
    return ((ramp + 0.1 * rng.random(ramp.shape)) * top).astype(np.int64)


def colours(mode: str) -> Image.Image:
    """Return a picture of a colour mode."""
    bands = np.stack([grey(), grey()[::-1], grey()[:, ::-1]], axis=-1).astype(np.uint8)
    return Image.fromarray(bands).convert(mode)


def pictures() -> dict[str, bytes]:
    """Return name -> file."""
    return {**pngs(), **jpegs(), **tiffs(), **others()}


def pngs() -> dict[str, bytes]:
    grey_8 = Image.fromarray(grey().astype(np.uint8))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0112] = 6
    rows_16 = b"".join(
        b"\0" + row.astype(">u2").tobytes() for row in np.repeat(grey(65535), 3, axis=1)
    )
    return {
        "png-1": encoded(grey_8, "PNG", mode="1"),
        "png-8": encoded(grey_8, "PNG"),
        "png-16": encoded(grey(65535).astype(np.uint16), "PNG"),
        "png-la": encoded(grey_8, "PNG", mode="LA"),
        "png-rgb": encoded(colours("RGB"), "PNG"),
        "png-rgba": encoded(colours("RGBA"), "PNG"),
        "png-palette": encoded(colours("P"), "PNG", transparency=3),
        "png-exif": encoded(grey_8, "PNG", exif=exif),
        "png-profile": encoded(grey_8, "PNG", icc_profile=profile[:2000]),
        "png-texts": grey_png(
            _WIDTH,
            _HEIGHT,
            Chunk(b"tEXt", b"Title\0a film"),
            Chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"a long comment " * 20)),
            Chunk(b"iTXt", b"Author\0\1\0en\0Author\0" + zlib.compress(b"nobody")),
            Chunk(b"gAMA", struct.pack(">I", 45455)),
            Chunk(b"pHYs", struct.pack(">IIB", 5000, 5000, 1)),
        ),
        "png-4-interlaced": grey_png(_WIDTH, _HEIGHT, depth=4, interlace=1),
        "png-rgb-16": png_of(
            [header(_WIDTH, _HEIGHT, 16, 2), Chunk(b"IDAT", zlib.compress(rows_16)), END]
        ),
        "png-animated": several_pictures("PNG"),
    }


def jpegs() -> dict[str, bytes]:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 3, "a maker"
    return {
        "jpeg-grey": encoded(colours("L"), "JPEG", quality=80),
        "jpeg-rgb": encoded(colours("RGB"), "JPEG", quality=80, subsampling=2),
        "jpeg-progressive": encoded(colours("RGB"), "JPEG", progressive=True, quality=60),
        "jpeg-cmyk": encoded(colours("CMYK"), "JPEG"),
        "jpeg-exif": encoded(colours("L"), "JPEG", exif=exif, comment=b"a film"),
        "jpeg-restarts": encoded(colours("L"), "JPEG", restart_marker_blocks=1),
    }


def tiffs() -> dict[str, bytes]:
    grey_8 = Image.fromarray(grey().astype(np.uint8))
    deep = Image.fromarray(grey(65535).astype(np.uint16))
    parts = Image.fromarray((grey() / 255).astype(np.float32))
    spoilt = np.array(parts)
    spoilt[3, 3] = np.nan
    found = {
        "tiff-raw": encoded(grey_8, "TIFF"),
        "tiff-16": encoded(deep, "TIFF"),
        "tiff-float": encoded(parts, "TIFF"),
        "tiff-nan": encoded(spoilt, "TIFF"),
        "tiff-pages": several_pictures("TIFF"),
        "tiff-palette": encoded(colours("P"), "TIFF"),
        "tiff-cmyk": encoded(colours("CMYK"), "TIFF"),
        "tiff-rgba": encoded(colours("RGBA"), "TIFF", compression="tiff_lzw"),
        "tiff-white-is-zero": encoded(deep, "TIFF", tiffinfo={262: 0}),
        "tiff-big": encoded(grey_8, "TIFF", big_tiff=True),
        "tiff-big-endian": big_endian_tiff(),
    }
    for name in ("packbits", "tiff_lzw", "tiff_adobe_deflate", "jpeg"):
        found[f"tiff-{name.removeprefix('tiff_')}"] = encoded(grey_8, "TIFF", compression=name)
    found["tiff-group4"] = encoded(grey_8.convert("1"), "TIFF", compression="group4")
    return found


def big_endian_tiff() -> bytes:
    """Return an 8-bit grey TIFF in the order of bytes that Pillow does not write."""
    entries = [
        (TiffImagePlugin.IMAGEWIDTH, 3, _WIDTH << 16),
        (TiffImagePlugin.IMAGELENGTH, 3, _HEIGHT << 16),
        (TiffImagePlugin.BITSPERSAMPLE, 3, 8 << 16),
        (TiffImagePlugin.COMPRESSION, 3, 1 << 16),
        (TiffImagePlugin.PHOTOMETRIC_INTERPRETATION, 3, 1 << 16),
        (TiffImagePlugin.STRIPOFFSETS, 4, 8 + 2 + 9 * 12 + 4),
        (TiffImagePlugin.SAMPLESPERPIXEL, 3, 1 << 16),
        (TiffImagePlugin.ROWSPERSTRIP, 3, _HEIGHT << 16),
        (TiffImagePlugin.STRIPBYTECOUNTS, 4, _HEIGHT * _WIDTH),
    ]
    directory = b"".join(struct.pack(">HHII", tag, kind, 1, v) for tag, kind, v in entries)
    head = b"MM\0*" + struct.pack(">IH", 8, len(entries)) + directory + bytes(4)
    return head + grey().astype(np.uint8).tobytes()


def others() -> dict[str, bytes]:
    return {
        "bmp-1": encoded(colours("1"), "BMP"),
        "bmp-8": encoded(colours("L"), "BMP"),
        "bmp-24": encoded(colours("RGB"), "BMP"),
        "bmp-32": encoded(colours("RGBA"), "BMP"),
        "bmp-rle": run_length_bmp(),
        "gif": encoded(colours("P"), "GIF"),
    }


def run_length_bmp() -> bytes:
    """Return an 8-bit BMP with runs (BITMAPINFOHEADER, BI_RLE8)."""
    palette = b"".join(bytes((v, v, v, 0)) for v in range(256))
    rows = b"".join(bytes((_WIDTH, 10 * row, 0, 0)) for row in range(_HEIGHT)) + b"\0\1"
    offset = 14 + 40 + len(palette)
    head = struct.pack("<2sIHHI", b"BM", offset + len(rows), 0, 0, offset)
    info = struct.pack("<IiiHHIIiiII", 40, _WIDTH, _HEIGHT, 1, 8, 1, len(rows), 2835, 2835, 256, 0)
    return head + info + palette + rows
