"""A run's or a test's files -> its page."""

from __future__ import annotations

from carina.domain.report import Report
from carina.domain.sentences import counted
from carina.reporting.sections import SECTIONS
from carina.runs import Run, TestFolder


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


def build_test_report(test: TestFolder) -> Report:
    """Return the page of a test without a run, made from the test's files alone.

    The sections that need an evaluation alone are asked, in order.

    Raises:
        EvaluationError: if a file of the test cannot be read.
        MissingExtraError: if matplotlib is not installed.
    """
    parts = sorted((SECTIONS.get(name) for name in SECTIONS.names()), key=lambda part: part.order)
    written = (part.write_of_test(test) for part in parts if part.write_of_test is not None)
    evaluation = test.evaluation
    data = evaluation.data
    is_tool = data.external is None and evaluation.is_of_predictions
    what = "The answers of a tool" if is_tool else "A test of a classifier"
    return Report(
        title=f"{data.name}: {' / '.join(evaluation.labels)}",
        subtitle=f"{what} on {counted(data.n_images, 'chest film')}, evaluated with Carina "
        f"{evaluation.carina_version}",
        sections=tuple(section for section in written if section is not None),
    )
