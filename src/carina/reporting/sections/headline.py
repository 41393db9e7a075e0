"""The first screen: what it is, its number, and what stands against that number."""

from __future__ import annotations

from carina.domain.estimate import Estimate
from carina.domain.evaluation import Estimates, Evaluation
from carina.domain.probes import (
    CONFOUNDER_BALANCED_ACCURACY,
    MASKED_BALANCED_ACCURACY,
    signal_of_method,
)
from carina.domain.report import Block, KeyFigure, KeyFigures, Notice, Paragraph, Section
from carina.domain.sentences import listed
from carina.reporting.audit_wording import signal_title
from carina.reporting.probe_wording import guessing, how_trained, masked_probe_of, verdicts
from carina.reporting.sections import section
from carina.reporting.wording import counted, interval_of, percent, sentence, value_of
from carina.runs import Run


@section("headline", order=0)
def headline(run: Run) -> Section:
    """Return the first screen."""
    evaluation = run.evaluation
    return Section(
        anchor="headline",
        title="At a glance",
        blocks=(
            Paragraph(_what_it_is(run)),
            _key_figures(run),
            *_leaks(evaluation),
            *_without_the_lungs(run),
            *_serious_findings(run),
            *_external(run),
            *(Notice("note", sentence(caution)) for caution in evaluation.cautions),
        ),
    )


def _what_it_is(run: Run) -> str:
    card = run.card
    n_train = sum(card.provenance.n_train.values())
    return (
        f"A {card.provenance.architecture} network that tells {listed(card.labels.names)} apart, "
        f"trained on {counted(n_train, 'film')} of {listed(card.provenance.sources)}. "
        f"The numbers below are for the test part, {_what_saw_it(run)}."
    )


def _what_saw_it(run: Run) -> str:
    """Return whether training or the choice of the epoch knew the test films."""
    if not any(row.split == "validation" for row in run.manifest):
        return "on which the epoch was chosen too, as described: they flatter"
    if run.evaluation.without_leaks is not None:
        return "some of whose films were known from training: see below"
    return "which neither the training nor the choice of the epoch saw"


def _key_figures(run: Run) -> KeyFigures:
    evaluation = run.evaluation
    matrix = evaluation.confusion_matrix.counts
    n_right = sum(row[index] for index, row in enumerate(matrix))
    metrics, without = evaluation.metrics, evaluation.without_leaks
    right = f"{n_right:,} of {counted(evaluation.data.n_images, 'test film')} right"
    figures = [_key_figure("Accuracy", "accuracy", metrics, note=right)]
    if without is not None and "accuracy" in without.metrics:
        n_left = counted(without.metrics["accuracy"].n, "test film")
        note = f"the {n_left} that training had not seen"
        figures.append(
            _key_figure("Accuracy without leaks", "accuracy", without.metrics, note=note)
        )
    figures.append(
        _key_figure(
            "Balanced accuracy", "balanced_accuracy", metrics, note="every class counts alike"
        )
    )
    figures += _probe_figures(run)
    note = "mean over the classes; 0.5 is guessing"
    figures.append(_key_figure("ROC AUC", "roc_auc_macro", metrics, note=note))
    return KeyFigures(tuple(figures))


def _key_figure(title: str, name: str, metrics: Estimates, *, note: str) -> KeyFigure:
    estimate = metrics[name]
    return KeyFigure(
        name=title,
        value=value_of(name, estimate),
        interval=interval_of(name, estimate),
        note=estimate.undefined_because or note,
    )


def _probe_figures(run: Run) -> list[KeyFigure]:
    """Return what stands against the balanced accuracy, which is taken before them."""
    evaluation, figures = run.evaluation, []
    guess = f"guessing: {percent(guessing(evaluation))}"
    probe = masked_probe_of(run)
    if probe is not None:
        note = f"balanced; the same recipe, {how_trained(probe)}; {guess}"
        title, name = "Without the lungs", MASKED_BALANCED_ACCURACY
        figures.append(_probe_figure(title, evaluation.probes[name], note=note))
    best = evaluation.probes.get(CONFOUNDER_BALANCED_ACCURACY)
    if best is not None:
        signal = signal_title(signal_of_method(best.method)).lower()
        note = f"balanced; the {signal} alone; {counted(best.n, 'film')} of all parts"
        figures.append(_probe_figure("Best confounder", best, note=note))
    return figures


def _probe_figure(title: str, estimate: Estimate, *, note: str) -> KeyFigure:
    name = "balanced_accuracy"
    return _key_figure(title, name, {name: estimate}, note=note)


def _without_the_lungs(run: Run) -> list[Block]:
    """Return what the masked probe says about the accuracy, in words."""
    return [Notice(verdict.severity or "note", verdict.sentence) for verdict in verdicts(run)]


def _leaks(evaluation: Evaluation) -> list[Block]:
    """Return what leaks mean for the accuracy, in words."""
    without = evaluation.without_leaks
    if without is None or without.n_removed == 0:
        return []
    return [Notice("critical", sentence(without.sentence))]


def _external(run: Run) -> list[Block]:
    """Return what another source's films said, or that none was asked."""
    tests = [run.external_evaluation(name) for name in run.external_names()]
    blocks: list[Block] = []
    if not any(test.data.external for test in tests):
        blocks.append(
            Notice(
                "warning",
                "Not tested on another source. On films of another hospital, machine or age "
                "group the accuracy is usually lower, and often much lower.",
            )
        )
    if tests:
        blocks.append(KeyFigures(tuple(_external_figure(test) for test in tests)))
    blocks.extend(
        Notice("warning", f"Test on {test.data.name}: {sentence(caution)}")
        for test in tests
        for caution in test.cautions
    )
    return blocks


def _external_figure(test: Evaluation) -> KeyFigure:
    films = counted(test.data.n_images, "film")
    kind = "of an external test" if test.data.external else "some of them known from training"
    return _key_figure(
        f"Accuracy on {test.data.name}", "accuracy", test.metrics, note=f"{films}, {kind}"
    )


def _serious_findings(run: Run) -> list[Block]:
    """Return the audit's critical findings, but for leaks that were told with their figures;
    the others stand in their own section."""
    leaks_are_told = run.evaluation.without_leaks is not None
    return [
        Notice(finding.severity, sentence(finding.sentence))
        for finding in run.audit.findings
        if finding.severity == "critical" and not (leaks_are_told and finding.about == "leaks")
    ]
