"""Which films were answered, and what was answered, as rows of a table."""

from __future__ import annotations

import csv
import hashlib
import os
import struct
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from carina.data.predictions import prediction_columns, prediction_of_row, prediction_row
from carina.domain.prediction import Prediction
from carina.errors import EvaluationError
from carina.files.formulas import as_it_was
from carina.files.names import column_names, one_line

UNREADABLE = "file/"
"""How the reason code of a film begins that could not be read; an image code follows."""

_ADDED = ("reason_code", "sha256", "bytes", "modified_ns", "classifier", "made_with", "files")
_SEPARATOR = " | "
# Reasons that pass without a change of the file: such a film is tried again.
_PASSING = frozenset({f"{UNREADABLE}no-permission", f"{UNREADABLE}not-found"})
_SHA256_BYTES = 16
_STATE = struct.Struct("<qq")
_MARK = struct.Struct(f"{_STATE.format}{_SHA256_BYTES}s")


@dataclass(frozen=True, slots=True)
class FileState:
    """What a folder says of a file; a file in the same state holds the same bytes.

    Attributes:
        n_bytes: its size.
        modified_ns: when it was last written to, in ns since 1970.
    """

    n_bytes: int
    modified_ns: int

    @classmethod
    def of(cls, facts: os.stat_result) -> FileState:
        """Return the state that the system tells."""
        return cls(facts.st_size, facts.st_mtime_ns)


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """One film's answer, with the file that was answered and the files that were written.

    Attributes:
        prediction: the answer; without probabilities if the film could not be read.
        state: the film's file as it was answered; None where there is none (standard input,
            an archive's member).
        files: what was written for it: a heat map, documents.
    """

    prediction: Prediction
    state: FileState | None = None
    files: tuple[str, ...] = ()

    @property
    def is_read(self) -> bool:
        """Whether the film could be read."""
        return not self.prediction.reason_code.startswith(UNREADABLE)

    @property
    def may_pass(self) -> bool:
        """Whether the film could not be read for a reason that may pass without a change of it."""
        return self.prediction.reason_code in _PASSING


class AnsweredFilms:
    """Which films were answered, in about 200 bytes for each."""

    def __init__(self) -> None:
        """Know of none."""
        self._marks: dict[bytes, bytes] = {}

    def __len__(self) -> int:
        return len(self._marks)

    def add(self, row: AnswerRow) -> None:
        """Note a film; one that could not be read for a reason that passes is not noted."""
        state = row.state
        if state is None or row.may_pass:
            self._marks.pop(_key(row.prediction.path), None)
            return
        sha256 = bytes.fromhex(row.prediction.sha256)[:_SHA256_BYTES]
        mark = _MARK.pack(state.n_bytes, state.modified_ns, sha256)
        self._marks[_key(row.prediction.path)] = mark

    def add_all(self, rows: Iterable[AnswerRow]) -> None:
        """Note films."""
        for row in rows:
            self.add(row)

    def is_same(self, name: str, state: FileState) -> bool:
        """Return whether a film of this name was answered whose file was in this state."""
        mark = self._marks.get(_key(name))
        return mark is not None and mark.startswith(_STATE.pack(state.n_bytes, state.modified_ns))

    def holds(self, name: str, state: FileState, sha256: Callable[[], str]) -> bool:
        """Return whether a film was answered as it is now.

        Args:
            name: the film.
            state: its file's.
            sha256: returns the hex digest of its bytes; called only where a film of this name
                and size was answered that was written at another time.

        Raises:
            OSError: as `sha256` does.
        """
        if self.is_same(name, state):
            return True
        mark = self._marks.get(_key(name))
        if mark is None:
            return False
        n_bytes, _, known = _MARK.unpack(mark)
        if n_bytes != state.n_bytes or not any(known):
            return False
        if bytes.fromhex(sha256())[:_SHA256_BYTES] != known:
            return False
        self._marks[_key(name)] = _MARK.pack(state.n_bytes, state.modified_ns, known)
        return True


def answer_columns(labels: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of a table of answers: those of any predictions, and what tells
    which file was answered by which classifier.

    >>> answer_columns(["COVID"])[-4:]
    ('modified_ns', 'classifier', 'made_with', 'files')
    """
    return (
        *prediction_columns(labels),
        *(c for c in _ADDED if c not in prediction_columns(labels)),
    )


def answer_cells(row: AnswerRow) -> dict[str, object]:
    """Return a row as cells by column name, each on one line."""
    cells = prediction_row(row.prediction)
    cells |= {
        "reason_code": row.prediction.reason_code,
        "sha256": row.prediction.sha256,
        "bytes": row.state.n_bytes if row.state else "",
        "modified_ns": row.state.modified_ns if row.state else "",
        "files": _SEPARATOR.join(row.files),
    }
    return {name: one_line(cell) if isinstance(cell, str) else cell for name, cell in cells.items()}


def read_answers(path: Path, *, names: Container[str] | None = None) -> Iterator[AnswerRow]:
    """Yield the rows of a table of answers that count, one after the other: the last of each film.

    Args:
        path: a file that `open_answer_table` wrote.
        names: the films that are wanted; None for all.

    Raises:
        EvaluationError: if the file cannot be read, or is no such table.
    """
    last: dict[bytes, int] = {}
    try:
        for line, cells in table_rows(path):
            if names is None or cells["path"] in names:
                last[_key(cells["path"])] = line
        for line, cells in table_rows(path):
            if last.get(_key(cells["path"])) == line:
                yield row_of_cells(cells, f"line {line}")
    except EvaluationError as error:
        raise EvaluationError(f"{path} is no table of answers: {error}") from error


def table_rows(
    path: Path, columns: Sequence[str] | None = None, *, n_bytes: int | None = None
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the line and the cells of each row of a table of answers.

    Args:
        path: the file.
        columns: what its header must be; None for any.
        n_bytes: where the whole lines end; None for all of it.

    Raises:
        EvaluationError: if it cannot be read as a table, its header is another one, or a row
            does not fit it; the message is the end of a sentence about the file.
    """
    try:
        with path.open("rb") as stream:
            reader = csv.reader(_lines(stream, n_bytes))
            header = [as_it_was(cell) for cell in next(reader, [])]
            if columns is not None and header and tuple(header) != tuple(columns):
                raise EvaluationError(f"its columns are {column_names(header[:12])}")
            for cells in reader:
                if len(cells) != len(header):
                    what = f"line {reader.line_num} has {len(cells)} cells of {len(header)}"
                    raise EvaluationError(what)
                yield reader.line_num, dict(zip(header, map(as_it_was, cells), strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise EvaluationError(f"it cannot be read as a UTF-8 CSV file: {problem}") from problem


def _lines(stream: Iterable[bytes], n_bytes: int | None) -> Iterator[str]:
    read = 0
    for line in stream:
        read += len(line)
        if n_bytes is not None and read > n_bytes:
            return
        yield line.decode("utf-8-sig" if read == len(line) else "utf-8")


def row_of_cells(cells: Mapping[str, str], place: str) -> AnswerRow:
    """Return the row in cells by column name.

    Args:
        cells: as `table_rows` gives them.
        place: the row, for messages.

    Raises:
        EvaluationError: if a cell is not as it was written.
    """
    labels = [name[2:] for name in cells if name.startswith("p_")]
    state = None
    if cells["bytes"]:
        try:
            state = FileState(int(cells["bytes"]), int(cells["modified_ns"]))
            bytes.fromhex(cells["sha256"])
        except ValueError as error:
            raise EvaluationError(
                f"{place}: bytes, modified_ns or sha256 is not as carina predict wrote it: {error}"
            ) from error
    files = tuple(cells["files"].split(_SEPARATOR)) if cells["files"] else ()
    return AnswerRow(prediction_of_row(cells, labels, place), state, files)


def _key(name: str) -> bytes:
    return hashlib.blake2b(one_line(name).encode(), digest_size=16).digest()
