"""Hostile films, forms and heads sent to a `carina serve` of this machine."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from carina.web.problem_codes import PROBLEM_CODES
from hostile.memory import MemoryWatch
from hostile.outcomes import CRASH, HANG, HANG_S, OUTSIDE, READ, SERVER_ERROR, Outcomes
from making.hostile.messages import Message, form_of, messages, request
from making.hostile.seeds import seeds

_SENDERS = 4
_PATIENCE_S = 3.0  # for a request that is not whole; then the client hangs up
_UPLOAD_IDLE_S = "1"
_CLOSED = "closed without an answer"
_PLAIN_400 = "no HTTP (400)"


class Server(NamedTuple):
    """A `carina serve` process and its port."""

    process: subprocess.Popen
    port: int


@contextmanager
def served(classifier: str | Path) -> Iterator[Server]:
    """Run a server as long as it is needed."""
    code = "from carina.cli import main; main()"
    words = [sys.executable, "-c", code, "serve", str(classifier), "--port", "0"]
    with subprocess.Popen(
        [*words, "--runtime", "onnxruntime"],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "CARINA_UPLOAD_IDLE_S": _UPLOAD_IDLE_S},
    ) as process:
        try:
            yield Server(process, _port_of(process))
        finally:
            if process.poll() is None:
                process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()


def _port_of(process: subprocess.Popen) -> int:
    """Return where a server listens, and go on reading what it says so that it never waits."""
    lines = []
    for line in process.stderr:
        lines.append(line)
        found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        if found:
            threading.Thread(target=process.stderr.read, daemon=True).start()
            return int(found[1])
    raise RuntimeError(f"the server did not start: {''.join(lines)}")


def send_over_http(start: int, stop: int, *, server: Server) -> Outcomes:
    """Return what a server answered to the messages from `start` on, sent by four clients."""
    found, lock = Outcomes(), threading.Lock()
    honest = Message("honest film", request(form_of(seeds()["png-8"])))

    def send(message: Message) -> None:
        began = time.perf_counter()
        code, told = answered(server.port, message)
        with lock:
            if told:
                found.add_wrong(message.name, code, told)
            else:
                found.add(message.name, code, time.perf_counter() - began)

    began = time.perf_counter()
    with MemoryWatch(server.process.pid) as memory, ThreadPoolExecutor(_SENDERS) as senders:
        for _ in senders.map(send, messages(start, stop)):
            pass
    if server.process.poll() is not None:
        found.add_wrong("the server", CRASH, f"it ended with {server.process.returncode}")
    elif answered(server.port, honest)[0] != READ:
        found.add_wrong(honest.name, OUTSIDE, "it was not answered after the hostile ones")
    found.seconds = time.perf_counter() - began
    found.parent_mb, found.worker_mb = memory.own_mb, memory.below_mb
    return found


def answered(port: int, message: Message) -> tuple[str, str]:
    """Return what became of a message, and what was told if it must not happen."""
    try:
        answer = _sent(port, message)
    except TimeoutError:
        return HANG, f"no answer after {HANG_S:g} s"
    except OSError as error:
        return CRASH, f"no connection: {error}"
    if not answer:
        return (_CLOSED, "") if not message.whole else (OUTSIDE, _CLOSED)
    return _judged(answer)


def _judged(answer: bytes) -> tuple[str, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split()[1])
    told = repr(answer[:600])
    if status == 200:
        return _judged_films(body)
    try:
        code = json.loads(body)["code"]
    except (ValueError, TypeError, KeyError):
        return (_PLAIN_400, "") if status == 400 else (OUTSIDE, told)
    if status >= 500 and code != "busy":
        return SERVER_ERROR, told
    if code not in PROBLEM_CODES or not 400 <= status <= 503:
        return OUTSIDE, told
    return code.removeprefix("image/"), ""


def _judged_films(body: bytes) -> tuple[str, str]:
    """Judge an answer on films: of several, some may not have been read."""
    try:
        document = json.loads(body)
    except ValueError:
        return OUTSIDE, repr(body[:600])
    if "predictions" not in document:
        return "another page", ""
    codes = {error["code"] for error in document.get("errors", ())}
    return (READ, "") if codes <= set(PROBLEM_CODES) else (OUTSIDE, f"errors: {codes}")


def _sent(port: int, message: Message) -> bytes:
    """Return all that the server answers, b"" if it closes the connection before.

    Raises:
        TimeoutError: if it does neither.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=HANG_S) as connection:
        with suppress(ConnectionError):  # it answered before it had all
            connection.sendall(message.content)
        if not message.whole:
            connection.settimeout(_PATIENCE_S)
            try:
                return _answer_on(connection)
            except TimeoutError:
                connection.settimeout(HANG_S)
                connection.shutdown(socket.SHUT_WR)
        return _answer_on(connection)


def _answer_on(connection: socket.socket) -> bytes:
    received = b""
    try:
        while chunk := connection.recv(65536):
            received += chunk
            if _is_complete(received):
                break
    except ConnectionError:
        pass
    # an interim answer (100 Continue) goes before the real one
    return received.partition(b"\r\n\r\n")[2] if received.startswith(b"HTTP/1.1 100") else received


def _is_complete(received: bytes) -> bool:
    """Return whether an answer is there with all that its length says."""
    if received.startswith(b"HTTP/1.1 100"):
        received = received.partition(b"\r\n\r\n")[2]
    head, end, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head.lower())
    return bool(end and length) and len(body) >= int(length[1])
