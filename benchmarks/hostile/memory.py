"""The most memory that a process and the processes below it have held."""

from __future__ import annotations

import re
import threading
from contextlib import suppress
from pathlib import Path

_EVERY_S = 0.05
_WORKER = b"carina.imaging.worker"
_HELD = re.compile(r"VmHWM:\s+(\d+) kB")


class MemoryWatch:
    """Looks at a process and at those below it while a block runs; Linux alone tells.

    The system keeps the most that each process has held, so that a peak between two looks is
    seen as long as the process lives at the second.

    Attributes:
        own_mb: the most of the process itself since the watch began; 0 where it is not told.
        below_mb: the most of any worker below it.
    """

    def __init__(self, pid: int) -> None:
        self.own_mb = 0.0
        self.below_mb = 0.0
        self._pid = pid
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look_often, daemon=True)

    def __enter__(self) -> MemoryWatch:
        forget_peak(self._pid)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.look()
        self._done.set()
        self._thread.join()

    def look(self) -> None:
        """Look once."""
        self.own_mb = max(self.own_mb, held_mb(self._pid))
        for pid in below(self._pid):
            if is_worker(pid):
                self.below_mb = max(self.below_mb, held_mb(pid))

    def _look_often(self) -> None:
        while not self._done.wait(_EVERY_S):
            self.look()


def forget_peak(pid: int) -> None:
    """Let the most that a process has held be what it holds now.

    References:
        proc(5), /proc/pid/clear_refs: 5 resets the peak resident set size.
    """
    with suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


def held_mb(pid: int) -> float:
    """Return the most that a process has held, in MB; 0 if it is gone or the system is silent."""
    try:
        found = _HELD.search(Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
    except OSError:
        return 0.0
    return int(found[1]) / 1000 if found else 0.0


def is_worker(pid: int) -> bool:
    """Return whether a process decodes; one that is just being started still holds its parent's
    memory and name."""
    try:
        return _WORKER in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def below(pid: int) -> list[int]:
    """Return the processes that a process has started, and those below them."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(child) for child in task.read_text(encoding="ascii").split()]
        except OSError:
            continue
        for child in children:
            found += [child, *below(child)]
    return found
