"""What the runs of a comparison are, as a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from carina.domain.comparison import ComparedAnswers, ComparedRun
from carina.domain.report import Table
from carina.domain.sentences import counted
from carina.reporting.wording import duration


def runs_table(runs: Sequence[ComparedRun]) -> Table:
    """Return a table with a column for each run and a row for each thing that it is.

    Rows that say nothing of any run (pretrained weights where there are none) are left out.
    """
    rows = [(title, *(cell(run) for run in runs)) for title, cell in _ROWS]
    return Table(
        columns=("", *(run.name for run in runs)),
        rows=tuple(row for row in rows if any(row[1:])),
        caption="The runs",
    )


def others_tables(others: Sequence[ComparedAnswers]) -> list[Table]:
    """Return a table of the answers that come without a run, if there are any."""
    if not others:
        return []
    kinds = {"reader": "a reader's decisions", "predictions": "another tool's predictions"}
    return [
        Table(
            columns=("", "What", "File", "Column", "Answers", "Left blank", "Films of no run"),
            rows=tuple(
                (
                    one.name,
                    kinds[one.kind],
                    one.file,
                    one.column or "taken by their names",
                    f"{one.n_rows:,}",
                    f"{one.n_blank:,}",
                    f"{one.n_elsewhere:,}",
                )
                for one in others
            ),
            caption="Answers without a run",
            align=("left", "left", "left", "left", "right", "right", "right"),
        )
    ]


def _input(run: ComparedRun) -> str:
    spec = run.input
    tones = "grey" if spec.channels == 1 else "grey in three channels"
    denoised = "" if spec.denoise == "none" else f", {spec.denoise} filter"
    return f"{spec.width} x {spec.height} pixels, {tones}, fit by {spec.fit}{denoised}"


def _weights(run: ComparedRun) -> str:
    return "" if run.weights == "none" else f"{run.weights}; trained: {run.trained}"


def _n_train(run: ComparedRun) -> str:
    each = ", ".join(f"{label} {n:,}" for label, n in run.n_train.items())
    return f"{sum(run.n_train.values()):,}\n{each}"


def _tested_on(run: ComparedRun) -> str:
    data = run.parts["test"].data
    patients = (
        counted(data.n_patients, "known patient") if data.n_patients else "patients not known"
    )
    return f"{counted(data.n_images, 'film')}\n{patients}"


def _speed(run: ComparedRun) -> str:
    speed = run.images_per_second
    return f"{speed:,.0f} images a second" if speed else "not measured"


def _seconds(run: ComparedRun) -> str:
    return "not measured" if run.training_seconds is None else duration(run.training_seconds)


_ROWS: tuple[tuple[str, Callable[[ComparedRun], str]], ...] = (
    ("Tells apart", lambda run: " / ".join(run.labels)),
    ("Folder", lambda run: "" if run.folder == run.name else run.folder),
    ("Recipe", lambda run: run.recipe),
    ("Network", lambda run: "; ".join(run.stages) or run.architecture),
    ("Pretrained weights", _weights),
    ("Parameters", lambda run: f"{run.parameters:,}"),
    ("Input", _input),
    ("Data", lambda run: ", ".join(run.sources)),
    ("Training films", _n_train),
    ("Tested on", _tested_on),
    ("Tests on other data", lambda run: ", ".join(run.external_tests) or "none"),
    ("Epochs", lambda run: f"{run.epochs}; epoch {run.chosen_epoch} chosen by {run.chosen_by}"),
    ("Training speed", _speed),
    ("Training time", _seconds),
    ("Precision, device", lambda run: f"{run.precision}, {run.device}"),
    ("Seeds", lambda run: f"training {run.seed}, split {run.split_seed}"),
)
