"""How the server starts, takes signals and stops: nothing that was taken on is lost."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Collection
from types import FrameType

import uvicorn

from carina.web.service import Service

_HANG_UP = getattr(signal, "SIGHUP", None)
# How long a server that is being stopped waits for the rest of an upload, beside the deadline.
_UPLOAD_S = 30.0


class GracefulServer(uvicorn.Server):
    """uvicorn's server, which on SIGTERM first answers everything that it has taken on.

    Until then it keeps its port: new films are answered with 503, and so is `/readyz`, for
    `drain_s` seconds at least, so that what stands in front of it notices.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        service: Service,
        *,
        drain_s: float,
        reload: Callable[[], None],
        noted: Collection[int],
    ) -> None:
        """Make the server.

        Args:
            config: uvicorn's.
            service: what answers.
            drain_s: how long the port is kept, at least.
            reload: called on SIGHUP.
            noted: the signals that came before this server took them.
        """
        super().__init__(config)
        self._service = service
        self._drain_s = drain_s
        self._reload = reload
        self._noted = noted
        self._stop_at: float | None = None
        self._had_terminal = _has_terminal()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop at SIGTERM once nothing is left to answer; at Ctrl-C as uvicorn does."""
        first = self._stop_at is None
        self._service.stopping = True
        if sig != signal.SIGTERM or not first:
            super().handle_exit(sig, frame)
            return
        self._stop_at = time.monotonic() + self._drain_s

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and take SIGHUP for a changed classifier."""
        await super().startup(sockets)
        if _HANG_UP is not None and threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().add_signal_handler(_HANG_UP, self._hang_up)
        if _HANG_UP in self._noted:
            self._hang_up()
        if signal.SIGTERM in self._noted:
            self.handle_exit(signal.SIGTERM, None)

    async def on_tick(self, counter: int) -> bool:
        """Return whether to close the port."""
        now = time.monotonic()
        if self._stop_at is not None and now >= self._stop_at:
            given_up = now >= self._stop_at + self._service.deadline_s + _UPLOAD_S
            self.should_exit = self.should_exit or given_up or self._service.n_requests == 0
        return await super().on_tick(counter)

    def _hang_up(self) -> None:
        # A terminal that is closed sends SIGHUP too.
        if self._had_terminal and not _has_terminal():
            self.handle_exit(signal.SIGTERM, None)
        else:
            self._reload()


def _has_terminal() -> bool:
    """Return whether a terminal stands behind this process."""
    if sys.platform == "win32":
        return False
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
