"""The page and the REST answers on a port of this machine."""

import asyncio
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from carina.errors import CouldNotError, UsageError
from carina.inference.classifier import Classifier
from carina.settings import Settings

if TYPE_CHECKING:
    import uvicorn


def serve(classifier: Classifier, settings: Settings, *, host: str, port: int) -> None:
    """Serve until Ctrl-C or SIGTERM, then finish what was accepted and return.

    Args:
        classifier: what answers.
        settings: passed to the application.
        host: address to listen on.
        port: port to listen on; 0 takes a free one. The address is said on stderr.

    Raises:
        UsageError: if the address is not one of this machine.
        CouldNotError: if the port is taken or not permitted.
    """
    import uvicorn

    from carina.web import create_app

    listener = _listener(host, port)
    place = f"[{host}]" if ":" in host else host
    sys.stderr.write(
        f"Carina serves '{classifier.card.name}' at http://{place}:{listener.getsockname()[1]} "
        "(Ctrl-C stops it)\n"
    )
    sys.stderr.flush()
    config = uvicorn.Config(
        create_app(classifier, settings),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=30,
    )
    server = uvicorn.Server(config)
    with _stopped_by_sigterm(server):
        asyncio.run(server.serve(sockets=[listener]))


@contextmanager
def _stopped_by_sigterm(server: "uvicorn.Server") -> Iterator[None]:
    """Let SIGTERM end the server and nothing else.

    uvicorn stops cleanly at SIGTERM, but then raises it once more for the handler that it
    found, which for the command line is an exit with 143.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's
        return

    def stop(_signal: int, _frame: object) -> None:
        server.should_exit = True

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _listener(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()  # the address is said next, and may be called at once
    except socket.gaierror as error:
        raise UsageError(
            f"--host {host} is no address of this machine: {error.strerror}"
        ) from error
    except (OSError, OverflowError) as error:
        raise CouldNotError(
            f"cannot listen on {host}:{port}: {error}; choose another --port (0 takes a free one)"
        ) from error
    return listener
