"""A web server on this machine that serves bytes, and can misbehave as servers do."""

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class FileServer:
    """What the server does; a test may change it while it runs.

    Attributes:
        files: path -> content.
        cut_after: how many bytes each coming answer sends before the connection breaks.
        status: answered in the place of any file, if not 0.
        redirects: path -> address it leads to.
        etags, ranges, lengths: whether it tells an ETag, continues files, tells sizes.
        content_type: of every file.
        asked: (path, Range) of every request so far.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    cut_after: list[int] = field(default_factory=list)
    status: int = 0
    redirects: dict[str, str] = field(default_factory=dict)
    etags: bool = True
    ranges: bool = True
    lengths: bool = True
    content_type: str = "application/zip"
    asked: list[tuple[str, str]] = field(default_factory=list)
    address: str = ""

    def url(self, path: str) -> str:
        """Return the address of a file."""
        return f"{self.address}/{path}"


@contextmanager
def serving(files: dict[str, bytes]) -> Iterator[FileServer]:
    """Yield a running server for files."""
    state = FileServer(files=dict(files))
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"state": state}))
    state.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    state: FileServer

    def log_message(self, *_: object) -> None:
        """Stay silent."""

    def do_GET(self) -> None:
        path = self.path.strip("/")
        self.state.asked.append((path, self.headers.get("Range", "")))
        if path in self.state.redirects:
            self._refuse(302, {"Location": self.state.redirects[path]})
        elif self.state.status or path not in self.state.files:
            self._refuse(self.state.status or 404, {})
        else:
            self._send(self.state.files[path])

    def _refuse(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _send(self, content: bytes) -> None:
        etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        start = self._start(etag) if self.state.ranges else 0
        if start >= len(content) > 0:
            self._refuse(416, {})
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", self.state.content_type)
        if self.state.etags:
            self.send_header("ETag", etag)
        if start:
            end = f"{start}-{len(content) - 1}/{len(content)}"
            self.send_header("Content-Range", f"bytes {end}")
        if self.state.lengths:
            self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        cut = self.state.cut_after.pop(0) if self.state.cut_after else len(content)
        with suppress(ConnectionError):  # the other side had enough
            self.wfile.write(content[start : start + cut])

    def _start(self, etag: str) -> int:
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        return int(asked[1]) if asked and self.headers.get("If-Range") == etag else 0
