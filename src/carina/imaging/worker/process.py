"""One worker, as its parent sees it: started, asked, listened to until a deadline, ended."""

from __future__ import annotations

import math
import os
import signal
import socket
import subprocess
import sys
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

import carina
from carina.errors import CouldNotError, ImageCode, ImageError
from carina.imaging.decoded import MAX_PIXELS
from carina.imaging.worker.allowance import clock_s, cpu_s
from carina.imaging.worker.answers import Answer, layout_of, refusal_of
from carina.imaging.worker.limits import EXIT_TOO_LONG, EXIT_TOO_MUCH_MEMORY
from carina.imaging.worker.messages import Lines, NonsenseError, send
from carina.imaging.worker.slots import KEPT_BYTES, PixelSlot, SharedFile, write_whole

AT_ONCE = 2
"""Questions that a worker may have: one that it works on, and one that waits for it."""
_PIXEL_SLOTS = 8
# A cold start reads libraries from disk, and the machine may be busy.
_START_S = 60.0
_END_S = 5.0
_MOST_MESSAGES = 64
_MODULE = "carina.imaging.worker"
# What a process needs of the environment to load its libraries, and nothing else of it.
_KEPT_VARIABLES = (
    "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "PYTHONHOME",
    "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "TEMP", "TMP",
)  # fmt: skip
# One thread: a pool of threads in a library takes memory, and time to start.
_SET_VARIABLES = MappingProxyType(
    {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
)


@dataclass(frozen=True, slots=True, eq=False)
class Question:
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
    take: Callable[[Answer], Any]
    task: str = "film"
    options: Mapping[str, Any] = field(default_factory=dict)


class LostError(Exception):
    """A worker that ended, or had to be ended.

    Attributes:
        code: what a film gets that made it end.
        n_pixels: that this film declared.
        had_begun: whether it worked on a question.
    """

    def __init__(self, code: ImageCode, *, n_pixels: int = 0, had_begun: bool) -> None:
        super().__init__(code)
        self.code: ImageCode = code
        self.n_pixels = n_pixels
        self.had_begun = had_begun


@dataclass(slots=True, eq=False)
class _Asked:
    number: int
    question: Question
    file: int
    pixels: int
    had_begun: bool = False
    n_declared: int = 0
    n_messages: int = 0


class Worker:
    """A process that decodes.

    Attributes:
        is_retired: whether it gets no more questions.
        n_answered: the questions that it has answered.
    """

    def __init__(self) -> None:
        """Start it; it can be asked at once.

        Raises:
            CouldNotError: if no process can be started.
        """
        self.is_retired = False
        self.n_answered = 0
        self._numbers = 0
        self._is_ready = False
        self._asked: deque[_Asked] = deque()
        self._files: list[SharedFile] = []
        self._pixels: list[PixelSlot] = []
        try:
            self._channel, theirs = socket.socketpair()
            with theirs:
                self._files += [SharedFile() for _ in range(AT_ONCE)]
                self._pixels += [PixelSlot() for _ in range(_PIXEL_SLOTS)]
                self._process = _started(theirs, self._files, [slot.file for slot in self._pixels])
        except OSError as error:
            raise CouldNotError(
                f"the process that decodes films cannot be started: {error}; are there too many "
                "processes or open files?"
            ) from error
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

    def ask(self, question: Question) -> None:
        """Send a question; at most `AT_ONCE` may be without an answer."""
        number, self._numbers = self._numbers, self._numbers + 1
        asked = _Asked(number, question, self._free_files.popleft(), self._free_pixels.popleft())
        self._asked.append(asked)
        message = {
            "number": number,
            "task": question.task,
            "name": question.name,
            "options": question.options,
            "n_bytes": len(question.data),
            "file": asked.file,
            "pixels": asked.pixels,
        }
        write_whole(self._files[asked.file].stream, question.data)
        with suppress(OSError):  # it has ended; who waits for its answer finds out why
            send(self._channel, message)

    def answer(self) -> Any | ImageError:
        """Return what the oldest question takes of its answer, or why the film cannot be read.

        Raises:
            LostError: if the worker ended, took too long or sent what is no answer.
        """
        asked = self._asked[0]
        until = time.monotonic() + _START_S
        try:
            while True:
                self._channel.settimeout(max(until - time.monotonic(), 0.001))
                message = self._lines.next()
                if message is None:
                    raise self._lost(asked, None)
                if not self._is_ready:
                    self._is_ready = message == {"ready": True}
                    continue
                if _is_last(message, asked):
                    break
                if message.get("begins") is True:
                    asked.had_begun, began = True, time.monotonic()
                until = began + clock_s(asked.n_declared)
            return self._finished(asked, message)
        except TimeoutError:
            raise self._lost(asked, "takes-too-long") from None
        except NonsenseError:
            raise self._lost(asked, "decoder-crashed") from None
        except OSError:
            raise self._lost(asked, None) from None

    def kill(self) -> None:
        """End it at once and let go of what it shares; pixels that were handed out stay."""
        self.is_retired = True
        self._process.kill()
        self._process.wait()
        self._close()

    def forget(self) -> None:
        """Let go of it in a process that is a copy (fork) of the one that started it."""
        self.is_retired = True
        self._process.returncode = 0  # it is no child of this process, and not to be waited for
        self._close()

    def _close(self) -> None:
        self._channel.close()
        for file in self._files:
            file.close()
        for slot in self._pixels:
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
        if len(asked.question.data) > KEPT_BYTES:
            self._files[asked.file].stream.truncate(0)
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
        if code is not None or not self._ends():
            self._process.kill()
        status = self._process.wait()
        lost = LostError(
            code or _code_of(status), n_pixels=asked.n_declared, had_begun=asked.had_begun
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


def _is_last(message: Mapping[str, Any], asked: _Asked) -> bool:
    """Return whether a message answers a question; note what it says on the way.

    Raises:
        NonsenseError: if it says nothing that can be said then.
    """
    asked.n_messages += 1
    if message.get("number") != asked.number or asked.n_messages > _MOST_MESSAGES:
        raise NonsenseError("an answer to another question")
    if "code" in message or "facts" in message:
        return True
    declared = message.get("declares")
    if message.get("begins") is True and not asked.had_begun:
        return False
    if asked.had_begun and type(declared) is int and 0 <= declared <= MAX_PIXELS:
        asked.n_declared = max(asked.n_declared, declared)
        return False
    raise NonsenseError("a message that says nothing")


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


def _started(
    theirs: socket.socket, files: list[SharedFile], pixels: list[SharedFile]
) -> subprocess.Popen[bytes]:
    """Start a process with one end of a channel and the slots."""
    shared = [*files, *pixels]
    slots = [file.argument for file in shared]
    count = str(len(files))
    command = [_python(), "-S", "-s", "-P", "-X", "utf8", "-m", _MODULE, str(os.getpid())]
    if sys.platform == "win32":
        # The share is made for a process that is there; its length is that of a structure.
        process = subprocess.Popen(  # noqa: S603
            [*command, str(_SHARE_BYTES), count, *slots],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=_environment(), creationflags=subprocess.CREATE_NO_WINDOW,
        )  # fmt: skip
        assert process.stdin is not None
        with process.stdin as stream:
            stream.write(theirs.share(process.pid))
        return process
    inherited = [theirs.fileno(), *(number for file in shared for number in file.inherited)]
    return subprocess.Popen(
        [*command, str(theirs.fileno()), count, *slots],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=_environment(), cwd=os.sep, pass_fds=inherited, start_new_session=True,
    )  # fmt: skip


_SHARE_BYTES = 1_000_000  # more than WSAPROTOCOL_INFO has; the end of the pipe ends it


def _environment() -> dict[str, str]:
    """Return the variables of a worker: where its libraries are, and no secret.

    The folders that hold modules are handed on, so that what this process imports is what the
    worker imports; but not the working folder, in which hostile files may lie beside the films.
    """
    here = None
    with suppress(OSError):  # a working folder that was removed
        here = Path.cwd()
    home = Path(carina.__file__).parent.parent
    folders = [home, *(Path(entry) for entry in sys.path if Path(entry) != here)]
    paths = [str(path) for path in folders if path.is_absolute() and os.pathsep not in str(path)]
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return {**kept, **_SET_VARIABLES, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}


def _python() -> str:
    """Return the interpreter that runs this process.

    In a virtual environment on Windows `sys.executable` starts another process, to which the
    channel could not be given; its libraries are found by the folders that are handed on.
    """
    own = getattr(sys, "_base_executable", "") if sys.platform == "win32" else ""
    if not (own or sys.executable):
        raise OSError("this process knows no Python interpreter")
    return own or sys.executable
