"""A table that any tool wrote: CSV, semicolons or tabs, as cells with their lines."""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import dataclass
from pathlib import Path

from carina.errors import EvaluationError
from carina.registry import nearest

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_MOST_BYTES = 500_000_000
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # Excel's "Unicode text"


@dataclass(frozen=True, slots=True)
class ForeignTable:
    """The cells of a table, without the spaces around them; blank rows are left out.

    Attributes:
        path: the file.
        columns: their names.
        rows: each with a cell for every column.
        lines: the line of the file on which each row ends, counted from 1.
        delimiter: what stands between the cells.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]
    delimiter: str

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def separated_by(self) -> str:
        """What stands between the cells, in words."""
        return _DELIMITERS[self.delimiter]

    def cells(self, column: str) -> tuple[str, ...]:
        """Return a column's cells, in the order of the rows.

        Raises:
            EvaluationError: if several columns have this name.
        """
        if self.columns.count(column) > 1:
            raise EvaluationError(
                f"{self.path} has {self.columns.count(column)} columns called '{column}'; give "
                "each a name of its own"
            )
        index = self.columns.index(column)
        return tuple(row[index] for row in self.rows)

    def named(self, name: str, *, option: str) -> str:
        """Return the column that a user means, whatever the case of its letters.

        Args:
            name: as the user wrote it.
            option: with which it was named, for the message.

        Raises:
            EvaluationError: if there is none; it lists the columns, the nearest first.
        """
        if name in self.columns:
            return name
        alike = [column for column in self.columns if column.casefold() == name.casefold().strip()]
        if len(alike) == 1:
            return alike[0]
        near = nearest(name, self.columns, limit=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        raise EvaluationError(
            f"{self.path} has no column '{name}', which {option} names{hint} "
            f"(found: {', '.join(self.columns)})"
        )

    def place(self, row: int) -> str:
        """Return where a row stands, for a message."""
        return f"{self.path}, line {self.lines[row]}"


def read_foreign_table(path: Path) -> ForeignTable:
    """Return the table in a file: UTF-8 with or without a byte order mark, or UTF-16 with one.

    The delimiter is the one that cuts the header into the most cells: comma, semicolon, tab or
    bar. Cells beyond the header's are allowed where they are blank.

    Raises:
        EvaluationError: if the file cannot be read, is too large, has no header or no row, or
            a row has another number of cells than the header; it names the line.
    """
    text = _text(path)
    first = next((line for line in text.splitlines() if line.strip()), "")
    if not first:
        raise EvaluationError(f"{path} is empty; expected a line of column names and a row a film")
    delimiter = max(_DELIMITERS, key=lambda one: len(next(csv.reader([first], delimiter=one))))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header: tuple[str, ...] = ()
    rows: list[tuple[str, ...]] = []
    lines: list[int] = []
    try:
        for cells in reader:
            stripped = tuple(map(str.strip, cells))
            if not any(stripped):
                continue
            if not header:
                header = stripped
                continue
            rows.append(_of_length(stripped, header, f"{path}, line {reader.line_num}"))
            lines.append(reader.line_num)
    except csv.Error as problem:
        raise EvaluationError(f"{path}, line {reader.line_num}: {problem}") from problem
    if not rows:
        raise EvaluationError(
            f"{path} has column names but no row (columns: {', '.join(header)}); expected a row "
            "for each film"
        )
    return ForeignTable(path, header, tuple(rows), tuple(lines), delimiter)


def _text(path: Path) -> str:
    if path.is_dir():
        raise EvaluationError(f"{path} is a folder; name the CSV file with the predictions in it")
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise EvaluationError(
                f"{path} has {path.stat().st_size:,} bytes, and at most {_MOST_BYTES:,} are read; "
                "is it a table of predictions?"
            )
        content = path.read_bytes()
        encoding = "utf-16" if content.startswith(_UTF_16) else "utf-8-sig"
        return content.decode(encoding)
    except FileNotFoundError:
        raise EvaluationError(f"{path} does not exist") from None
    except OSError as problem:
        raise EvaluationError(f"{path} cannot be read: {problem.strerror}") from problem
    except UnicodeDecodeError as problem:
        raise EvaluationError(
            f"{path} is no text in UTF-8 (byte {problem.start:,}); save it as CSV in UTF-8"
        ) from problem


def _of_length(cells: tuple[str, ...], header: tuple[str, ...], place: str) -> tuple[str, ...]:
    if len(cells) < len(header) or any(cells[len(header) :]):
        raise EvaluationError(
            f"{place}: {len(cells)} cells, and the header has {len(header)} columns "
            f"({', '.join(header)}); give every row a cell for each column"
        )
    return cells[: len(header)]
