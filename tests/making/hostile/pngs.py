"""PNG files, chunk by chunk: what Pillow does not write."""

import struct
import zlib
from collections.abc import Sequence
from typing import NamedTuple

SIGNATURE = b"\x89PNG\r\n\x1a\n"


class Chunk(NamedTuple):
    """A part of a PNG file.

    Attributes:
        kind: its four letters.
        content: its bytes.
        length: the length that it says it has; None for the true one.
        crc: the checksum that stands behind it; None for the true one.
    """

    kind: bytes
    content: bytes
    length: int | None = None
    crc: int | None = None

    def written(self) -> bytes:
        length = len(self.content) if self.length is None else self.length
        crc = zlib.crc32(self.kind + self.content) if self.crc is None else self.crc
        return struct.pack(">I", length) + self.kind + self.content + struct.pack(">I", crc)


def png_of(chunks: Sequence[Chunk]) -> bytes:
    """Return a file of chunks."""
    return SIGNATURE + b"".join(chunk.written() for chunk in chunks)


def chunks_of(data: bytes) -> list[Chunk]:
    """Return the chunks of a file, as far as it holds any; lengths that lie end it."""
    chunks, at = [], len(SIGNATURE)
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        if at + 12 + length > len(data):
            break
        kind, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        chunks.append(Chunk(kind, content))
        at += 12 + length
    return chunks


def header(
    width: int, height: int, depth: int = 8, colour: int = 0, interlace: int = 0, *, filtering=0
) -> Chunk:
    """Return the first chunk, IHDR (PNG 3rd edition, 11.2.1)."""
    return Chunk(
        b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, filtering, interlace)
    )


END = Chunk(b"IEND", b"")


# PNG 3rd edition, 8.2: where each of the seven passes begins, and its steps.
_ADAM7 = (
    (0, 0, 8, 8),
    (0, 4, 8, 8),
    (4, 0, 8, 4),
    (0, 2, 4, 4),
    (2, 0, 4, 2),
    (0, 1, 2, 2),
    (1, 0, 2, 1),
)


def grey_png(width: int, height: int, *more: Chunk, depth: int = 8, interlace: int = 0) -> bytes:
    """Return a grey film with a ramp in each row, and more chunks before its pixels."""
    passes = _ADAM7 if interlace else ((0, 0, 1, 1),)
    rows = b""
    for top, left, down, across in passes:
        n_bytes = -(-len(range(left, width, across)) * depth // 8)
        rows += (bytes(1) + bytes(x % 251 for x in range(n_bytes))) * len(range(top, height, down))
    pixels = Chunk(b"IDAT", zlib.compress(rows))
    return png_of([header(width, height, depth, interlace=interlace), *more, pixels, END])
