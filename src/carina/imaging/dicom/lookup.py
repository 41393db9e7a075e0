"""Lookup tables of a DICOM file: what a value becomes.

References:
    DICOM PS3.3, C.11.1.1 (modality), C.11.2.1.1 (VOI), C.7.6.3.1.5 and C.7.6.3.1.6 (palettes),
    C.7.9.2 (segmented palettes).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from carina.imaging.dicom import tags
from carina.imaging.dicom.elements import Element, Elements
from carina.imaging.dicom.refusals import damaged

_ALL_ENTRIES = 65_536
_DISCRETE, _LINEAR, _INDIRECT = 0, 1, 2


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """A lookup table.

    Attributes:
        first: the value that the first entry stands for; lower ones get it too.
        entries: uint16 `[n]`; values behind the last one get the last.
        bits: bits of an entry, so that `2 ** bits - 1` is the brightest.
    """

    first: int
    entries: NDArray[np.uint16]
    bits: int

    @property
    def top(self) -> int:
        """The brightest entry that there can be."""
        return (1 << self.bits) - 1

    def apply(self, values: NDArray[Any]) -> NDArray[np.uint16]:
        """Return what values become; fractions are cut off, as pydicom does."""
        places = np.asarray(values, dtype=np.float64) - self.first
        places = places.clip(0, len(self.entries) - 1).astype(np.intp)
        return np.asarray(self.entries[places])


def grey_lookup(item: Elements, *, is_signed: bool, name: str) -> Lookup | None:
    """Return the table of an item of a modality or VOI LUT sequence, or None where it lacks a part.

    Args:
        item: the item.
        is_signed: whether the file's values are; in implicit VR it decides how the first value
            is written.
        name: the file, for messages.
    """
    descriptor, data = item.get(tags.TABLE_DESCRIPTOR), item.get(tags.TABLE_DATA)
    if descriptor is None or data is None:
        return None
    n_entries, first, bits = _descriptor(descriptor, is_signed=is_signed, name=name)
    return Lookup(first, _entries(data, n_entries, name), bits)


def palette_lookups(
    elements: Elements, *, is_signed: bool, name: str
) -> tuple[Lookup, Lookup, Lookup]:
    """Return the palettes of red, green and blue.

    Raises:
        ImageError: "damaged" where one is missing or shorter than it says.
    """
    red, green, blue = (
        _palette(elements, place, is_signed=is_signed, name=name) for place in range(3)
    )
    return red, green, blue


def _palette(elements: Elements, place: int, *, is_signed: bool, name: str) -> Lookup:
    descriptor = elements.get(tags.PALETTE_DESCRIPTORS[place])
    plain = elements.get(tags.PALETTES[place])
    segmented = elements.get(tags.SEGMENTED_PALETTES[place])
    if descriptor is None or (plain is None and segmented is None):
        raise damaged(name, "its pixels are numbers of colours, and it has no palette")
    n_entries, first, bits = _descriptor(descriptor, is_signed=is_signed, name=name)
    if plain is not None:
        entries = _entries(plain, n_entries, name)
        # a palette whose entries are bytes has no more than 8 bits, whatever it says
        return Lookup(first, entries, 8 if len(plain.value) <= n_entries + 1 else bits)
    assert segmented is not None
    return Lookup(first, _unfolded(segmented, n_entries, bits, name), bits)


def _descriptor(element: Element, *, is_signed: bool, name: str) -> tuple[int, int, int]:
    """Return the number of entries, the value that the first stands for, and bits of an entry."""
    if len(element.value) != 6:
        raise damaged(name, "a lookup table is not described by three numbers")
    is_signed = element.vr == "SS" or (element.vr != "US" and is_signed)
    order = element.encoding.order
    n_entries, first, bits = struct.unpack(f"{order}H{'h' if is_signed else 'H'}H", element.value)
    if not 1 <= bits <= 16:
        raise damaged(name, f"a lookup table has entries of {bits} bits; 1 to 16 are read")
    return n_entries or _ALL_ENTRIES, first, bits


def _entries(element: Element, n_entries: int, name: str) -> NDArray[np.uint16]:
    """Return a table's entries, which lie in words, or in bytes where there are no more."""
    n_bytes = len(element.value)
    if n_bytes >= 2 * n_entries:
        words = np.frombuffer(element.value, element.encoding.order + "u2", n_entries)
        return words.astype(np.uint16)
    if n_bytes >= n_entries:
        return np.frombuffer(element.value, np.uint8, n_entries).astype(np.uint16)
    raise damaged(name, f"a lookup table has {n_bytes:,} bytes for {n_entries:,} entries")


def _unfolded(element: Element, n_entries: int, bits: int, name: str) -> NDArray[np.uint16]:
    """Return the entries of a segmented palette; it stops where there are enough of them."""
    kind = element.encoding.order + ("u1" if bits <= 8 else "u2")
    codes = np.frombuffer(element.value, kind, len(element.value) // np.dtype(kind).itemsize)
    entries: list[int] = []
    numbers = codes.tolist()
    segments: list[int] = []
    at = 0
    while at + 2 <= len(numbers) and len(entries) < n_entries:
        segments.append(at)
        at = _add_segment(numbers, at, entries)
        if at == 0:
            at = _repeat_segments(numbers, segments, entries, bits)
    if len(entries) < n_entries:
        raise damaged(name, f"its palette unfolds to {len(entries):,} of {n_entries:,} entries")
    return np.array(entries[:n_entries], dtype=np.uint16)


def _add_segment(numbers: list[int], at: int, entries: list[int]) -> int:
    """Add one segment's entries; return where the next begins, or 0 for a reference."""
    kind, length = numbers[at], numbers[at + 1]
    if kind == _DISCRETE:
        entries.extend(numbers[at + 2 : at + 2 + length])
        return at + 2 + length
    if kind == _LINEAR:
        if not entries:
            raise IndexError("a line must begin somewhere")
        start, end = entries[-1], numbers[at + 2]
        line = np.linspace(start + (end - start) / length, end, length)
        entries.extend(np.around(line).astype(int).tolist())
        return at + 3
    if kind == _INDIRECT:
        return 0
    raise ValueError("no such kind of segment")


def _repeat_segments(numbers: list[int], segments: list[int], entries: list[int], bits: int) -> int:
    """Repeat earlier segments that a reference names; return where the next begins."""
    at = segments.pop()
    n_repeated = numbers[at + 1]
    width = 4 if bits <= 8 else 2
    parts = numbers[at + 2 : at + 2 + width]
    size = 8 if bits <= 8 else 16
    offset = sum(part << size * place for place, part in enumerate(parts))
    first = segments.index(offset // (1 if bits <= 8 else 2))
    for repeated in segments[first : first + n_repeated]:
        if len(entries) < _ALL_ENTRIES:
            _add_segment(numbers, repeated, entries)
    segments.append(at)
    return at + 2 + width
