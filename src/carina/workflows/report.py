"""A run's page, built from the run's files."""

from pathlib import Path

from carina.errors import RunError
from carina.files.atomic import write_bytes, write_text
from carina.runs import Run
from carina.workflows.extras import require_extra


def report(run: Run | str | Path) -> Path:
    """Write a run's figures and page again from its files, and return the page's path.

    Raises:
        RunError: if the folder is not a run, or lacks a file that the page needs.
        StorageError: if the page cannot be written.
    """
    require_extra("study", needed_for="carina report")
    from carina.reporting.build import build_report
    from carina.reporting.figures import draw_figures
    from carina.reporting.render import render_html

    opened = run if isinstance(run, Run) else Run.open(run)
    if not opened.evaluation_file.is_file():
        raise RunError(
            f"the run {opened.folder} was not finished: it has no {opened.evaluation_file.name}, "
            "so there is nothing to report; train again"
        )
    for name, picture in draw_figures(opened).items():
        write_bytes(opened.figures_dir / name, picture)
    write_text(opened.report_file, render_html(build_report(opened)))
    return opened.report_file
