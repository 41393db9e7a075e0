"""The page and the REST answers on a port of this machine."""

import asyncio
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from carina.errors import CouldNotError, UsageError
from carina.inference.bundle import load_classifier
from carina.settings import Settings
from carina.workflows.extras import require_extra

if TYPE_CHECKING:
    import uvicorn


def say_on_stderr(name: str, address: str) -> None:
    """Say on stderr which classifier is served where."""
    sys.stderr.write(f"Carina serves '{name}' at {address} (Ctrl-C stops it)\n")
    sys.stderr.flush()


def serve(
    classifier: str | Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    settings: Settings | None = None,
    announce: Callable[[str, str], None] = say_on_stderr,
) -> None:
    """Serve until Ctrl-C or SIGTERM, then finish what was accepted and return.

    Args:
        classifier: a classifier's folder, or a run.
        host: address to listen on.
        port: port to listen on; 0 takes a free one.
        settings: limits; from the environment if None.
        announce: called with the classifier's name and the address, once it can be called.

    Raises:
        ClassifierError: if the classifier is damaged.
        UsageError: if the address is not one of this machine.
        CouldNotError: if the port is taken or not permitted, or the extra is missing.
    """
    require_extra("web", needed_for="carina serve")
    import uvicorn

    from carina.web import create_app

    loaded = load_classifier(classifier)
    listener = _listener(host, port)
    place = f"[{host}]" if ":" in host else host
    announce(loaded.card.name, f"http://{place}:{listener.getsockname()[1]}")
    config = uvicorn.Config(
        create_app(loaded, settings or Settings.from_environment()),
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
    if not 0 <= port <= 65535:
        raise UsageError(f"--port {port} is no port: 0 to 65535 are, and 0 takes a free one")
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
    except OSError as error:
        raise CouldNotError(
            f"cannot listen on {host}:{port}: {error}; choose another --port (0 takes a free one)"
        ) from error
    return listener
