"""What runs in the worker: question after question, until the parent is gone."""

from __future__ import annotations

import errno
import os
import signal
import socket
import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from carina.errors import ImageError
from carina.imaging.decoded import decoding_into
from carina.imaging.worker.answers import LONGEST_SENTENCE, Answer
from carina.imaging.worker.limits import Limits, own_limits
from carina.imaging.worker.messages import Lines, send
from carina.imaging.worker.slots import Progress, WorkerFileSlot, WorkerSlot, opened
from carina.imaging.worker.tasks import TASKS, Task

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
_IGNORED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")


def work(arguments: Sequence[str], tasks: Mapping[str, Task] = TASKS) -> None:
    """Answer questions until the channel ends.

    Args:
        arguments: the parent's process id, the channel, how many slots for files there are,
            and the slots: that of the progress, those for files, those for pixels.
        tasks: what can be asked.
    """
    parent, channel_argument, n_files, progress_argument, *slots = arguments
    _end_with(int(parent))
    for name in _IGNORED:  # whoever stops the parent means it to finish what it began
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    warnings.simplefilter("ignore")
    channel = _channel(channel_argument)
    files = [WorkerFileSlot(opened(argument)) for argument in slots[: int(n_files)]]
    pixels = [WorkerSlot(opened(argument)) for argument in slots[int(n_files) :]]
    _import_decoders()
    _keep_memory_between_films()
    limits = own_limits(int(parent))
    progress = Progress(opened(progress_argument))
    try:
        send(channel, {"ready": True})
        for question in Lines(channel):
            desk = _Desk(progress, limits, pixels[question["pixels"]], question)
            answer, goes_on = desk.answer(tasks[question["task"]], files[question["file"]])
            send(channel, answer if goes_on else {**answer, "last": True})
            if not goes_on:
                return
    except OSError:
        return  # the parent is gone


class _Desk:
    """Where one question is answered; it is the room for the film's pixels."""

    def __init__(
        self, progress: Progress, limits: Limits, slot: WorkerSlot, question: Mapping[str, Any]
    ) -> None:
        self._progress = progress
        self._limits = limits
        self._slot = slot
        self._question = question
        self._n_declared = 0
        self._given: NDArray[np.generic] | None = None

    def declared(self, n_pixels: int) -> None:
        """Move the limits, and let the parent know."""
        if n_pixels > self._n_declared:
            self._n_declared = n_pixels
            self._progress.say(self._question["number"], n_pixels)
            self._limits.allow(n_pixels)

    def empty(self, height: int, width: int) -> NDArray[np.float32]:
        """Return the slot's memory once; after that memory of this process."""
        if self._given is not None:
            return np.empty((height, width), dtype=np.float32)
        self._given = self._slot.array(np.float32, (height, width))
        return np.asarray(self._given, dtype=np.float32)

    def answer(self, task: Task, file: WorkerFileSlot) -> tuple[dict[str, Any], bool]:
        """Return the answer, whatever happens, and whether to go on after it."""
        self._progress.say(self._question["number"], 0)
        n_bytes = self._question["n_bytes"]
        goes_on = self._limits.begin(n_bytes)
        found: dict[str, Any]
        try:
            data = file.take(n_bytes)
            with decoding_into(self):
                answer = task(data, name=self._question["name"], **self._question["options"])
            found = self._placed(answer)
        except ImageError as error:
            found = self._refusal(error.image_code, str(error))
        except RecursionError:
            found = self._outcome("nested-too-deep")
        except MemoryError:
            found, goes_on = self._no_memory(), False
        except OSError as error:  # of memory that is shared
            is_memory = error.errno in (errno.ENOMEM, errno.ENOSPC)
            found = self._no_memory() if is_memory else self._outcome("decoder-crashed")
            goes_on = goes_on and not is_memory
        except Exception:  # noqa: BLE001  whatever a decoder raises is an outcome
            found = self._outcome("decoder-crashed")
        except BaseException:  # noqa: BLE001  a codec's panic; its state is not to be trusted
            found, goes_on = self._outcome("decoder-crashed"), False
        self._limits.end()
        self._given = None
        self._slot.clear()
        return found, goes_on

    def _placed(self, answer: Answer) -> dict[str, Any]:
        """Return the answer's facts; its array lies in the slot then."""
        found: dict[str, Any] = {"number": self._question["number"], "facts": answer.facts}
        if answer.pixels is not None:
            pixels = answer.pixels
            if self._given is None or not _is_same(pixels, self._given):
                place = self._slot.array(pixels.dtype, pixels.shape)
                np.copyto(place, pixels)
            self._slot.flush()
            found |= {"dtype": str(pixels.dtype), "shape": pixels.shape}
        return found

    def _no_memory(self) -> dict[str, Any]:
        self._limits.lift()
        return self._outcome("takes-too-much-memory")

    def _outcome(self, code: str) -> dict[str, Any]:
        return self._refusal(code, f"{self._question['name']} {_SENTENCES[code]}")

    def _refusal(self, code: str, message: str) -> dict[str, Any]:
        return {
            "number": self._question["number"],
            "code": code,
            "message": message[:LONGEST_SENTENCE],
        }


_SENTENCES = {
    "nested-too-deep": "has parts nested in parts too deep to be followed; it is damaged, or "
    "made to be so",
    "takes-too-much-memory": "needs more memory than a film of its size may; save it anew from "
    "the program that made it",
    "decoder-crashed": "made the decoder fail; it is damaged in a way that no decoder expects: "
    "save it anew from the program that made it",
}


def _is_same(one: NDArray[np.generic], other: NDArray[np.generic]) -> bool:
    """Return whether two arrays are the same memory in the same order."""
    return (
        one.__array_interface__["data"] == other.__array_interface__["data"]
        and one.shape == other.shape
        and one.strides == other.strides
        and one.dtype == other.dtype
    )


def _import_decoders() -> None:
    """Import what every film takes; DICOM and its codecs come with the first DICOM file."""
    from PIL import BmpImagePlugin, JpegImagePlugin, PngImagePlugin, TiffImagePlugin  # noqa: F401

    import carina.imaging.decode  # noqa: F401


def _keep_memory_between_films() -> None:
    """Have the C library keep up to 64 MB of free memory (glibc).

    Otherwise it gives back what each film took, and the kernel clears it again for the next
    one: 1.5 ms more for a JPEG of a megapixel that decodes in 2 ms.
    """
    if sys.platform == "linux":
        import ctypes

        library = ctypes.CDLL(None)
        if hasattr(library, "mallopt"):
            library.mallopt(_M_TRIM_THRESHOLD, 64 * 2**20)
            library.mallopt(_M_MMAP_THRESHOLD, 32 * 2**20)  # the most that it takes


def _end_with(parent: int) -> None:
    """Have the kernel end this process with its parent, where it can (Linux)."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if hasattr(os, "getppid") and sys.platform != "win32" and os.getppid() != parent:
        os._exit(0)  # it ended before


def _channel(argument: str) -> socket.socket:
    if sys.platform == "win32":
        return socket.fromshare(sys.stdin.buffer.read(int(argument)))
    return socket.socket(fileno=int(argument))
