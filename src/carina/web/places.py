"""How much is taken on at once: requests with films, and the bytes of their bodies.

A request holds a place while its body comes in time and until it is answered. A body that comes
slowly holds no place and no more bytes than have come, so that a few clients on a poor line, or
of ill will, do not keep the others out.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

TIMELY_S = 2.0
"""The seconds in which a body that comes in time is here: 25 MB at 100 Mbit/s."""
_SLOW = 4  # requests whose bodies come slowly, as a multiple of the places


class Place:
    """A request with films that was taken on.

    Attributes:
        began: when it was taken on, monotonic seconds.
        n_bytes: of its body, that have come.
        is_whole: True once all of it is here.
    """

    __slots__ = ("began", "is_whole", "n_bytes")

    def __init__(self, began: float) -> None:
        self.began = began
        self.n_bytes = 0
        self.is_whole = False


class Places:
    """The requests that were taken on; made for one event loop."""

    def __init__(self, n_places: int, *, max_bytes: int) -> None:
        """Make them.

        Args:
            n_places: requests that are answered, wait, or come in time.
            max_bytes: of their bodies together; one alone may have more.
        """
        self._n_places = n_places
        self._max_bytes = max_bytes
        self._held: set[Place] = set()
        self._coming: dict[Place, None] = {}  # in time so far; those that came first stand first
        self._n_slow = 0
        self._n_bytes = 0

    def __len__(self) -> int:
        """Return the requests that were taken on and are not answered yet."""
        return len(self._held)

    def has_room_for(self, n_bytes: int) -> bool:
        """Return whether a request can be taken on.

        Args:
            n_bytes: of its body, as it says.
        """
        self._set_slow_ones_aside()
        if len(self._held) - self._n_slow >= self._n_places:
            return False
        if self._n_slow >= _SLOW * self._n_places:
            return False
        return not self._held or self._n_bytes + n_bytes <= self._max_bytes

    @contextmanager
    def taken(self) -> Iterator[Place]:
        """Yield a place for a request, which it holds until the block ends."""
        place = Place(time.monotonic())
        self._held.add(place)
        self._coming[place] = None
        try:
            yield place
        finally:
            self._is_no_longer_coming(place)
            self._held.discard(place)
            self._n_bytes -= place.n_bytes

    def came(self, place: Place, n_bytes: int) -> bool:
        """Note bytes of a body; return False if there is no room for them beside the others'."""
        place.n_bytes += n_bytes
        self._n_bytes += n_bytes
        return self._n_bytes <= self._max_bytes or self._n_bytes == place.n_bytes

    def is_whole(self, place: Place) -> None:
        """Note that a body has come: it holds a place again if it came slowly."""
        self._is_no_longer_coming(place)
        place.is_whole = True

    def _is_no_longer_coming(self, place: Place) -> None:
        if place in self._coming:
            del self._coming[place]
        elif not place.is_whole:
            self._n_slow -= 1

    def _set_slow_ones_aside(self) -> None:
        since = time.monotonic() - TIMELY_S
        while self._coming and (first := next(iter(self._coming))).began < since:
            del self._coming[first]
            self._n_slow += 1
