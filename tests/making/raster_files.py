"""Raster files written byte by byte: what no library writes, and what no library's version changes.

The JPEG is of flat 8 x 8 blocks, whose values every decoder gives exactly.
"""

import struct
import zlib

import numpy as np

# --- PNG (W3C, Portable Network Graphics, third edition) ---

# The seven passes of an interlaced picture (section 8.1): first column and row, and their steps.
_ADAM_7 = (
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)
)  # fmt: skip


def png_chunk(kind, content):
    """Return a chunk with its length and its checksum."""
    return (
        struct.pack(">I", len(content)) + kind + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )  # fmt: skip


def png_file(samples, *, bits=8, colour_type=0, before=(), after=(), size=None, interlaced=False):
    """Return a PNG of integers `[height, width]` or `[height, width, channels]`.

    Args:
        samples: values below 2 ** bits.
        bits: of a sample.
        colour_type: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha.
        before: chunks (kind, content) between the header and the picture.
        after: chunks behind the picture.
        size: width and height to declare, if not the real ones.
        interlaced: whether to write the picture in seven passes.
    """
    samples = np.asarray(samples)
    height, width = samples.shape[:2]
    passes = [samples[y::down, x::across] for x, y, across, down in _ADAM_7]
    rows = b"".join(
        b"\0" + packed(row.reshape(-1), bits)
        for rows in (passes if interlaced else [samples])
        for row in rows
    )
    declared = size or (width, height)
    header = struct.pack(">IIBBBBB", *declared, bits, colour_type, 0, 0, int(interlaced))
    chunks = [(b"IHDR", header), *before, (b"IDAT", zlib.compress(rows)), *after, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


def packed(values, bits, order=">"):
    """Return one row of samples as bytes, the first in the highest bits."""
    if bits >= 8 and bits != 12:
        return np.asarray(values).astype(f"{order}u{bits // 8}").tobytes()
    digits = "".join(format(int(value), f"0{bits}b") for value in values)
    digits += "0" * (-len(digits) % 8)
    return int(digits, 2).to_bytes(len(digits) // 8, "big") if digits else b""


# --- TIFF (Adobe, TIFF Revision 6.0) ---

_TIFF_KINDS = {"B": 1, "s": 2, "H": 3, "I": 4, "Q": 16}


def tiff_file(strips, tags, *, order="<", big=False, more=(), tiled=False):
    """Return a TIFF of strips or tiles, already compressed.

    Args:
        strips: the bytes of each.
        tags: tag -> value or values, written as SHORT or LONG; or (letter, values). A tag whose
            value is None is left out. The strips' places and lengths are added.
        order: "<" or ">".
        big: whether to write a BigTIFF.
        more: further directories: for each its tags; they share the strips.
        tiled: whether the strips are tiles.
    """
    start = 16 if big else 8
    places = [start + sum(map(len, strips[:n])) for n in range(len(strips))]
    own = {324: places, 325: [len(s) for s in strips]} if tiled else {
        273: places, 279: [len(s) for s in strips]}  # fmt: skip
    body = b"".join(strips)
    body += bytes(len(body) % 2)
    place = start + len(body)
    first = place
    for number, directory in enumerate([tags, *more]):
        block = _tiff_directory({**own, **directory}, place, order, big)
        is_last = number == len(more)
        following = 0 if is_last else place + len(block)
        pointer = 8 if big else 4
        end = _end_of_entries(block, order, big)
        block = (
            block[:end]
            + struct.pack(order + ("Q" if big else "I"), following)
            + block[end + pointer :]
        )
        body += block
        place += len(block)
    if big:
        header = struct.pack(order + "2sHHHQ", _mark(order), 43, 8, 0, first)
    else:
        header = struct.pack(order + "2sHI", _mark(order), 42, first)
    return header + body


def _mark(order):
    return b"II" if order == "<" else b"MM"


def _end_of_entries(block, order, big):
    (n,) = struct.unpack_from(order + ("Q" if big else "H"), block)
    return (8 + 20 * n) if big else (2 + 12 * n)


def _tiff_directory(tags, place, order, big):
    tags = {tag: value for tag, value in sorted(tags.items()) if value is not None}
    count, entry, inline = ("Q", 20, 8) if big else ("H", 12, 4)
    head = struct.pack(order + count, len(tags))
    spare = place + len(head) + entry * len(tags) + inline
    entries, outside = b"", b""
    for tag, value in tags.items():
        letter, values = _letter_and_values(value)
        content = (
            bytes(values)
            if letter == "s"
            else struct.pack(f"{order}{len(values)}{letter}", *values)
        )
        entries += struct.pack(
            order + ("HHQ" if big else "HHI"), tag, _TIFF_KINDS[letter], len(values)
        )
        if len(content) <= inline:
            entries += content.ljust(inline, b"\0")
        else:
            entries += struct.pack(order + ("Q" if big else "I"), spare + len(outside))
            outside += content + bytes(len(content) % 2)
    return head + entries + bytes(inline) + outside


def _letter_and_values(value):
    if isinstance(value, tuple) and value and isinstance(value[0], str):
        return value
    values = [value] if isinstance(value, int) else list(value)
    return ("H" if max(values) < 65536 else "I"), values


def tiff_tags(height, width, *, bits=8, photometric=1, samples=1, **more):
    """Return the tags of one strip, not compressed; `more` are `tag_259=5` and the like."""
    tags = {
        256: width, 257: height, 258: [bits] * samples, 259: 1, 262: photometric, 277: samples,
        278: height,
    }  # fmt: skip
    return tags | {int(key.removeprefix("tag_")): value for key, value in more.items()}


def rows_of(samples, bits=8, order="<"):
    """Return the bytes of a strip of integers `[height, width(, channels)]`."""
    return b"".join(packed(row.reshape(-1), bits, order) for row in np.asarray(samples))


def lzw(data):
    """Return TIFF's LZW of bytes, with codes of 9 bits alone: the table is cleared in time."""
    codes = []
    for number, value in enumerate(data):
        if number % 200 == 0:
            codes.append(256)
        codes.append(value)
    digits = "".join(format(code, "09b") for code in [*codes, 257])
    digits += "0" * (-len(digits) % 8)
    return int(digits, 2).to_bytes(len(digits) // 8, "big")


def pack_bits(data):
    """Return PackBits of bytes, as runs of different ones."""
    pieces = [data[n : n + 128] for n in range(0, len(data), 128)]
    return b"".join(bytes([len(piece) - 1]) + piece for piece in pieces)


# --- BMP (Microsoft, Bitmap Storage) ---


def bmp_file(
    rows, width, height, *, bits, compression=0, palette=b"", masks=b"", n_colours=0, header_size=40
):
    """Return a BMP: `rows` are its bytes from the lowest row on; a negative height is top down.

    Masks are a part of a header of more than 40 bytes.
    """
    header = struct.pack(
        "<IiiHHIIiiII",
        header_size,
        width,
        height,
        1,
        bits,
        compression,
        len(rows),
        0,
        0,
        n_colours,
        0,
    )
    start = 14 + len(header) + len(masks) + len(palette)
    return (
        b"BM" + struct.pack("<IHHI", start + len(rows), 0, 0, start)
        + header + masks + palette + rows
    )  # fmt: skip


def bmp_rows(samples, bits=8, top_down=False):
    """Return a BMP's rows of integers `[height, width(, channels)]`, each padded to 4 bytes."""
    rows = [packed(row.reshape(-1), bits, "<") for row in np.asarray(samples)]
    rows = [row + bytes(-len(row) % 4) for row in rows]
    return b"".join(rows if top_down else rows[::-1])


# --- JPEG (ITU-T T.81), baseline, blocks of one value each ---


def jpeg_segment(marker, content):
    """Return a segment with its length."""
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def jpeg_file(channels, *, before=(), adobe=None, size=None, bits=8, frame=0xC0, end=b"\xff\xd9"):
    """Return a baseline JPEG.

    Args:
        channels: for each component integers 0..255 `[blocks down, blocks across]`: the value of
            each of its 8 x 8 blocks.
        before: segments before the picture's header.
        adobe: the transform of an Adobe segment (0 none, 1 YCbCr, 2 YCCK), or None for no segment.
        size: width and height to declare, if not the real ones.
        bits: of a sample, to declare.
        frame: the frame's marker; a progressive one (0xC2), of one component, gets two scans.
        end: what stands behind the picture's data.
    """
    channels = [np.asarray(channel) for channel in channels]
    down, across = channels[0].shape
    width, height = size or (8 * across, 8 * down)
    numbers = range(1, len(channels) + 1)
    frame_head = struct.pack(">BHHB", bits, height, width, len(channels))
    frame_head += b"".join(bytes([n, 0x11, 0]) for n in numbers)
    # 12 codes of 4 bits for the sizes of differences; one code, 0, for "the rest is 0"
    direct = b"\0" + bytes([0, 0, 0, 12] + [0] * 12) + bytes(range(12))
    alternating = b"\x10" + bytes([1] + [0] * 15) + b"\0"
    is_progressive = frame == 0xC2
    scan_head = bytes([len(channels)]) + b"".join(bytes([n, 0]) for n in numbers)
    scan_head += b"\0\0\0" if is_progressive else b"\0\x3f\0"
    parts = [b"\xff\xd8", *before]
    if adobe is not None:
        parts.append(jpeg_segment(0xEE, b"Adobe" + struct.pack(">HHHB", 100, 0, 0, adobe)))
    parts += [
        jpeg_segment(0xDB, b"\0" + bytes([8] * 64)),
        jpeg_segment(frame, frame_head),
        jpeg_segment(0xC4, direct + alternating),
        jpeg_segment(0xDA, scan_head),
        _jpeg_scan(channels, "" if is_progressive else "0"),
    ]
    if is_progressive:  # the other 63 numbers, all 0: one bit a block
        parts += [jpeg_segment(0xDA, b"\1\1\0\1\x3f\0"), bits_as_bytes("0" * down * across)]
    return b"".join([*parts, end])


def _jpeg_scan(channels, rest="0"):
    """Return the bits of the blocks: with a step of 8, a value is its first number + 128."""
    digits, last = [], [0] * len(channels)
    for place in np.ndindex(channels[0].shape):
        for number, channel in enumerate(channels):
            value = int(channel[place]) - 128
            difference, last[number] = value - last[number], value
            n_bits = abs(difference).bit_length()
            digits.append(format(n_bits, "04b"))
            if n_bits:
                coded = difference if difference > 0 else difference + (1 << n_bits) - 1
                digits.append(format(coded, f"0{n_bits}b"))
            digits.append(rest)
    return bits_as_bytes("".join(digits))


def bits_as_bytes(bits):
    """Return a scan's bits, filled up with ones, each 0xFF followed by 0 (F.1.2.3)."""
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
