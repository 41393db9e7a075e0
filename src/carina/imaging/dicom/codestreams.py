"""What a compressed picture declares of itself, read before it is decoded.

References:
    ITU-T T.81 (JPEG), B.2.2; ITU-T T.87 (JPEG-LS), C.2.2; ITU-T T.800 (JPEG 2000), A.5.1;
    DICOM PS3.5, annex G (RLE).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["jpeg", "jpeg-lossless", "jpeg-ls", "jpeg-2000"]

_SOI, _SOC_SIZ = b"\xff\xd8", b"\xff\x4f\xff\x51"
_JP2 = b"\0\0\0\x0cjP  "
_MOST_BOXES = 100
_FRAMES: dict[int, Kind] = {
    0xC0: "jpeg", 0xC1: "jpeg", 0xC2: "jpeg", 0xC3: "jpeg-lossless", 0xF7: "jpeg-ls",
}  # fmt: skip
# Hierarchical and arithmetic coding, which no DICOM transfer syntax has.
_OTHER_FRAMES = frozenset(range(0xC5, 0xD0)) - {0xC8, 0xCC}
_START_OF_SCAN, _END = 0xDA, 0xD9
_APP0, _APP14 = 0xE0, 0xEE
_ADOBE = 12
_MOST_TILES = 65_535
_END_OF_IMAGE, _PADDING = b"\xff\xd9", 64
_START_OF_TILE, _END_OF_CODESTREAM = 0xFF90, 0xFFD9


@dataclass(frozen=True, slots=True)
class Codestream:
    """A compressed picture's own head.

    Attributes:
        kind: how it is compressed.
        height, width: in pixels.
        components: values of a pixel.
        precision: bits of a value.
        is_signed: whether values are two's complement (JPEG 2000 alone can say so).
        colours: what a JPEG's three values are by its own marks: "RGB", "YBR", or "" where it
            says nothing.
        start: where the codestream begins in its wrapping, if it has one.
    """

    kind: Kind
    height: int
    width: int
    components: int
    precision: int
    is_signed: bool = False
    colours: Literal["", "RGB", "YBR"] = ""
    start: int = 0


def read_codestream(stream: bytes) -> Codestream | None:
    """Return what a codestream declares of itself, or None if it is none that is known.

    Raises:
        struct.error, IndexError, ValueError: if its head is damaged or cut short.
    """
    if stream.startswith(_SOI):
        return _jpeg(stream)
    start = _jp2_codestream(stream) if stream.startswith(_JP2) else 0
    return _jpeg_2000(stream, start) if stream[start : start + 4] == _SOC_SIZ else None


def is_whole(stream: bytes, codestream: Codestream) -> bool:
    """Return whether a codestream ends where its own marks say.

    The decoders fill up what is missing without a word. A JPEG stream ends with a mark; of
    JPEG 2000, whose mark some writers leave out, all tile parts must lie within the stream.
    """
    if codestream.kind != "jpeg-2000":
        return _END_OF_IMAGE in stream[-_PADDING:]
    at = codestream.start + 2
    while at + 12 <= len(stream):
        marker, length = struct.unpack_from(">HH", stream, at)
        if marker == _START_OF_TILE:
            # 0 says that the tile part goes on to the end (T.800, A.4.2)
            (length,) = struct.unpack_from(">L", stream, at + 6)
            if length == 0:
                return True
            at += max(length, 12)
        elif marker == _END_OF_CODESTREAM:
            return True
        else:
            at += 2 + length
    return at <= len(stream)


def _jpeg(stream: bytes) -> Codestream | None:
    """Return the frame header of a JPEG or JPEG-LS stream."""
    marks = set[str]()
    for marker, segment in _segments(stream):
        if marker in _FRAMES:
            return _jpeg_frame(segment, _FRAMES[marker], marks)
        if marker in _OTHER_FRAMES:
            return None
        if marker == _APP0 and segment.startswith(b"JFIF"):
            marks.add("YBR")
        if marker == _APP14 and segment.startswith(b"Adobe") and len(segment) >= _ADOBE:
            marks.add("Adobe RGB" if segment[11] == 0 else "Adobe YBR")
    raise ValueError("no frame header")


def _segments(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the markers before the first scan, and what stands behind each."""
    at = 2
    while stream[at] == 0xFF:
        marker = stream[at + 1]
        if marker == 0xFF:  # fill bytes may stand before a marker
            at += 1
            continue
        (length,) = struct.unpack_from(">H", stream, at + 2)
        if length < 2 or marker in (_START_OF_SCAN, _END):
            return
        yield marker, stream[at + 4 : at + 2 + length]
        at += 2 + length


def _jpeg_frame(segment: bytes, kind: Kind, marks: set[str]) -> Codestream:
    precision, height, width, components = struct.unpack_from(">BHHB", segment)
    identifiers = segment[6::3][:components]
    return Codestream(
        kind, height, width, components, precision, colours=_colours(identifiers, marks)
    )


def _colours(identifiers: bytes, marks: set[str]) -> Literal["", "RGB", "YBR"]:
    """Return what three components are, by Adobe's mark, JFIF or their letters."""
    if "Adobe RGB" in marks or identifiers in (b"RGB", b"rgb"):
        return "RGB"
    return "YBR" if marks else ""


def _jp2_codestream(stream: bytes) -> int:
    """Return where the codestream begins in a JP2 file, which some put into DICOM."""
    at = 0
    for _ in range(_MOST_BOXES):
        length, name = struct.unpack_from(">L4s", stream, at)
        if name == b"jp2c":
            return at + (16 if length == 1 else 8)
        if length < 8:
            break
        at += length
    raise ValueError("no codestream in a JP2 file")


def _jpeg_2000(stream: bytes, start: int) -> Codestream:
    right, bottom, left, top = struct.unpack_from(">4L", stream, start + 8)
    tile_width, tile_height, tile_left, tile_top = struct.unpack_from(">4L", stream, start + 24)
    (components,) = struct.unpack_from(">H", stream, start + 40)
    sizes = struct.unpack_from(f">{3 * components}B", stream, start + 42)
    if not (tile_width and tile_height) or right <= left or bottom <= top:
        raise ValueError("a picture or tile without area")
    n_tiles = -(-(right - tile_left) // tile_width) * -(-(bottom - tile_top) // tile_height)
    if not 0 < n_tiles <= _MOST_TILES:
        raise ValueError("more tiles than can be numbered")
    depths = set(sizes[0::3])
    if len(depths) != 1 or set(sizes[1::3]) | set(sizes[2::3]) != {1}:
        raise ValueError("components of several depths or sizes")
    (depth,) = depths
    return Codestream(
        "jpeg-2000",
        bottom - top,
        right - left,
        components,
        (depth & 0x7F) + 1,
        is_signed=bool(depth & 0x80),
        start=start,
    )
