"""The page of a run or of a test, built from its files."""

import shlex
from pathlib import Path

from carina.errors import RunError
from carina.files.atomic import write_bytes, write_text
from carina.files.digest_list import renew_digests
from carina.files.owners import added_to
from carina.runs import Run, TestFolder, whole_run
from carina.workflows.diverged import require_not_diverged
from carina.workflows.extras import require_extra


def report(run: Run | TestFolder | str | Path) -> Path:
    """Write figures and page again from the files of a run or a test, and return the page's path.

    Args:
        run: a run, or the folder that carina evaluate wrote.

    Raises:
        RunError: if the folder is neither, or lacks a file that the page needs.
        UsageError: if another process writes to the run now.
        EvaluationError: if `evaluation.json` cannot be read.
        StorageError: if the page cannot be written.
    """
    require_extra("study", needed_for="carina report")
    opened = run if isinstance(run, Run | TestFolder) else _opened(Path(run))
    if isinstance(opened, Run):
        _require_finished(opened)
    with added_to(whole_run(opened.folder)):
        return write_page(opened)


def write_page(opened: Run | TestFolder) -> Path:
    """Do what `report` does, for whoever holds the folder, or has just made it.

    Raises:
        RunError, EvaluationError, StorageError: as `report` does.
    """
    from carina.reporting.build import build_report, build_test_report
    from carina.reporting.figures import draw_evaluation, draw_figures
    from carina.reporting.render import render_html

    if isinstance(opened, TestFolder):
        figures, page = draw_evaluation(opened.evaluation), build_test_report(opened)
    else:
        figures, page = draw_figures(opened), build_report(opened)
    for name, picture in figures.items():
        write_bytes(opened.figures_dir / name, picture)
    write_text(opened.report_file, render_html(page))
    drawn = (opened.figures_dir / name for name in figures)
    renew_digests(opened.folder, [*drawn, opened.report_file])
    return opened.report_file


def _opened(folder: Path) -> Run | TestFolder:
    if (folder / "evaluation.json").is_file() and not (folder / "recipe.toml").is_file():
        return TestFolder(folder)
    return Run.open(folder)


def _require_finished(run: Run) -> None:
    require_not_diverged(run, "has nothing to report")
    if not run.evaluation_file.is_file():
        raise RunError(
            f"{run.folder} is not finished: it has no {run.evaluation_file.name}, so there is "
            "nothing to report; go on with: "
            f"{shlex.join(['carina', 'train', '--resume', str(run.folder)])}"
        )
