"""What a process may find where it is started, made the same for every command.

Without a terminal, with closed or full streams, in a folder that is gone, or where file names are
taken for ASCII, a command does what it does elsewhere.
"""

from __future__ import annotations

import getpass
import io
import os
import sys
import warnings
from contextlib import suppress
from pathlib import Path

from carina.cli.terminal import note
from carina.errors import CarinaWarning


def settle() -> None:
    """Make this process indifferent to where it was started; called once, before anything else."""
    _read_names_as_utf8()
    _fill_closed_streams()
    _survive_the_reader_of_stderr()
    _leave_a_removed_folder()
    _name_a_nameless_user()
    _show_own_warnings_as_notes()


def _read_names_as_utf8() -> None:
    """Start again in Python's UTF-8 mode where a locale has it take file names for ASCII.

    PEP 540 does the same for the C locale, unless PYTHONUTF8=0 says otherwise; then a name in
    another script would be kept byte for byte as `\\xe8`, in every table of the run.
    """
    if sys.flags.utf8_mode or sys.getfilesystemencoding() == "utf-8" or not sys.executable:
        return
    os.environ["PYTHONUTF8"] = "1"  # for the processes that this one will start
    os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])


def _fill_closed_streams() -> None:
    """Open what stands for nothing where a standard stream is closed: or else the next file that
    is opened takes its number, and what a library prints goes into that file."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(opened, True)


class _Forgiving(io.FileIO):
    """A stream whose reader may leave and whose disk may be full: nothing is lost but words."""

    def write(self, data: object, /) -> int:
        """Write, or do as if."""
        with suppress(OSError):
            written: int | None = super().write(data)  # type: ignore[arg-type]
            if written is not None:  # the reader of a pipe that does not wait is busy
                return written
        return memoryview(data).nbytes  # type: ignore[arg-type]


def _survive_the_reader_of_stderr() -> None:
    """Let a training of many hours outlive the terminal or the pipe that its progress goes to."""
    buffer = getattr(sys.stderr, "buffer", None)
    # With PYTHONUNBUFFERED there is no buffer in between; a console of Windows is no such file.
    if io.FileIO not in (type(buffer), type(getattr(buffer, "raw", None))):
        return
    forgiving = _Forgiving(sys.stderr.fileno(), "wb", closefd=False)
    sys.stderr = io.TextIOWrapper(
        io.BufferedWriter(forgiving),
        encoding=sys.stderr.encoding,
        errors="backslashreplace",
        line_buffering=True,
    )


def _leave_a_removed_folder() -> None:
    """Go where no relative name leads anywhere if the working folder was removed.

    Libraries end the process where they cannot ask for the working folder (Intel's MKL does).
    """
    try:
        Path.cwd()
    except OSError:
        with suppress(OSError):  # not on every system
            os.chdir("/proc")


def _name_a_nameless_user() -> None:
    """Give a name to an account that the system's list does not have, as in containers.

    MONAI asks for one when it is imported, and fails without.
    """
    try:
        getpass.getuser()
    except (KeyError, OSError, ImportError):  # KeyError before Python 3.13
        os.environ["LOGNAME"] = "nobody"


def _show_own_warnings_as_notes() -> None:
    """Show Carina's warnings as the sentences that they are."""
    shown = warnings.showwarning

    def show(message, category, *where, **more):  # type: ignore[no-untyped-def]
        if issubclass(category, CarinaWarning):
            note(f"warning: {message}")
        else:
            shown(message, category, *where, **more)

    warnings.showwarning = show
