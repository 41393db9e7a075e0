"""The limits that a worker sets for itself, film by film.

Linux holds them in the kernel (setrlimit): processor time, private memory (RLIMIT_DATA; shared
memory is bounded by the largest film), no core file, few descriptors. Where the kernel does not
hold memory (macOS) or has no such limits (Windows), a thread looks at them and ends the process.
"""

from __future__ import annotations

import math
import mmap
import os
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from carina.imaging.decoded import MAX_PIXELS
from carina.imaging.worker.allowance import clock_s, cpu_s, memory_bytes

EXIT_TOO_LONG = 81
EXIT_TOO_MUCH_MEMORY = 82
"""What a worker ends with that found itself beyond a limit."""

_DESCRIPTORS = 48
_LARGEST_FILE = 5 * MAX_PIXELS  # a slot: 4 bytes a pixel, rounded up
_LOOK_EVERY_S = 0.05
_PAGE = mmap.PAGESIZE
# A worker that holds so much more between two films than at its start is replaced.
MOST_KEPT_BYTES = 192_000_000


class KernelLimits:
    """Limits that the kernel holds; the soft ones are moved for each film."""

    def __init__(self) -> None:
        """Set those that are the same for all films.

        Raises:
            OSError: if there is no /proc; nothing is set then.
        """
        import resource

        self._statm = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        self._resource = resource
        _at_most(resource.RLIMIT_CORE, 0)
        _at_most(resource.RLIMIT_NOFILE, _DESCRIPTORS)
        _at_most(resource.RLIMIT_FSIZE, _LARGEST_FILE)
        # Where the machine's memory ends, this process is the one to go, and not its parent.
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
        self._n_bytes = 0
        self._cpu_before = 0.0
        self._memory_before = self._memory_at_start = self._memory()

    def begin(self, n_bytes: int) -> bool:
        """Let a film of so many bytes begin; return whether another may begin after it."""
        self._n_bytes = n_bytes
        self._cpu_before = time.process_time()
        self._memory_before = self._memory()
        self.allow(0)
        return self._memory_before[0] - self._memory_at_start[0] <= MOST_KEPT_BYTES

    def allow(self, n_pixels: int) -> None:
        """Move the limits to those of a film that declares so many pixels."""
        seconds = math.ceil(self._cpu_before + cpu_s(n_pixels))
        n_bytes = memory_bytes(n_pixels) + self._n_bytes
        _soft(self._resource.RLIMIT_CPU, seconds)
        private, whole = self._memory_before
        _soft(self._resource.RLIMIT_DATA, private + n_bytes)
        # Beside private memory the file and the pixels that are shared, and late libraries.
        shared = self._n_bytes + 2 * _LARGEST_FILE
        _soft(self._resource.RLIMIT_AS, whole + n_bytes + shared)

    def lift(self) -> None:
        """Let memory be allocated again, so that an answer can be written."""
        _soft(self._resource.RLIMIT_DATA, self._resource.RLIM_INFINITY)
        _soft(self._resource.RLIMIT_AS, self._resource.RLIM_INFINITY)

    def end(self) -> None:
        """End a film; its limits stay until the next one begins."""

    def _memory(self) -> tuple[int, int]:
        """Return the bytes of private memory that may be written, and of all address space.

        References:
            proc(5), /proc/pid/statm: pages; the sixth is data and stack.
        """
        pages = os.pread(self._statm, 200, 0).split()
        return int(pages[5]) * _PAGE, int(pages[0]) * _PAGE


class WatchedLimits:
    """Limits that a thread of the worker looks at, where the kernel does not hold them."""

    def __init__(self, parent: int) -> None:
        """Start to look; `parent` is the process that is not to be outlived."""
        self._parent = parent
        self._is_busy = False
        self._until = 0.0
        self._n_bytes = 0
        self._peak_before = 0
        self._most_bytes = 0
        threading.Thread(target=self._look, daemon=True).start()

    def begin(self, n_bytes: int) -> bool:
        """Let a film of so many bytes begin; return whether another may begin after it."""
        self._n_bytes = n_bytes
        self._peak_before = _peak_bytes()
        self._began = time.monotonic()
        self.allow(0)
        self._is_busy = True
        return True

    def allow(self, n_pixels: int) -> None:
        """Move the limits to those of a film that declares so many pixels."""
        self._until = self._began + clock_s(n_pixels)
        self._most_bytes = self._peak_before + memory_bytes(n_pixels) + self._n_bytes

    def lift(self) -> None:
        """Let memory be allocated again; the limit stays that of the film."""

    def end(self) -> None:
        """Stop looking at the film."""
        self._is_busy = False

    def _look(self) -> None:
        while True:
            time.sleep(_LOOK_EVERY_S)
            if sys.platform != "win32" and os.getppid() != self._parent:
                os._exit(0)
            if self._is_busy and time.monotonic() > self._until:
                os._exit(EXIT_TOO_LONG)
            if self._is_busy and _peak_bytes() > self._most_bytes:
                os._exit(EXIT_TOO_MUCH_MEMORY)


Limits = KernelLimits | WatchedLimits


def own_limits(parent: int) -> Limits:
    """Return the limits as this system can hold them."""
    if sys.platform == "linux":
        with suppress(OSError):  # a container may show no /proc
            return KernelLimits()
    return WatchedLimits(parent)


def _at_most(which: int, most: int) -> None:
    """Set a limit for good."""
    import resource

    hard = resource.getrlimit(which)[1]
    least = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(which, (least, least))


def _soft(which: int, most: int) -> None:
    """Move a soft limit, which a later film moves again."""
    import resource

    hard = resource.getrlimit(which)[1]
    if hard != resource.RLIM_INFINITY and (most > hard or most == resource.RLIM_INFINITY):
        most = hard
    resource.setrlimit(which, (most, hard))


def _peak_bytes() -> int:
    """Return the most memory that this process has had at a time.

    On Linux it begins with the peak of the process that started this one, so that there, without
    /proc, a worker of a large process may take as much as that.
    """
    if sys.platform == "win32":
        from carina.imaging.worker.windows import peak_bytes

        return peak_bytes()
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # getrusage(2): bytes, or KB
