"""Answers as a CSV file that grows while the films are answered, and can be gone on with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from carina.data.answer_rows import (
    AnsweredFilms,
    AnswerRow,
    answer_cells,
    answer_columns,
    row_of_cells,
    table_rows,
)
from carina.errors import EvaluationError, StorageError, UsageError
from carina.files.append_only import append_at, size_of
from carina.files.atomic import refused_write, storage_errors
from carina.files.names import one_line
from carina.files.tables import table_text


class AnswerTable:
    """A CSV file of answers, open for more of them; made by `open_answer_table`.

    It only ever grows: a film that changed since it was answered gets a further row, and of
    several rows of one film the last counts.

    Attributes:
        path: the file.
        n_before: rows that were there when it was opened.
        n_rows: rows that are there now.
        answered: the films of its rows.
        cut_off: the beginning of a last line that was torn, and was cut off; "" if none was.
    """

    def __init__(
        self, path: Path, columns: Sequence[str], *, classifier: str, made_with: str
    ) -> None:
        """Know where the rows go; nothing is read or written."""
        self.path = path
        self.n_before = 0
        self.n_rows = 0
        self.answered = AnsweredFilms()
        self.cut_off = ""
        self._columns = tuple(columns)
        self._of_all_rows = {"classifier": classifier, "made_with": made_with}
        self._end = 0

    def append(self, rows: Sequence[AnswerRow]) -> None:
        """Write rows behind the others, flushed to disk.

        Raises:
            StorageError: if there is no room or no permission, or another program wrote to the
                file; the rows before stay whole.
        """
        if not rows:
            return
        if self._end and not self.path.exists():
            self._end = 0  # somebody took it away to keep it: a new one is begun
        if size_of(self.path) != self._end:
            raise StorageError(
                f"{self.path} was changed by another program while answers were written to it; "
                "nothing more was written: let only one program write there, and give the same "
                "command again"
            )
        text = table_text(self._columns, [answer_cells(r) | self._of_all_rows for r in rows])
        header, _, body = text.partition("\n")
        data = (body if self._end else f"{header}\n{body}").encode()
        try:
            append_at(self.path, self._end, data)
        except OSError as error:
            told = refused_write(error, self.path, option="--csv", n_bytes=len(data))
            raise StorageError(
                f"{told}; its rows so far ({self.n_rows:,}) stay, and the same command goes on "
                "behind them"
            ) from error
        self._end += len(data)
        self.n_rows += len(rows)
        self.answered.add_all(rows)

    def take_up(self) -> None:
        """Note the rows that are in the file, and cut off a last one that was torn.

        Raises:
            UsageError: if the file is none of these answers: of other classes, of another
                classifier, with other options, or no table of answers at all. It is left as
                it is.
            StorageError: if it may not be written to.
        """
        with storage_errors(self.path, option="--csv"):
            whole = _whole_bytes(self.path)
        if whole == 0:
            self._require_beginning()
        try:
            for line, cells in table_rows(self.path, self._columns, n_bytes=whole):
                self._require_own(cells)
                self.answered.add(row_of_cells(cells, f"line {line}"))
                self.n_before += 1
        except EvaluationError as error:
            raise UsageError(_no_answers(self.path, str(error))) from error
        with storage_errors(self.path, option="--csv"):
            self.cut_off = _beginning(self.path, whole)
            append_at(self.path, whole, b"")
        self._end, self.n_rows = whole, self.n_before

    def _require_own(self, cells: Mapping[str, str]) -> None:
        """Refuse a row of another classifier, or with other options."""
        for name, wanted in self._of_all_rows.items():
            if cells[name] != wanted:
                raise UsageError(_other_answers(self.path, name, cells[name], wanted))

    def _require_beginning(self) -> None:
        """Refuse a file without a whole line, unless it is the beginning of a torn header."""
        header = table_text(self._columns, []).encode()
        if not header.startswith(self.path.read_bytes()[: len(header) + 1]):
            raise UsageError(_no_answers(self.path, "it has no line with the columns"))


@contextmanager
def open_answer_table(
    path: Path, *, labels: Sequence[str], classifier: str, made_with: str
) -> Iterator[AnswerTable]:
    """Yield the table of answers in a file, which is begun if it does not exist.

    Only one process has it at a time. Nothing that stands in the file is ever changed, but
    for a last row that was torn when its writer was stopped: that is cut off.

    Args:
        path: the file; its folder is there.
        labels: the classifier's classes.
        classifier: its digest.
        made_with: the options that the answers depend on, in words.

    Raises:
        UsageError: if the file holds something else, or another process writes to it.
        StorageError: if it may not be written to.
    """
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    with storage_errors(path, option="--csv"):
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise UsageError(
                f"{path} is being written by another carina; wait until it is done, or name "
                "another file"
            ) from None
    try:
        table = AnswerTable(
            path, answer_columns(labels), classifier=classifier, made_with=made_with
        )
        if path.exists():
            table.take_up()
        yield table
    finally:
        # While it is still held, so that nobody can come to hold a file that is then removed.
        with suppress(OSError):
            Path(lock.lock_file).unlink()
        lock.release()


def _whole_bytes(path: Path) -> int:
    """Return where the whole lines of a file end: all, or all but a last one that was torn.

    A line is whole if it ends with a line end and holds no zero byte: those are what a power
    cut leaves of pages that were never written.

    Raises:
        UsageError: if a line is broken that is not the last one.
    """
    end = 0
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if line.endswith(b"\n") and b"\0" not in line:
                end += len(line)
            elif stream.read(1):
                raise UsageError(_no_answers(path, f"line {number} is damaged"))
    return end


def _beginning(path: Path, start: int) -> str:
    """Return what stands in a file from `start` on: on one line, and no more than a name long."""
    with path.open("rb") as stream:
        stream.seek(start)
        return one_line(stream.read(200).decode(errors="replace"))


def _no_answers(path: Path, what: str) -> str:
    return (
        f"{path} is there already and is no table of this classifier's answers ({what}); nothing "
        "in it was touched: name another file"
    )


def _other_answers(path: Path, column: str, found: str, wanted: str) -> str:
    if column == "classifier":
        what = f"answers of another classifier ({found[:12] or 'not named'}, this is {wanted[:12]})"
    else:
        what = f"answers made with other options ('{found}', asked for is '{wanted}')"
    return (
        f"{path} is there already with {what}; nothing in it was touched: name another file, or "
        "use the same classifier and options to go on"
    )
