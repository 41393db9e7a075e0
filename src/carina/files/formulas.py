"""Spreadsheets take text for formulas; what Carina writes is read back as it was all the same.

A cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return is computed when a table
is opened, and may then send data away or start a program (OWASP, CSV Injection). An apostrophe
before it makes it text. A table with commas that is opened as one with semicolons or tabs, or
whose quotes are not understood, is cut at those: what follows one of them begins a cell, too.
"""

from __future__ import annotations

import re

_SIGNS = frozenset("'=+-@\t\r\uff1d\uff0b\uff0d\uff20")
_CUT = re.compile(r"[,;\t\r\n\"]")
_BEGINS = r"(?:^|(?<=[,;\t\r\n\"]))"
# One sign alone computes nothing; full-width signs count as plain ones in some systems.
_FORMULA = r"'*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20](?=.)"
_OPEN = re.compile(rf"{_BEGINS}(?={_FORMULA})", re.DOTALL)
_DEFUSED = re.compile(rf"{_BEGINS}'(?={_FORMULA})", re.DOTALL)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|inf|nan)")


def defused(text: str) -> str:
    """Return a cell's text as no spreadsheet computes it; numbers stay as they are.

    >>> defused("=1+1.png"), defused("-0.25"), defused("'=x"), defused("a;=1+1"), defused("-")
    ("'=1+1.png", '-0.25', "''=x", "a;'=1+1", '-')
    """
    may_begin = text[:1] in _SIGNS or _CUT.search(text) is not None
    if not may_begin or _NUMBER.fullmatch(text):
        return text
    return _OPEN.sub("'", text)


def as_it_was(text: str) -> str:
    """Return the text that `defused` made a cell of.

    >>> as_it_was("'=1+1.png"), as_it_was("''=x"), as_it_was("'tis")
    ('=1+1.png', "'=x", "'tis")
    """
    return _DEFUSED.sub("", text) if "'" in text else text
