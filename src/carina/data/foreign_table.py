"""A table that any tool wrote: CSV, semicolons or tabs, as cells with their lines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from carina.errors import EvaluationError
from carina.files.csv_text import SEPARATORS
from carina.files.names import column_names
from carina.files.tables import read_cells
from carina.registry import nearest


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
        return SEPARATORS[self.delimiter]

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
            f"(found: {column_names(self.columns)})"
        )

    def place(self, row: int) -> str:
        """Return where a row stands, for a message."""
        return f"{self.path}, line {self.lines[row]}"


def read_foreign_table(path: Path) -> ForeignTable:
    """Return the table in a file, in any encoding and with any separator of `files.csv_text`.

    Cells beyond the header's are allowed where they are blank.

    Raises:
        EvaluationError: if the file cannot be read, is too large, has no header or no row, or
            a row has another number of cells than the header; it names the line.
    """
    if path.is_dir():
        raise EvaluationError(f"{path} is a folder; name the CSV file with the predictions in it")
    table = read_cells(path, error=EvaluationError)
    columns = tuple(map(str.strip, table.columns))
    if not table.rows:
        raise EvaluationError(
            f"{path} has column names but no row (columns: {column_names(columns)}); expected a "
            "row for each film"
        )
    rows = tuple(tuple(map(str.strip, row.cells)) for row in table.rows)
    return ForeignTable(path, columns, rows, tuple(row.line for row in table.rows), table.separator)
