"""A human reader's decisions: a table with a film and an answer in each row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from carina.data.foreign_table import ForeignTable, read_foreign_table
from carina.errors import EvaluationError, UsageError
from carina.files.names import column_names

FilmColumn = Literal["sha256", "path"]

_FILM_COLUMNS: tuple[FilmColumn, ...] = ("sha256", "path")
# columns of a run's own tables, which say something else than what a reader saw
_OF_FILMS = frozenset(
    ("sha256", "path", "source", "part", "split", "patient", "label", "view", "sex", "age",
     "age_years", "duplicate_group")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ReaderAnswers:
    """What a reader decided.

    Attributes:
        file: the table.
        column: the reader's column.
        film_column: what names the films: the digest of their bytes, or their path.
        answers: film -> answer as it is written.
        n_blank: rows in which the reader decided nothing.
    """

    file: Path
    column: str
    film_column: FilmColumn
    answers: Mapping[str, str]
    n_blank: int


def film_path(text: str) -> str:
    """Return a film's path as runs write it: with slashes, from the data set's folder on.

    >>> film_path(".\\\\test\\\\COVID\\\\1.png")
    'test/COVID/1.png'
    """
    return text.replace("\\", "/").removeprefix("./")


def named_reader(text: str) -> tuple[Path, str | None]:
    """Return the file and the column of "FILE.csv:COLUMN"; no column where none is named.

    Raises:
        UsageError: if there is no such file.
    """
    if Path(text).is_file():
        return Path(text), None
    file, colon, column = text.rpartition(":")
    if colon and column and Path(file).is_file():
        return Path(file), column
    raise UsageError(
        f"there is no file {text}; name a reader's answers as FILE.csv, or as FILE.csv:COLUMN "
        "where the file has several readers"
    )


def read_reader_answers(path: Path, column: str | None = None) -> ReaderAnswers:
    """Return a reader's decisions from a table.

    It has a row for each film, named by a column `path` (as in the run's predictions, alone
    or as `source/path`) or `sha256`, and a column of answers for each reader.

    Args:
        path: the file.
        column: the reader's; None if the file has one reader only.

    Raises:
        EvaluationError: if the file cannot be read, names no films, has several columns that
            may be the reader's, or two answers of his to one film.
    """
    table = read_foreign_table(path)
    film_column, films = _films(table)
    chosen = table.named(column, option="--reader") if column else _only_reader(table)
    answers: dict[str, str] = {}
    n_blank = 0
    for row, (film, answer) in enumerate(zip(films, table.cells(chosen), strict=True)):
        if not answer:
            n_blank += 1
            continue
        if answers.setdefault(film, answer) != answer:
            raise EvaluationError(
                f"{table.place(row)}: '{film}' is answered with '{answer}' here and with "
                f"'{answers[film]}' above; give each film one answer of '{chosen}'"
            )
    if not answers:
        raise EvaluationError(f"{path} has no answer in the column '{chosen}': every cell is blank")
    return ReaderAnswers(path, chosen, film_column, answers, n_blank)


def _films(table: ForeignTable) -> tuple[FilmColumn, tuple[str, ...]]:
    """Return what names the films, and each row's film in the spelling of a run."""
    by_name = {column.casefold(): column for column in table.columns}
    for name in _FILM_COLUMNS:
        if name in by_name:
            cells = table.cells(by_name[name])
            return name, tuple(map(str.casefold if name == "sha256" else film_path, cells))
    raise EvaluationError(
        f"{table.path} has no column that names the films: expected 'path' or 'sha256' (found: "
        f"{column_names(table.columns)})"
    )


def _only_reader(table: ForeignTable) -> str:
    """Return the one column that may hold a reader's answers."""
    columns = [name for name in table.columns if name and name.casefold() not in _OF_FILMS]
    if len(columns) == 1:
        return columns[0]
    if not columns:
        raise EvaluationError(
            f"{table.path} has no column of answers beside {', '.join(table.columns)}; add one for "
            "the reader"
        )
    raise EvaluationError(
        f"{table.path} has several columns that may be a reader's ({', '.join(columns)}); name "
        f"one: --reader {table.path.name}:{columns[0]}"
    )
