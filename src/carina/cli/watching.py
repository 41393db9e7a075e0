"""`carina predict --watch`: a line for each film that arrives."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

from carina.cli.terminal import note, note_about, show, show_json
from carina.domain.prediction import CAVEAT

if TYPE_CHECKING:
    from carina.data.answer_rows import AnswerRow
    from carina.domain.progress import Step
    from carina.workflows.answer_files import WantedFiles
    from carina.workflows.watch import Watch


def watch_folder(
    classifier: str,
    folder: str,
    *,
    wanted: WantedFiles,
    csv: str | None,
    runtime: str,
    precision: str,
    as_json: bool,
) -> int:
    """Print the answer on every film that arrives in a folder, until a signal asks to stop.

    Args:
        classifier, folder, wanted, csv, runtime, precision: as of `workflows.watch.open_watch`.
        as_json: print a JSON document on a line of its own for each film.
    """
    from carina.workflows.watch import open_watch

    with _stopping() as stop:
        watched = open_watch(
            classifier, folder, wanted=wanted, csv=csv, runtime=runtime, precision=precision,
            stop=stop, progress=_tell,
        )  # fmt: skip
        note(f"watching {folder} for films; Ctrl-C or SIGTERM ends it")
        note_about(watched.card.cautions)
        note(CAVEAT)
        with closing(watched.rows()) as rows:
            for row in rows:
                _show_row(row, watched, as_json=as_json)
    note("the watch has ended; every film that was begun has its answer")
    return 0


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """Yield what the first Ctrl-C or SIGTERM sets; a second one ends the process at once."""
    stop = threading.Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.set()
        for known, handler in before.items():
            signal.signal(known, handler)

    before: dict[int, Any] = {
        number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield stop
    finally:
        for known, handler in before.items():
            signal.signal(known, handler)


def _tell(step: Step) -> None:
    if step.message:
        note(step.message)


def _show_row(row: AnswerRow, watched: Watch, *, as_json: bool) -> None:
    from carina.workflows.predictions import answer_values, as_unreadable

    answer = row.prediction
    facts = {"classifier": watched.card.name, "digest": watched.classifier.digest}
    if not row.is_read:
        problem = as_unreadable(row)
        note(f"{problem.code}: {problem.message}")
        if as_json:
            error = {"code": problem.code, "message": problem.message}
            show_json({"path": answer.path, "error": error, **facts}, on_one_line=True)
        return
    for caution in answer.cautions:
        note(f"{answer.path}: {caution}")
    if as_json:
        show_json({**answer_values(row), **facts, "caveat": CAVEAT}, on_one_line=True)
    elif answer.abstained:
        show(f"{answer.path}: abstains: {answer.reason}")
    else:
        probability = answer.probabilities[answer.predicted]
        show(f"{answer.path}: {answer.predicted} ({probability:.4f})")
