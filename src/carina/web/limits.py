"""What a request's body may be: its size, and the time that it may take to come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from carina.web.problems import ProblemError, ProblemResponse

FILMS_PATH = "/v1/predict"
"""Where films are sent to."""
MIN_BYTES_PER_S = 10_000
"""The slowest upload that is waited for, on average after the first seconds."""


class PlaceCheck:
    """ASGI middleware that refuses films there is no place for, before anything else is done.

    The refusal costs a fraction of what a request costs that is taken on, so that a server
    with ten times too much to do goes on with what it has.
    """

    def __init__(
        self, app: ASGIApp, *, refusal: Callable[[int | None], ProblemError | None]
    ) -> None:
        """Make the middleware.

        Args:
            app: what answers.
            refusal: returns why a request with so many bytes (None: not said) cannot be
                taken on, or None.
        """
        self._app = app
        self._refusal = refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if there is a place for its films."""
        if scope["type"] == "http" and scope["path"] == FILMS_PATH and scope["method"] == "POST":
            problem = self._refusal(said_length(Headers(scope=scope)))
            if problem is not None:
                await ProblemResponse(problem)(scope, receive, send)
                return
        await self._app(scope, receive, send)


class BodyLimit:
    """ASGI middleware that refuses a request body that is too large or comes too slowly.

    A body that says its length is refused before it is read; one that comes in chunks, or
    lies about its length, as soon as it passes the limit.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int, idle_s: float, whole_s: float) -> None:
        """Make the middleware.

        Args:
            app: what answers.
            max_bytes: the most that a body may have.
            idle_s: the longest wait for its next bytes, in seconds.
            whole_s: the longest wait for all of it, in seconds.
        """
        self._app = app
        self._max_bytes = max_bytes
        self._idle_s = idle_s
        self._whole_s = whole_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with its body counted."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if (said_length(Headers(scope=scope)) or 0) > self._max_bytes:
            await ProblemResponse(self._too_large())(scope, receive, send)
            return
        started = time.monotonic()
        n_bytes, whole = 0, False

        async def counted() -> Message:
            nonlocal n_bytes, whole
            if whole:  # what comes now is that the client leaves
                return await receive()
            try:
                async with asyncio.timeout(self._allowed_s(time.monotonic() - started, n_bytes)):
                    message = await receive()
            except TimeoutError:
                raise self._too_slow() from None
            n_bytes += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if n_bytes > self._max_bytes:
                raise self._too_large()
            return message

        await self._app(scope, counted, send)

    def _allowed_s(self, passed_s: float, n_bytes: int) -> float:
        """Return how long the next bytes may take, after so many seconds and bytes."""
        in_pace = self._idle_s + n_bytes / MIN_BYTES_PER_S - passed_s
        return min(self._idle_s, in_pace, self._whole_s - passed_s)

    def _too_large(self) -> ProblemError:
        # The server takes the rest of the body and lets it go, since most clients read no
        # answer before they have sent all; what never ends is cut off by the connection's limit.
        return ProblemError(
            "too-large",
            f"more than {self._max_bytes / 1e6:g} MB were sent, and that is the most; send fewer "
            "films at once, or raise CARINA_MAX_UPLOAD_MB where the server is started",
        )

    def _too_slow(self) -> ProblemError:
        return ProblemError(
            "slow-upload",
            f"no byte came for {self._idle_s:g} s, or fewer than {MIN_BYTES_PER_S // 1000} KB a "
            f"second, or not all of it within {self._whole_s:g} s; send it over a better "
            "connection, or fewer films at once",
            headers={"Connection": "close"},
        )


def said_length(headers: Mapping[str, str]) -> int | None:
    """Return how many bytes a body has, as its head says; None if it does not."""
    said = headers.get("content-length", "")
    return int(said) if said.isdecimal() else None
