"""Raster files of every kind that is read, with the grey values that they must give.

Each is written byte by byte (`making.raster_files`), so that no library's version changes it.
"""

import struct

import numpy as np

from making.raster_files import bmp_file, bmp_rows, jpeg_file, jpeg_segment, png_file
from making.raster_kind import (
    ALPHA,
    BLOCKS,
    BMP_PALETTE,
    COLOURED,
    FULL_INK,
    GREY_PALETTE,
    HEIGHT,
    NEUTRAL,
    NO_INK,
    SEE_THROUGH,
    WIDTH,
    Kind,
    colours,
    exif,
    luma,
    ramp,
)
from making.tiff_kinds import tiff_kinds


def _pngs():
    for bits in (1, 2, 4, 8, 16):
        mode = {1: "1", 16: "I;16"}.get(bits, "L")
        grey, top = ramp(bits), 2**bits - 1
        yield f"png-grey-{bits}", Kind(png_file(grey, bits=bits), grey, top, mode, bits)
        key = int(grey[5, 5])
        yield f"png-grey-{bits}-one-transparent", Kind(
            png_file(grey, bits=bits, before=[(b"tRNS", struct.pack(">H", key))]),
            np.where(grey == key, 0, grey), top, mode, bits, (SEE_THROUGH,),
        )  # fmt: skip
    for bits in (8, 16):
        top, rgb, alpha, grey = 2**bits - 1, colours(bits), ALPHA[bits], ramp(bits)
        yield (
            f"png-rgb-{bits}",
            Kind(png_file(rgb, bits=bits, colour_type=2), luma(rgb), top, "RGB", bits, (COLOURED,)),
        )
        key = rgb[3, 4]
        without = luma(rgb)
        without[3, 4] = 0
        yield f"png-rgb-{bits}-one-transparent", Kind(
            png_file(rgb, bits=bits, colour_type=2, before=[(b"tRNS", struct.pack(">3H", *key))]),
            without, top, "RGB", bits, (SEE_THROUGH, COLOURED),
        )  # fmt: skip
        solid = np.dstack([rgb, np.full_like(alpha, top)])
        yield (
            f"png-rgba-{bits}-opaque",
            Kind(
                png_file(solid, bits=bits, colour_type=6), luma(rgb), top, "RGBA", bits, (COLOURED,)
            ),
        )
        solid = np.dstack([grey, np.full_like(alpha, top)])
        mode = "LA" if bits == 8 else "RGBA"
        yield (
            f"png-grey-alpha-{bits}-opaque",
            Kind(png_file(solid, bits=bits, colour_type=4), grey, top, mode, bits),
        )
    rgb, alpha, grey = colours(16), ALPHA[16], ramp(16)
    yield "png-rgba-16", Kind(
        png_file(np.dstack([rgb, alpha]), bits=16, colour_type=6),
        luma(rgb) / 65535 * alpha, 65535, "RGBA", 16, (SEE_THROUGH, COLOURED),
    )  # fmt: skip
    yield "png-grey-alpha-16", Kind(
        png_file(np.dstack([grey, alpha]), bits=16, colour_type=4),
        grey / 65535 * alpha, 65535, "RGBA", 16, (SEE_THROUGH,),
    )  # fmt: skip
    seen = np.where(ramp(1), 255, 0)
    yield "png-grey-alpha-8", Kind(
        png_file(np.dstack([ramp(8), seen]), colour_type=4),
        np.where(seen, ramp(8), 0), 255, "LA", 8, (SEE_THROUGH,),
    )  # fmt: skip
    yield (
        "png-grey-8-interlaced",
        Kind(png_file(ramp(8)[:11], interlaced=True), ramp(8)[:11], 255, "L", 8),
    )
    yield "png-rgb-16-interlaced", Kind(
        png_file(rgb, bits=16, colour_type=2, interlaced=True),
        luma(rgb), 65535, "RGB", 16, (COLOURED,),
    )  # fmt: skip
    yield (
        "png-palette-8",
        Kind(
            png_file(ramp(8), colour_type=3, before=[(b"PLTE", GREY_PALETTE)]), ramp(8), 255, "P", 8
        ),
    )
    yield "png-palette-4-transparent", Kind(
        png_file(
            ramp(4), bits=4, colour_type=3,
            before=[(b"PLTE", bytes(np.repeat(np.arange(16) * 17, 3).astype(np.uint8))),
                    (b"tRNS", bytes([255, 255, 0]))],
        ),
        np.where(ramp(4) == 2, 0, ramp(4)), 15, "P", 8, (SEE_THROUGH,),
    )  # fmt: skip
    yield (
        "png-turned",
        Kind(png_file(ramp(8), before=[(b"eXIf", exif(6))]), np.rot90(ramp(8), -1), 255, "L", 8),
    )
    yield "png-rgb-16-turned", Kind(
        png_file(colours(16), bits=16, colour_type=2, before=[(b"eXIf", exif(5))]),
        luma(colours(16)).T, 65535, "RGB", 16, (COLOURED,),
    )  # fmt: skip
    yield "png-gamma-1", Kind(
        png_file(ramp(8), before=[(b"gAMA", struct.pack(">I", 100_000))]),
        ramp(8), 255, "L", 8, ("the file asks for a gamma of 1.0",),
    )  # fmt: skip
    yield (
        "png-bytes-behind",
        Kind(
            png_file(ramp(8)) + b"more", ramp(8), 255, "L", 8, ("4 bytes behind the picture's end",)
        ),
    )


def _jpegs():
    grey = np.kron(BLOCKS, np.ones((8, 8), dtype=np.int64))
    yield "jpeg-grey", Kind(jpeg_file([BLOCKS]), grey, 255, "L", 8)
    yield "jpeg-ycbcr", Kind(jpeg_file([BLOCKS, NEUTRAL, NEUTRAL]), grey, 255, "RGB", 8)
    yield "jpeg-rgb", Kind(jpeg_file([BLOCKS] * 3, adobe=0), grey, 255, "RGB", 8)
    yield (
        "jpeg-inks-adobe",
        Kind(jpeg_file([NO_INK] * 3 + [BLOCKS], adobe=0), grey, 255, "CMYK", 8),
    )
    yield (
        "jpeg-inks-without-adobe",
        Kind(
            jpeg_file([NO_INK] * 3 + [BLOCKS]), grey, 255, "CMYK", 8, ("a JPEG in printing inks",)
        ),
    )
    yield "jpeg-progressive", Kind(jpeg_file([BLOCKS], frame=0xC2), grey, 255, "L", 8)
    # YCCK holds inks as R = 255 - C: no ink is Y = 0 in Adobe's inverted way
    yield (
        "jpeg-ycck",
        Kind(jpeg_file([FULL_INK, NEUTRAL, NEUTRAL, BLOCKS], adobe=2), grey, 255, "CMYK", 8),
    )
    yield "jpeg-turned", Kind(
        jpeg_file([BLOCKS], before=[jpeg_segment(0xE1, b"Exif\0\0" + exif(3))]),
        grey[::-1, ::-1], 255, "L", 8,
    )  # fmt: skip
    yield (
        "jpeg-two",
        Kind(jpeg_file([BLOCKS]) * 2, grey, 255, "L", 8, ("another picture stands behind",)),
    )
    # the decoder repeats the last value once before it finds the end
    blocks = np.array([[3, 60, 255], [128, 200, 128]])
    upper = np.kron(blocks, np.ones((8, 8), dtype=np.int64))
    lower = np.vstack([upper, np.full((16, 24), 128)])
    yield (
        "jpeg-data-end-early",
        Kind(
            jpeg_file([blocks], size=(24, 32)), lower, 255, "L", 8, ("its lowest 16 rows are one",)
        ),
    )


def _bmps():
    grey, rgb = ramp(8), colours(8)
    yield (
        "bmp-grey-8",
        Kind(
            bmp_file(bmp_rows(grey), WIDTH, HEIGHT, bits=8, palette=BMP_PALETTE), grey, 255, "L", 8
        ),
    )
    yield "bmp-grey-8-top-down", Kind(
        bmp_file(bmp_rows(grey, top_down=True), WIDTH, -HEIGHT, bits=8, palette=BMP_PALETTE),
        grey, 255, "L", 8,
    )  # fmt: skip
    runs = b"".join(
        b"".join(bytes([1, int(value)]) for value in row) + b"\0\0" for row in grey[::-1]
    )
    yield "bmp-grey-8-runs", Kind(
        bmp_file(runs + b"\0\1", WIDTH, HEIGHT, bits=8, compression=1, palette=BMP_PALETTE),
        grey, 255, "L", 8,
    )  # fmt: skip
    yield "bmp-palette-8", Kind(
        bmp_file(bmp_rows(255 - grey), WIDTH, HEIGHT, bits=8, palette=BMP_PALETTE[::-1]),
        grey, 255, "P", 8,
    )  # fmt: skip
    yield "bmp-palette-4", Kind(
        bmp_file(bmp_rows(ramp(4), 4), WIDTH, HEIGHT, bits=4,
                 palette=bytes(np.repeat(np.arange(16) * 17, 4).astype(np.uint8))),
        ramp(4), 15, "P", 8,
    )  # fmt: skip
    yield "bmp-1", Kind(
        bmp_file(bmp_rows(ramp(1), 1), WIDTH, HEIGHT, bits=1, palette=b"\0\0\0\0\xff\xff\xff\0"),
        ramp(1), 1, "1", 1,
    )  # fmt: skip
    yield "bmp-1-white-first", Kind(
        bmp_file(bmp_rows(1 - ramp(1), 1), WIDTH, HEIGHT, bits=1,
                 palette=b"\xff\xff\xff\0\0\0\0\0"),
        ramp(1), 1, "P", 8,
    )  # fmt: skip
    fives = grey // 8
    yield "bmp-16", Kind(
        bmp_file(bmp_rows(fives * 0x421, 16), WIDTH, HEIGHT, bits=16),
        fives * 255 // 31, 255, "RGB", 8,
    )  # fmt: skip
    yield "bmp-24", Kind(
        bmp_file(bmp_rows(rgb[..., ::-1]), WIDTH, HEIGHT, bits=24),
        luma(rgb), 255, "RGB", 8, (COLOURED,),
    )  # fmt: skip
    unused = np.dstack([rgb[..., ::-1], grey * 0])
    yield (
        "bmp-32",
        Kind(
            bmp_file(bmp_rows(unused), WIDTH, HEIGHT, bits=32),
            luma(rgb),
            255,
            "RGB",
            8,
            (COLOURED,),
        ),
    )
    yield "bmp-32-masks", Kind(
        bmp_file(bmp_rows(unused), WIDTH, HEIGHT, bits=32, compression=3,
                 masks=struct.pack("<3I", 0xFF0000, 0xFF00, 0xFF)),
        luma(rgb), 255, "RGB", 8, (COLOURED,),
    )  # fmt: skip
    alpha = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    yield "bmp-32-alpha-left-empty", Kind(
        bmp_file(bmp_rows(unused), WIDTH, HEIGHT, bits=32, compression=3, masks=alpha,
                 header_size=56),
        luma(rgb), 255, "RGBA", 8, (COLOURED,),
    )  # fmt: skip


def kinds():
    """Return every kind by its name."""
    return {name: kind for group in (_pngs, tiff_kinds, _jpegs, _bmps) for name, kind in group()}
