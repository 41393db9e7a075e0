"""`carina explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from carina.cli.answer_options import (
    ClassOption,
    MethodOption,
    PathsArgument,
    PrecisionOption,
    RuntimeOption,
)
from carina.cli.terminal import (
    SKIPPED,
    ClassifierArgument,
    JsonFlag,
    OutOption,
    drawing,
    note,
    note_by_sentence,
    note_unreadable,
    number,
    show,
    show_json,
    show_table,
)
from carina.domain.prediction import CAVEAT

if TYPE_CHECKING:
    from carina.domain.estimate import Estimate
    from carina.workflows.explain_scores import ExplanationsScored


def explain(
    classifier: ClassifierArgument,
    paths: PathsArgument,
    *,
    out: OutOption = None,
    label: ClassOption = None,
    method: MethodOption = None,
    runtime: RuntimeOption = "auto",
    precision: PrecisionOption = "f32",
    scores: Annotated[
        bool,
        typer.Option(
            "--scores",
            help="Score the heat maps instead of drawing them: every method, or the one that "
            "--method names; PATH may be a data set with lung masks (extra study).",
        ),
    ] = False,
    films: Annotated[
        int,
        typer.Option(metavar="N", help="With --scores: how many films at most.", min=1),
    ] = 24,
    as_json: JsonFlag = False,
) -> int:
    """Draw where the network looked, over every film; or measure what such maps are worth."""
    if scores:
        return _score(
            classifier, paths, out=out, label=label, method=method, films=films, as_json=as_json
        )
    from carina.workflows.explain import explain as run

    with drawing(as_json=as_json) as progress:
        result = run(
            classifier, paths, out=out, label=label, method=method, runtime=runtime,
            precision=precision, progress=progress,
        )  # fmt: skip
    if as_json:
        show_json(result.as_values())
    else:
        heat_maps = result.overlays
        show_table(
            ("film", "class explained", "heat map"),
            [
                (answer.path, label or answer.predicted, str(heat_maps[answer.path]))
                for answer in result.answers
            ],
            left=("class explained", "heat map"),
        )
        note_by_sentence(
            [(answer.path, answer.reason) for answer in result.answers if answer.reason]
        )
        note(result.caveat)
    note_unreadable(result.unreadable)
    return SKIPPED if result.n_skipped else 0


def _score(
    classifier: str,
    paths: list[str],
    *,
    out: str | None,
    label: str | None,
    method: str | None,
    films: int,
    as_json: bool,
) -> int:
    from carina.workflows.explain_scores import explain_scores as run

    with drawing(as_json=as_json) as progress:
        result = run(
            classifier, paths, methods=[method] if method else [], films=films, label=label,
            out=out, progress=progress,
        )  # fmt: skip
    if as_json:
        show_json(result.as_values())
    else:
        _show_scores(result)
    note_unreadable(result.unreadable)
    return SKIPPED if result.unreadable else 0


def _show_scores(result: ExplanationsScored) -> None:
    """Print a row for each score and a column for each method."""
    from carina.domain.explanation_scores import SCORE_TITLES

    found = result.found.explanation_scores
    names = list(dict.fromkeys(name for method in found.methods.values() for name in method.scores))
    rows, missing = [], {}
    for name in names:
        scores = [method.scores.get(name) for method in found.methods.values()]
        title = SCORE_TITLES.get(name, name)
        if any(score is not None and score.value is not None for score in scores):
            rows.append((title, *map(_cell, scores)))
        elif scores[0] is not None:
            missing[title] = scores[0].undefined_because
    titles = [method.title or name for name, method in found.methods.items()]
    show_table(("score", *titles), rows, title=f"heat maps on {found.data}")
    show(f"the scores: {result.file}")
    for because in dict.fromkeys(missing.values()):
        note(f"{because}: {'; '.join(title for title in missing if missing[title] == because)}")
    for name, because in found.not_scored.items():
        note(f"not scored: {name}: {because}")
    for caution in found.cautions:
        note(caution)
    note(CAVEAT)


def _cell(estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    return number(estimate) if estimate.value is not None else estimate.undefined_because
