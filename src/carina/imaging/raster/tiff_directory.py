"""The tags of a TIFF's pictures, read by hand: few, and each within the file.

Layout: Adobe, TIFF Revision 6.0 (1992), section 2; BigTIFF as libtiff's bigtiff.html describes it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from carina.imaging.raster.stored import damaged, refuse

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0\x08\0\0\0", b"MM\0+\0\x08\0\0")
SUBFILE_TYPE, OLD_SUBFILE_TYPE = 254, 255
WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
STRIP_OFFSETS, SAMPLES, ROWS_PER_STRIP, STRIP_BYTES, PLANAR = 273, 277, 278, 279, 284
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES = 322, 323, 324, 325
COLOUR_MAP, INK_SET, EXTRA_SAMPLES, SAMPLE_FORMAT, JPEG_TABLES, SUBSAMPLING = (
    320,
    332,
    338,
    339,
    347,
    530,
)
_READ = frozenset({
    SUBFILE_TYPE, OLD_SUBFILE_TYPE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, STRIP_OFFSETS,
    SAMPLES, ROWS_PER_STRIP, STRIP_BYTES, PLANAR, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES,
    COLOUR_MAP, INK_SET, EXTRA_SAMPLES, SAMPLE_FORMAT, JPEG_TABLES, SUBSAMPLING,
})  # fmt: skip
# The types of whole numbers: BYTE, SHORT, LONG, UNDEFINED, IFD, LONG8, IFD8 -> struct's letter.
_LETTERS = {1: "B", 3: "H", 4: "I", 7: "B", 13: "I", 16: "Q", 18: "Q"}
# More strips than a film of 80 megapixels has rows; a directory of more tags has none of them all.
_MAX_VALUES = 1_000_000
_MAX_TAGS = 10_000
_MAX_DIRECTORIES = 100
_REDUCED, _MASK = 1, 4


@dataclass(frozen=True, slots=True)
class Directory:
    """One picture's tags.

    Attributes:
        tags: the values of each tag that matters here, at least one.
        places: where in the file each tag's first value stands, and its bytes.
        following: where the next directory stands; 0 where there is none.
        order: "<" or ">", as in `struct`.
    """

    tags: dict[int, tuple[int, ...]]
    places: dict[int, tuple[int, int]]
    following: int
    order: str

    def one(self, tag: int, default: int) -> int:
        """Return a tag's first value."""
        return self.tags.get(tag, (default,))[0]

    def is_beside_the_picture(self) -> bool:
        """Return whether this is a smaller copy or a mask of another picture (page 36)."""
        kind = self.one(SUBFILE_TYPE, 0)
        return bool(kind & (_REDUCED | _MASK)) or self.one(OLD_SUBFILE_TYPE, 0) == 2


def only_directory(data: bytes, *, name: str) -> Directory:
    """Return the tags of a TIFF's one picture, beside which smaller copies and masks may stand.

    Raises:
        ImageError: "several-frames" if there are more, or if the first is only a copy; "damaged"
            if the directories run in a circle or out of the file.
    """
    order = "<" if data.startswith(b"II") else ">"
    is_big = data[2:4] in (b"+\0", b"\0+")
    if len(data) < 16:
        damaged(name, "the TIFF ends within its header")
    (place,) = struct.unpack_from(f"{order}{'Q' if is_big else 'I'}", data, 8 if is_big else 4)
    first = _directory(data, place, order, is_big=is_big, name=name)
    if first.is_beside_the_picture():
        refuse(
            name,
            "starts with a small copy or a mask and keeps its picture elsewhere, as raw files of "
            "cameras do; save the picture alone",
            "several-frames",
        )
    seen, place = {place}, first.following
    while place:
        if place in seen or len(seen) > _MAX_DIRECTORIES:
            damaged(name, "the TIFF's directories run in a circle or are too many")
        seen.add(place)
        other = _directory(data, place, order, is_big=is_big, name=name)
        if not other.is_beside_the_picture():
            refuse(
                name,
                "is a TIFF of several pages; save the one that is meant as a file of its own",
                "several-frames",
            )
        place = other.following
    return first


def _directory(data: bytes, place: int, order: str, *, is_big: bool, name: str) -> Directory:
    """Return one directory's tags, as far as they are needed."""
    count_letter, entry_letters, pointer = ("Q", "HHQ", "Q") if is_big else ("H", "HHI", "I")
    entry_size, inline = (20, 8) if is_big else (12, 4)
    counted = struct.calcsize(f"={count_letter}")
    if place + counted > len(data):
        damaged(name, "a TIFF directory lies outside of the file")
    (n_tags,) = struct.unpack_from(order + count_letter, data, place)
    end = place + counted + entry_size * n_tags
    if n_tags > _MAX_TAGS or end + inline > len(data):
        damaged(name, "a TIFF directory runs out of the file")
    tags: dict[int, tuple[int, ...]] = {}
    places: dict[int, tuple[int, int]] = {}
    for entry in range(place + counted, end, entry_size):
        tag, kind, n_values = struct.unpack_from(order + entry_letters, data, entry)
        if tag not in _READ:
            continue
        letter = _LETTERS.get(kind)
        if letter is None or tag in tags or not 0 < n_values <= _MAX_VALUES:
            damaged(
                name, f"the TIFF's tag {tag} has a wrong type or number of values, or is double"
            )
        where = entry + entry_size - inline
        size = struct.calcsize(f"={letter}") * n_values
        if size > inline:
            (where,) = struct.unpack_from(order + pointer, data, where)
        if where + size > len(data):
            damaged(name, f"the TIFF's tag {tag} lies outside of the file")
        tags[tag] = struct.unpack_from(f"{order}{n_values}{letter}", data, where)
        places[tag] = (where, size // n_values)
    (following,) = struct.unpack_from(order + pointer, data, end)
    return Directory(tags, places, following, order)
