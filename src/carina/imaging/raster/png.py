"""A PNG's chunks: their checksums, and what they say about the picture.

Chunk layout and rules: W3C, Portable Network Graphics (PNG) Specification, third edition (2025).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from carina.imaging.decoded import require_size
from carina.imaging.raster.stored import MAX_INFLATED_BYTES, Stored, damaged, refuse

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_BITS_OF_COLOUR_TYPE = {
    0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16),
}  # fmt: skip
_GREY, _RGB, _PALETTE = 0, 2, 3
# Chunks that change the picture, and so may stand once (section 5.6) and not behind its data.
_ONCE = (b"IHDR", b"PLTE", b"tRNS", b"gAMA", b"iCCP", b"eXIf")
_BEFORE_DATA = (b"IHDR", b"PLTE", b"tRNS")
_ANIMATION = (b"acTL", b"fcTL", b"fdAT")
_TEXTS = (b"zTXt", b"iTXt", b"iCCP")
# All compressed texts and the profile together.
_MAX_INFLATED_IN_ALL = 2 * MAX_INFLATED_BYTES


@dataclass(slots=True)
class _Contents:
    """The chunks that say something about the picture, by their kind."""

    chunks: dict[bytes, bytes] = field(default_factory=dict)
    has_data: bool = False
    n_inflated: int = 0
    end: int = 0


def stored_png(data: bytes, *, name: str) -> Stored:
    """Return what a PNG says of its picture, after all its checksums were found right.

    Raises:
        ImageError: "bad-checksum"; "damaged" if a chunk is missing, cut short or in a wrong
            place; "too-large", "too-small"; "several-frames" if it is animated;
            "inflates-too-far" if a text or a profile does; "unsupported-pixels" if a chunk that
            PNG does not know must be understood.
    """
    contents = _Contents()
    for kind, start, end in _chunks(data, name):
        _take(contents, kind, memoryview(data)[start:end], name)
        contents.end = end + 4
    if not contents.has_data:
        damaged(name, "there is no picture in it")
    width, height, bits, colour_type = _header(contents.chunks.get(b"IHDR", b""), name)
    require_size(height, width, name=name)
    cautions = []
    if len(data) > contents.end:
        cautions.append(f"{len(data) - contents.end} bytes behind the picture's end are not read")
    return Stored(
        data=data,
        file_format="PNG",
        bits=bits,
        height=height,
        width=width,
        deep_colour=bits == 16 and colour_type != _GREY,
        transparent=_transparent(contents.chunks.get(b"tRNS", b""), colour_type, bits),
        n_colours=_n_colours(contents.chunks.get(b"PLTE"), name)
        if colour_type == _PALETTE
        else None,
        cautions=tuple(cautions),
    )


def _chunks(data: bytes, name: str) -> Iterator[tuple[bytes, int, int]]:
    """Yield each chunk's kind and where its content lies, with its checksum verified."""
    view = memoryview(data)
    place = len(SIGNATURE)
    while place + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        end = place + 8 + length
        if end + 4 > len(data):
            break
        if zlib.crc32(view[place + 4 : end]) != int.from_bytes(view[end : end + 4], "big"):
            refuse(
                name,
                "has a PNG checksum that does not fit its bytes: it was changed or damaged after "
                "it was written; fetch or export it again",
                "bad-checksum",
            )
        yield kind, place + 8, end
        if kind == b"IEND":
            return
        place = end + 4
    damaged(name, "the PNG has no end")


def _take(contents: _Contents, kind: bytes, content: memoryview, name: str) -> None:
    """Note what one chunk says, or refuse the file for it."""
    if kind == b"IDAT":
        contents.has_data = True
        return
    if kind in _ONCE:
        if kind in contents.chunks or (kind in _BEFORE_DATA and contents.has_data):
            damaged(name, f"its PNG chunk {kind.decode()} stands twice or in a wrong place")
        contents.chunks[kind] = bytes(content)
    if kind in _ANIMATION:
        refuse(
            name,
            "is an animated PNG; save the one picture that is meant as a PNG of its own",
            "several-frames",
        )
    if kind in _TEXTS:
        _inflate(contents, kind, content, name)
    elif kind[:1].isupper() and kind not in (*_ONCE, b"IEND"):
        # section 5.4: an upper case first letter means that the picture cannot be read without it
        refuse(
            name,
            "is a PNG of a private kind (a part that must be understood is unknown); save it as "
            "a plain PNG",
            "unsupported-pixels",
        )


def _header(header: bytes, name: str) -> tuple[int, int, int, int]:
    """Return width, height, bits of a sample and colour type (section 11.2.1)."""
    if len(header) != 13:
        damaged(name, "the PNG has no header")
    width, height, bits, colour_type, *methods = struct.unpack(">IIBBBBB", header)
    if bits not in _BITS_OF_COLOUR_TYPE.get(colour_type, ()) or methods not in (
        [0, 0, 0],
        [0, 0, 1],
    ):
        damaged(name, "the PNG's header has values that PNG does not know")
    return width, height, bits, colour_type


def _inflate(contents: _Contents, kind: bytes, content: memoryview, name: str) -> None:
    """Bound what the decoder would inflate of a text or a profile."""
    compressed = _compressed_part(kind, bytes(content))
    if compressed is None:
        return
    inflater = zlib.decompressobj()
    try:
        inflated = inflater.decompress(compressed, MAX_INFLATED_BYTES)
    except zlib.error:
        return  # the decoder leaves it out, too
    contents.n_inflated += len(inflated)
    if inflater.unconsumed_tail or contents.n_inflated > _MAX_INFLATED_IN_ALL:
        refuse(
            name,
            f"holds texts or a colour profile that inflate beyond {MAX_INFLATED_BYTES // 2**20} "
            "MiB; save the film without them",
            "inflates-too-far",
        )


def _compressed_part(kind: bytes, content: bytes) -> bytes | None:
    """Return the compressed bytes of a chunk (section 11.3.3), or None where it has none."""
    _, _, rest = content.partition(b"\0")
    if kind != b"iTXt":
        return rest[1:]
    if rest[:1] != b"\x01":
        return None
    return rest[2:].partition(b"\0")[2].partition(b"\0")[2]


def _transparent(content: bytes, colour_type: int, bits: int) -> tuple[int, ...]:
    """Return the samples of the transparent colour (section 11.3.1.1), of grey and of RGB."""
    n_samples = {_GREY: 1, _RGB: 3}.get(colour_type, 0)
    if not content or not n_samples or len(content) < 2 * n_samples:
        return ()
    samples = struct.unpack_from(f">{n_samples}H", content)
    return tuple(sample & (2**bits - 1) for sample in samples)


def _n_colours(palette: bytes | None, name: str) -> int:
    if palette is None or len(palette) % 3 or not 0 < len(palette) <= 768:
        damaged(name, "the PNG's palette is missing or of a wrong length")
    return len(palette) // 3
