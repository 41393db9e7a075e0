"""How a worker's process is started: with its slots, its channel and nothing else."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

import carina
from carina.imaging.worker.slots import SharedFile

# What a process needs of the environment to load its libraries, and nothing else of it.
_KEPT_VARIABLES = (
    "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "PYTHONHOME",
    "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "TEMP", "TMP",
)  # fmt: skip
# One thread: a pool of threads in a library takes memory, and time to start.
_SET_VARIABLES = MappingProxyType(
    {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
)
_SHARE_BYTES = 1_000_000  # more than WSAPROTOCOL_INFO has; the end of the pipe ends it


def started(
    module: str, theirs: socket.socket, *, shared: Sequence[SharedFile], n_files: int
) -> subprocess.Popen[bytes]:
    """Start a worker.

    What a codec prints goes nowhere, and the terminal's signals do not reach it. Python starts
    without `site`: the worker's folders of modules are this process's (`_environment`).

    Args:
        module: what it runs.
        theirs: its end of the channel.
        shared: the slots: first that of its progress, then those for files, then for pixels.
        n_files: how many are for files.

    Raises:
        OSError: if the system starts no process.
    """
    slots = [str(n_files), *(file.argument for file in shared)]
    command = [_python(), "-S", "-s", "-P", "-X", "utf8", "-m", module, str(os.getpid())]
    if sys.platform == "win32":
        # A socket can be given to a process that is there already; through its standard input.
        process = subprocess.Popen(
            [*command, str(_SHARE_BYTES), *slots],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=_environment(), creationflags=subprocess.CREATE_NO_WINDOW,
        )  # fmt: skip
        assert process.stdin is not None
        with process.stdin as stream:
            stream.write(theirs.share(process.pid))
        return process
    inherited = [theirs.fileno(), *(number for file in shared for number in file.inherited)]
    return subprocess.Popen(
        [*command, str(theirs.fileno()), *slots],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=_environment(), cwd=os.sep, pass_fds=inherited, start_new_session=True,
    )  # fmt: skip


def _environment() -> dict[str, str]:
    """Return the variables of a worker: where its libraries are, and no secret.

    The folders that hold modules are handed on, so that what this process imports is what the
    worker imports; but not the working folder, in which hostile files may lie beside the films.
    """
    here = None
    with suppress(OSError):  # a working folder that was removed
        here = Path.cwd()
    home = Path(carina.__file__).parent.parent
    folders = [home, *(Path(entry) for entry in sys.path if Path(entry) != here)]
    paths = [str(path) for path in folders if path.is_absolute() and os.pathsep not in str(path)]
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return {**kept, **_SET_VARIABLES, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}


def _python() -> str:
    """Return the interpreter that runs this process.

    In a virtual environment on Windows `sys.executable` starts another process, to which the
    channel could not be given; its libraries are found by the folders that are handed on.
    """
    own = getattr(sys, "_base_executable", "") if sys.platform == "win32" else ""
    if not (own or sys.executable):
        raise OSError("this process knows no Python interpreter")
    return own or sys.executable
