"""Tables as CSV files."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from carina.errors import InputError
from carina.files.atomic import write_text


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of a CSV file.

    Attributes:
        line: the line of the file that it ends on, counted from 1.
        cells: column -> text.
    """

    line: int
    cells: Mapping[str, str]


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write rows as UTF-8 CSV with a header, whole or not at all; None becomes "".

    Raises:
        StorageError: if there is no room or no permission.
    """
    write_text(path, table_text(columns, rows))


def table_text(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """Return rows as CSV text with a header; None becomes "".

    >>> table_text(["a", "b"], [{"a": 1, "b": None}])
    'a,b\\n1,\\n'
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def read_table(path: Path, *, error: type[InputError]) -> list[dict[str, str]]:
    """Return a CSV file's rows, each with every column of the header.

    Raises:
        InputError: as `read_rows` does.
    """
    return [dict(row.cells) for row in read_rows(path, error=error)[1]]


def read_rows(
    path: Path, *, error: type[InputError], skip_blank: bool = False
) -> tuple[tuple[str, ...], list[TableRow]]:
    """Return a CSV file's columns and its rows with their lines; empty lines are no rows.

    Args:
        path: a UTF-8 file, with or without a byte order mark.
        error: the class of what is raised.
        skip_blank: pass over rows, too, whose cells are all blank, as spreadsheets leave
            below a table.

    Raises:
        InputError: of class `error`, if the file cannot be read, has no header, or a
            row has another number of cells than the header (its line is named).
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream)
            header = next(reader, None)
            if not header:
                raise error(f"{path} is empty; a header line with column names is expected")
            rows = []
            for cells in reader:
                if not cells or (skip_blank and not any(map(str.strip, cells))):
                    continue
                if len(cells) != len(header):
                    raise error(
                        f"{path}, line {reader.line_num}: {len(cells)} cells, and the header "
                        f"has {len(header)} columns ({', '.join(header)})"
                    )
                rows.append(TableRow(reader.line_num, dict(zip(header, cells, strict=True))))
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise error(f"{path} cannot be read as a UTF-8 CSV file: {problem}") from problem
    return tuple(header), rows
