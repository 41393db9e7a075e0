"""How much more memory this process may take before the system refuses it, or ends it."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

# cgroup v1 writes "no limit" as the largest multiple of a page in 63 bits.
_NO_LIMIT = 1 << 60
_KIB = 1024


@dataclass(frozen=True, slots=True, order=True)
class FreeMemory:
    """Memory that this process may still take.

    Attributes:
        n_bytes: how much, at least 0.
        because: what sets that limit, in words.
    """

    n_bytes: int
    because: str


def free_memory(root: Path = Path("/")) -> FreeMemory | None:
    """Return what this process may still take, by the tightest of all limits on it.

    On Linux these are the machine's memory, the limit of every control group above the process
    (version 1 and 2; what a group holds of files counts as free, since it is given up when it is
    needed) and the process's own limits (`ulimit -v`, `ulimit -d`). macOS and Windows are asked
    for the machine's memory.

    Args:
        root: where `proc` and the control groups' files are looked for, on Linux.

    Returns:
        None where the system does not say.
    """
    if sys.platform == "linux":
        found = [*_of_machine(root), *_of_groups(root), *_of_process(root)]
    else:
        found = [FreeMemory(n, "of the machine") for n in (_elsewhere(),) if n is not None]
    return min(found, default=None)


def _of_machine(root: Path) -> Iterator[FreeMemory]:
    """Yield what the kernel says can be had without swapping: proc_meminfo(5), MemAvailable."""
    available = _fields(root / "proc/meminfo").get("MemAvailable:")
    if available is not None:
        yield FreeMemory(available * _KIB, "of the machine")


def _of_process(root: Path) -> Iterator[FreeMemory]:
    """Yield what the process's own limits leave: getrlimit(2), proc_pid_status(5)."""
    import resource  # not on Windows

    taken = _fields(root / "proc/self/status")
    for limit, field, because in (
        (resource.RLIMIT_AS, "VmSize:", "of this process's limit on addresses (ulimit -v)"),
        (resource.RLIMIT_DATA, "VmData:", "of this process's limit on data (ulimit -d)"),
    ):
        most, _ = resource.getrlimit(limit)
        if most != resource.RLIM_INFINITY and field in taken:
            yield FreeMemory(max(0, most - taken[field] * _KIB), because)


def _of_groups(root: Path) -> Iterator[FreeMemory]:
    """Yield what each control group with a limit leaves, the process's own and those above it.

    References:
        The kernel's admin-guide, cgroup-v2.rst (memory.max, memory.high, memory.stat) and
        cgroup-v1/memory.rst (memory.limit_in_bytes, total_* of memory.stat).
    """
    because = "of the memory limit of its control group"
    for version, group, top in _memory_groups(root):
        limits = ("memory.max", "memory.high") if version == 2 else ("memory.limit_in_bytes",)
        usage = "memory.current" if version == 2 else "memory.usage_in_bytes"
        prefix = "" if version == 2 else "total_"
        for folder in (group, *group.parents):
            most = [n for n in (_number(folder / name) for name in limits) if n is not None]
            taken = _number(folder / usage)
            if most and taken is not None and min(most) < _NO_LIMIT:
                held = _fields(folder / "memory.stat")
                files = sum(held.get(f"{prefix}{kind}_file", 0) for kind in ("active", "inactive"))
                left = min(most) - taken + min(files, taken)
                yield FreeMemory(max(0, left), because)
            if folder == top:
                break


def _memory_groups(root: Path) -> Iterator[tuple[int, Path, Path]]:
    """Yield for each hierarchy that limits memory its version, the process's folder in it, and
    the hierarchy's own: cgroups(7), proc_pid_mountinfo(5)."""
    groups: dict[str, str] = {}
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, group = line.split(":", 2)
        groups |= dict.fromkeys(controllers.split(","), group)
    for line in _lines(root / "proc/self/mountinfo"):
        fields = line.split(" ")
        kind, _, options = fields[fields.index("-") + 1 :][:3]
        if kind == "cgroup2" and "" in groups:
            version, group = 2, groups[""]
        elif kind == "cgroup" and "memory" in options.split(",") and "memory" in groups:
            version, group = 1, groups["memory"]
        else:
            continue
        mounted, place = _plain(fields[3]), _plain(fields[4])
        top = root / place.lstrip("/")
        own, within = PurePosixPath(group), PurePosixPath(mounted)
        # A container sees its own group as the top, and may be told its name on the host.
        below = own.relative_to(within) if own.is_relative_to(within) else PurePosixPath()
        folder = top / below
        yield version, folder if folder.is_dir() else top, top


def _elsewhere() -> int | None:
    """Return the free memory of a machine that runs macOS or Windows, or None."""
    if sys.platform == "win32":
        return _of_windows()
    if sys.platform == "darwin":
        libc = ctypes.CDLL(None)
        total, level = _sysctl(libc, b"hw.memsize", 8), _sysctl(libc, b"kern.memorystatus_level", 4)
        # The level is the share of memory that can be had, in per cent: memory_pressure(1).
        return None if total is None or level is None else total * level // 100
    return None


def _sysctl(libc: ctypes.CDLL, name: bytes, n_bytes: int) -> int | None:
    value, size = ctypes.create_string_buffer(n_bytes), ctypes.c_size_t(n_bytes)
    if libc.sysctlbyname(name, value, ctypes.byref(size), None, 0) != 0:
        return None
    return int.from_bytes(value.raw[: size.value], sys.byteorder)


class _MemoryStatus(ctypes.Structure):
    """MEMORYSTATUSEX of the Windows API."""

    _fields_ = (
        ("length", ctypes.c_uint32),
        ("load", ctypes.c_uint32),
        *(
            (name, ctypes.c_uint64)
            for name in (
                "total", "free", "total_commit", "free_commit", "total_virtual", "free_virtual",
                "free_extended",
            )
        ),
    )  # fmt: skip


def _of_windows() -> int | None:
    status = _MemoryStatus(length=ctypes.sizeof(_MemoryStatus))
    kernel = ctypes.CDLL("kernel32")
    if not kernel.GlobalMemoryStatusEx(ctypes.byref(status)):
        return None
    # Windows refuses what it could not hold in memory and page file together.
    return int(min(status.free, status.free_commit))


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _fields(file: Path) -> dict[str, int]:
    """Return the lines of a file that are a name and a whole number, and maybe a unit."""
    fields = {}
    for line in _lines(file):
        name, _, rest = line.partition(" ")
        if ":" in line and not name.endswith(":"):  # proc puts a tab there
            name, _, rest = line.partition("\t")
        number = rest.split()[:1]
        if number and number[0].isdecimal():
            fields[name] = int(number[0])
    return fields


def _number(file: Path) -> int | None:
    """Return the number in a file; None if there is none, or it says "max"."""
    text = "".join(_lines(file)).strip()
    return int(text) if text.isdecimal() else None


def _plain(field: str) -> str:
    """Return a path of mountinfo without its octal escapes."""
    for escape, character in ((r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", "\\")):
        field = field.replace(escape, character)
    return field
