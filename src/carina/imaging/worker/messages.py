"""What a worker and its parent say to each other: one JSON object a line, never a pickle.

The parent asks `{"number", "task", "name", "options", "n_bytes", "file", "pixels"}`: what to do
with so many bytes in one slot, and the slot for what comes of it. The worker says `{"ready"}` once,
and answers each question with `{"number", "facts", "dtype", "shape"}` or `{"number", "code",
"message"}`; with `"last"` it ends then. What it is at meanwhile stands in a third kind of slot
(`slots.Progress`), since every line wakes the parent. The parent takes every line for one that a
decoder which was taken over may have written.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from typing import Any

MOST_LINE_BYTES = 2**20
_CHUNK = 64 * 1024


class NonsenseError(Exception):
    """What came is no answer."""


def send(channel: socket.socket, message: Mapping[str, object]) -> None:
    """Send one line.

    Raises:
        OSError: if the other side is gone.
    """
    channel.sendall(json.dumps(message, separators=(",", ":")).encode() + b"\n")


class Lines:
    """The messages that come on a channel."""

    def __init__(self, channel: socket.socket) -> None:
        """Read from a channel; nothing is read before it is asked for."""
        self._channel = channel
        self._buffer = b""

    def next(self) -> Mapping[str, Any] | None:
        """Return the next message, or None at the end.

        Raises:
            NonsenseError: if it is no JSON object, or too long.
            OSError: if the channel fails, or its time is over (TimeoutError).
        """
        while b"\n" not in self._buffer:
            if len(self._buffer) > MOST_LINE_BYTES:
                raise NonsenseError("a line without an end")
            more = self._channel.recv(_CHUNK)
            if not more:
                return None
            self._buffer += more
        line, _, self._buffer = self._buffer.partition(b"\n")
        return _message(line)

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        """Yield the messages until the channel ends."""
        while (message := self.next()) is not None:
            yield message


def _message(line: bytes) -> Mapping[str, Any]:
    if len(line) > MOST_LINE_BYTES:
        raise NonsenseError("a line that is too long")
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        raise NonsenseError("a line that is no JSON") from None
    if not isinstance(found, dict):
        raise NonsenseError("a line that is no object")
    return found
