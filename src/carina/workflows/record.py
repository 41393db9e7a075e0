"""What the making of a run takes, kept in its `environment.json` while it is made."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from carina.errors import RunError, StorageError
from carina.files.atomic import storage_errors
from carina.files.documents import write_document
from carina.imaging.worker.usage import peak_memory_mb, processor_seconds
from carina.runs import STOPPED, TRAINING, Environment, Piece, Run

# What a killed process forgets of its seconds at the most; each time costs two flushes to disk.
_NOTED_EVERY_S = 10.0


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time, by a clock that nobody sets and by the processor's.

    Attributes:
        wall_s: seconds.
        cpu_s: seconds of processor time, of this process and those that decode for it.
    """

    wall_s: float
    cpu_s: float

    @classmethod
    def now(cls) -> Moment:
        """Return this one."""
        return cls(time.monotonic(), processor_seconds())

    def seconds_since(self, then: Moment) -> Moment:
        """Return how much has passed from then until this one."""
        return Moment(round(self.wall_s - then.wall_s, 3), round(self.cpu_s - then.cpu_s, 3))


def local_time() -> str:
    """Return the local time with its offset, ISO 8601."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


class Record:
    """The last piece of a run, as it is being made.

    It is written from time to time, so that little is lost when the process is killed.
    """

    def __init__(self, run: Run, began: Moment) -> None:
        """Begin; the run's `environment.json` is there, its last piece is this one.

        Args:
            run: that is made.
            began: when the work on it did, which may be before its folder was there.
        """
        environment = run.environment
        self._run = run
        self._began = began
        self._before = environment.seconds, environment.cpu_seconds
        self._done: dict[str, Moment] = {}
        self._open: dict[str, Moment] = {}
        self._noted_at = time.monotonic()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Take the time of a block; a name that comes again is added to."""
        self._open[name] = Moment.now()
        try:
            yield
        except BaseException:
            # What ends the work is told of, and not that there is no room to note the time.
            with suppress(StorageError):
                self.note()
            raise
        finally:
            self._done[name] = self._so_far(name, Moment.now())
            del self._open[name]

    def note(self) -> None:
        """Write what the piece has taken so far.

        Raises:
            StorageError: if there is no room or no permission.
        """
        self._noted_at = time.monotonic()
        environment = self._run.environment
        *before, last = environment.pieces
        # One moment for all: a stage must not be read later than the whole, and outlast it.
        now = Moment.now()
        spent = now.seconds_since(self._began)
        peaks = dict(last.peak_memory_mb)
        for name, value in peak_memory_mb().items():
            peaks[name] = max(value, peaks.get(name, 0.0))
        last = last.model_copy(
            update={
                "wall_seconds": spent.wall_s,
                "cpu_seconds": spent.cpu_s,
                "peak_memory_mb": peaks,
            }
        )
        times = {name: self._so_far(name, now) for name in (*self._done, *self._open)}
        seconds, cpu_seconds = self._before
        wall = _added(seconds, {name: one.wall_s for name, one in times.items()})
        cpu = _added(cpu_seconds, {name: one.cpu_s for name, one in times.items()})
        # A run that shows its best member has the stages of that one beside its own.
        stages = {
            "seconds": {**environment.seconds, **wall},
            "cpu_seconds": {**environment.cpu_seconds, **cpu},
        }
        environment = with_pieces(environment, (*before, last)).model_copy(update=stages)
        write_document(self._run.environment_file, environment)

    def note_if_due(self) -> None:
        """Write what the piece has taken so far, if that is 10 s ago.

        Raises:
            StorageError: as `note` does.
        """
        if time.monotonic() - self._noted_at > _NOTED_EVERY_S:
            self.note()

    def _so_far(self, name: str, now: Moment) -> Moment:
        done = self._done.get(name, Moment(0.0, 0.0))
        if name not in self._open:
            return done
        more = now.seconds_since(self._open[name])
        return Moment(done.wall_s + more.wall_s, done.cpu_s + more.cpu_s)


def note_facts(run: Run, **facts: object) -> None:
    """Note fields of `Environment` in a run's record; a training without a run has none.

    Raises:
        StorageError: if there is no room or no permission.
    """
    if run.environment_file.is_file():
        write_document(run.environment_file, run.environment.model_copy(update=facts))


def note_stopped(run: Run, sentence: str) -> None:
    """Note in the records and logs of a run and of its members that a signal ended the work on
    them.

    Where there is no room for that nothing is said: the end itself is what the user is told.

    Args:
        run: what was worked on.
        sentence: what its log keeps.
    """
    with suppress(StorageError, RunError):
        if run.environment_file.is_file() and run.environment.status == TRAINING:
            note_facts(run, status=STOPPED)
            with storage_errors(run.log_file), run.log_file.open("a", encoding="utf-8") as log:
                log.write(f"{local_time()} {sentence}\n")
        for member in run.members:
            note_stopped(member, sentence)


def recorded_circumstances(run: Run) -> Mapping[str, Any]:
    """Return what a run's record says of how its training computes; nothing without a record,
    or where the training has not begun."""
    return run.environment.circumstances if run.environment_file.is_file() else {}


def with_pieces(environment: Environment, pieces: tuple[Piece, ...]) -> Environment:
    """Return the record with other pieces, and the sums over them."""
    peaks: dict[str, float] = {}
    for piece in pieces:
        for name, value in piece.peak_memory_mb.items():
            peaks[name] = max(value, peaks.get(name, 0.0))
    return environment.model_copy(
        update={
            "pieces": pieces,
            "wall_seconds": round(sum(piece.wall_seconds for piece in pieces), 3),
            "processor_seconds": round(sum(piece.cpu_seconds for piece in pieces), 3),
            "peak_memory_mb": peaks,
        }
    )


def _added(before: Mapping[str, float], now: Mapping[str, float]) -> dict[str, float]:
    """Return the seconds of the stages of this piece, those of earlier pieces added."""
    return {name: round(before.get(name, 0.0) + seconds, 3) for name, seconds in now.items()}
