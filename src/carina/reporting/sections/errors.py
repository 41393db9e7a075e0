"""The worst errors, to be looked at."""

from __future__ import annotations

from carina.domain.prediction import Prediction
from carina.domain.report import Block, Gallery, Paragraph, Picture, Section
from carina.reporting.pictures import picture_name, small_picture, worst_errors
from carina.reporting.sections import section
from carina.reporting.wording import counted, percent
from carina.runs import Run


@section("errors", order=50)
def errors(run: Run) -> Section | None:
    """Return the section on the test films with the worst errors, or None if it shows none."""
    limit = run.recipe.evaluate.worst_errors
    if limit == 0 or not run.predictions_file("test").is_file():
        return None
    _, predictions = run.predictions("test")
    every = worst_errors(predictions, limit=len(predictions))
    shown = every[:limit]
    if not shown:
        return Section(
            "errors", "The worst errors", (Paragraph("No test film was answered wrongly."),)
        )
    digests = {(row.source, row.path): row.sha256 for row in run.manifest}
    cases = [_case(run, film, digests.get((film.source, film.path), "")) for film in shown]
    return Section(
        anchor="errors",
        title="The worst errors",
        blocks=(Paragraph(_introduction(len(shown), len(every))), *cases),
    )


def _introduction(n_shown: int, n_errors: int) -> str:
    return (
        f"{counted(n_errors, 'test film')} got a wrong answer; the {n_shown:,} furthest from the "
        "truth are shown. The heat map marks what spoke for the answer that was given: brighter "
        "is more. Heat outside the lungs is a sign that the network looks at something else."
    )


def _case(run: Run, film: Prediction, sha256: str) -> Block:
    """Return one error: the film and its heat map side by side, or words if it has no picture."""
    truth = film.label or ""
    told = (
        f"Truth: {truth} ({percent(film.probabilities[truth])}). "
        f"Answer: {film.predicted} ({percent(film.probabilities[film.predicted])})"
    )
    pictures = _pictures(run, film, sha256)
    if not pictures:
        return Paragraph(f"{film.path}: {told}.")
    return Gallery(pictures=tuple(pictures), caption=f"{told}. {film.path}")


def _pictures(run: Run, film: Prediction, sha256: str) -> list[Picture]:
    if not sha256:
        return []
    name = picture_name(sha256)
    candidates = (
        small_picture(run.thumbnails_dir / name, alt=f"Chest film {film.path}", caption="The film"),
        small_picture(
            run.explanations_dir / name,
            alt=f"Heat map over the film: what spoke for {film.predicted}",
            caption=f"What spoke for {film.predicted}",
        ),
    )
    return [picture for picture in candidates if picture is not None]
