"""What happened in a run, in sentences without the names of films or patients."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from carina.domain.progress import Progress, Step
from carina.files.atomic import storage_errors
from carina.files.names import encodable, one_line
from carina.workflows.record import Record, local_time


class Log:
    """A run's `log.txt`, which keeps the run's record of its time up to date too.

    Attributes:
        seconds: stage -> seconds of this piece.
    """

    def __init__(self, file: Path, progress: Progress, record: Record | None = None) -> None:
        """Make a log that appends to `file`, draws with `progress` and times with `record`."""
        self._file = file
        self._draw = progress
        self._record = record
        self.seconds: dict[str, float] = {}

    def say(self, sentence: str) -> None:
        """Draw a sentence and keep it in the file."""
        self.progress(Step("", message=sentence))

    def say_named(self, sentence: str, *, kept: str) -> None:
        """Draw a sentence that names films, if there is one, and keep another one in the file
        that does not."""
        if sentence:
            self._draw(Step("", message=sentence))
        self._keep(kept)

    def progress(self, step: Step) -> None:
        """Draw a step, and keep its message in the file if it has one."""
        self._draw(step)
        if step.message:
            self._keep(step.message)
        if self._record is not None:
            self._record.note_if_due()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Take the time of a block, by the clock and by the processor."""
        began = time.monotonic()
        try:
            with nullcontext() if self._record is None else self._record.stage(name):
                yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - began

    def note_time(self) -> None:
        """Write into the run's record what its making has taken so far.

        Raises:
            StorageError: if there is no room or no permission.
        """
        if self._record is not None:
            self._record.note()

    def begin_piece(self, sentence: str) -> None:
        """Draw a sentence, and begin a part of the file with it."""
        if self._file.exists():
            self._write("\n")
        self.say(sentence)

    def _keep(self, sentence: str) -> None:
        self._write(f"{local_time()} {one_line(sentence)}\n")

    def _write(self, text: str) -> None:
        with storage_errors(self._file), self._file.open("a", encoding="utf-8") as stream:
            stream.write(encodable(text))
