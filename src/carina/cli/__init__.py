"""The command line: each command parses, calls one workflow and prints."""

import signal
import sys
from types import FrameType

import typer

from carina.cli.app import app
from carina.cli.terminal import note, show_error
from carina.errors import CarinaError

# click's UsageError; newer versions of typer bring their own copy of click.
_CallError: type[Exception] = typer.BadParameter.__bases__[0]


def main() -> None:
    """Run the command that the arguments name, and exit with the design's codes."""
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(_run())


def _run() -> int:
    as_json = "--json" in sys.argv
    try:
        code = app(prog_name="carina", standalone_mode=False)
    except CarinaError as error:
        show_error(str(error), code=error.code, as_json=as_json)
        return error.exit_code
    except _CallError as error:
        show_error(f"{_sentence(error)} (see: carina --help)", code="usage", as_json=as_json)
        return 2
    except (KeyboardInterrupt, typer.Abort):
        show_error("stopped by Ctrl-C", code="interrupted", as_json=as_json)
        return 130
    except MemoryError:
        show_error(
            "out of memory; try a smaller --set train.batch_size or fewer films at once",
            code="memory",
            as_json=as_json,
        )
        return 1
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    if code == 130:
        note("stopped by Ctrl-C")
    return code if isinstance(code, int) else 0


def _sentence(error: BaseException) -> str:
    context = getattr(error, "ctx", None)
    sentence = getattr(error, "format_message", error.__str__)()
    return f"{context.command_path}: {sentence}" if context else str(sentence)


def _terminate(signal_number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + signal_number)
