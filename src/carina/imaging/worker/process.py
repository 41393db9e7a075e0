"""One worker, as its parent sees it: started, asked, listened to until a deadline, ended."""

from __future__ import annotations

import errno
import math
import signal
import socket
import subprocess
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from carina.errors import CouldNotError, ImageCode, ImageError
from carina.imaging.decoded import MAX_PIXELS
from carina.imaging.worker.allowance import clock_s, cpu_s
from carina.imaging.worker.answers import Answer, layout_of, refusal_of
from carina.imaging.worker.limits import EXIT_TOO_LONG, EXIT_TOO_MUCH_MEMORY
from carina.imaging.worker.messages import Lines, NonsenseError, send
from carina.imaging.worker.slots import (
    FileSlot,
    PixelSlot,
    Progress,
    SharedFile,
)
from carina.imaging.worker.starting import started

AT_ONCE = 2
"""Questions that a worker may have: one that it works on, and one that waits for it."""
_PIXEL_SLOTS = 8
# A cold start reads libraries from disk, and the machine may be busy.
_START_S = 60.0
_END_S = 2.0
_LONGEST_NAME = 4_096
# A film that takes this long may be given up; ending a worker sooner costs more than it saves.
_PATIENCE_S = 2.0
MODULE = "carina.imaging.worker"

IsWanted = Callable[[], bool]
Taken = TypeVar("Taken")


@dataclass(frozen=True, slots=True, eq=False)
class Question(Generic[Taken]):
    """What a worker is to do.

    Attributes:
        data: a file's bytes.
        name: what the file is called in messages.
        take: makes what is wanted of the answer; raises `NonsenseError` if it is none.
        task: of `tasks.TASKS`.
        options: of the task; JSON values.
    """

    data: bytes
    name: str
    take: Callable[[Answer], Taken]
    task: str = "film"
    options: Mapping[str, Any] = field(default_factory=dict)


class NoLongerWantedError(Exception):
    """Nobody waits for a film any more."""


class LostError(Exception):
    """A worker that ended, or had to be ended.

    Attributes:
        code: what a film gets that made it end.
        n_pixels: that this film declared.
        had_begun: whether it worked on the question.
        was_ready: whether it was ever ready for one.
    """

    def __init__(self, code: ImageCode, *, n_pixels: int, had_begun: bool, was_ready: bool) -> None:
        super().__init__(code)
        self.was_ready = was_ready
        self.code: ImageCode = code
        self.n_pixels = n_pixels
        self.had_begun = had_begun


@dataclass(slots=True, eq=False)
class _Asked:
    number: int
    question: Question[Any]
    file: int
    pixels: int


class Worker:
    """A process that decodes.

    Attributes:
        is_retired: whether it gets no more questions.
        is_forgotten: whether it is another process's.
        n_answered: the questions that it has answered.
    """

    def __init__(self, module: str = MODULE) -> None:
        """Start it; it can be asked at once.

        Args:
            module: what runs in it.

        Raises:
            CouldNotError: if no process can be started.
        """
        self.is_retired = self.is_forgotten = False
        self.n_answered = 0
        self._numbers = 0
        self._is_ready = False
        self._asked: deque[_Asked] = deque()
        self._others: list[SharedFile] = []
        self._files: list[FileSlot] = []
        self._pixels: list[PixelSlot] = []
        try:
            self._channel, theirs = socket.socketpair()
        except OSError as error:
            raise _not_started(error) from error
        try:
            with theirs:
                self._others.append(SharedFile())
                for _ in range(AT_ONCE):
                    self._files.append(FileSlot())
                for _ in range(_PIXEL_SLOTS):
                    self._pixels.append(PixelSlot())
                slots: list[FileSlot | PixelSlot] = [*self._files, *self._pixels]
                shared = [*self._others, *(slot.file for slot in slots)]
                self._process = started(module, theirs, shared=shared, n_files=AT_ONCE)
        except OSError as error:
            self._close()
            raise _not_started(error) from error
        self._progress = Progress(self._others[0].stream)
        self._lines = Lines(self._channel)
        self._free_files = deque(range(AT_ONCE))
        self._free_pixels = deque(range(_PIXEL_SLOTS))

    @property
    def process_id(self) -> int:
        """The number of its process."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether its process has not ended."""
        return self._process.poll() is None

    @property
    def has_lent(self) -> bool:
        """Whether pixels that were handed out lie in its slots."""
        return len(self._free_pixels) + len(self._asked) < _PIXEL_SLOTS

    def ask(self, question: Question[Any]) -> None:
        """Send a question; at most `AT_ONCE` may be without an answer.

        Raises:
            CouldNotError: if there is no memory for the file's bytes.
        """
        number, self._numbers = self._numbers, self._numbers + 1
        asked = _Asked(number, question, self._free_files.pop(), self._free_pixels.pop())
        self._asked.append(asked)
        message = {
            "number": number,
            "task": question.task,
            "name": question.name[:_LONGEST_NAME],
            "options": question.options,
            "n_bytes": len(question.data),
            "file": asked.file,
            "pixels": asked.pixels,
        }
        try:
            self._files[asked.file].put(question.data)
        except OSError as error:
            raise _no_room(error) from error
        with suppress(OSError):  # it has ended; who waits for its answer finds out why
            send(self._channel, message)

    def answer(self, is_wanted: IsWanted | None = None) -> Any | ImageError:
        """Return what the oldest question takes of its answer, or why the film cannot be read.

        Args:
            is_wanted: asked every 2 s, so that nobody waits for a slow film in vain.

        Raises:
            NoLongerWantedError: if `is_wanted` says no; the worker still works on it.
            LostError: if the worker ended, took too long or sent what is no answer.
            CouldNotError: if this process has no memory for the answer.
        """
        if self.is_forgotten:
            raise LostError("decoder-crashed", n_pixels=0, had_begun=False, was_ready=True)
        asked = self._asked[0]
        message = None
        try:
            message = self._last_message(asked, is_wanted)
        except TimeoutError:
            raise self._lost(asked, "takes-too-long") from None
        except NonsenseError:
            raise self._lost(asked, "decoder-crashed") from None
        except OSError:
            pass  # the channel broke off, as it does when a process ends
        if message is None:
            raise self._lost(asked, None)
        try:
            return self._finished(asked, message)
        except NonsenseError:
            raise self._lost(asked, "decoder-crashed") from None
        except OSError as error:
            raise _no_room(error) from error

    def _last_message(self, asked: _Asked, is_wanted: IsWanted | None) -> Mapping[str, Any] | None:
        """Return the message that answers a question; None if the worker ends before it.

        Raises:
            NoLongerWantedError: if `is_wanted` says no.
            TimeoutError: if the film takes longer than one that declares so many pixels may.
            NonsenseError: if something else comes.
            OSError: if the channel breaks off.
        """
        began = time.monotonic()
        may_take = clock_s(0) if self._is_ready else _START_S
        while True:
            try:
                left = max(began + may_take - time.monotonic(), 0.001)
                self._channel.settimeout(left if is_wanted is None else min(left, _PATIENCE_S))
                message = self._lines.next()
            except TimeoutError:
                if is_wanted is not None and not is_wanted():
                    raise NoLongerWantedError from None
                if time.monotonic() < began + may_take:
                    continue
                if (longer := clock_s(self._n_declared(asked))) <= may_take:
                    raise
                may_take = longer
                continue
            if not self._is_ready and message == {"ready": True}:
                self._is_ready = True
                began, may_take = time.monotonic(), clock_s(0)
                continue
            if message is not None and message.get("number") != asked.number:
                raise NonsenseError("an answer to another question")
            return message

    def _n_declared(self, asked: _Asked) -> int:
        """Return how many pixels a film declares, 0 before it is worked on."""
        number, n_declared = self._progress.said()
        return n_declared if number == asked.number and 0 <= n_declared <= MAX_PIXELS else 0

    def kill(self) -> None:
        """End it at once and let go of what it shares; pixels that were handed out stay."""
        self.is_retired = True
        self._process.kill()
        self._process.wait()
        self._close()

    def forget(self) -> None:
        """Let go of it in a process that is a copy (fork) of the one that started it."""
        self.is_retired = self.is_forgotten = True
        self._process.returncode = 0  # it is no child of this process, and not to be waited for
        self._close()

    def _close(self) -> None:
        self._channel.close()
        slots: list[SharedFile | FileSlot | PixelSlot] = [*self._others, *self._files]
        for slot in (*slots, *self._pixels):
            slot.close()

    def _finished(self, asked: _Asked, message: Mapping[str, Any]) -> Any | ImageError:
        """Return what a last message says, and let the slots be used again."""
        found: Any
        if "code" in message:
            found = refusal_of(message)
            self._release(asked.pixels)
        else:
            found = asked.question.take(self._taken(asked, message))
        self._asked.popleft()
        self._free_files.append(asked.file)
        self._files[asked.file].clear()
        self.n_answered += 1
        self.is_retired = self.is_retired or message.get("last") is True
        return found

    def _taken(self, asked: _Asked, message: Mapping[str, Any]) -> Answer:
        """Return an answer with its pixels."""
        facts = message.get("facts")
        if not isinstance(facts, dict):
            raise NonsenseError("an answer without facts")
        layout = layout_of(message)
        if layout is None:
            self._release(asked.pixels)
            return Answer(facts)
        dtype, shape = layout
        slot = self._pixels[asked.pixels]
        if not slot.holds(math.prod(shape) * np.dtype(dtype).itemsize):
            raise NonsenseError("pixels that are not there")
        pixels: NDArray[np.generic]
        # The last free slots are for the questions that come: who holds many films gets copies.
        if slot.file.is_sealed and len(self._free_pixels) >= AT_ONCE:
            flat = slot.in_place(dtype, shape)
            # every view of the film holds on to the flat array, which is the last to go
            weakref.finalize(flat, self._release, asked.pixels).atexit = False
            pixels = flat.reshape(shape)
        else:
            pixels = slot.copied(dtype, shape)
            self._release(asked.pixels)
        return Answer(facts, pixels)

    def _release(self, number: int) -> None:
        """Let a slot be used again; called when the last array in it goes, by any thread."""
        self._pixels[number].clear()
        self._free_pixels.append(number)

    def _lost(self, asked: _Asked, code: ImageCode | None) -> LostError:
        """End the worker, and return why it was lost."""
        if code is None and not self._ends():
            code = "decoder-crashed"  # it runs, but does not listen
        if code is not None:
            self._process.kill()
        status = self._process.wait()
        lost = LostError(
            code or _code_of(status),
            n_pixels=self._n_declared(asked),
            had_begun=self._progress.said()[0] == asked.number,
            was_ready=self._is_ready,
        )
        self.kill()
        return lost

    def _ends(self) -> bool:
        """Return whether it ends by itself, now that its channel has ended."""
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            return False
        return True


def _not_started(error: OSError) -> CouldNotError:
    return CouldNotError(
        f"the process that decodes films cannot be started: {error}; are there too many processes "
        "or open files?"
    )


def _no_room(error: OSError) -> CouldNotError:
    if error.errno == errno.EFBIG:
        return CouldNotError(
            "a film cannot be shared with the process that decodes: the limit on the size of "
            "files (ulimit -f) counts for it too; raise it"
        )
    return CouldNotError(
        f"a film cannot be shared with the process that decodes: {error}; is there too little "
        "memory, or room in the folder of temporary files?"
    )


def _code_of(status: int) -> ImageCode:
    """Return the outcome that a worker's exit status stands for."""
    if status in (EXIT_TOO_LONG, -getattr(signal, "SIGXCPU", 0) or EXIT_TOO_LONG):
        return "takes-too-long"
    # Nobody here sent the signal: the system does, where its memory ends.
    if status in (EXIT_TOO_MUCH_MEMORY, -getattr(signal, "SIGKILL", 0) or EXIT_TOO_MUCH_MEMORY):
        return "takes-too-much-memory"
    return "decoder-crashed"


def lost_film(name: str, lost: LostError) -> ImageError:
    """Return what is told of the film with which a worker was lost."""
    why = {
        "takes-too-long": f"takes longer to decode than a film of its size may "
        f"({cpu_s(lost.n_pixels):.3g} s of processor time for "
        f"{lost.n_pixels / 1e6:.3g} megapixels)",
        "takes-too-much-memory": "needs more memory than this machine has for it",
    }.get(lost.code, "made the decoder crash; it is damaged in a way that no decoder expects")
    return ImageError(
        f"{name} {why}; save it anew from the program that made it", image_code=lost.code
    )
