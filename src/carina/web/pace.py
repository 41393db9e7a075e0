"""How many films are here, and how quickly they leave."""

from __future__ import annotations

import threading
import time
from typing import Protocol

_LAST_SHARE = 0.1  # of the last films in the pace: it follows a change within some twenty


class Timed(Protocol):
    """Who is told how long things took, in seconds; from several threads."""

    def queued(self, seconds: float) -> None:
        """A film waited so long, for a reader and for the network."""

    def read(self, seconds: float) -> None:
        """A film was read and prepared."""

    def computed(self, seconds: float, n_films: int) -> None:
        """A batch was answered by the network."""

    def drawn(self, seconds: float) -> None:
        """A film's pictures were drawn, its heat map among them."""


class Pace:
    """The films of all who answer them, and the seconds that one takes; threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_films = 0
        self._seconds_per_film = 0.0
        self._last = 0.0

    @property
    def n_films(self) -> int:
        """The films that wait or are worked on."""
        return self._n_films

    @property
    def seconds_to_empty(self) -> float:
        """About how long the films that are here will take, as those before them did."""
        return self._n_films * self._seconds_per_film

    def one_came(self) -> None:
        """Note a film that is here now."""
        with self._lock:
            self._n_films += 1

    def one_left(self) -> None:
        """Note a film that was answered or dropped."""
        with self._lock:
            self._n_films -= 1

    def answered(self, n_films: int, *, came: float) -> None:
        """Note films that were answered together, now.

        Their time runs from the answer before them, or from when they came if nobody was
        here then.

        Args:
            n_films: how many.
            came: when the first of them came, monotonic seconds.
        """
        now = time.monotonic()
        with self._lock:
            seconds = (now - max(self._last, came)) / n_films
            self._last = now
            before = self._seconds_per_film or seconds
            self._seconds_per_film = (1 - _LAST_SHARE) * before + _LAST_SHARE * seconds
