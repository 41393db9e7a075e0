"""Words that sentences are made of."""

from collections.abc import Sequence


def listed(names: Sequence[str]) -> str:
    """Return names as a list in words.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    if len(names) <= 1:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def counted(n: int, noun: str) -> str:
    """Return a number with its noun, in the plural where it needs one.

    >>> counted(1, "film"), counted(1200, "film")
    ('1 film', '1,200 films')
    """
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
