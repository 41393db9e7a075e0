"""The one compressed picture in encapsulated pixel data, whatever its offset table says.

One frame's fragments belong together (DICOM PS3.5, A.4), so that neither the basic nor the
extended offset table is needed, and a lying one does no harm. Several fragments that each begin
a picture are several frames, even where the file says that it has one.
"""

from __future__ import annotations

import struct

from carina.imaging.dicom.elements import ITEM, SEQUENCE_END
from carina.imaging.dicom.picture import several_frames
from carina.imaging.dicom.refusals import damaged

_JPEG = b"\xff\xd8\xff"
_CODESTREAMS = (_JPEG, b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  ", b"\xff\x0a", b"\0\0\0\x0cJXL ")
_RLE_HEADER = 64


def one_codestream(value: memoryview, *, is_rle: bool, name: str) -> bytes:
    """Return the fragments of the one frame, joined.

    Args:
        value: the items of the pixel data, from the first one on.
        is_rle: whether they are run-length encoded, which has no mark of its own.
        name: the file, for messages.

    Raises:
        ImageError: "damaged", "several-frames".
    """
    fragments = _fragments(value, name)
    n_begun = sum(_begins_picture(fragment, is_rle=is_rle) for fragment in fragments)
    if n_begun > 1:
        raise several_frames(name, n_begun)
    if not fragments:
        raise damaged(name, "its compressed pixel data are empty")
    return b"".join(fragments)


def is_encapsulated(value: memoryview) -> bool:
    """Return whether pixel data begin with the item that an offset table stands in."""
    return bytes(value[:4]) == struct.pack("<HH", ITEM >> 16, ITEM & 0xFFFF)


def _fragments(value: memoryview, name: str) -> list[memoryview]:
    fragments: list[memoryview] = []
    at, is_first = 0, True
    while at + 8 <= len(value):
        group, number, length = struct.unpack_from("<HHL", value, at)
        at += 8
        tag = group << 16 | number
        if tag == SEQUENCE_END:
            break
        if tag != ITEM:
            raise damaged(name, "its compressed pixel data are not in items")
        if length > len(value) - at:
            raise damaged(
                name,
                f"its compressed pixel data are cut short ({len(value) - at:,} of {length:,} "
                "bytes of a fragment)",
            )
        fragment = value[at : at + length]
        # the first item holds the offset table, even an empty one
        if length and not (is_first and not _begins_picture(fragment, is_rle=False)):
            fragments.append(fragment)
        at, is_first = at + length, False
    return fragments


def _begins_picture(fragment: memoryview, *, is_rle: bool) -> bool:
    if not is_rle:
        return bytes(fragment[:12]).startswith(_CODESTREAMS)
    if len(fragment) < _RLE_HEADER:
        return False
    # PS3.5, G.5: the number of segments, and the first one's place behind the header
    n_segments, first = struct.unpack_from("<LL", fragment)
    return bool(0 < n_segments <= 15 and first == _RLE_HEADER)
