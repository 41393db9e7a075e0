"""What stands around every request: safe headers, no trace, one line in the log."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Iterable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from carina.web.metrics import Metrics
from carina.web.problems import CODE_IN_SCOPE, ProblemError, ProblemResponse

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}
FILMS_IN_SCOPE = "carina.films"
"""Where a request's scope holds the digests of its films, for the log."""
_SAFE = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
_SAFE_NAMES = frozenset(name for name, _ in _SAFE)
_SHORT_DIGEST = 12
_log = logging.getLogger(__name__)
_request_log = logging.getLogger("carina.web.requests")


class Shield:
    """ASGI middleware that puts safe headers on every answer and turns a bug into a 500.

    The log gets the kind of the error and the lines of code, but not its message, which may
    hold a file's name.
    """

    def __init__(self, app: ASGIApp, *, stopping: Callable[[], bool]) -> None:
        """Make the middleware; `stopping` returns whether connections shall be closed."""
        self._app = app
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and its answer back."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def shielded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = _made_safe(message.get("headers", []))
                if self._stopping():
                    MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        try:
            await self._app(scope, receive, shielded)
        except Exception as error:  # noqa: BLE001  the last place before the server
            lines = "".join(traceback.format_tb(error.__traceback__))
            _log.error("unexpected %s\n%s", type(error).__name__, lines)
            if not started:
                sentence = "the server failed on this request; its log says where"
                response = ProblemResponse(ProblemError("internal", sentence))
                await response(scope, receive, shielded)


def _made_safe(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return headers with the safe ones in place of their own; quick, since refusals are many."""
    return [*(pair for pair in headers if pair[0] not in _SAFE_NAMES), *_SAFE]


class Watch:
    """ASGI middleware that counts every request and logs those that brought films.

    A line has the status, the duration and the first digits of the films' digests; the log
    adds the time. No name, no address.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and note its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.monotonic()
        status = 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            seconds = time.monotonic() - started
            code = scope.get(CODE_IN_SCOPE, "")
            self._metrics.request_answered(scope["path"], status=status, code=code, seconds=seconds)
            films = scope.get(FILMS_IN_SCOPE)
            if films is not None:
                shown = ",".join(digest[:_SHORT_DIGEST] for digest in films) or "-"
                _request_log.info("%d %.0f ms %s", status, 1000 * seconds, shown)
