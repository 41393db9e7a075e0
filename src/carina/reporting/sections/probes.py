"""What can be told without the lungs, beside what the classifier tells with them."""

from __future__ import annotations

from carina.domain.estimate import Estimate
from carina.domain.percentages import percent
from carina.domain.probes import (
    COARSE_CONFOUNDER_BALANCED_ACCURACY,
    CONFOUNDER_BALANCED_ACCURACY,
    MASKED_BALANCED_ACCURACY,
    MASKED_VALIDATION_ACCURACY,
    WITHOUT_LEAKS,
    signal_of_method,
)
from carina.domain.report import Block, Paragraph, Section, Table
from carina.domain.sentences import counted
from carina.imaging.prepare import MASKED_SHARE
from carina.reporting.audit_wording import signal_title
from carina.reporting.probe_wording import (
    MaskedProbe,
    guessing,
    how_trained,
    masked_probe_of,
    probed_run,
    probed_stages,
)
from carina.reporting.sections import section
from carina.reporting.wording import (
    interval_of,
    name_then_numbers,
    value_of,
    with_interval,
)
from carina.runs import Run

_NAME = "balanced_accuracy"


@section("probes", order=45)
def probes(run: Run) -> Section | None:
    """Return the section on the probes, or None where there are none."""
    stages = probed_stages(run)
    if not run.evaluation.probes and not stages:
        return None
    probe, probed, folds = masked_probe_of(run), probed_run(run), run.evaluation.folds
    fold = "" if folds is None else f", {folds.folds[0].tested_on}"
    return Section(
        anchor="probes",
        title="What can be told without the lungs",
        blocks=(
            *([Paragraph(_WHAT_IT_IS)] if probe is not None or stages else []),
            *([Paragraph(_how_it_went(probed, probe))] if probe is not None else []),
            _beside(probed, probe, fold=fold),
            *(_stages(stages, fold=fold) if stages else []),
        ),
    )


_WHAT_IT_IS = (
    f"The middle {100 * MASKED_SHARE:.0f} % of the height and of the width of every film, training "
    "films too, was made black, and the same network was trained on what is left: the frame, the "
    "corners with their letters, the margins of the body. A disease of the lungs cannot be read "
    "there, so what this network still tells has other reasons: the hospital, the machine, the "
    "age of the patients, how the file was made. It shows what can be had without the lungs, "
    "not that the classifier had it from there. On films with known lungs the black covers about "
    "95 % of them: what little lies outside may add to what the network tells."
)


def _how_it_went(run: Run, probe: MaskedProbe) -> str:
    """Return how the probe was trained, beside the training at the same epoch."""
    found = (
        f"It began with the same start weights and was trained in {how_trained(probe)}, so that "
        "it takes at most a quarter of the training's time. Its epoch was chosen by the masked "
        "validation films, and it answered the masked test films once, together with the "
        "classifier."
    )
    watched = run.evaluation.probes.get(MASKED_VALIDATION_ACCURACY)
    history = run.history
    if watched is None or not probe.is_shortened or len(history) < probe.epochs[0]:
        return found
    accuracy = max(row["val_accuracy"] for row in history[: probe.epochs[0]])
    return (
        f"{found} On validation its accuracy was {with_interval('accuracy', watched)}; the "
        f"training's own had been {percent(accuracy)} at best in as many epochs on all films."
    )


def _beside(run: Run, probe: MaskedProbe | None, *, fold: str) -> Table:
    """Return what tells the classes, with and without the lungs.

    Args:
        run: the training that the probes are of.
        probe: the masked one.
        fold: what that training was tested on, where there are folds.
    """
    evaluation = run.evaluation
    tested, not_known = f"the test part{fold}", f"the test part{fold}, {_NOT_KNOWN}"
    rows = [_row("The classifier", evaluation.metrics[_NAME], tested)]
    left = evaluation.without_leaks
    if left is not None and _NAME in left.metrics:
        rows.append(_row("The classifier", left.metrics[_NAME], not_known))
    if probe is not None:
        rows.append(_row("Middle blacked out", probe.masked, tested))
    masked = evaluation.probes.get(f"{MASKED_BALANCED_ACCURACY}{WITHOUT_LEAKS}")
    if masked is not None:
        rows.append(_row("Middle blacked out", masked, not_known))
    for name, kind in (
        (CONFOUNDER_BALANCED_ACCURACY, "Best confounder"),
        (COARSE_CONFOUNDER_BALANCED_ACCURACY, "Best confounder that shows the lungs coarsely"),
    ):
        best = evaluation.probes.get(name)
        if best is not None:
            title = f"{kind}: {signal_title(signal_of_method(best.method)).lower()}"
            rows.append(_row(title, best, "all parts, cross-validated"))
    rows.append(("Guessing", percent(guessing(evaluation)), "", "", ""))
    return Table(
        columns=("What tells the classes", "Balanced accuracy", "95 % interval", "Films", "Of"),
        rows=tuple(rows),
        caption="With the lungs and without them",
        align=("left", "right", "right", "right", "left"),
    )


_NOT_KNOWN = "without films known from training"


def _row(name: str, estimate: Estimate, films: str) -> tuple[str, ...]:
    return (
        name,
        value_of(_NAME, estimate),
        interval_of(_NAME, estimate),
        f"{estimate.n:,}",
        films,
    )


def _stages(stages: list[tuple[Run, MaskedProbe]], *, fold: str) -> list[Block]:
    """Return the probes of a cascade's stages, which has none of its own."""
    return [
        Paragraph(
            "A cascade is not trained as a whole, so it has no masked probe of its own: each of "
            f"its {counted(len(stages), 'stage')} has one, for its own question."
        ),
        Table(
            columns=("Stage", "Balanced accuracy", "Middle blacked out", "Guessing"),
            rows=tuple(
                (
                    stage.name,
                    with_interval(_NAME, probe.own),
                    with_interval(_NAME, probe.masked),
                    percent(probe.guessing),
                )
                for stage, probe in stages
            ),
            caption=f"The stages with the lungs and without them{fold}",
            align=name_then_numbers(3),
        ),
    ]
