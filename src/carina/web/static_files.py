"""The page's files, sent whole."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.staticfiles import StaticFiles
from starlette.types import Message, Receive, Scope, Send

_OF_RANGES = (b"range", b"if-range")


class WholeFiles(StaticFiles):
    """Files that are too small for parts: a request for a range gets the whole file.

    A server may ignore the header `Range` (RFC 9110, 14.2), whatever stands in it; Starlette's
    own answers to a range that makes no sense are no problem documents.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send a file, and say that it comes whole."""

        async def whole(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Accept-Ranges"] = "none"
            await send(message)

        headers = [one for one in scope["headers"] if one[0] not in _OF_RANGES]
        await super().__call__({**scope, "headers": headers}, receive, whole)
