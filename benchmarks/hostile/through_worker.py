"""Hostile films through the worker, as every caller in Python reads them."""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Iterator

import numpy as np

from carina.errors import IMAGE_CODES, ImageError
from carina.imaging.read import read_radiograph_bytes
from hostile.memory import MemoryWatch
from hostile.outcomes import CRASH, HANG, HANG_S, OUTSIDE, READ, Outcomes
from making.hostile.mutations import Mutant, mutants

_THREADS = 2


def read_through_worker(start: int, stop: int) -> Outcomes:
    """Return what became of the mutants from `start` on, read by two threads."""
    films = _Films(mutants(start, stop))
    began = time.perf_counter()
    # they end with the process even if a film hangs in one
    threads = [threading.Thread(target=films.read_all, daemon=True) for _ in range(_THREADS)]
    with MemoryWatch(os.getpid()) as memory, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads) and not films.note_hangs():
            for thread in threads:
                thread.join(timeout=0.1)
    found = films.outcomes
    found.seconds = time.perf_counter() - began
    found.worker_mb, found.parent_mb = memory.below_mb, memory.own_mb
    return found


class _Films:
    """Films that several threads take one after the other."""

    def __init__(self, films: Iterator[Mutant]) -> None:
        self.outcomes = Outcomes()
        self._films = films
        self._lock = threading.Lock()
        self._started: dict[int, tuple[str, float]] = {}

    def read_all(self) -> None:
        """Read films until there are no more."""
        me = threading.get_ident()
        while True:
            with self._lock:
                film = next(self._films, None)
                if film is None:
                    return
                self._started[me] = (film.name, time.perf_counter())
            code, told = outcome_of(film)
            with self._lock:
                _, began = self._started.pop(me)
                if told:
                    self.outcomes.add_wrong(film.name, code, told)
                else:
                    self.outcomes.add(film.name, code, time.perf_counter() - began)

    def note_hangs(self) -> bool:
        """Note what takes far too long, and return whether anything does."""
        now = time.perf_counter()
        with self._lock:
            stuck = [name for name, began in self._started.values() if now - began > HANG_S]
            for name in stuck:
                self.outcomes.add_wrong(name, HANG, f"no outcome after {HANG_S:g} s")
        return bool(stuck)


def outcome_of(film: Mutant) -> tuple[str, str]:
    """Return what became of a film, and what was told if it must not happen."""
    try:
        radiograph = read_radiograph_bytes(film.data, name=film.name)
    except ImageError as error:
        known = error.image_code in IMAGE_CODES
        return (error.image_code, "") if known else (OUTSIDE, f"{error.image_code}: {error}")
    except BaseException as error:  # noqa: BLE001  that nothing else comes is what is measured
        return CRASH, repr(error)
    pixels = radiograph.pixels
    if not (np.isfinite(pixels).all() and pixels.min() >= 0 and pixels.max() <= 1):
        return OUTSIDE, f"grey values from {pixels.min()} to {pixels.max()}"
    return READ, ""
