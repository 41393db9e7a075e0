"""The worst errors, to be looked at."""

from __future__ import annotations

from carina.domain.percentages import percent
from carina.domain.prediction import Prediction
from carina.domain.recipe import EvaluateSection
from carina.domain.report import Block, Gallery, Paragraph, Picture, Section, Table
from carina.domain.sentences import counted
from carina.reporting.pictures import picture_name, small_picture, worst_errors
from carina.reporting.sections import test_section
from carina.runs import Run, TestFolder


@test_section("errors", order=50)
def errors(run: Run | TestFolder) -> Section | None:
    """Return the section on the test films with the worst errors, or None if it shows none."""
    section = run.recipe.evaluate if isinstance(run, Run) else EvaluateSection()
    limit = section.worst_errors
    if limit == 0 or (isinstance(run, Run) and not run.predictions_file("test").is_file()):
        return None
    _, predictions = run.predictions("test")
    if not any(film.probabilities for film in predictions):
        return None  # without probabilities no error is worse than another
    every = worst_errors(predictions, limit=len(predictions))
    shown = every[:limit]
    if not shown:
        return Section(
            "errors", "The worst errors", (Paragraph("No test film was answered wrongly."),)
        )
    which = (
        f"the {len(shown):,} furthest from the truth are shown"
        if len(shown) < len(every)
        else "it is shown"
        if len(every) == 1
        else "all are shown, the furthest from the truth first"
    )
    opening = f"{counted(len(every), 'test film')} got a wrong answer; {which}."
    blocks = _galleries(run, shown, opening) if isinstance(run, Run) else _table(shown, opening)
    return Section(anchor="errors", title="The worst errors", blocks=tuple(blocks))


def _galleries(run: Run, shown: list[Prediction], opening: str) -> list[Block]:
    """Return errors with the film and its heat map, where the run has them."""
    digests = {(row.source, row.path): row.sha256 for row in run.manifest}
    introduction = (
        f"{opening} The heat map marks what spoke for the answer that was given: brighter is more. "
        "Heat outside the lungs is a sign that the network looks at something else"
        f"{_as_far_as_believed(run)}."
    )
    cases = [_case(run, film, digests.get((film.source, film.path), "")) for film in shown]
    return [Paragraph(introduction), *cases]


def _as_far_as_believed(run: Run) -> str:
    if run.evaluation.explanation_scores is None:
        return ""
    return ", as far as its maps can be believed: the section on heat maps says how far that is"


def _table(shown: list[Prediction], opening: str) -> list[Block]:
    """Return errors of a test whose films are not at hand."""
    rows = tuple(
        (
            film.path,
            film.label or "",
            percent(film.probabilities[film.label or ""]),
            film.predicted,
            percent(film.probabilities[film.predicted]),
        )
        for film in shown
    )
    columns = ("Film", "Truth", "Its probability", "Answer", "Its probability")
    return [
        Paragraph(opening),
        Table(columns=columns, rows=rows, align=("left", "left", "right", "left", "right")),
    ]


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
