"""Ray, as a command uses it: one on this machine for itself, or the one of a cluster."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from carina.errors import CouldNotError
from carina.workflows.extras import require_extra

# Behind the folder: "/session_2026-11-22_04-30-05_977499_1234567/sockets/plasma_store".
_SOCKET_NAME = 70
# A socket's name may have 107 bytes on Linux, and 103 on macOS.
_LONGEST_FOLDER = 103 - _SOCKET_NAME
# Ray refuses less than 75 MiB; what is on its way between processes has to fit.
_LEAST_STORE = 100_000_000
_THIS_MACHINE = ("127.0.0.1", "::1")
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_TRAIN_V2_ENABLED": "1",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_TRAIN_METRICS_ENABLED": "0",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.5",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_DATA_LOG_LEVEL": "ERROR",
}


@contextmanager
def ray_session(address: str, *, cores: int, store_bytes: int = 0) -> Iterator[None]:
    """Be connected to Ray in the block.

    Without an address, a Ray of this process's own is started: it listens on 127.0.0.1 alone,
    asks for a token that nobody else knows, has no dashboard, sends no usage statistics, keeps
    its files in a temporary folder, and ends with the block. Where this process is connected to
    a Ray already, that one is used and stays.

    Args:
        address: of a cluster's head, as `10.0.0.1:6379`, or "auto"; "" for none.
        cores: what Ray may give to workers on this machine, whatever it has.
        store_bytes: what its object store must hold at a time.

    Raises:
        MissingExtraError: if the extra `cluster` is not installed.
        CouldNotError: if there is no Ray at the address, or it cannot be started.
    """
    require_extra("cluster", needed_for="--workers")
    own = {} if address else _only_here()
    with _environment({**_QUIET, **own}):
        import ray

        if ray.is_initialized():
            yield
            return
        folder = None if address else Path(tempfile.mkdtemp(prefix="carina-", dir=_short_folder()))
        try:
            with _same_sigterm(), _native_words_unheard():
                if folder is None:
                    _connect(address)
                else:
                    _start(folder, cores, max(store_bytes, _LEAST_STORE))
            yield
        finally:
            with _same_sigterm():
                ray.shutdown()
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)


def _connect(address: str) -> None:
    import ray

    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise CouldNotError(
            f"no Ray answers at {address} ({error}); start one there (ray start --head), correct "
            "--cluster or RAY_ADDRESS, or leave both out to use this machine alone"
        ) from error


def _start(folder: Path, cores: int, store_bytes: int) -> None:
    import ray
    from ray._private import ray_constants

    # Ray read its variable when it was imported, which may have been before this was called.
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        ray.init(
            num_cpus=cores,
            include_dashboard=False,
            object_store_memory=store_bytes,
            log_to_driver=False,
            logging_level=logging.ERROR,
            _temp_dir=str(folder),
        )
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise CouldNotError(
            f"Ray cannot be started on this machine ({error}); work without --workers, or look at "
            "the room in the folder for temporary files (TMPDIR) and in /dev/shm"
        ) from error
    address = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call]
    if address not in _THIS_MACHINE:
        ray.shutdown()
        raise CouldNotError(
            f"Ray {ray.__version__} would listen to other machines too, which it must not; install "
            "the version that the extra 'cluster' asks for"
        )


def _only_here() -> dict[str, str]:
    """Return the variables that keep a Ray to this machine and to this user."""
    return {
        # Makes Ray bind to 127.0.0.1 on every system, as it does on macOS and Windows.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_AUTH_TOKEN": _token(),
    }


@cache
def _token() -> str:
    """Return this process's token; Ray keeps the first one that it sees in a process."""
    return secrets.token_hex(32)


def _short_folder() -> str:
    """Return a folder for temporary files in which the names of Ray's sockets fit."""
    usual = tempfile.gettempdir()
    with_own_name = len(os.fsencode(usual)) + len("/carina-xxxxxxxx")
    return "/tmp" if os.name == "posix" and with_own_name > _LONGEST_FOLDER else usual


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for Ray's processes in the block, but for those that are set."""
    new = {name: value for name, value in variables.items() if name not in os.environ}
    os.environ.update(new)
    try:
        yield
    finally:
        for name in new:
            os.environ.pop(name, None)


@contextmanager
def _native_words_unheard() -> Iterator[None]:
    """Keep what Ray's own code writes on stderr in the block from the user: at its start it says
    there that it was told to be quiet. What goes wrong is raised as an error."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@contextmanager
def _same_sigterm() -> Iterator[None]:
    """Keep what this process does at SIGTERM, which Ray takes for itself when it starts."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
