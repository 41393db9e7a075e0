"""JSON that somebody else may have written, read as plain values or refused in words."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from typing import Any, NoReturn

from carina.errors import InputError

# Lists and objects within each other: Carina's own files have 10, Keras's descriptions 30.
_DEEPEST = 100
_STRINGS_AND_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]')


def parse_json(text: str | bytes, *, name: str, error: type[InputError]) -> Any:
    """Return what a JSON text holds.

    What readers of JSON understand in several ways is refused: a name that stands twice in an
    object, numbers that are none (NaN, Infinity, 1e999), whole numbers of thousands of digits,
    and what is nested so deep that programs run out of stack.

    Args:
        text: the text, or its bytes in UTF-8.
        name: what it is called in messages.
        error: the class of what is raised.

    Raises:
        InputError: of class `error`, if it is no such JSON.

    >>> parse_json('{"epochs": 2}', name="example", error=InputError)
    {'epochs': 2}
    """
    try:
        words = text.decode("utf-8") if isinstance(text, bytes) else text
        _require_shallow(words)
        return json.loads(
            words,
            object_pairs_hook=_once_each,
            parse_constant=_no_number,
            parse_float=_finite,
        )
    except (ValueError, RecursionError) as problem:
        raise error(f"{name} cannot be read as JSON: {problem}") from problem


def _require_shallow(text: str) -> None:
    """Refuse deep nesting.

    Raises:
        ValueError: if it is deeper than `_DEEPEST`.
    """
    if text.count("[") + text.count("{") <= _DEEPEST:
        return
    depth = 0
    for match in _STRINGS_AND_BRACKETS.finditer(text):
        sign = match[0]
        depth += (sign in "[{") - (sign in "]}")
        if depth > _DEEPEST:
            raise ValueError(f"it is nested more than {_DEEPEST} deep")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        ((twice, _),) = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"{twice[:60]!r} stands twice in one object")
    return found


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def _finite(word: str) -> float:
    value = float(word)
    if not math.isfinite(value):
        raise ValueError(f"{word[:20]} is larger than any number that can be computed with")
    return value
