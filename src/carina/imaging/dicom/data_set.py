"""Where the data set of a DICOM file begins and how it is written; deflated ones are inflated.

Files without preamble, without file meta information and with a wrong transfer syntax are taken
as pydicom takes them: the first element's value representation decides what is explicit.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import Any

from carina.errors import ImageError
from carina.imaging.decoded import require_size
from carina.imaging.dicom import tags
from carina.imaging.dicom.elements import IMPLICIT, LAST_TAG, Elements, Encoding, find_elements
from carina.imaging.dicom.refusals import damaged, refused
from carina.imaging.dicom.values import number, word

DEFLATED = "1.2.840.10008.1.2.1.99"
"""The transfer syntax of files that are compressed as a whole."""
IMPLICIT_LITTLE, EXPLICIT_LITTLE = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
_PREFIX_AT = 128
# The pixel data of a film follows from its size; what stands before it is far smaller.
_INFLATED_BESIDE_PIXELS = 8_000_000
_INFLATED_HEAD = 1_000_000
_LAST_OF_META, _LAST_OF_COMMAND = 0x0002FFFF, 0x0000FFFF
_LAST_SIZE_TAG = tags.BITS_ALLOCATED
_VRS = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN "
    b"UR US UT UV".split()
)


@dataclass(frozen=True, slots=True)
class DataSet:
    """A DICOM file's data set, inflated where it was deflated.

    Attributes:
        data: the bytes that it lies in.
        start: where its first element begins.
        encoding: how it is written.
        syntax: the transfer syntax that the file states, or "".
        stored_class: the SOP class that the file meta information states, or "".
    """

    data: memoryview = field(repr=False)
    start: int
    encoding: Encoding
    syntax: str
    stored_class: str

    def find(self, wanted: tags.Wanted, *, name: str, until: int = LAST_TAG) -> Elements:
        """Return the wanted elements up to a tag, as `find_elements` does."""
        found, _ = find_elements(
            self.data, wanted, start=self.start, encoding=self.encoding, name=name, until=until
        )
        return found


def is_dicom(data: bytes) -> bool:
    """Return whether a file's bytes are DICOM, with or without the preamble.

    Without it the first element must be one that opens a data set: group 0002 or 0008, in
    little or big endian, with a small element number.

    >>> is_dicom(bytes(128) + b"DICM")
    True
    """
    if data[_PREFIX_AT : _PREFIX_AT + 4] == b"DICM":
        return True
    little = data[:2] in (b"\x02\x00", b"\x08\x00") and data[3:4] == b"\x00"
    big = data[:3] == b"\x00\x08\x00"
    return (little or big) and len(data) > _PREFIX_AT + 4


def open_data_set(data: bytes, *, name: str, head_only: bool = False) -> DataSet:
    """Return a file's data set.

    Args:
        data: the file, or with `head_only` its first bytes.
        name: the file, for messages.
        head_only: whether the beginning will do; of a deflated file then 1 MB is inflated,
            and a size that is no film's is no error.

    Raises:
        ImageError: "damaged", or for a deflated one "inflates-too-far", "too-large".
    """
    view = memoryview(data)
    start = _PREFIX_AT + 4 if data[_PREFIX_AT : _PREFIX_AT + 4] == b"DICM" else 0
    syntax, stored_class = "", ""
    if data[start : start + 2] == b"\x02\x00":
        meta, start = find_elements(
            view, tags.META, start=start, encoding=Encoding(), name=name, until=_LAST_OF_META
        )
        syntax, stored_class = word(meta, tags.TRANSFER_SYNTAX), word(meta, tags.STORED_CLASS)
    if syntax == DEFLATED:
        view, start = memoryview(_inflated(view[start:], name, head_only=head_only)), 0
    if bytes(view[start : start + 2]) == b"\0\0":
        _, start = find_elements(
            view, {}, start=start, encoding=IMPLICIT, name=name, until=_LAST_OF_COMMAND
        )
    encoding = _encoding(bytes(view[start : start + 6]), syntax)
    return DataSet(view, start, encoding, syntax, stored_class)


def _encoding(first: bytes, syntax: str) -> Encoding:
    """Return how a data set is written, from its first tag and representation."""
    is_explicit = first[4:6] in _VRS
    if syntax:
        return Encoding(not is_explicit, syntax != EXPLICIT_BIG)
    # the groups of a data set begin at 0008: a first group of 0400 and more is turned bytes
    return Encoding(not is_explicit, not is_explicit or first[1:2] < b"\x04")


def _inflated(deflated: memoryview, name: str, *, head_only: bool) -> bytes:
    """Return a deflated data set; what a film of its size cannot need is not inflated.

    References:
        DICOM PS3.5, A.5 (raw deflate, RFC 1951, without zlib's header).
    """
    inflater: Any = zlib.decompressobj(-zlib.MAX_WBITS)
    head = _inflate(inflater, deflated, _INFLATED_HEAD, name)
    if head_only or inflater.eof:
        return head
    limit = _most_bytes(head, name)
    rest = _inflate(inflater, inflater.unconsumed_tail, limit, name)
    if len(rest) == limit:
        raise refused(
            name,
            f"is deflated DICOM that inflates to more than {(limit + len(head)) / 1e6:.0f} MB, "
            "and a film of its size cannot; save it without compression",
            code="inflates-too-far",
        )
    if not inflater.eof:
        raise damaged(name, "its deflated data set is cut short")
    return head + rest


def _inflate(inflater: Any, deflated: bytes | memoryview, limit: int, name: str) -> bytes:
    """Return what some bytes inflate to, `limit` bytes at most."""
    try:
        return bytes(inflater.decompress(deflated, limit))
    except zlib.error as error:
        raise damaged(name, "its deflated data set cannot be inflated") from error


def _most_bytes(head: bytes, name: str) -> int:
    """Return how many bytes an honest file inflates to behind its first million."""
    encoding = _encoding(head[:6], EXPLICIT_LITTLE)
    try:
        size, _ = find_elements(
            memoryview(head), tags.SIZE, start=0, encoding=encoding, name=name, until=_LAST_SIZE_TAG
        )
    except ImageError as error:
        if error.image_code != "damaged":
            raise
        return _INFLATED_BESIDE_PIXELS
    rows, columns, samples, bits = (number(size, tag) or 0 for tag in tags.SIZE)
    if rows and columns:
        require_size(rows, columns, name=name)
    return _INFLATED_BESIDE_PIXELS + rows * columns * max(samples, 1) * max(bits, 8) // 8
