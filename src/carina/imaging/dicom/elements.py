"""Where the elements of a DICOM data set lie; the wanted ones are kept, the others stepped over.

pydicom goes down every sequence of undefined length and keeps what it finds there: a file of
half a megabyte can take gigabytes. Here nothing is kept but views of the wanted elements, an
unwanted sequence is stepped over without a call for each level, and depth and number of headers
are bounded. A file that is written against the standard is taken as pydicom takes it: the value
representation of each element decides whether it is explicit.

References:
    DICOM PS3.5, 7.1 (elements), 7.5 (sequences), 6.2.2 (unknown representation, VR UN).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from carina.imaging.dicom.refusals import damaged, refused
from carina.imaging.dicom.tags import PIXELS, ROWS, Wanted

DEEPEST = 32
"""Levels of sequences in each other; reports have about ten."""
MOST_HEADERS = 1_000_000
"""Elements and items that are stepped over; films have some hundreds."""
MOST_ITEMS = 64
"""Items of a wanted sequence that are kept."""
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_UNDEFINED = 0xFFFFFFFF
LAST_TAG = 0xFFFFFFFF
_LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the elements of a data set are written."""

    is_implicit: bool = False
    is_little_endian: bool = True

    @property
    def order(self) -> str:
        """The byte order as `struct` and numpy write it."""
        return "<" if self.is_little_endian else ">"


IMPLICIT = Encoding(is_implicit=True)


@dataclass(frozen=True, slots=True)
class Element:
    """One element as it lies in the file.

    Attributes:
        vr: its value representation as the file says, or "" in implicit VR.
        value: its bytes; empty for a sequence.
        encoding: how it is written.
        items: what is wanted of a sequence's items.
        is_encapsulated: whether `value` is the items of compressed pixel data, to the end of
            the file.
    """

    vr: str
    value: memoryview = field(repr=False)
    encoding: Encoding
    items: tuple[Elements, ...] = ()
    is_encapsulated: bool = False


Elements = dict[int, Element]


@dataclass(frozen=True, slots=True)
class _Header:
    tag: int
    vr: bytes
    length: int

    @property
    def is_undefined(self) -> bool:
        return self.length == _UNDEFINED


def find_elements(
    data: memoryview,
    wanted: Wanted,
    *,
    start: int,
    encoding: Encoding,
    name: str,
    until: int = LAST_TAG,
) -> tuple[Elements, int]:
    """Return the wanted elements of a data set, and where the walk ended.

    It ends at the first tag after `until`, behind the pixel data, or where the bytes end.

    Args:
        data: the bytes that the data set lies in.
        wanted: the tags that are kept.
        start: where its first element begins.
        encoding: how the data set is written.
        name: the file, for messages.
        until: the last tag that is looked at.

    Raises:
        ImageError: "damaged" where an element is longer than the file, "nested-too-deep",
            "too-large" for more than `MOST_HEADERS` elements.
    """
    walk = _Walk(data, start, name)
    return walk.elements(wanted, encoding, end=len(data), until=until), walk.at


class _Walk:
    """A walk over a data set's bytes; `at` is where it stands."""

    def __init__(self, data: memoryview, start: int, name: str) -> None:
        self.data, self.at, self.name = data, start, name
        self._n_headers = 0

    def elements(
        self, wanted: Wanted, encoding: Encoding, *, end: int, until: int = LAST_TAG
    ) -> Elements:
        """Return the wanted elements up to `end`, or to the mark that ends an item."""
        found: Elements = {}
        while self.at + 8 <= end:
            start = self.at
            header = self._header(encoding, end)
            if header.tag == ITEM_END:
                break
            if header.tag > until:
                self.at = start
                break
            inner = wanted.get(header.tag)
            if header.tag == PIXELS and inner is not None:
                found[PIXELS] = self._pixels(header, encoding, end)
                if ROWS in found:
                    break
            elif inner is None:
                self._step_over(header, encoding, end)
            else:
                found[header.tag] = self._element(header, encoding, inner, end)
        return found

    def _header(self, encoding: Encoding, end: int) -> _Header:
        """Return the next tag, representation and length, and step behind them."""
        self._n_headers += 1
        if self._n_headers > MOST_HEADERS:
            raise refused(
                self.name,
                f"holds more than {MOST_HEADERS:,} DICOM elements, which no film does; save the "
                "film alone",
                code="too-large",
            )
        order, data, at = encoding.order, self.data, self.at
        if at + 8 > end:
            raise self._cut(8, end)
        group, number = struct.unpack_from(order + "HH", data, at)
        tag = group << 16 | number
        vr = b"" if encoding.is_implicit or group == 0xFFFE else bytes(data[at + 4 : at + 6])
        if not (vr.isalpha() and vr.isupper()):
            # a wrongly written element in an explicit data set is taken as implicit
            (length,) = struct.unpack_from(order + "L", data, at + 4)
            self.at += 8
            return _Header(tag, b"", length)
        if vr not in _LONG:
            (length,) = struct.unpack_from(order + "H", data, at + 6)
            self.at += 8
            return _Header(tag, vr, length)
        if at + 12 > end:
            raise self._cut(12, end)
        (length,) = struct.unpack_from(order + "L", data, at + 8)
        self.at += 12
        return _Header(tag, vr, length)

    def _pixels(self, header: _Header, encoding: Encoding, end: int) -> Element:
        """Return the pixel data; what is missing inside of it is found when it is decoded."""
        start = self.at
        if not header.is_undefined and header.length > end - start + 1:  # one may be a lost pad
            raise self._cut(header.length, end)
        self.at = end if header.is_undefined else min(start + header.length, end)
        return Element(
            header.vr.decode(),
            self.data[start : self.at],
            encoding,
            is_encapsulated=header.is_undefined,
        )

    def _element(self, header: _Header, encoding: Encoding, inner: Wanted, end: int) -> Element:
        vr = header.vr.decode()
        if inner:
            inside = IMPLICIT if vr == "UN" else encoding
            last = end if header.is_undefined else self._end_of(header.length, end)
            items = self._items(inside, inner, last, is_marked=header.is_undefined)
            return Element(vr, self.data[:0], encoding, items=items)
        if header.is_undefined:
            self._step_over(header, encoding, end)
            return Element(vr, self.data[:0], encoding)
        start, self.at = self.at, self._end_of(header.length, end)
        return Element(vr, self.data[start : self.at], encoding)

    def _items(
        self, encoding: Encoding, wanted: Wanted, end: int, *, is_marked: bool
    ) -> tuple[Elements, ...]:
        """Return a wanted sequence's items; `wanted` bounds how deep this goes."""
        items: list[Elements] = []
        while self.at + 8 <= end:
            header = self._header(encoding, end)
            if header.tag == SEQUENCE_END:
                return tuple(items)
            if header.tag != ITEM:
                raise damaged(self.name, f"no item of a sequence stands at byte {self.at - 8:,}")
            if header.is_undefined:
                found = self.elements(wanted, encoding, end=end)
            else:
                last = self._end_of(header.length, end)
                found = self.elements(wanted, encoding, end=last)
                self.at = last
            if len(items) < MOST_ITEMS:
                items.append(found)
        if is_marked:
            raise damaged(self.name, "a sequence has no end")
        self.at = end
        return tuple(items)

    def _step_over(self, header: _Header, encoding: Encoding, end: int) -> None:
        """Step behind an unwanted element, however deep its sequences go."""
        if not header.is_undefined:
            self.at = self._end_of(header.length, end)
            return
        # (whether it is a sequence, how its elements are written), from the outermost to here
        around = [(True, IMPLICIT if header.vr == b"UN" else encoding)]
        while around:
            is_sequence, written = around[-1]
            inner = self._header(written, end)
            if inner.tag == (SEQUENCE_END if is_sequence else ITEM_END):
                around.pop()
            elif is_sequence and inner.tag != ITEM:
                raise damaged(self.name, f"no item of a sequence stands at byte {self.at - 8:,}")
            elif not inner.is_undefined:
                self.at = self._end_of(inner.length, end)
            elif is_sequence:
                around.append((False, written))
            else:
                around.append((True, IMPLICIT if inner.vr == b"UN" else written))
            if len(around) > 2 * DEEPEST:
                raise refused(
                    self.name,
                    f"has sequences in sequences more than {DEEPEST} deep, which no film does; "
                    "save the film without its private elements",
                    code="nested-too-deep",
                )

    def _end_of(self, length: int, end: int) -> int:
        if length > end - self.at:
            raise self._cut(length, end)
        return self.at + length

    def _cut(self, length: int, end: int) -> Exception:
        return damaged(
            self.name,
            f"an element at byte {self.at:,} has {length:,} bytes as it says, and there are "
            f"{max(end - self.at, 0):,}",
        )
