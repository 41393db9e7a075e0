"""Who may ask: under which names the server answers, and with which token."""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import socket
from collections.abc import Collection
from pathlib import Path

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from carina.errors import UsageError
from carina.files.names import printable
from carina.web.problems import ProblemError, ProblemResponse

LOCAL_HOSTS = ("127.0.0.1", "::1", "localhost")
"""The addresses that only programs of this machine reach, so that no token is needed."""
MIN_TOKEN_LENGTH = 16
_GUARDED = ("/v1/", "/metrics")
_LONGEST_TOKEN_FILE = 10_000


class HostCheck:
    """ASGI middleware that answers only under the server's own names.

    A page from elsewhere can point its own name at 127.0.0.1 and so reach a server that the
    browser's user runs (DNS rebinding); its name then stands in the header `Host`. A numeric
    address cannot be rebound, and passes; so does a request without the header, which no browser
    sends but health checks over HTTP/1.0 do.
    """

    def __init__(self, app: ASGIApp, *, names: Collection[str]) -> None:
        """Make the middleware; `names` are in lower case, without ports."""
        self._app = app
        self._names = frozenset(names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if it came under one of the names."""
        if scope["type"] == "http" and not self._passes(Headers(scope=scope).get("host")):
            problem = ProblemError(
                "host",
                "the server does not answer under this name; use its numeric address, or add the "
                "name with --allowed-host or CARINA_ALLOWED_HOSTS where the server is started",
            )
            await ProblemResponse(problem)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _passes(self, host: str | None) -> bool:
        if host is None:
            return True
        name = host_name(host)
        return name in self._names or _is_numeric(name)


class TokenCheck:
    """ASGI middleware that asks for a token where films are answered or counted.

    The page, its files, the docs and the two health checks are free.
    """

    def __init__(self, app: ASGIApp, *, token: str) -> None:
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if it needs no token, or brings the right one."""
        if scope["type"] == "http" and scope["path"].startswith(_GUARDED):
            said = Headers(scope=scope).get("authorization", "")
            scheme, _, token = said.partition(" ")
            # In constant time, so that nobody can find it digit by digit.
            right = hmac.compare_digest(token.strip().encode(), self._token)
            if scheme.lower() != "bearer" or not right:
                await ProblemResponse(_refusal(said))(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _refusal(said: str) -> ProblemError:
    # RFC 6750, section 3: the error only where a token was sent.
    challenge = 'Bearer realm="carina"'
    what = "this server asks for a token"
    if said:
        challenge += ', error="invalid_token"'
        what = "the token is not the one of this server"
    return ProblemError(
        "token",
        f"{what}; send the header 'Authorization: Bearer TOKEN' with the token that was given or "
        "printed when it was started",
        headers={"WWW-Authenticate": challenge},
    )


def host_name(host: str) -> str:
    """Return the name in a `Host` header, in lower case, without port and brackets.

    >>> host_name("Films.Example:8000"), host_name("[::1]:8000")
    ('films.example', '::1')
    """
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].rstrip(".").lower()


def own_names(host: str, allowed: Collection[str] = ()) -> frozenset[str]:
    """Return the names that a server answers under, beside numeric addresses.

    Args:
        host: what it listens on.
        allowed: more names.
    """
    own = ("localhost", host, socket.gethostname(), *allowed)
    return frozenset(host_name(name) for name in own if name)


def chosen_token(host: str, *, token_file: str | Path | None, token: str) -> tuple[str, bool]:
    """Return the token that a server asks for, "" for none, and whether it was made here.

    Args:
        host: what the server listens on; anything but this machine alone needs a token.
        token_file: holds the token; it goes before `token`.
        token: from the environment, or "".

    Raises:
        UsageError: if the file cannot be read, or the token is too short to be safe.
    """
    given = _token_in(Path(token_file)) if token_file is not None else token
    if not given and token_file is None:
        return ("", False) if host in LOCAL_HOSTS else (secrets.token_urlsafe(32), True)
    if len(given) < MIN_TOKEN_LENGTH or not given.isascii() or not given.isprintable():
        raise UsageError(
            f"the token has {len(given)} characters; at least {MIN_TOKEN_LENGTH} are needed, of "
            "letters and digits: make one with: python -c 'import secrets; "
            "print(secrets.token_urlsafe(32))'"
        )
    return given, False


def _token_in(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            data = stream.read(_LONGEST_TOKEN_FILE)
        return data.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise UsageError(f"--token-file {printable(str(file))} holds no text") from error
    except OSError as error:
        raise UsageError(
            f"--token-file {printable(str(file))} cannot be read: {error.strerror or error}"
        ) from error


def _is_numeric(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
