"""The workers of this process: started when first needed, handed out, replaced, ended with it."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from itertools import chain
from queue import SimpleQueue
from typing import Any, TypeVar

from carina.errors import CouldNotError, ImageError
from carina.files.machine import reading_threads
from carina.imaging.worker.process import (
    AT_ONCE,
    MODULE,
    IsWanted,
    LostError,
    NoLongerWantedError,
    Question,
    Worker,
    lost_film,
)

_LOOK_EVERY_S = 0.05
# How often a question is asked again of a new worker when nothing says that its film is at fault.
_MOST_TRIES = 3

Taken = TypeVar("Taken")


class WorkerPool:
    """Workers that decode for many threads.

    Attributes:
        most: how many there are at the most; a thread that already has one gets another all
            the same, or it might wait for itself.
    """

    def __init__(self, most: int | None = None, *, module: str = MODULE) -> None:
        """Make a pool without workers.

        Args:
            most: of them; one a reading thread if None.
            module: what runs in them.
        """
        self._module = module
        self.most = reading_threads() if most is None else most
        self._changed = threading.Condition()
        self._idle: list[Worker] = []
        self._all: set[Worker] = set()
        self._n_counted = 0
        self._is_closed = False
        self._starter: _Starter | None = None
        self._held = threading.local()

    def start(self, n_workers: int) -> None:
        """Have some workers started, and do not wait for them."""
        with self._changed:
            n_new = 0 if self._is_closed else min(n_workers, self.most) - self._n_counted
            self._n_counted += max(n_new, 0)
        for _ in range(n_new):
            try:
                self._have_started(self._take_in)
            except CouldNotError:  # who needs one is told
                with self._changed:
                    self._n_counted -= 1

    def answers(
        self, questions: Iterable[Question[Taken]], *, is_wanted: IsWanted | None = None
    ) -> Iterator[Taken | ImageError]:
        """Yield the answers to some questions in order, all of one worker, a little ahead.

        Whatever happens to the worker, every question has its answer: of a film that ends its
        worker the code that says why, and of the others their own, from a new worker.

        Args:
            questions: taken as they are wanted; about 8, so that others get their turn.
            is_wanted: asked while a worker is waited for, and now and then while it decodes.

        Raises:
            NoLongerWantedError: if `is_wanted` says no; a worker that decodes is ended then.
            CouldNotError: if no worker can be started.
        """
        left = iter(questions)
        first = next(left, None)
        if first is None:
            return
        turn = _Turn(self._take(is_wanted))
        try:
            yield from turn.answers(
                chain([first], left), renewed=self._renewed, is_wanted=is_wanted
            )
        finally:
            self._give_back(turn)

    def close(self) -> None:
        """End all workers; no more are started."""
        with self._changed:
            self._is_closed = True
            workers, self._all = self._all, set()
            self._idle.clear()
            self._changed.notify_all()
        for worker in workers:
            worker.kill()

    def before_fork(self) -> None:
        """Use no slot again whose pixels a copy of this process is about to see as well."""
        for worker in list(self._all):
            worker.is_retired = worker.is_retired or worker.has_lent

    def forget(self) -> None:
        """Let go of workers that are another process's, and have none yet.

        A turn that was half over when the process was copied goes on with a worker of its own.
        """
        for worker in self._all:
            worker.forget()
        self._changed = threading.Condition()  # another thread may have held it
        self._starter = None  # the copy has no such thread
        self._idle.clear()
        self._all = set()
        self._n_counted = int(getattr(self._held, "n", 0))

    @property
    def process_ids(self) -> list[int]:
        """The numbers of the workers' processes."""
        return [worker.process_id for worker in list(self._all)]

    def _take(self, is_wanted: IsWanted | None) -> Worker:
        """Return a worker that nobody has, a new one if need be."""
        has_one = getattr(self._held, "n", 0) > 0
        worker: Worker | None = None
        with self._changed:
            while True:
                if self._is_closed:
                    raise _ending()
                if is_wanted is not None and not is_wanted():
                    raise NoLongerWantedError
                if self._idle:
                    worker = self._idle.pop()
                    break
                if self._n_counted < self.most or has_one:
                    self._n_counted += 1
                    break
                self._changed.wait(None if is_wanted is None else _LOOK_EVERY_S)
        found = worker if worker is not None and self._is_sound(worker) else self._new(worker)
        self._held.n = getattr(self._held, "n", 0) + 1
        return found

    def _give_back(self, turn: _Turn) -> None:
        """Let others have a worker, unless it has ended or is still being asked."""
        self._held.n = max(getattr(self._held, "n", 0) - 1, 0)
        worker = turn.worker
        is_sound = not turn.is_waited_for and not worker.is_retired
        if not is_sound:
            self._end(worker)
        with self._changed:
            if is_sound and not self._is_closed:
                self._idle.append(worker)
            else:
                self._n_counted -= 1
            self._changed.notify()

    def _is_sound(self, worker: Worker) -> bool:
        return not worker.is_retired and worker.is_running

    def _renewed(self, worker: Worker) -> Worker:
        """Return a new worker in the place of one that was lost."""
        self._end(worker)
        return self._started()

    def _new(self, instead: Worker | None) -> Worker:
        """Return a new worker; where none can be had its place is free again."""
        try:
            return self._started() if instead is None else self._renewed(instead)
        except BaseException:
            with self._changed:
                self._n_counted -= 1
                self._changed.notify()
            raise

    def _started(self) -> Worker:
        started: Future[Worker] = Future()

        def start() -> None:
            try:
                worker = Worker(self._module)
                if not self._took_in(worker):
                    raise _ending()
            except BaseException as error:  # noqa: BLE001  whoever asked gets it; a thread goes on
                started.set_exception(error)
            else:
                started.set_result(worker)

        self._have_started(start)
        return started.result()

    def _take_in(self) -> None:
        """Start a worker for whoever comes first; where that fails, who needs one is told."""
        worker = None
        try:
            worker = Worker(self._module)
        except BaseException:  # noqa: BLE001  as above
            is_there = False
        else:
            is_there = self._took_in(worker)
        with self._changed:
            if worker is not None and is_there:
                self._idle.append(worker)
            else:
                self._n_counted -= 1
            self._changed.notify()

    def _took_in(self, worker: Worker) -> bool:
        """Count a new worker as one of the pool's; end it where there are to be none."""
        with self._changed:
            if not self._is_closed:
                self._all.add(worker)
                return True
        worker.kill()
        return False

    def _have_started(self, start: Callable[[], None]) -> None:
        with self._changed:
            if self._starter is None:
                try:
                    self._starter = _Starter()
                except RuntimeError as error:
                    raise CouldNotError(
                        f"the process that decodes films cannot be started: {error}; are there too "
                        "many processes?"
                    ) from error
        self._starter.do(start)

    def _end(self, worker: Worker) -> None:
        worker.kill()
        self._all.discard(worker)


def _ending() -> CouldNotError:
    return CouldNotError("films are no longer decoded: the process is ending")


class _Starter:
    """The thread that starts all workers.

    Linux ends a child with the thread that started it (prctl(2), PR_SET_PDEATHSIG), so that it
    must be one that lives as long as the process.
    """

    def __init__(self) -> None:
        self._waiting: SimpleQueue[Callable[[], None]] = SimpleQueue()
        threading.Thread(target=self._run, name="carina-decoding", daemon=True).start()

    def do(self, work: Callable[[], None]) -> None:
        self._waiting.put(work)

    def _run(self) -> None:
        while True:
            self._waiting.get()()


class _Turn:
    """One thread's turn with a worker, which may be replaced meanwhile.

    Attributes:
        worker: the one that it has now.
    """

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self._asked: deque[_Try] = deque()
        self._again: deque[_Try] = deque()

    @property
    def is_waited_for(self) -> bool:
        """Whether the worker has questions without an answer."""
        return bool(self._asked)

    def answers(
        self,
        questions: Iterator[Question[Any]],
        *,
        renewed: Callable[[Worker], Worker],
        is_wanted: IsWanted | None,
    ) -> Iterator[Any | ImageError]:
        """Yield an answer to each question."""
        while True:
            self._ask(questions, renewed)
            if not self._asked:
                return
            try:
                answer = self.worker.answer(is_wanted)
            except LostError as lost:
                had_others = self.worker.n_answered > 0
                self._ask_again()
                self.worker = renewed(self.worker)
                answer = self._blamed(lost, had_others=had_others)
                if answer is None:
                    continue
            else:
                self._asked.popleft()
                if self.worker.is_retired:
                    self._ask_again()
            yield answer

    def _ask(self, questions: Iterator[Question[Any]], renewed: Callable[[Worker], Worker]) -> None:
        """Give the worker as much to do as it may have; one that is retired ends first."""
        while len(self._asked) < AT_ONCE and not (self.worker.is_retired and self._asked):
            one = self._next(questions)
            if one is None:
                return
            if self.worker.is_retired:
                self.worker = renewed(self.worker)
            self._asked.append(one)  # first: a worker that was asked by half is used no more
            self.worker.ask(one.question)

    def _ask_again(self) -> None:
        """Note that what this worker was asked and did not answer is asked of the next one."""
        self._again.extendleft(reversed(self._asked))
        self._asked.clear()

    def _next(self, questions: Iterator[Question[Any]]) -> _Try | None:
        if self._again:
            return self._again.popleft()
        question = next(questions, None)
        return None if question is None else _Try(question)

    def _blamed(self, lost: LostError, *, had_others: bool) -> ImageError | None:
        """Return what is told of the film with which the worker was lost; None to ask again.

        A crash may be what an earlier film left behind, and a worker may be ended from outside
        before it begins: a new worker shows whether it was the film.

        Raises:
            CouldNotError: if no worker becomes ready.
        """
        first = self._again[0]
        first.n_lost += 1
        is_certain = lost.had_begun and not (lost.code == "decoder-crashed" and had_others)
        if not is_certain and first.n_lost < _MOST_TRIES:
            return None
        if not lost.was_ready:
            raise CouldNotError(
                "the process that decodes films ends as it starts; does "
                f"'{sys.executable} -c \"import carina.imaging.worker.loop\"' say why?"
            )
        self._again.popleft()
        return lost_film(first.question.name, lost)


class _Try:
    """A question, and how many workers were lost with it."""

    def __init__(self, question: Question[Any]) -> None:
        self.question = question
        self.n_lost = 0


_LOCK = threading.Lock()
_POOLS: list[WorkerPool] = []


def the_pool() -> WorkerPool:
    """Return the pool of this process."""
    with _LOCK:
        if not _POOLS:
            _POOLS.append(WorkerPool())
        return _POOLS[0]


def _before_fork() -> None:
    for pool in _POOLS:
        pool.before_fork()


def _in_the_copy() -> None:
    global _LOCK  # noqa: PLW0603  another thread may have held it
    _LOCK = threading.Lock()
    for pool in _POOLS:
        pool.forget()


def _at_exit() -> None:
    for pool in _POOLS:
        pool.close()


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_in_the_copy)
