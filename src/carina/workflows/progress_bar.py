"""Progress, drawn on a terminal or in a notebook."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from carina.domain.progress import Progress, Step, silent
from carina.files.names import on_lines


@contextmanager
def progress_bar(stream: IO[str] | None = None) -> Iterator[Progress]:
    """Yield a callback that draws steps on `stream` (stderr if None).

    On a terminal and in a notebook there is a bar for each stage; elsewhere one line
    when a stage ends, so that a log stays readable.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    console = Console(file=stream or sys.stderr, highlight=False, soft_wrap=True)
    if not (console.is_terminal or console.is_jupyter):
        yield _lines(console.file)
        return
    columns = (
        TextColumn("{task.description:<18}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[facts]}", markup=False),
        TimeRemainingColumn(compact=True),
    )
    with Bars(*columns, console=console) as bars:
        tasks: dict[str, TaskID] = {}

        def draw(step: Step) -> None:
            if step.message:
                console.print(on_lines(step.message), markup=False)
            if not step.total:
                return
            if step.stage not in tasks:
                tasks[step.stage] = bars.add_task(step.stage, total=step.total, facts="")
            bars.update(
                tasks[step.stage],
                completed=step.done,
                total=step.total,
                facts=facts_text(step),
            )

        yield draw


def default_progress() -> Progress:
    """Return the callback for Python callers that name none: lines in a notebook, else silence."""
    return _lines(sys.stderr) if "ipykernel" in sys.modules else silent


def facts_text(step: Step) -> str:
    """Return a step's facts as "epoch 2/5  images/s 240".

    >>> facts_text(Step("training", facts={"epoch": "2/5", "loss": 0.25}))
    'epoch 2/5  loss 0.25'
    """
    return "  ".join(f"{name} {_short(value)}" for name, value in step.facts.items())


def _lines(stream: IO[str]) -> Progress:
    def draw(step: Step) -> None:
        if step.message:
            print(on_lines(step.message), file=stream, flush=True)
        if step.total and step.done >= step.total:
            line = f"{step.stage}: {step.done} of {step.total}  {facts_text(step)}".rstrip()
            print(line, file=stream, flush=True)

    return draw


def _short(value: float | str) -> str:
    """Return a figure in about three digits, and never as a power of ten.

    >>> _short(5374.2), _short(0.03456)
    ('5,374', '0.0346')
    """
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
