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


def capitalised(text: str) -> str:
    """Return a text with a capital at its start; the rest stays as it is.

    >>> capitalised("two AUCs")
    'Two AUCs'
    """
    return text[:1].upper() + text[1:]


def sentence(text: str) -> str:
    """Return a text with a full stop, whoever wrote it.

    >>> sentence("3 films were known"), sentence("Read the intervals.")
    ('3 films were known.', 'Read the intervals.')
    """
    return text if text.endswith((".", "!", "?")) else f"{text}."


def counted(n: int, noun: str) -> str:
    """Return a number with its noun, in the plural where it needs one.

    >>> counted(1, "film"), counted(1200, "film")
    ('1 film', '1,200 films')
    """
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def sized(n_bytes: int) -> str:
    """Return the size of a file for people, in the unit that fits it.

    >>> sized(1), sized(300), sized(262_144), sized(5_000_000_000)
    ('1 byte', '300 bytes', '262.1 kB', '5,000.0 MB')
    """
    if n_bytes < 1000:
        return counted(n_bytes, "byte")
    return f"{n_bytes / 1e3:,.1f} kB" if n_bytes < 1e6 else f"{n_bytes / 1e6:,.1f} MB"
