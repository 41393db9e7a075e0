"""The films that wait, in the order in which they came; one batch for those that wait anyway.

Films are read by a few threads and answered by one, which takes all that are ready, up to a
batch: nobody waits for a batch to fill, and under load it fills by itself. A film whose client
has left, or whose time is over, is dropped where it stands.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from carina.imaging.decoding import while_wanted
from carina.web.pace import Pace, Timed
from carina.web.priority import step_back

Ours = TypeVar("Ours")
Sent = TypeVar("Sent")
Read = TypeVar("Read")
Answered = TypeVar("Answered")


@dataclass(slots=True, eq=False)
class _Job(Generic[Ours, Sent, Read, Answered]):
    """A film on its way.

    Attributes:
        ours: the classifier that the request began with.
        sent: the film as it came.
        answer: becomes the answer; cancelled once nobody waits for it.
        came: when it came, monotonic seconds.
        since: when it began to wait, monotonic seconds.
        waited_s: how long it has waited before.
        read: the film once it is read.
    """

    ours: Ours
    sent: Sent
    answer: Future[Answered] = field(default_factory=Future)
    came: float = field(default_factory=time.monotonic)
    since: float = 0.0
    waited_s: float = 0.0
    read: Read | None = None

    def __post_init__(self) -> None:
        self.since = self.came

    def is_dropped(self) -> bool:
        return self.answer.cancelled()

    def is_waited_for(self) -> bool:
        return not self.answer.cancelled()

    def stop_waiting(self) -> None:
        self.waited_s += time.monotonic() - self.since

    def finish(self, answer: Answered) -> None:
        if self.answer.set_running_or_notify_cancel():
            self.answer.set_result(answer)

    def fail(self, error: BaseException) -> None:
        if not self.answer.done() and self.answer.set_running_or_notify_cancel():
            self.answer.set_exception(error)


class FilmQueue(Generic[Ours, Sent, Read, Answered]):
    """Reads and answers films in turn, on threads of its own.

    The threads end with the queue.
    """

    def __init__(
        self,
        read: Callable[[Ours, Sent], Read],
        compute: Callable[[Ours, Sequence[Read]], Sequence[Answered]],
        *,
        timed: Timed,
        pace: Pace | None = None,
        readers: int = 2,
        batch: int = 8,
    ) -> None:
        """Make a queue.

        Args:
            read: returns a film as the network takes it, or raises why it cannot be read.
            compute: returns the answers on some films, in order.
            timed: told how long things took.
            pace: told of every film; one of its own if None.
            readers: films that are read at the same time.
            batch: the most films that are answered at once.
        """
        self._read_film = read
        self._compute_films = compute
        self._timed = timed
        self._pace = pace or Pace()
        self._batch = batch
        self._reading = ThreadPoolExecutor(
            readers, thread_name_prefix="carina-read", initializer=step_back
        )
        self._computing = ThreadPoolExecutor(
            1, thread_name_prefix="carina-network", initializer=step_back
        )
        # Films that are read hold their pixels: readers do not run ahead of the network.
        self._room = threading.Semaphore(readers + 2 * batch)
        self._lock = threading.Lock()
        self._ready: deque[_Job[Ours, Sent, Read, Answered]] = deque()
        self._is_computing = False

    def submit(self, ours: Ours, sent: Sent) -> Future[Answered]:
        """Queue a film; cancelling what is returned drops it.

        Args:
            ours: the classifier that answers it, whatever comes after.
            sent: the film.
        """
        job: _Job[Ours, Sent, Read, Answered] = _Job(ours, sent)
        self._pace.one_came()
        job.answer.add_done_callback(self._one_left)
        self._reading.submit(self._read, job)
        return job.answer

    def close(self) -> None:
        """Finish what is here and end the threads."""
        self._reading.shutdown()
        self._computing.shutdown()

    def _one_left(self, _answer: Future[Answered]) -> None:
        self._pace.one_left()

    def _read(self, job: _Job[Ours, Sent, Read, Answered]) -> None:
        if job.is_dropped():
            return
        self._room.acquire()
        try:
            if job.is_dropped():
                self._room.release()
                return
            job.stop_waiting()
            started = time.monotonic()
            with while_wanted(job.is_waited_for):
                job.read = self._read_film(job.ours, job.sent)
        except BaseException as error:  # noqa: BLE001  whoever asked gets it; a thread must go on
            self._room.release()
            job.fail(error)
            return
        job.since = time.monotonic()
        self._timed.read(job.since - started)
        with self._lock:
            self._ready.append(job)
            if self._is_computing:
                return
            self._is_computing = True
        self._computing.submit(self._compute_all)

    def _compute_all(self) -> None:
        """Answer what is ready, batch after batch, until nothing is."""
        while batch := self._next_batch():
            try:
                self._compute([job for job in batch if not job.is_dropped()])
            except BaseException as error:  # noqa: BLE001  as above
                for job in batch:
                    job.fail(error)
            finally:
                self._room.release(len(batch))

    def _next_batch(self) -> list[_Job[Ours, Sent, Read, Answered]]:
        """Return the films that are answered next: of one classifier, in order."""
        with self._lock:
            batch: list[_Job[Ours, Sent, Read, Answered]] = []
            while (
                self._ready
                and len(batch) < self._batch
                and (not batch or self._ready[0].ours is batch[0].ours)
            ):
                batch.append(self._ready.popleft())
            self._is_computing = bool(batch)
            return batch

    def _compute(self, jobs: Sequence[_Job[Ours, Sent, Read, Answered]]) -> None:
        if not jobs:
            return
        for job in jobs:
            job.stop_waiting()
            self._timed.queued(job.waited_s)
        started = time.monotonic()
        films = [job.read for job in jobs if job.read is not None]
        answers = self._compute_films(jobs[0].ours, films)
        self._timed.computed(time.monotonic() - started, len(jobs))
        self._pace.answered(len(jobs), came=min(job.came for job in jobs))
        for job, answer in zip(jobs, answers, strict=True):
            job.read = None
            job.finish(answer)
