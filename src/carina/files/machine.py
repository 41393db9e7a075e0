"""What this process may use of the machine."""

import os

_MOST_READING_THREADS = 4


def usable_cores() -> int:
    """Return how many cores this process may use, at least 1.

    Where the system lets a process be pinned to some cores (Linux, containers), only these
    count; macOS and Windows do not say, and there it is all of the machine's.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def reading_threads() -> int:
    """Return how many threads read and decode files: one a core, and four at most."""
    return min(_MOST_READING_THREADS, usable_cores())
