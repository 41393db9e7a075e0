"""What happened in a run, in sentences without the names of films or patients."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from carina.domain.progress import Progress, Step
from carina.files.atomic import storage_errors


class Log:
    """A run's `log.txt` and its stopwatch.

    Attributes:
        progress: draws steps; their messages are kept in the file too.
        seconds: stage -> seconds.
    """

    def __init__(self, file: Path, progress: Progress) -> None:
        """Make a log that appends to `file` and draws with `progress`."""
        self._file = file
        self._draw = progress
        self.seconds: dict[str, float] = {}

    def say(self, sentence: str) -> None:
        """Draw a sentence and keep it in the file."""
        self._draw(Step("", message=sentence))
        self._keep(sentence)

    def progress(self, step: Step) -> None:
        """Draw a step, and keep its message in the file if it has one."""
        self._draw(step)
        if step.message:
            self._keep(step.message)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Take the time of a block."""
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 3)

    def _keep(self, sentence: str) -> None:
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        with storage_errors(self._file), self._file.open("a", encoding="utf-8") as stream:
            stream.write(f"{now} {sentence}\n")
