"""What this process and those that decode for it have used of the machine so far."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from carina.imaging.worker.pool import the_pool

PROCESS, DECODING = "process", "decoding"


def processor_seconds() -> float:
    """Return the seconds of processor time used so far, by all threads.

    Those that processes took which have ended count, and on Linux those of decoding processes
    that have not; other systems do not say these.
    """
    used = os.times()
    own = used.user + used.system + used.children_user + used.children_system
    return own + sum(map(_cpu_seconds_of, _statuses("stat")))


def peak_memory_mb() -> dict[str, float]:
    """Return the most memory held at a time so far, in millions of bytes, where that is known.

    Returns:
        "process": of this process since its start. "decoding": of one process that decodes; on
        Linux of those that are there, elsewhere of those that have ended.
    """
    peaks = {PROCESS: _own_peak_bytes(), DECODING: _decoding_peak_bytes()}
    return {name: round(value / 1e6, 1) for name, value in peaks.items() if value}


def _own_peak_bytes() -> int:
    if sys.platform == "win32":
        from carina.imaging.worker.windows import peak_bytes

        return peak_bytes()
    with suppress(OSError):
        return _high_water_bytes(Path("/proc/self/status").read_text(encoding="ascii"))
    import resource

    return _in_bytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def _decoding_peak_bytes() -> int:
    peak = max(map(_high_water_bytes, _statuses("status")), default=0)
    if sys.platform == "darwin":
        import resource

        peak = _in_bytes(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
    return peak


def _in_bytes(maxrss: int) -> int:
    return maxrss if sys.platform == "darwin" else maxrss * 1024  # getrusage(2): bytes, or KB


def _statuses(name: str) -> Iterator[str]:
    """Yield what Linux says of each decoding process; nothing elsewhere."""
    for number in the_pool().process_ids:
        with suppress(OSError):  # it has just ended, or there is no /proc
            yield Path(f"/proc/{number}/{name}").read_text(encoding="utf-8", errors="replace")


def _high_water_bytes(status: str) -> int:
    """Return the most memory that a process had at a time.

    `ru_maxrss` of a new process begins with what its parent had (a program that is started keeps
    the figure of the one before it); VmHWM does not.

    References:
        proc(5), /proc/pid/status: VmHWM, in units of 1024 bytes.

    >>> _high_water_bytes("VmPeak: 9 kB\\nVmHWM:     2 kB\\n")
    2048
    """
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def _cpu_seconds_of(stat: str) -> float:
    """Return the processor time that a process has used.

    References:
        proc(5), /proc/pid/stat: fields 14 and 15, user and system time in clock ticks; the
        name in field 2 stands in brackets and may hold anything.
    """
    after_name = stat.rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")
