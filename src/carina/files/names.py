"""File names that any system may hold, as text that any file and terminal can."""


def printable(name: str) -> str:
    r"""Return a name whose bytes are no UTF-8 with those bytes written out.

    Python keeps such bytes as lone surrogates, which cannot be written or printed.

    >>> printable("R\udcf6ntgen.png")
    'R\\xf6ntgen.png'
    >>> printable("Röntgen.png")
    'Röntgen.png'
    """
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
