"""Classifiers that fail or wait when they are told to, and raw talk to a real server."""

import socket
import threading
from typing import NamedTuple


class Wrapped:
    """A classifier that answers as another one does."""

    def __init__(self, classifier):
        self._really = classifier

    def __getattr__(self, name):
        return getattr(self._really, name)


class Broken(Wrapped):
    """A classifier with a bug."""

    def prepare(self, radiograph):
        raise RuntimeError(f"a bug that names {radiograph.path}")


class Held(Wrapped):
    """A classifier that prepares films only once it is let go."""

    def __init__(self, classifier):
        super().__init__(classifier)
        self.reached = threading.Event()
        self.let_go = threading.Event()
        self.n_prepared = 0

    def prepare(self, radiograph):
        self.reached.set()
        self.n_prepared += 1
        assert self.let_go.wait(timeout=20)
        return self._really.prepare(radiograph)


def form_of(content, *, name="film.png", field="file"):
    """Return a multipart body with one film, and its content type."""
    head = f'--cut\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n\r\n'
    return head.encode() + content + b"\r\n--cut--\r\n", "multipart/form-data; boundary=cut"


def head_of(n_bytes, *, media_type="multipart/form-data; boundary=cut", host="127.0.0.1"):
    """Return the head of a request for answers, as bytes."""
    return (
        f"POST /v1/predict HTTP/1.1\r\nHost: {host}\r\nContent-Type: {media_type}\r\n"
        f"Content-Length: {n_bytes}\r\n\r\n"
    ).encode()


class Reply(NamedTuple):
    """An answer: its status, 0 if the connection was closed without one, and its body."""

    status: int
    body: bytes
    closes: bool


def answer_on(connection: socket.socket) -> Reply:
    """Return the answer that comes on a connection."""
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = connection.recv(65536)
        if not chunk:
            return Reply(0, b"", closes=True)
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    status = int(head.split()[1])
    length = next(
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    )
    while len(body) < length:
        body += connection.recv(65536)
    return Reply(status, body, closes=b"connection: close" in head.lower())
