"""A command in a fresh process: how long it took, and the memory that it held."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_BENCHMARKS = Path(__file__).resolve().parents[1]
_EVERY_S = 0.1
_TAIL = 1500


@dataclass(frozen=True)
class Watched:
    """What a command did.

    Attributes:
        returncode: its exit code.
        stdout: what it said.
        seconds: from its start to its end, by the clock on the wall.
        cpu_seconds: what it and its children computed.
        peak_mb: the most memory that it and its children held together, in 10^6 bytes: the
            sum of their proportional set sizes, looked at ten times a second; where the
            system does not tell that, the largest process's peak.
    """

    returncode: int
    stdout: str
    stderr: str
    seconds: float
    cpu_seconds: float
    peak_mb: float


class AuditFailedError(Exception):
    """An audit could not be run; the end of what it said is in the message."""


def watched(command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> Watched:
    """Return what a command did, run from the folder of the benchmarks."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=_BENCHMARKS,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # its children are then known by their session
    )
    memory = _Memory(process.pid)
    memory.start()
    stdout, stderr = process.communicate()
    seconds = time.perf_counter() - began
    memory.stop()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    unit = 1 if sys.platform == "darwin" else 1024
    return Watched(
        returncode=process.returncode,
        stdout=stdout,
        stderr=stderr[-_TAIL:],
        seconds=seconds,
        cpu_seconds=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        peak_mb=(memory.peak_bytes or after.ru_maxrss * unit) / 1e6,
    )


class _Memory(threading.Thread):
    """Looks at the memory of a session's processes until it is stopped."""

    def __init__(self, session: int) -> None:
        super().__init__(daemon=True)
        self._session = session
        self._ended = threading.Event()
        self.peak_bytes = 0

    def run(self) -> None:
        while not self._ended.wait(_EVERY_S):
            held = sum(_proportional_bytes(pid) for pid in _pids_of(self._session))
            self.peak_bytes = max(self.peak_bytes, held)

    def stop(self) -> None:
        self._ended.set()
        self.join()


def _pids_of(session: int) -> list[int]:
    """Return the processes of a session, from Linux's /proc; none on other systems."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session:
            found.append(int(entry.name))
    return found


def _proportional_bytes(pid: int) -> int:
    """Return a process's memory, shared pages by halves, thirds, ...; 0 once it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
