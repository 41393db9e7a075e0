"""What a worker answers, checked in every part before anything is done with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from carina.errors import IMAGE_CODES, ImageError
from carina.files.names import one_line
from carina.imaging.decoded import MAX_PIXELS, MIN_SIDE_PX, Decoded
from carina.imaging.worker.messages import NonsenseError

MOST_VALUES = 64
LONGEST_VALUE = 4_096
"""What an element of a DICOM file that is asked for may hold; no honest one holds more."""
_LONGEST_WORD = 64
LONGEST_SENTENCE = 2_000
_MOST_SENTENCES = 64
_MOST_COLOURS_SIDE = 4096
# float32 from 0 to 1 are, taken as integers, 0 to this: negatives, infinities and NaN lie above.
_ONE = int(np.float32(1).view(np.uint32))


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What became of one question.

    Attributes:
        facts: JSON values, as they came.
        pixels: what was put into the slot, if anything.
    """

    facts: Mapping[str, Any]
    pixels: NDArray[np.generic] | None = None


def layout_of(message: Mapping[str, Any]) -> tuple[str, tuple[int, ...]] | None:
    """Return the type and shape of the array that an answer brings, None if it brings none.

    Raises:
        NonsenseError: if no film has such an array.
    """
    shape, dtype = message.get("shape"), message.get("dtype")
    if shape is None and dtype is None:
        return None
    if not isinstance(dtype, str) or not isinstance(shape, list):
        raise NonsenseError("a shape that is none")
    if not all(type(side) is int for side in shape):
        raise NonsenseError("a shape that is none")
    if dtype == "float32" and len(shape) == 2:
        is_film = min(shape) >= MIN_SIDE_PX and shape[0] * shape[1] <= MAX_PIXELS
    elif dtype == "uint8" and len(shape) == 3:
        is_film = min(shape) > 0 and max(shape) <= _MOST_COLOURS_SIDE and shape[2] == 3
    else:
        is_film = False
    if not is_film:
        raise NonsenseError("an array that is no film")
    return dtype, tuple(shape)


def refusal_of(message: Mapping[str, Any]) -> ImageError:
    """Return why a film cannot be read, as a worker says.

    Raises:
        NonsenseError: if it gives no code of the list.
    """
    code, sentence = message.get("code"), message.get("message")
    if code not in IMAGE_CODES or not isinstance(sentence, str):
        raise NonsenseError("a code that is none")
    return ImageError(one_line(sentence[:LONGEST_SENTENCE]), image_code=code)


def facts_of(decoded: Decoded) -> dict[str, Any]:
    """Return all of a decoded film but its pixels, as JSON values that `film_of` takes."""
    facts = {
        field.name: getattr(decoded, field.name)
        for field in fields(decoded)
        if field.name != "pixels"
    }
    facts["cautions"] = [text[:LONGEST_SENTENCE] for text in decoded.cautions[:_MOST_SENTENCES]]
    facts["traces"] = [text[:LONGEST_SENTENCE] for text in decoded.traces[:_MOST_SENTENCES]]
    for name in ("file_format", "colour_mode", "view", "laterality"):
        facts[name] = facts[name] and facts[name][:_LONGEST_WORD]
    facts["colour_share"] = float(decoded.colour_share)
    spacing = decoded.pixel_spacing_mm
    if spacing is not None:
        facts["pixel_spacing_mm"] = list(spacing) if all(map(math.isfinite, spacing)) else None
    return facts


def film_of(answer: Answer) -> Decoded:
    """Return the film that a worker's answer holds.

    Raises:
        NonsenseError: if a part of it is missing, or is not what it must be.
    """
    pixels = answer.pixels
    if pixels is None or pixels.dtype != np.float32:
        raise NonsenseError("a film without pixels")
    grey = np.asarray(pixels, dtype=np.float32)
    if set(answer.facts) != set(_CHECKS):
        raise NonsenseError("facts that are not those of a film")
    if not all(check(answer.facts[name]) for name, check in _CHECKS.items()):
        raise NonsenseError("facts that no film has")
    if not are_greys(grey):
        raise NonsenseError("pixels that are no grey values")
    facts = dict(answer.facts)
    for name in ("cautions", "traces"):
        facts[name] = tuple(map(one_line, facts[name]))
    for name in ("file_format", "colour_mode", "view", "laterality"):
        facts[name] = facts[name] and one_line(facts[name])
    facts["pixel_spacing_mm"] = facts["pixel_spacing_mm"] and tuple(facts["pixel_spacing_mm"])
    return Decoded(pixels=grey, **facts)


def are_greys(pixels: NDArray[np.float32]) -> bool:
    """Return whether all values lie in `[0, 1]`.

    Args:
        pixels: float32, contiguous.

    >>> are_greys(np.array([0, 1, 0.5], dtype=np.float32))
    True
    >>> are_greys(np.array([0, np.nan], dtype=np.float32))
    False
    """
    if int(pixels.view(np.uint32).max()) <= _ONE:
        return True
    # The negative zero alone is above and still a grey value.
    return bool(pixels.min() >= 0 and pixels.max() <= 1)


def _is_word(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST_WORD


def _is_word_or_none(value: object) -> bool:
    return value is None or _is_word(value)


def _are_sentences(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= _MOST_SENTENCES
        and all(isinstance(text, str) and len(text) <= LONGEST_SENTENCE for text in value)
    )


def _is_spacing(value: object) -> bool:
    return value is None or (
        isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))
    )


def _is_number(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _is_whole(least: int, most: int, *, or_none: bool = False) -> Callable[[object], bool]:
    def check(value: object) -> bool:
        return (or_none and value is None) or (type(value) is int and least <= value <= most)

    return check


def _is_share(value: object) -> bool:
    return isinstance(value, float) and 0 <= value <= 1


_CHECKS: Mapping[str, Callable[[object], bool]] = MappingProxyType(
    {
        "file_format": _is_word,
        "colour_mode": _is_word,
        "bits": _is_whole(1, 64),
        "view": _is_word_or_none,
        "laterality": _is_word_or_none,
        "pixel_spacing_mm": _is_spacing,
        "cautions": _are_sentences,
        "traces": _are_sentences,
        "jpeg_tables": _is_word,
        "jpeg_quality": _is_whole(1, 100, or_none=True),
        "colour_share": _is_share,
    }
)
