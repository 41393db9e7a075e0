"""A BMP's header: what it declares, read before the decoder sees it.

Layout: Microsoft, "Bitmap Header Types" and BITMAPINFOHEADER, Windows GDI reference.
"""

from __future__ import annotations

import struct

from carina.imaging.decoded import require_size
from carina.imaging.raster.stored import Stored, damaged, refuse

SIGNATURE = b"BM"
_OLDEST_HEADER = 12
_HEADERS = (40, 52, 56, 64, 108, 124)
_RAW, _RLE8, _RLE4, _BIT_FIELDS = 0, 1, 2, 3
# Compression -> the bits of a pixel that it may have.
_BITS = {_RAW: (1, 4, 8, 16, 24, 32), _RLE8: (8,), _RLE4: (4,), _BIT_FIELDS: (16, 24, 32)}
_ADVICE = "save the film as a PNG"


def stored_bmp(data: bytes, *, name: str) -> Stored:
    """Return what a BMP says of its picture.

    Raises:
        ImageError: "damaged" if the file is shorter than its picture; "unsupported-pixels".
    """
    if len(data) < 54:
        damaged(name, "the BMP ends within its header")
    pixels_at, header_size = struct.unpack_from("<II", data, 10)
    if header_size == _OLDEST_HEADER:
        width, height, _, bits = struct.unpack_from("<4H", data, 18)
        compression, n_colours = _RAW, 0
    elif header_size in _HEADERS:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
        (n_colours,) = struct.unpack_from("<I", data, 46)
    else:
        damaged(name, f"the BMP has a header of {header_size} bytes, which no BMP has")
    if bits not in _BITS.get(compression, ()):
        refuse(name, f"is a BMP of {bits} bit with compression {compression}; {_ADVICE}",
               "unsupported-pixels")  # fmt: skip
    if width < 0:
        damaged(name, "the BMP's picture has a negative width")
    height = abs(height)
    require_size(height, width, name=name)
    n_bytes = -(-width * bits // 32) * 4 * height
    if compression in (_RAW, _BIT_FIELDS) and pixels_at + n_bytes > len(data):
        damaged(name, "the BMP is shorter than its picture")
    palette = (n_colours or 1 << bits) if bits <= 8 else None
    return Stored(
        data=data,
        file_format="BMP",
        bits=bits if bits < 8 else 8,
        height=height,
        width=width,
        n_colours=palette,
    )
