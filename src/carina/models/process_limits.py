"""What a process that reads other people's files may use."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress


def limit_memory(n_bytes: int) -> None:
    """Let this process have no more memory than `n_bytes`, beside its programs.

    Where the system has no such limit (Windows), none is set.
    """
    try:
        import resource
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = n_bytes if hard == resource.RLIM_INFINITY else min(n_bytes, hard)
    with suppress(OSError, ValueError):  # some systems refuse limits, or know none of this kind
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


@contextmanager
def ending_after(seconds: int) -> Iterator[None]:
    """Let the system end this process if the block takes longer, even within native code.

    Where the system has no alarms (Windows), only the caller's own patience ends it.
    """
    alarm = getattr(signal, "alarm", None)
    if alarm is None:
        yield
        return
    alarm(seconds)
    try:
        yield
    finally:
        alarm(0)
