"""One file of a web server, opened for reading, by the standard library alone."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, build_opener

from carina.errors import DownloadError
from carina.version import VERSION

_TIMEOUT_S = 20.0
_MOST_DIGITS = 18
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class Dropped(Exception):  # noqa: N818  what happened to the connection; never leaves this room
    """A connection broke off; a new one may go on."""


class RangeRefused(Exception):  # noqa: N818  as above
    """The server does not continue a file where it was asked to."""


@dataclass(frozen=True, slots=True)
class WebFile:
    """A file as a server sends it.

    Attributes:
        response: where its bytes come from.
        start: the first byte that comes; 0 unless the server goes on with a part.
        total: size of the whole file in bytes; 0 if the server does not say.
        validator: its strong ETag, or else its Last-Modified; "" if there is neither.
        content_type: "application/zip", ...; "" if the server does not say.
    """

    response: HTTPResponse
    start: int
    total: int
    validator: str
    content_type: str

    def read(self, n_bytes: int) -> bytes:
        """Return at most `n_bytes` that have come, waiting for the first; none at the end.

        Raises:
            Dropped: if the connection breaks off or stays silent for too long.
        """
        try:
            return self.response.read1(n_bytes)
        except (OSError, HTTPException) as error:
            raise Dropped(_reason(error)) from error


def host_of(url: str) -> str:
    """Return the host of an address, with its port where one is named.

    Raises:
        ValueError: if it is no http or https address.

    >>> host_of("https://example.org/films.zip")
    'example.org'
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"expected an http or https address, and got {url!r}")
    return parts.netloc.rpartition("@")[2]


@contextmanager
def open_web_file(url: str, *, start: int = 0, condition: str = "") -> Iterator[WebFile]:
    """Yield a file of a web server, redirects followed.

    Args:
        url: an http or https address.
        start: the first byte wanted.
        condition: `If-Range`: where the file is not this one any more, all of it comes.

    Raises:
        DownloadError: if the server cannot be reached or refuses; without a full stop, so that
            the caller can add the way out.
        Dropped: if the connection breaks off before the answer.
        RangeRefused: if the server does not send from `start` on.
    """
    headers = {"User-Agent": f"carina/{VERSION}", "Accept-Encoding": "identity"}
    if start:
        headers |= {"Range": f"bytes={start}-", "If-Range": condition}
    host = host_of(url)
    try:
        response = build_opener().open(Request(url, headers=headers), timeout=_TIMEOUT_S)
    except HTTPError as error:
        with error:
            if error.code == 416 and start:
                raise RangeRefused from error
            raise DownloadError(_refusal(host, url, error.code)) from error
    except URLError as error:
        raise DownloadError(_unreachable(host, error.reason)) from error
    except (OSError, HTTPException) as error:
        raise Dropped(_reason(error)) from error
    with response:
        require_safe_redirect(url, response.url)
        yield _as_web_file(response, start)


def require_safe_redirect(url: str, final: str) -> None:
    """Refuse an address that led from https to what anyone on the way can change.

    >>> require_safe_redirect("http://example.org/a", "https://example.org/a")

    Raises:
        DownloadError: if it did.
    """
    asked, came = urlsplit(url).scheme, urlsplit(final).scheme
    if came not in ("https", asked):
        raise DownloadError(f"{url} leads to {final}, which is not {asked}")


def _as_web_file(response: HTTPResponse, start: int) -> WebFile:
    headers = response.headers
    length = headers.get("Content-Length", "")
    total = int(length) if _is_size(length) else 0
    first = 0
    if response.status == 206:
        came = _RANGE.fullmatch(headers.get("Content-Range", ""))
        if came is None or not _is_size(came[1]) or int(came[1]) != start:
            raise RangeRefused if start else Dropped("a part was sent unasked")
        first = start
        total = int(came[2]) if _is_size(came[2]) else start + total if total else 0
    etag = headers.get("ETag", "")
    # RFC 9110 13.1.5: a weak ETag is no condition for a range.
    validator = etag if etag.startswith('"') else headers.get("Last-Modified", "")
    return WebFile(response, first, total, validator, headers.get_content_type())


def _is_size(text: str) -> bool:
    """Return whether a header's text is a number of bytes that a file may have."""
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS


def _refusal(host: str, url: str, status: int) -> str:
    if status in (401, 403):
        what = f"{host} wants a login for {url} (HTTP {status}), or does not give it to programs"
        return f"{what}: log in with a browser"
    if status in (404, 410):
        return f"{host} has no such file any more (HTTP {status}): {url}; look for its new address"
    if status == 429:
        return f"{host} has had too many requests (HTTP {status}); try again in an hour"
    if status >= 500:
        return f"{host} is in trouble itself (HTTP {status} for {url}); try again later"
    return f"{host} refuses {url} (HTTP {status}); check the address"


def _unreachable(host: str, reason: object) -> str:
    if isinstance(reason, ssl.SSLCertVerificationError):
        return (
            f"the certificate of {host} was not accepted ({reason.verify_message}); where a proxy "
            "puts in its own, name that certificate's file in SSL_CERT_FILE"
        )
    return f"{host} could not be reached ({_reason(reason)}); connect this machine to the network"


def _reason(error: object) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {_TIMEOUT_S:g} s"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
