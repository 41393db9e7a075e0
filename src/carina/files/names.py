r"""Names that users and files chose, as text that is harmless wherever it is shown.

A file's name may hold anything: line ends that break a table, escape sequences that a terminal
obeys, marks that turn the reading direction round, signs without width, bytes that are no UTF-8.
Such characters are written out (`\n`, `\x1b`, `\u202e`, `\xf6`), so that the name can be seen,
searched for and told from others; what is left is safe on a terminal, in CSV, JSON and a
header. HTML and spreadsheet formulas are the business of who writes these.

What is written out: all that Unicode calls a control, format, surrogate, private or unassigned
character or a line or paragraph separator. Spaces of all kinds stay.
"""

import re
import unicodedata
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

LONGEST_NAME = 1_000
"""Characters of a name that are shown; of a longer one the middle is left out."""
_USUAL_COLUMNS = frozenset(
    {
        "path", "file", "filename", "file name", "image", "image id", "image_id", "image index",
        "film", "sha256", "label", "labels", "class", "finding", "finding labels", "diagnosis",
        "patient", "patientid", "patient id", "patient_id", "split", "part", "view", "sex", "age",
        "predicted", "prediction", "probability", "score", "reader", "study", "accession",
    }
)  # fmt: skip
_FIRST_BYTE, _LAST_BYTE = 0xDC80, 0xDCFF
_CUT_DIGITS = 12
_KEPT_AT_EACH_END = 400
# Of several lines the line ends and tabs are the writer's own.
_WRITTEN_BYTE = re.compile(r"\\x([89a-f][0-9a-f])")
_ODD_IN_TEXT = re.compile(r"[^\n\t -~]")


def printable(name: str) -> str:
    r"""Return a name as it is shown and as tables know it: on one line, and harmless.

    A name that is harmless stays as it is, and so does one that was made so. Of more than
    `LONGEST_NAME` characters the first and last 400 are kept, with the sha256 of the whole
    between them, so that two long names stay two.

    >>> printable("two\nlines\x1b[2J.png"), printable("R\udcf6ntgen.png")
    ('two\\nlines\\x1b[2J.png', 'R\\xf6ntgen.png')
    >>> printable("Röntgen, Aufnahme 2.png")
    'Röntgen, Aufnahme 2.png'
    """
    line = one_line(name)
    if len(line) <= LONGEST_NAME:
        return line
    digest = sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_CUT_DIGITS]
    return (
        f"{line[:_KEPT_AT_EACH_END]}[... {len(line):,} characters, sha256 {digest} ...]"
        f"{line[-_KEPT_AT_EACH_END:]}"
    )


def one_line(text: str) -> str:
    r"""Return a sentence or a cell on one line, with what is not harmless written out.

    >>> one_line("read \u202egnp.exe\u200b")
    'read \\u202egnp.exe\\u200b'
    """
    return text if text.isprintable() else "".join(map(_written_out, text))


def without_place(sentence: str, *, file: str, name: str) -> str:
    """Return a sentence about a file that calls it by its name, not by where the machine keeps it.

    >>> without_place("/home/jo/films/a.png is empty", file="/home/jo/films/a.png", name="a.png")
    'a.png is empty'
    """
    return sentence.replace(printable(file), name)


def on_disk(name: str) -> Path:
    """Return the path that a name of a record or a message stands for.

    A name with bytes that are no UTF-8 is kept and shown with these written out; where nothing
    lies under the name as it stands, and something under the one with the bytes, that is meant.
    """
    path = Path(name)
    if _WRITTEN_BYTE.search(name) and not path.exists():
        bytes_in = Path(_WRITTEN_BYTE.sub(lambda match: chr(0xDC00 + int(match[1], 16)), name))
        if bytes_in.exists():
            return bytes_in
    return path


def column_names(columns: Sequence[str]) -> str:
    """Return the columns of a table for a message, if its first line is a header for sure.

    Of a table without a header the first line is a row, which may name a patient.

    >>> column_names(["path", "label"]), column_names(["a.png", "Doe^Jane"])
    ('path, label', '2, none of them of a usual name: is the header line missing?')
    """
    if is_header(columns):
        return ", ".join(map(printable, columns))
    return f"{len(columns)}, none of them of a usual name: is the header line missing?"


def is_header(columns: Sequence[str]) -> bool:
    """Return whether a table's first line has a name that columns of such tables have."""
    names = (column.strip().casefold() for column in columns)
    return any(name in _USUAL_COLUMNS or name.startswith(("p_", "y_")) for name in names)


def on_lines(text: str) -> str:
    r"""Return text of several lines as a terminal can show it: line ends and tabs stay.

    >>> on_lines("two\nlines\x1b[2J")
    'two\nlines\\x1b[2J'
    """
    return _ODD_IN_TEXT.sub(lambda match: _written_out(match[0]), text)


def in_json(document: str) -> str:
    r"""Return a JSON document with what is not harmless as JSON's own escapes: who parses it
    gets the same strings.

    >>> in_json('{"name": "a\u202eb"}')
    '{"name": "a\\u202eb"}'
    """
    return _ODD_IN_TEXT.sub(lambda match: _json_escape(match[0]), document)


def encodable(text: str) -> str:
    r"""Return text that can be written as UTF-8: only what cannot be encoded is written out.

    >>> encodable("two\nlines of R\udcf6ntgen")
    'two\nlines of R\\xf6ntgen'
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join(_written_out(c) if "\ud800" <= c <= "\udfff" else c for c in text)
    return text


def _written_out(character: str) -> str:
    r"""Return a character, or what stands for it: Python's escapes, a byte as `\xf6`."""
    if character.isprintable() or unicodedata.category(character) == "Zs":
        return character
    if _FIRST_BYTE <= ord(character) <= _LAST_BYTE:
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")


def _json_escape(character: str) -> str:
    if _written_out(character) == character:
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
