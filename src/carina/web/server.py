"""The page and the REST answers on a port of this machine."""

import asyncio
import logging
import signal
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from carina.errors import CouldNotError, UsageError
from carina.inference.bundle import load_classifier
from carina.settings import Settings
from carina.workflows.extras import require_extra

if TYPE_CHECKING:
    from carina.inference.classifier import Classifier

_SHUTDOWN_S = 10  # for the last bytes of the last answers


def say_on_stderr(name: str, address: str) -> None:
    """Say on stderr which classifier is served where."""
    sys.stderr.write(f"Carina serves '{name}' at {address} (Ctrl-C stops it)\n")
    sys.stderr.flush()


def serve(  # noqa: PLR0913  a command has as many options as it has
    classifier: str | Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    runtime: str = "auto",
    precision: str = "f32",
    token_file: str | Path | None = None,
    allowed_hosts: tuple[str, ...] = (),
    signers: tuple[str | Path, ...] = (),
    settings: Settings | None = None,
    announce: Callable[[str, str], None] = say_on_stderr,
) -> None:
    """Serve until Ctrl-C or SIGTERM, then finish what was taken on and return.

    On SIGHUP the classifier's folder is loaded again; if it is damaged, the earlier classifier
    goes on answering.

    Args:
        classifier: a classifier's folder, or a run.
        host: address to listen on; anything but this machine alone asks for a token.
        port: port to listen on; 0 takes a free one.
        runtime: what computes the answers, or "auto".
        precision: "f32", or "bf16" where the classifier's card offers it.
        token_file: holds the token that requests must bring; else it is in the settings, or
            made and printed on stderr.
        allowed_hosts: more names that the server answers under.
        signers: the keys of which one must have signed the classifier, and any that takes its
            place: fingerprints, files, folders of files; they are read again with it.
        settings: limits; from the environment if None.
        announce: called with the classifier's name and the address, once it can be called.

    Raises:
        ClassifierError: if the classifier is damaged, or none of `signers` has signed it.
        SigningKeyError: if one of `signers` holds no key.
        UsageError: if the address is not one of this machine, or the token is too short.
        CouldNotError: if the port is taken or not permitted, or the extra is missing.
    """
    require_extra("web", needed_for="carina serve")
    from carina.files.machine import reading_threads
    from carina.imaging.decoding import start_decoding
    from carina.web.access import chosen_token
    from carina.web.priority import behind
    from carina.web.service import BATCH
    from carina.web.warm_up import warm_up

    settings = settings or Settings.from_environment()
    hosts = (*settings.service.allowed_hosts, *allowed_hosts)
    settings = replace(settings, service=replace(settings.service, allowed_hosts=hosts))
    token, is_new = chosen_token(host, token_file=token_file, token=settings.service.token)

    def ready() -> "Classifier":
        start_decoding(reading_threads())  # beside the network, and behind the thread that answers
        loaded = load_classifier(classifier, runtime=runtime, precision=precision, signers=signers)
        warm_up(loaded, batch=BATCH)
        return loaded

    def load() -> "Classifier":
        return behind(ready)

    with _logging_to_stderr(), _quiet_about_films(), _signals_noted() as noted:
        loaded = load()
        listener = _listener(host, port)
        place = f"[{host}]" if ":" in host else host
        if is_new:
            sys.stderr.write(f"the token of this server, which is not shown again: {token}\n")
        announce(loaded.card.name, f"http://{place}:{listener.getsockname()[1]}")
        _run(
            loaded,
            load,
            place=classifier,
            host=host,
            listener=listener,
            token=token,
            settings=settings,
            noted=noted,
        )


def _run(  # noqa: PLR0913
    classifier: "Classifier",
    load: "Callable[[], Classifier]",
    *,
    place: str | Path,
    host: str,
    listener: socket.socket,
    token: str,
    settings: Settings,
    noted: set[int],
) -> None:
    """Answer on a port until a signal ends it."""
    import uvicorn

    from carina.web.access import own_names
    from carina.web.app import create_app
    from carina.web.connections import PatientProtocol
    from carina.web.reloading import Reloader
    from carina.web.stopping import GracefulServer

    names = own_names(host, settings.service.allowed_hosts)
    app = create_app(classifier, settings, token=token, names=names, place=place)
    config = uvicorn.Config(
        app,
        http=PatientProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_SHUTDOWN_S,
    )
    server = GracefulServer(
        config,
        app.state.service,
        drain_s=settings.service.drain_s,
        reload=Reloader(app, load).look,
        noted=noted,
    )
    try:
        asyncio.run(server.serve(sockets=[listener]))
    except KeyboardInterrupt:
        if not server.should_exit:  # else uvicorn has stopped cleanly, and passes Ctrl-C on
            raise
    finally:
        app.state.service.close()


@contextmanager
def _signals_noted() -> Iterator[set[int]]:
    """Keep SIGTERM and SIGHUP from ending the process before the server takes them itself."""
    noted: set[int] = set()
    if threading.current_thread() is not threading.main_thread():
        yield noted  # signals are the main thread's
        return

    def note(number: int, _frame: object) -> None:
        noted.add(number)

    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), note) for name in names}
    try:
        yield noted
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


@contextmanager
def _logging_to_stderr() -> Iterator[None]:
    """Show the server's log on stderr, with the time in UTC."""
    formatter = logging.Formatter("%(asctime)sZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    levels = {
        "carina.web": logging.INFO,
        "uvicorn.error": logging.ERROR,
        "python_multipart": logging.ERROR,
    }
    before = {name: logging.getLogger(name).level for name in levels}
    for name, level in levels.items():
        logging.getLogger(name).addHandler(handler)
        logging.getLogger(name).setLevel(level)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).removeHandler(handler)
            logging.getLogger(name).setLevel(level)


@contextmanager
def _quiet_about_films() -> Iterator[None]:
    """Show no warnings of pydicom, which may hold what it read of a patient."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pydicom")
        yield


def _listener(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:
        raise UsageError(f"--port {port} is no port: 0 to 65535 are, and 0 takes a free one")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # asyncio sends small answers at once (TCP_NODELAY) only on sockets that say TCP.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
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
