"""File names that any system may hold, as text that any file and terminal can."""

import unicodedata


def printable(name: str) -> str:
    r"""Return a name whose bytes are no UTF-8 with those bytes written out.

    Python keeps such bytes as lone surrogates, which cannot be written or printed.

    >>> printable("R\udcf6ntgen.png")
    'R\\xf6ntgen.png'
    >>> printable("Röntgen.png")
    'Röntgen.png'
    """
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def one_line(text: str) -> str:
    r"""Return printable text on one line, with control characters and line ends written out.

    A name may hold a line end, which would break a table of lines, or an escape sequence,
    which a terminal would obey.

    >>> one_line("two\nlines\x1b[2J.png")
    'two\\nlines\\x1b[2J.png'
    >>> one_line("R\udcf6ntgen bild.png")
    'R\\xf6ntgen bild.png'
    """
    if text.isprintable():
        return text
    breaking = ("Cc", "Zl", "Zp")
    return "".join(
        c.encode("unicode_escape").decode() if unicodedata.category(c) in breaking else c
        for c in printable(text)
    )
