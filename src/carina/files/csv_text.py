"""CSV as spreadsheets, tools and people write it: bytes -> rows of cells, each with its line."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # begins as UTF-16's does
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_NO_TEXT = {b"PK\3\4": "a spreadsheet or a zip file", b"\xd0\xcf\x11\xe0": "an old Excel file"}
_LOOKED_AT = 65_536
_ROWS_LOOKED_AT = 20
# Excel's hint on the first line of a file, "sep=;".
_HINT = re.compile(r"sep=(.)\r?\n?", re.IGNORECASE)


class CsvProblem(ValueError):  # noqa: N818  never leaves carina.files
    """What is wrong with a table: of the whole file the end of a sentence about it, of one line
    a sentence.

    Attributes:
        line: where, counted from 1; 0 if it is the file as a whole.
    """

    def __init__(self, what: str, *, line: int = 0) -> None:
        super().__init__(what)
        self.line = line


class CsvRow(NamedTuple):
    """One row.

    Attributes:
        line: the line of the file that it ends on, counted from 1.
        cells: its cells.
    """

    line: int
    cells: list[str]


class CsvText(NamedTuple):
    """A table's text.

    Attributes:
        text: without a byte order mark.
        encoding: that it was in; "utf-8", or another that a reader should be told of.
    """

    text: str
    encoding: str


def decoded_csv(data: bytes) -> CsvText:
    """Return the text of a table: of UTF-8, of UTF-16, or else of Windows-1252, Latin-1's superset.

    UTF-16 without a mark is known by the zero bytes of its commas and digits.

    Raises:
        CsvProblem: if it is no text.

    >>> decoded_csv("Größe".encode("cp1252"))
    CsvText(text='Größe', encoding='Windows-1252')
    """
    for mark, what in _NO_TEXT.items():
        if data.startswith(mark):
            raise CsvProblem(f"is {what}, not CSV; open it and save it as CSV in UTF-8")
    encoding = next((name for mark, name in _BOMS.items() if data.startswith(mark)), None)
    try:
        if encoding is None:
            encoding = _utf_16_of(data) or "utf-8"
        text = data.decode(encoding)
    except UnicodeDecodeError as problem:
        if encoding is not None and not encoding.startswith("utf-8"):
            what = f"is damaged: byte {problem.start:,} is no {encoding.upper()}"
            raise CsvProblem(what) from None
        if encoding == "utf-8-sig":
            start = problem.start + len(codecs.BOM_UTF8)
            what = f"byte {start:,} is no UTF-8, as the file's mark says; save it as CSV in UTF-8"
            raise CsvProblem(what, line=1 + data.count(b"\n", 0, start)) from None
        return CsvText(_without_zeros(_latin(data)), "Windows-1252")
    shown = "utf-8" if encoding.startswith("utf-8") else "UTF-16"
    return CsvText(_without_zeros(text.removeprefix("\ufeff")), shown)


def separator_of(text: str, among: Sequence[str] = tuple(SEPARATORS)) -> str:
    r"""Return what cuts a table into cells: what cuts the header into the most and most rows
    into as many.

    >>> separator_of("path;label, as read\na.png;Normal\n")
    ';'
    """
    ways = []
    for place, separator in enumerate(among):
        try:
            rows = list(islice(cells_of(text[:_LOOKED_AT], separator), _ROWS_LOOKED_AT))
        except CsvProblem:
            rows = list(islice(_lenient(text[:_LOOKED_AT], separator), 1))
        # The last of them may be cut off.
        rest = rows[1:-1] or rows[1:]
        n_cells = len(rows[0].cells) if rows else 0
        n_alike = sum(len(row.cells) == n_cells for row in rest)
        ways.append((n_cells > 1, n_alike / max(len(rest), 1) > 0.5, n_cells, -place))
    return among[-max(ways)[-1]]


def cells_of(text: str, separator: str) -> Iterator[CsvRow]:
    r"""Yield the rows of a table; lines end with LF, CR LF or CR, and blank ones are no rows.

    Raises:
        CsvProblem: with its line, if a quote is left open or stands in the middle of a cell, or
            a cell is too long.

    >>> list(cells_of('a,b\r1,"2\n3"\r', ","))
    [CsvRow(line=1, cells=['a', 'b']), CsvRow(line=3, cells=['1', '2\n3'])]
    """
    hint = _HINT.match(text)
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=separator, strict=True)
    if hint:
        next(reader, None)
    begun = reader.line_num + 1
    try:
        for cells in reader:
            if cells:
                yield CsvRow(reader.line_num, cells)
            begun = reader.line_num + 1
    except csv.Error as problem:
        raise CsvProblem(_in_words(str(problem)), line=begun) from None


def hinted_separator(text: str) -> str | None:
    """Return the separator that Excel's hint names on the first line, or None."""
    hint = _HINT.match(text)
    return hint[1] if hint and hint[1] in SEPARATORS else None


def _lenient(text: str, separator: str) -> Iterator[CsvRow]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield CsvRow(number, line.split(separator))


def _utf_16_of(data: bytes) -> str | None:
    """Return which UTF-16 a text without a mark is: its first letter and many others are ASCII."""
    start = data[:_LOOKED_AT]
    for first, order in ((1, "le"), (0, "be")):
        zeros, others = start[first::2], start[1 - first :: 2]
        if zeros[:1] == b"\0" and zeros.count(0) > 0.4 * len(zeros) and not others.count(0):
            return f"utf-16-{order}"
    return None


def _latin(data: bytes) -> str:
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:  # five of its bytes mean nothing
        return data.decode("latin-1")


def _without_zeros(text: str) -> str:
    """Return a text without a zero character.

    Raises:
        CsvProblem: if it has one.
    """
    place = text.find("\0")
    if place < 0:
        return text
    line = 1 + text.count("\n", 0, place)
    raise CsvProblem("a zero byte; the file is no text, or damaged: save it again", line=line)


def _in_words(problem: str) -> str:
    if "field limit" in problem:
        most = csv.field_size_limit()
        return f"a cell has more than {most:,} letters; is a quote left open?"
    if "unexpected end" in problem:
        return "a quote begins a cell here and is never closed; close it, or double it"
    return (
        f"a quote stands in the middle of a cell ({problem}); put a cell with quotes in quotes, "
        'and double each quote inside ("")'
    )
