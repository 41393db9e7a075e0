"""Tables as CSV files: Carina's own, and those of any person or tool.

Carina writes UTF-8 with commas, and no cell that a spreadsheet computes (`files.formulas`).
Everything else is told by the file: UTF-8, UTF-16 or Windows-1252; commas, semicolons, tabs or
bars. All readers give back what Carina wrote as it was.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from carina.errors import ImageError, InputError
from carina.files.atomic import write_text
from carina.files.csv_text import (
    CsvProblem,
    CsvRow,
    cells_of,
    decoded_csv,
    hinted_separator,
    separator_of,
)
from carina.files.film_bytes import read_film_bytes, read_film_head
from carina.files.formulas import as_it_was, defused
from carina.files.names import column_names, is_header, printable

_LINE_END = "\r\n"
_HEAD_BYTES = 65_536
_MOST_BYTES = 500_000_000


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of a CSV file.

    Attributes:
        line: the line of the file that it ends on, counted from 1.
        cells: column -> text.
    """

    line: int
    cells: Mapping[str, str]

    def cell(self, column: str) -> str:
        """Return a cell without outer spaces; "" where there is no such column."""
        return self.cells.get(column, "").strip()


@dataclass(frozen=True, slots=True)
class CellTable:
    """A CSV file as it was cut into cells.

    Attributes:
        columns: the header's cells.
        rows: the others, each with a cell for every column; blank ones are left out.
        separator: what stands between the cells.
        encoding: "utf-8", or another that a reader should be told of.
    """

    columns: tuple[str, ...]
    rows: tuple[CsvRow, ...]
    separator: str
    encoding: str

    @property
    def notes(self) -> tuple[str, ...]:
        """What was told by the file and may be wrong."""
        if self.encoding != "Windows-1252":
            return ()
        return ("the table is no UTF-8; its letters were read as Windows-1252 (Latin-1)",)


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write rows as UTF-8 CSV with a header, whole or not at all; None becomes "".

    Raises:
        StorageError: if there is no room or no permission.
    """
    write_text(path, table_text(columns, rows))


def table_text(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """Return rows as CSV text with a header; None becomes "", and no text is a formula.

    Raises:
        ValueError: if a row has another column.

    >>> table_text(["a", "b"], [{"a": -1, "b": None}, {"a": "=1+1", "b": "-0.5"}])
    "a,b\\n-1,\\n'=1+1,-0.5\\n"
    """
    lines = _Lines()
    writer = csv.writer(lines, lineterminator=_LINE_END)
    writer.writerow(map(defused, columns))
    known = set(columns)
    for row in rows:
        if not row.keys() <= known:
            raise ValueError(f"no columns of the table: {sorted(row.keys() - known)}")
        writer.writerow([_cell(row.get(column)) for column in columns])
    return "".join(lines.written)


def read_table(path: Path, *, error: type[InputError]) -> list[dict[str, str]]:
    """Return the rows of a CSV file that Carina wrote, each with every column of the header.

    Raises:
        InputError: of class `error`, as `read_cells` and `rows_of` do.
    """
    table = read_cells(path, error=error, separators=",", only_utf_8=True)
    return [dict(row.cells) for row in rows_of(table, path, error=error)]


def read_rows(
    path: Path, *, error: type[InputError]
) -> tuple[tuple[str, ...], list[TableRow], tuple[str, ...]]:
    """Return the columns of any CSV file, its rows with their lines, and notes on its reading.

    Raises:
        InputError: of class `error`, as `read_cells` and `rows_of` do.
    """
    table = read_cells(path, error=error)
    rows = rows_of(table, path, error=error)
    return tuple(rows[0].cells) if rows else table.columns, rows, table.notes


def header_of(path: Path) -> frozenset[str]:
    """Return the column names of a CSV file, stripped; none where there is no such file."""
    try:
        text = decoded_csv(read_film_head(path, _HEAD_BYTES)).text
        separator = hinted_separator(text) or separator_of(text)
        return frozenset(map(str.strip, next(cells_of(text, separator)).cells))
    except (ImageError, CsvProblem, StopIteration):
        return frozenset()


def read_cells(
    path: Path,
    *,
    error: type[InputError],
    separators: Sequence[str] = (",", ";", "\t", "|"),
    only_utf_8: bool = False,
) -> CellTable:
    """Return the cells of a CSV file.

    Cells beyond the header's are passed over where they are blank, as spreadsheets leave them.

    Args:
        path: the file, on disk or in an archive.
        error: the class of what is raised.
        separators: what may stand between cells.
        only_utf_8: whether other encodings are refused.

    Raises:
        InputError: of class `error`, if the file cannot be read, is no text or empty, a quote
            is left open, or a row has another number of cells than the header; it names the
            line.
    """
    shown = printable(str(path))
    try:
        data = read_film_bytes(path, most_bytes=_MOST_BYTES)
        text, encoding = decoded_csv(data)
        if only_utf_8 and encoding != "utf-8":
            raise CsvProblem("is no UTF-8, as Carina writes it; was it saved by another program?")
        separator = hinted_separator(text) or (
            separator_of(text, separators) if len(separators) > 1 else separators[0]
        )
        rows = [
            CsvRow(line, [as_it_was(cell) for cell in cells])
            for line, cells in cells_of(text, separator)
            if any(map(str.strip, cells))
        ]
        if not rows:
            raise CsvProblem("is empty; a header line with column names is expected")
        header = rows[0].cells
        whole = tuple(CsvRow(line, _of_length(line, cells, header)) for line, cells in rows[1:])
    except ImageError as problem:
        raise error(str(problem)) from None
    except CsvProblem as problem:
        place = f"{shown}, line {problem.line}:" if problem.line else shown
        raise error(f"{place} {problem}") from None
    return CellTable(tuple(header), whole, separator, encoding)


def rows_of(table: CellTable, path: Path, *, error: type[InputError]) -> list[TableRow]:
    """Return the rows of a table by the names of its columns.

    A column without a name is called by its number ("column 3"), and left out if it is blank.

    Args:
        table: the cells.
        path: the file, for messages.
        error: the class of what is raised.

    Raises:
        InputError: of class `error`, if two columns have one name.
    """
    names: dict[int, str] = {}
    for place, column in enumerate(table.columns):
        if column.strip():
            names[place] = column
        elif any(row.cells[place].strip() for row in table.rows):
            names[place] = f"column {place + 1}"
    twice = [name for name, n in Counter(names.values()).items() if n > 1]
    if twice:
        places = [str(place + 1) for place, name in names.items() if name == twice[0]]
        called = f"called '{printable(twice[0])}'" if is_header(table.columns) else "of one name"
        raise error(
            f"{printable(str(path))} has {len(places)} columns {called} (columns "
            f"{', '.join(places)}); give each a name of its own"
        )
    return [
        TableRow(row.line, {name: row.cells[place] for place, name in names.items()})
        for row in table.rows
    ]


class _Lines:
    """Takes rows that end with CR LF, so that cells with either are put in quotes, and ends
    them with LF."""

    def __init__(self) -> None:
        self.written: list[str] = []

    def write(self, line: str) -> None:
        """Take a row."""
        self.written.append(line.removesuffix(_LINE_END) + "\n")


def _cell(value: object) -> object:
    return value if value is None or isinstance(value, int | float) else defused(str(value))


def _of_length(line: int, cells: list[str], header: list[str]) -> list[str]:
    if len(cells) == len(header):
        return cells
    if len(cells) < len(header) or any(map(str.strip, cells[len(header) :])):
        raise CsvProblem(
            f"{len(cells)} cells, and the header has {len(header)} columns "
            f"({column_names(header)}); give every row a cell for each column, and put a cell that "
            "holds the separator in quotes",
            line=line,
        )
    return cells[: len(header)]
