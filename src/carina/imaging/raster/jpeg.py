"""A JPEG's header: what it declares, read before the decoder sees it.

Markers: ITU-T T.81 (09/92), annex B.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from carina.imaging.decoded import require_size
from carina.imaging.raster.stored import Stored, damaged, refuse

SIGNATURE = b"\xff\xd8\xff"
_START, _END, _SCAN, _APP14 = 0xD8, 0xD9, 0xDA, 0xEE
# The frames that are read: baseline, extended and progressive DCT, with Huffman codes or (the last
# two) arithmetic ones (table B.1).
_HUFFMAN_FRAMES, _ARITHMETIC_FRAMES = (0xC0, 0xC1, 0xC2), (0xC9, 0xCA)
_OTHER_FRAMES = (0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF)
_JPEG_LS_FRAME = 0xF7
# Markers without a length: TEM and RST0 to RST7.
_ALONE = (0x01, *range(0xD0, 0xD8))
# Programs write about ten, and a scan of a hundred bytes may go over all of a picture's blocks: of
# 80 megapixels 2 ms each. A thumbnail or a profile in the header may hold the same two bytes.
_MOST_SCANS = 1000
TOO_MANY_SCANS = (
    f"holds a JPEG that goes over its picture more than {_MOST_SCANS:,} times, where programs do "
    "about ten times"
)
_ADVICE = "save the film as a PNG of 16 bit, which keeps every grey value, or send it as DICOM"


@dataclass(slots=True)
class _Header:
    """What stands before a JPEG's first scan."""

    frame: int = 0
    content: bytes = b""
    adobe: bool = False
    end: int = 0


def stored_jpeg(data: bytes, *, name: str) -> Stored:
    """Return what a JPEG says of its picture.

    Raises:
        ImageError: "damaged" if there is none, or if its bytes cannot hold what it declares;
            "unsupported-pixels" if it is of a kind that is not read; "unknown-format" for JPEG-LS.
    """
    header = _header(data, name)
    bits, height, width, n_components = _size(header, name)
    require_size(height, width, name=name)
    components = header.content[6 : 6 + 3 * n_components]
    if header.frame in _HUFFMAN_FRAMES:
        n_blocks = _n_blocks(height, width, components, name)
        # every block takes at least one bit of the first scan (F.1.2.1, G.1.2.1)
        if n_blocks > 8 * (len(data) - header.end):
            damaged(name, f"its few bytes cannot hold the {width} x {height} pixels it declares")
    cautions = []
    if n_components == 4 and not header.adobe:
        cautions.append(
            "a JPEG in printing inks that does not say whether 0 is full ink; it was read as "
            "Adobe's programs and browsers do: see that it is not a negative"
        )
    return Stored(
        data=data,
        file_format="JPEG",
        bits=bits,
        height=height,
        width=width,
        cautions=(*cautions, *_behind_the_end(data, header.end)),
    )


def jpeg_size(data: bytes, *, name: str) -> tuple[int, int]:
    """Return the height and width that a JPEG declares, such as a TIFF's strip.

    Raises:
        ImageError: if it is damaged, cut short or of a kind that is not read.
    """
    header = _header(data, name)
    _, height, width, _ = _size(header, name)
    if data.find(b"\xff\xd9", header.end) < 0:
        damaged(name, "a JPEG within it has no end")
    return height, width


def _header(data: bytes, name: str) -> _Header:
    """Read the markers up to the first scan, and count the scans."""
    _require_few_scans(data, name)
    header = _Header()
    place = 2
    while True:
        place = data.find(b"\xff", place)  # what stands between segments is skipped by decoders
        while place >= 0 and data[place : place + 1] == b"\xff":
            place += 1  # any marker may be preceded by fill bytes (B.1.1.2)
        if place < 0 or place + 3 > len(data):
            damaged(name, "the JPEG ends before its picture starts")
        marker = data[place]
        place += 1
        if marker == 0 or marker in _ALONE:
            continue
        if marker in (_START, _END):
            damaged(name, "a JPEG starts or ends within another one's header")
        length = int.from_bytes(data[place : place + 2], "big")
        if length < 2 or place + length > len(data):
            damaged(name, "a part of the JPEG's header has a wrong length")
        _take(header, marker, data[place + 2 : place + length], name)
        place += length
        if marker == _SCAN:
            header.end = place
            return header


def _require_few_scans(data: bytes, name: str) -> None:
    if has_too_many_scans(data):
        refuse(name, f"{TOO_MANY_SCANS}; {_ADVICE}", "takes-too-long")


def has_too_many_scans(data: bytes) -> bool:
    """Return whether a JPEG is made to keep a decoder busy."""
    return data.count(bytes((0xFF, _SCAN))) > _MOST_SCANS


def _take(header: _Header, marker: int, content: bytes, name: str) -> None:
    """Note what one segment says, or refuse the file for it."""
    if marker == _JPEG_LS_FRAME:
        refuse(name, f"is a JPEG-LS picture, which is not read; {_ADVICE}", "unknown-format")
    if marker in _OTHER_FRAMES:
        refuse(name, f"is a lossless or hierarchical JPEG; {_ADVICE}", "unsupported-pixels")
    if marker in (*_HUFFMAN_FRAMES, *_ARITHMETIC_FRAMES):
        if header.frame:
            damaged(name, "the JPEG has two headers of a picture")
        header.frame, header.content = marker, content
    elif marker == _APP14 and content.startswith(b"Adobe"):
        header.adobe = True


def _size(header: _Header, name: str) -> tuple[int, int, int, int]:
    """Return bits, height, width and the number of components (B.2.2)."""
    content = header.content
    if len(content) < 6 or len(content) < 6 + 3 * content[5]:
        damaged(name, "the JPEG has no header of a picture")
    bits, height, width, n_components = struct.unpack_from(">BHHB", content)
    if bits != 8:
        refuse(name, f"is a JPEG of {bits} bit, and 8 are read; {_ADVICE}", "unsupported-pixels")
    if n_components not in (1, 3, 4):
        refuse(name, f"is a JPEG of {n_components} channels; {_ADVICE}", "unsupported-pixels")
    if height == 0:
        refuse(
            name,
            "is a JPEG that gives its height behind the picture (DNL); open it in another program "
            "and save it again",
            "unsupported-pixels",
        )
    return bits, height, width, n_components


def _n_blocks(height: int, width: int, components: bytes, name: str) -> int:
    """Return how many 8 x 8 blocks the components have together (A.2.1)."""
    factors = [(value >> 4, value & 15) for value in components[1::3]]
    if not all(1 <= across <= 4 and 1 <= down <= 4 for across, down in factors):
        damaged(name, "the JPEG's sampling factors are not between 1 and 4")
    widest, tallest = (max(sizes) for sizes in zip(*factors, strict=True))
    return sum(
        -(-width * across // (8 * widest)) * -(-height * down // (8 * tallest))
        for across, down in factors
    )


def _behind_the_end(data: bytes, start: int) -> tuple[str, ...]:
    """Return a caution if a second JPEG follows on the first."""
    values = np.frombuffer(data, dtype=np.uint8, offset=start)
    ends = np.flatnonzero((values[:-1] == 0xFF) & (values[1:] == _END))
    end = start + int(ends[0]) + 2 if ends.size else len(data)
    following = data[end : end + 64]
    if following.lstrip(b"\0\xff").startswith(b"\xd8\xff"):
        return ("another picture stands behind the first one and is not read",)
    return ()
