"""The values of the few elements that are looked at.

A value that is not written as the standard says is taken as absent (`()` or ""), so that no
warning with a file's own words can arise. What needs the value refuses the file.

References:
    DICOM PS3.5, 6.2 (value representations).
"""

from __future__ import annotations

import math
import re
import struct

from carina.imaging.dicom.elements import Element, Elements

_LONGEST = 1024
_WORDS = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "FL": "f", "FD": "d"}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_CODE = re.compile(r"[A-Z0-9_. \-]*", re.ASCII)


def numbers(elements: Elements, tag: int, vr: str) -> tuple[float, ...]:
    """Return an element's numbers, or none where it is absent or wrongly written.

    Args:
        elements: where it is looked for.
        tag: which.
        vr: how it is written where the file does not say: "US", "SS", "DS", "IS".
    """
    element = elements.get(tag)
    if element is None or not 0 < len(element.value) <= _LONGEST:
        return ()
    kind = _WORDS.get(_vr(element, vr))
    if kind is not None:
        size = struct.calcsize(kind)
        n = len(element.value) // size
        return tuple(struct.unpack(f"{element.encoding.order}{n}{kind}", element.value[: n * size]))
    parts = bytes(element.value).decode("latin-1").split("\\")
    found = tuple(_number(part) for part in parts)
    return () if any(math.isnan(value) for value in found) else found


def number(elements: Elements, tag: int, vr: str = "US") -> int | None:
    """Return an element's first number if it is a whole one, or None."""
    found = numbers(elements, tag, vr)
    return int(found[0]) if found and float(found[0]).is_integer() else None


def words(elements: Elements, tag: int) -> tuple[str, ...]:
    r"""Return an element's coded words (VR CS, UI, SH) in capitals, without padding.

    Words with other characters than capitals, digits, space, `_`, `.` and `-` are no codes
    and come as "".
    """
    element = elements.get(tag)
    if element is None or len(element.value) > _LONGEST:
        return ()
    parts = bytes(element.value).decode("latin-1").upper().split("\\")
    texts = (part.strip(" \0") for part in parts)
    return tuple(text if _CODE.fullmatch(text) else "" for text in texts)


def word(elements: Elements, tag: int) -> str:
    """Return an element's first coded word, or ""."""
    return next(iter(words(elements, tag)), "")


def _vr(element: Element, otherwise: str) -> str:
    is_number = element.vr in _WORDS or element.vr in ("DS", "IS")
    return element.vr if is_number else otherwise


def _number(text: str) -> float:
    text = text.strip(" \0")
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    return value if math.isfinite(value) else math.nan
