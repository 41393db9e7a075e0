"""TIFF files of every kind that is read, with the grey values that they must give."""

import zlib

import numpy as np

from making.raster_files import jpeg_file, lzw, pack_bits, rows_of, tiff_file, tiff_tags
from making.raster_kind import (
    ALPHA,
    BLOCKS,
    COLOURED,
    HEIGHT,
    NEUTRAL,
    SEE_THROUGH,
    WIDTH,
    Kind,
    colours,
    luma,
    ramp,
)


def tiff_kinds():
    """Yield each name and kind."""
    for group in (_grey_tiffs, _other_grey_tiffs, _packed_tiffs, _colour_tiffs, _jpeg_tiffs):
        yield from group()


def _deflated(strip):
    return zlib.compress(strip)


def _grey_tiffs():
    for order, big in (("<", False), (">", False), ("<", True)):
        label = {"<": "little", ">": "big"}[order] + ("-bigtiff" if big else "")
        how = {"order": order, "big": big}
        for bits in (8, 16):
            grey, top = ramp(bits), 2**bits - 1
            mode = "L" if bits == 8 else f"I;16{'B' if order == '>' else ''}"
            for white, stored in ((1, grey), (0, top - grey)):
                yield f"tiff-grey-{bits}-{label}" + ("" if white else "-white-is-zero"), Kind(
                    tiff_file([rows_of(stored, bits, order)],
                              tiff_tags(HEIGHT, WIDTH, bits=bits, photometric=white), **how),
                    grey, top, mode, bits,
                )  # fmt: skip
        floats = (ramp(8) / 255).astype(np.float32)
        yield f"tiff-float-{label}", Kind(
            tiff_file([floats.astype(f"{order}f4").tobytes()],
                      tiff_tags(HEIGHT, WIDTH, bits=32, tag_339=3), **how),
            floats, 1, "F", 32,
        )  # fmt: skip


def _other_grey_tiffs():
    for bits in (1, 2, 4):
        grey, top = ramp(bits), 2**bits - 1
        for white, stored in ((1, grey), (0, top - grey)):
            yield f"tiff-grey-{bits}" + ("" if white else "-white-is-zero"), Kind(
                tiff_file([rows_of(stored, bits)],
                          tiff_tags(HEIGHT, WIDTH, bits=bits, photometric=white)),
                grey, top, "1" if bits == 1 else "L", bits,
            )  # fmt: skip
    for name, number, pack in (("", 1, bytes), ("-lzw", 5, lzw)):
        yield f"tiff-grey-12{name}", Kind(
            tiff_file([pack(rows_of(ramp(12), 12))],
                      tiff_tags(HEIGHT, WIDTH, bits=12, tag_259=number)),
            ramp(12), 4095, "I;16", 12,
        )  # fmt: skip
    yield "tiff-12-bit-values-in-16", Kind(
        tiff_file([rows_of(ramp(12), 16)], tiff_tags(HEIGHT, WIDTH, bits=16)),
        ramp(12), 65535, "I;16", 16, ("its brightest value is 4095 of 65535",),
    )  # fmt: skip
    for name, number, pack in (
        ("lzw", 5, lzw), ("deflate", 8, _deflated), ("old-deflate", 32946, _deflated),
        ("packbits", 32773, pack_bits),
    ):  # fmt: skip
        yield f"tiff-grey-8-{name}", Kind(
            tiff_file([pack(rows_of(ramp(8)[n : n + 5])) for n in (0, 5, 10)],
                      tiff_tags(HEIGHT, WIDTH, tag_259=number, tag_278=5)),
            ramp(8), 255, "L", 8,
        )  # fmt: skip


def _packed_tiffs():
    yield "tiff-grey-16-deflate-predictor-white-is-zero", Kind(
        tiff_file(
            [_deflated(rows_of(np.diff(65535 - ramp(16), axis=1, prepend=0) % 65536, 16))],
            tiff_tags(HEIGHT, WIDTH, bits=16, photometric=0, tag_259=8, tag_317=2),
        ),
        ramp(16), 65535, "I;16", 16,
    )  # fmt: skip
    yield "tiff-turned", Kind(
        tiff_file([rows_of(ramp(8))], tiff_tags(HEIGHT, WIDTH, tag_274=8)),
        np.rot90(ramp(8)), 255, "L", 8,
    )  # fmt: skip
    yield "tiff-bits-reversed", Kind(
        tiff_file([bytes(int(f"{value:08b}"[::-1], 2) for value in rows_of(ramp(8)))],
                  tiff_tags(HEIGHT, WIDTH, tag_266=2)),
        ramp(8), 255, "L", 8,
    )  # fmt: skip
    yield "tiff-thumbnail-behind", Kind(
        tiff_file([rows_of(ramp(8))], tiff_tags(HEIGHT, WIDTH),
                  more=[tiff_tags(HEIGHT, WIDTH, tag_254=1)]),
        ramp(8), 255, "L", 8,
    )  # fmt: skip
    for name, number, pack in (("", 1, bytes), ("-deflate", 8, _deflated)):
        wide = np.zeros((16, 32), dtype=np.int64)
        wide[:HEIGHT, :20] = np.hstack([ramp(8), ramp(8)[:, :4]])
        yield f"tiff-tiles{name}", Kind(
            tiff_file([pack(rows_of(wide[:, n : n + 16])) for n in (0, 16)],
                      tiff_tags(HEIGHT, 20, tag_259=number, tag_278=None, tag_322=16, tag_323=16),
                      tiled=True),
            wide[:HEIGHT, :20], 255, "L", 8,
        )  # fmt: skip


def _colour_tiffs():
    rgb8, rgb16, alpha = colours(8), colours(16), ALPHA[16]
    of_rgb = {"samples": 3, "photometric": 2}
    yield "tiff-rgb-8", Kind(
        tiff_file([rows_of(rgb8)], tiff_tags(HEIGHT, WIDTH, **of_rgb)),
        luma(rgb8), 255, "RGB", 8, (COLOURED,),
    )  # fmt: skip
    yield "tiff-rgb-8-planes", Kind(
        tiff_file([rows_of(rgb8[..., n]) for n in range(3)],
                  tiff_tags(HEIGHT, WIDTH, **of_rgb, tag_284=2)),
        luma(rgb8), 255, "RGB", 8, (COLOURED,),
    )  # fmt: skip
    for order in "<>":
        for name, number, pack in (("", 1, bytes), ("-deflate", 8, _deflated)):
            yield f"tiff-rgb-16-{'little' if order == '<' else 'big'}{name}", Kind(
                tiff_file([pack(rows_of(rgb16, 16, order))],
                          tiff_tags(HEIGHT, WIDTH, bits=16, **of_rgb, tag_259=number),
                          order=order),
                luma(rgb16), 65535, "RGB", 16, (COLOURED,),
            )  # fmt: skip
    of_rgba = {"bits": 16, "samples": 4, "photometric": 2}
    yield "tiff-rgba-16", Kind(
        tiff_file([rows_of(np.dstack([rgb16, alpha]), 16)],
                  tiff_tags(HEIGHT, WIDTH, **of_rgba, tag_338=2)),
        luma(rgb16) / 65535 * alpha, 65535, "RGBA", 16, (SEE_THROUGH, COLOURED),
    )  # fmt: skip
    dimmed = np.minimum(rgb16, alpha[..., None])
    yield "tiff-rgba-16-multiplied", Kind(
        tiff_file([rows_of(np.dstack([dimmed, alpha]), 16)],
                  tiff_tags(HEIGHT, WIDTH, **of_rgba, tag_338=1)),
        luma(dimmed), 65535, "RGB", 16, (COLOURED,),
    )  # fmt: skip
    dimmed = np.minimum(ramp(8), ALPHA[8])
    yield "tiff-grey-alpha-8-multiplied", Kind(
        tiff_file([rows_of(np.dstack([dimmed, ALPHA[8]]))],
                  tiff_tags(HEIGHT, WIDTH, samples=2, tag_338=1)),
        dimmed, 255, "L", 8,
    )  # fmt: skip
    yield "tiff-palette", Kind(
        tiff_file([rows_of(ramp(8))],
                  tiff_tags(HEIGHT, WIDTH, photometric=3, tag_320=list(range(0, 65536, 257)) * 3)),
        ramp(8), 255, "P", 8,
    )  # fmt: skip
    black_ink = np.dstack([ramp(8) * 0] * 3 + [255 - ramp(8)])
    yield "tiff-inks", Kind(
        tiff_file([rows_of(black_ink)], tiff_tags(HEIGHT, WIDTH, samples=4, photometric=5)),
        ramp(8), 255, "CMYK", 8,
    )  # fmt: skip
    yield "tiff-inks-16", Kind(
        tiff_file([rows_of(black_ink * 257, 16)],
                  tiff_tags(HEIGHT, WIDTH, bits=16, samples=4, photometric=5)),
        ramp(8), 255, "CMYK", 8, ("16 bit colour, read at 8 bits",),
    )  # fmt: skip
    yield "tiff-ycbcr", Kind(
        tiff_file([rows_of(np.dstack([ramp(8), *[ramp(8) * 0 + 128] * 2]))],
                  tiff_tags(HEIGHT, WIDTH, samples=3, photometric=6, tag_530=[1, 1])),
        ramp(8), 255, "YCbCr", 8,
    )  # fmt: skip


def _jpeg_tiffs():
    grey = np.kron(BLOCKS, np.ones((8, 8), dtype=np.int64))
    yield "tiff-jpeg", Kind(
        tiff_file([jpeg_file([row[None]]) for row in BLOCKS],
                  tiff_tags(16, 24, tag_259=7, tag_278=8)),
        grey, 255, "L", 8,
    )  # fmt: skip
    yield "tiff-jpeg-ycbcr", Kind(
        tiff_file([jpeg_file([BLOCKS, NEUTRAL, NEUTRAL])],
                  tiff_tags(16, 24, samples=3, photometric=6, tag_259=7)),
        grey, 255, "RGB", 8,
    )  # fmt: skip
