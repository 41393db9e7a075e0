"""Names that fit beside an axis, and still tell one class from another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

_NUMBERED = 4  # characters that a space and a number may take


def short_names(names: Sequence[str], *, most: int) -> list[str]:
    """Return names of at most so many characters, in order and no two alike.

    Of a longer name the middle goes, since names of one kind often share their beginning; those
    that are alike then are numbered. A leading underscore, with which matplotlib hides a line
    from its legend, gets a space in front of it.

    Args:
        names: no two alike.
        most: at least 10.

    >>> short_names(["Normal", "Pneumonia, bacterial", "Pneumonia, viral"], most=12)
    ['Normal', 'Pneumo…erial', 'Pneumo…viral']
    >>> short_names(["aaaaaaaaaa-1-aaaaaaaaaa", "aaaaaaaaaa-2-aaaaaaaaaa"], most=12)
    ['aaaa…aaa 1', 'aaaa…aaa 2']
    """
    made = [_cut(name, most) for name in names]
    counts = Counter(made)
    return [
        _shown(one if counts[one] == 1 else f"{_cut(name, most - _NUMBERED)} {number}")
        for number, (name, one) in enumerate(zip(names, made, strict=True), 1)
    ]


def _cut(name: str, most: int) -> str:
    if len(name) <= most:
        return name
    n_end = (most - 1) // 2
    return f"{name[: most - 1 - n_end]}…{name[-n_end:]}"


def _shown(name: str) -> str:
    return f" {name}" if name.startswith("_") else name
