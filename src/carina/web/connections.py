"""The server's connections: none may idle in the middle of a request or of its answer."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

from carina.web.limits import MIN_BYTES_PER_S

IDLE_S = 30.0
"""The longest that a connection may take over a request's head, or over the rest of a body
that was refused, and how often a client that reads its answer slowly is looked at; a body that
is read has limits of its own."""


class PatientProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, which else waits for ever for a head that never ends, and holds for ever
    an answer that nobody reads."""

    _waiting: asyncio.TimerHandle | None = None
    _reading: asyncio.TimerHandle | None = None
    _unsent = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._wait()

    def on_response_complete(self) -> None:
        """Begin to wait for the next one."""
        super().on_response_complete()
        self._wait()

    def pause_writing(self) -> None:
        """Begin to wait for the client to read its answer."""
        super().pause_writing()
        self._look_at_reader()

    def resume_writing(self) -> None:
        """Stop waiting for that."""
        super().resume_writing()
        if self._reading is not None:
            self._reading.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        for timer in (self._waiting, self._reading):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
        self._waiting = self.loop.call_later(IDLE_S, self._close_if_idle)

    def _close_if_idle(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._wait()
        elif not self.transport.is_closing():
            self.transport.close()

    def _look_at_reader(self) -> None:
        self._unsent = self.transport.get_write_buffer_size()
        self._reading = self.loop.call_later(IDLE_S, self._abort_if_not_read)

    def _abort_if_not_read(self) -> None:
        # A close would wait for the rest to be read, and keep it in memory as long.
        if self._unsent - self.transport.get_write_buffer_size() < IDLE_S * MIN_BYTES_PER_S:
            self.transport.abort()
        else:
            self._look_at_reader()
