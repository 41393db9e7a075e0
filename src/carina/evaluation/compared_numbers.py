"""The same file of numbers twice: which of them are not the same, and by how much."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from carina.domain.reproduction import ComparedNumbers

Number = float | None


def numbers_in(values: Any, place: str = "") -> Iterator[tuple[str, Number]]:
    """Yield every number of nested plain values with its place; None is a number that is
    undefined. Texts and truth values are passed over.

    >>> list(numbers_in({"a": [1, {"b": None}], "c": "text"}))
    [('a.0', 1), ('a.1.b', None)]
    """
    if isinstance(values, Mapping):
        for name, value in values.items():
            yield from numbers_in(value, f"{place}.{name}" if place else str(name))
    elif isinstance(values, (list, tuple)):
        for number, value in enumerate(values):
            yield from numbers_in(value, f"{place}.{number}" if place else str(number))
    elif values is None or (isinstance(values, (int, float)) and not isinstance(values, bool)):
        yield place, values


def compare_numbers(
    what: str, recorded: Mapping[str, Number], here: Mapping[str, Number]
) -> ComparedNumbers:
    """Return how two sets of numbers differ; to the last bit, and NaN is the same as NaN.

    Args:
        what: what they are, as "history.csv, val_loss".
        recorded, here: place -> number; a place that one lacks differs.

    >>> compare_numbers("x", {"a": 1.0, "b": 2.0}, {"a": 1.0, "b": 2.5}).largest_difference
    0.5
    """
    n_differing = 0
    largest: float | None = 0.0
    where = ""
    places = list({**recorded, **here})
    for place in places:
        is_in_both = place in recorded and place in here
        a, b = recorded.get(place), here.get(place)
        if is_in_both and _is_same(a, b):
            continue
        n_differing += 1
        apart = _apart(a, b) if is_in_both else None
        if largest is not None and (apart is None or apart > largest or not where):
            largest, where = apart, place
    return ComparedNumbers(
        what=what,
        n_values=len(places),
        n_differing=n_differing,
        largest_difference=largest,
        where=where,
    )


def compare_columns(
    what: str, recorded: Sequence[Mapping[str, float]], here: Sequence[Mapping[str, float]]
) -> list[ComparedNumbers]:
    """Return for each column of two tables how its numbers differ.

    Args:
        what: the table's name.
        recorded, here: rows, of the same columns; one table may be longer.
    """
    columns = list(dict.fromkeys(name for row in (*recorded, *here) for name in row))
    return [
        compare_numbers(
            f"{what}, {name}",
            *(
                {f"row {number}": row[name] for number, row in enumerate(rows, 1) if name in row}
                for rows in (recorded, here)
            ),
        )
        for name in columns
    ]


def _is_same(a: Number, b: Number) -> bool:
    if a is None or b is None:
        return a is b
    return a == b or (math.isnan(a) and math.isnan(b))


def _apart(a: Number, b: Number) -> float | None:
    """Return the distance of two numbers, None where one of them is no finite number."""
    if a is None or b is None or not (math.isfinite(a) and math.isfinite(b)):
        return None
    return abs(a - b)
