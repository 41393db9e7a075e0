"""Who goes first where the processor is short: the thread that takes requests."""

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
_STEPS = 5  # of niceness: a third of the processor's share when it is contended
_LEAST = 19


def step_back() -> None:
    """Lower the priority of the calling thread, and of those that it starts, where that can be
    done for a thread alone.

    A server with ten times too much to do then still refuses at once, and answers `/readyz`.
    """
    if sys.platform == "linux":  # elsewhere niceness is the whole process's
        usual = os.getpriority(os.PRIO_PROCESS, os.getpid())  # the main thread's
        least = min(usual + _STEPS, _LEAST)
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), least)


def behind(work: Callable[[], T]) -> T:
    """Return what the work returns, done by a thread of lower priority.

    The threads of a runtime are started by the one that loads a network, and keep its priority.
    """
    with ThreadPoolExecutor(1, initializer=step_back) as executor:
        return executor.submit(work).result()
