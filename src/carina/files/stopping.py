"""A process that was asked to end by a signal: it ends in time, and says how its work goes on.

Signals belong to the whole process, and so does what is said when one ends it.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from carina.errors import StoppedBySignal

ENDS_WITHIN_S = 8.0
"""So long may the work take to end by itself: within 10 s the process is gone, however busy the
machine is."""
_ENDING = (signal.SIGINT, signal.SIGTERM)
_advice: list[Callable[[], str]] = []


@contextmanager
def advising(advice: Callable[[], str]) -> Iterator[None]:
    """Know in the block how the work goes on if a signal ends the process.

    Args:
        advice: returns the words, "" for none; called when they are needed.
    """
    _advice.append(advice)
    try:
        yield
    finally:
        _advice.remove(advice)


def advice_now() -> str:
    """Return how the work under way goes on if it is ended now, or ""."""
    return _advice[-1]() if _advice else ""


@contextmanager
def ending_in_time(say: Callable[[str], None], *, seconds: float = ENDS_WITHIN_S) -> Iterator[None]:
    """End the process some seconds after Ctrl-C or SIGTERM, if the block has not ended by then.

    A handler of Python's runs between two of its instructions, and a library may compute for
    longer than that without one. What was written before is whole, as after a kill. In
    another thread than the main one the block changes nothing.

    Args:
        say: shows the sentence that a stopped work ends with.
        seconds: from the signal on.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    hears, tells = socket.socketpair()
    tells.setblocking(False)
    is_done = threading.Event()
    watch = threading.Thread(
        target=_end_late_work, args=(hears, is_done, say, seconds), daemon=True
    )
    # The system's own part of the handling writes the number there, whatever Python does.
    before = signal.set_wakeup_fd(tells.fileno(), warn_on_full_buffer=False)
    watch.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        is_done.set()
        tells.close()
        watch.join()
        hears.close()


def _end_late_work(
    hears: socket.socket,
    is_done: threading.Event,
    say: Callable[[str], None],
    seconds: float,
) -> None:
    """Wait for a signal's number, and end the process if its work does not end by itself."""
    while heard := hears.recv(1):
        number = heard[0]
        if number in _ENDING:
            advice = advice_now()
            if not is_done.wait(seconds):
                say(str(StoppedBySignal(number, advice=advice_now() or advice)))
                os._exit(128 + number)
            return
