"""A run's files -> its page."""

from __future__ import annotations

from carina.domain.report import Report
from carina.reporting.sections import SECTIONS
from carina.runs import Run


def build_report(run: Run) -> Report:
    """Return the page of a run, made from the run's files alone.

    Every registered section is asked, in order; one that has nothing to say is left out.

    Raises:
        RunError: if the run lacks a file that the page rests on.
        EvaluationError: if `evaluation.json` cannot be read.
        MissingExtraError: if matplotlib is not installed.
    """
    parts = sorted((SECTIONS.get(name) for name in SECTIONS.names()), key=lambda part: part.order)
    written = (part.write(run) for part in parts)
    card, environment = run.card, run.environment
    return Report(
        title=f"{card.name}: {' / '.join(card.labels.names)}",
        subtitle=f"A chest X-ray classifier, trained {environment.started[:10]} "
        f"with Carina {card.carina_version}",
        sections=tuple(section for section in written if section is not None),
    )
