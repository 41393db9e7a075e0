"""The command line: each command parses, calls one workflow and prints."""

import os
import signal
import sys
from contextlib import suppress
from types import FrameType

import typer

from carina.cli.app import app
from carina.cli.surroundings import settle
from carina.cli.terminal import note, show_error
from carina.errors import CarinaError, StoppedBySignal

_INTERRUPTED, _TERMINATED = 130, 143
# click's UsageError; newer versions of typer bring their own copy of click.
_CallError: type[Exception] = typer.BadParameter.__bases__[0]


def main() -> None:
    """Run the command that the arguments name, and exit with the design's codes."""
    settle()
    signal.signal(signal.SIGTERM, _terminate)
    code = _run()
    if code in (_INTERRUPTED, _TERMINATED):
        _leave(code)
    sys.exit(code)


def _run() -> int:
    as_json = "--json" in sys.argv
    try:
        code = app(prog_name="carina", standalone_mode=False)
        if code == _INTERRUPTED:
            raise KeyboardInterrupt
    except (
        CarinaError, _CallError, KeyboardInterrupt, StoppedBySignal, typer.Abort, MemoryError
    ) as error:  # fmt: skip
        sentence, word, exit_code = _told(error)
        show_error(sentence, code=word, as_json=as_json)
        return exit_code
    except SystemExit as ended:
        # How click and rich end where the reader of stdout has what it wanted.
        return 0 if isinstance(ended.__context__, BrokenPipeError) else _as_code(ended)
    except OSError as error:
        _let_go_of_stdout()
        if isinstance(error, BrokenPipeError):  # the reader has what it wanted
            return 0
        what = "the result could not be printed"
        if error.filename is not None:  # a file that nobody looked after
            what = f"{error.filename} cannot be read or written"
        note(f"error: {what}: {error.strerror or error}")
        return 1
    return code if isinstance(code, int) else 0


def _as_code(ended: SystemExit) -> int:
    return ended.code if isinstance(ended.code, int) else int(ended.code is not None)


def _told(error: BaseException) -> tuple[str, str, int]:
    """Return an error's sentence, its stable code and the exit code."""
    if isinstance(error, CarinaError):
        return str(error), error.code, error.exit_code
    if isinstance(error, _CallError):
        return f"{_sentence(error)} (see: carina --help)", "usage", 2
    if isinstance(error, MemoryError):
        advice = "try a smaller --set train.batch_size or fewer films at once"
        return f"out of memory; {advice}", "memory", 1
    if isinstance(error, StoppedBySignal):
        return str(error), "interrupted", 128 + error.signal_number
    return "stopped by Ctrl-C", "interrupted", _INTERRUPTED


def _let_go_of_stdout() -> None:
    """Keep Python from failing once more when it flushes stdout at its exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _leave(code: int) -> None:
    """End the process at once: whoever stops it does not wait until libraries have cleaned up,
    which takes seconds after a training. All that was open is closed by then."""
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _sentence(error: BaseException) -> str:
    context = getattr(error, "ctx", None)
    sentence = getattr(error, "format_message", error.__str__)()
    return f"{context.command_path}: {sentence}" if context else str(sentence)


def _terminate(signal_number: int, _frame: FrameType | None) -> None:
    raise StoppedBySignal(signal_number)
