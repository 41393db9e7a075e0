"""The page and the REST answers on a port of this machine."""

import asyncio
import socket
import sys

from carina.errors import CouldNotError, UsageError
from carina.inference.classifier import Classifier
from carina.settings import Settings


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
    asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))


def _listener(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except socket.gaierror as error:
        raise UsageError(
            f"--host {host} is no address of this machine: {error.strerror}"
        ) from error
    except (OSError, OverflowError) as error:
        raise CouldNotError(
            f"cannot listen on {host}:{port}: {error}; choose another --port (0 takes a free one)"
        ) from error
    return listener
