"""A test's numbers as a table for a paper."""

from pathlib import Path
from typing import TypeVar

from carina.domain.evaluation import Evaluation
from carina.errors import RunError, UnknownNameError
from carina.reporting.table_formats import TABLE_FORMATS, formatted_table
from carina.reporting.tables import TABLES
from carina.reporting.tables import paper_table as table_of
from carina.runs import Run, TestFolder

_Name = TypeVar("_Name", bound=str)


def paper_table(run: str | Path, *, form: str = "markdown", of: str = "metrics") -> str:
    """Return a table of a run's or of a test's numbers, as text.

    Args:
        run: a run's folder, or one that `carina evaluate` wrote.
        form: "latex", "markdown" or "csv".
        of: "metrics", "classes", "operating-points" or "external".

    Raises:
        RunError: if the folder is neither.
        EvaluationError: if its numbers cannot be read.
        UnknownNameError: if there is no such form or table.
        UsageError: if the run has nothing for it.
    """
    wanted, about = _known(form, TABLE_FORMATS, "form of a table"), _known(of, TABLES, "table")
    folder = Path(run)
    if (folder / "recipe.toml").is_file():
        opened = Run.open(folder)
        tests = {name: opened.external_evaluation(name) for name in opened.external_names()}
        return formatted_table(table_of(_evaluation(opened), tests, about), wanted)
    if not (folder / "evaluation.json").is_file():
        raise RunError(
            f"{folder} has no evaluation.json, so there is nothing to tabulate; name a run, or a "
            "folder that carina evaluate wrote"
        )
    return formatted_table(table_of(TestFolder(folder).evaluation, {}, about), wanted)


def _known(name: str, names: tuple[_Name, ...], kind: str) -> _Name:
    """Return `name` as one of `names`."""
    for known in names:
        if known == name:
            return known
    raise UnknownNameError(f"there is no {kind} '{name}'; known: {', '.join(names)}")


def _evaluation(run: Run) -> Evaluation:
    if not run.evaluation_file.is_file():
        raise RunError(
            f"the run {run.folder} was not finished: it has no {run.evaluation_file.name}, so "
            "there is nothing to tabulate; train again"
        )
    return run.evaluation
