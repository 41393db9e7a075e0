"""Counts in sentences."""


def counted(count: int, noun: str) -> str:
    """Return a count with its noun, in the plural where it is not one.

    >>> counted(1, "film"), counted(2, "film")
    ('1 film', '2 films')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
