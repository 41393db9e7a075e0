"""What a worker asks of Windows."""

from __future__ import annotations

import ctypes
import sys

_FIELDS = (
    "PeakWorkingSetSize", "WorkingSetSize", "QuotaPeakPagedPoolUsage", "QuotaPagedPoolUsage",
    "QuotaPeakNonPagedPoolUsage", "QuotaNonPagedPoolUsage", "PagefileUsage", "PeakPagefileUsage",
)  # fmt: skip


class _Counters(ctypes.Structure):
    """PROCESS_MEMORY_COUNTERS of the Windows API (psapi.h)."""

    _fields_ = [
        ("cb", ctypes.c_uint32),
        ("PageFaultCount", ctypes.c_uint32),
        *((name, ctypes.c_size_t) for name in _FIELDS),
    ]


def peak_bytes() -> int:
    """Return the most memory that this process has had at a time (K32GetProcessMemoryInfo).

    Returns:
        0 where the system does not say.
    """
    counters = _Counters(cb=ctypes.sizeof(_Counters))
    if sys.platform == "win32":
        kernel = ctypes.WinDLL("kernel32")
        kernel.GetCurrentProcess.restype = ctypes.c_void_p
        kernel.K32GetProcessMemoryInfo.argtypes = [
            ctypes.c_void_p, ctypes.POINTER(_Counters), ctypes.c_uint32,
        ]  # fmt: skip
        kernel.K32GetProcessMemoryInfo(
            kernel.GetCurrentProcess(), ctypes.byref(counters), counters.cb
        )
    return int(counters.PeakPagefileUsage)
