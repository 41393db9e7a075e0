"""The first screen: what it is, its number, and what stands against that number."""

from __future__ import annotations

from collections.abc import Sequence

from carina.domain.estimate import Estimate
from carina.domain.evaluation import Estimates, Evaluation
from carina.domain.percentages import percent
from carina.domain.probes import (
    CONFOUNDER_BALANCED_ACCURACY,
    signal_of_method,
)
from carina.domain.report import (
    Block,
    Facts,
    KeyFigure,
    KeyFigures,
    Notice,
    Paragraph,
    Section,
)
from carina.domain.sentences import counted, listed, sentence
from carina.evaluation.external import fair_figures
from carina.reporting.audit_wording import signal_title
from carina.reporting.claims import claims_of, only_class
from carina.reporting.probe_wording import how_trained, masked_probe_of, verdicts
from carina.reporting.sections import section
from carina.reporting.wording import interval_of, value_of
from carina.runs import Run


@section("headline", order=0)
def headline(run: Run) -> Section:
    """Return the first screen."""
    evaluation, external = run.evaluation, _external(run)
    return Section(
        anchor="headline",
        title="At a glance",
        blocks=(
            Paragraph(_what_it_is(run)),
            _key_figures(run, external),
            Facts(claims_of(evaluation, external=external).titled),
            *_leaks(evaluation),
            *_without_the_lungs(run),
            *_serious_findings(run),
            *_external_cautions(external),
            *_cautions(evaluation),
        ),
    )


def _what_it_is(run: Run) -> str:
    card = run.card
    n_train = sum(card.provenance.n_train.values())
    return (
        f"A network ({card.provenance.architecture}) that tells {listed(card.labels.names)} apart, "
        f"trained on {counted(n_train, 'film')} of {listed(card.provenance.sources)}. "
        f"{_what_is_below(run)}"
    )


def _what_is_below(run: Run) -> str:
    """Return which films the numbers on the first screen are for."""
    folds = run.evaluation.folds
    if folds is None:
        return f"The numbers below are for the test part, {_what_saw_it(run)}."
    held_out = "one source at a time" if folds.by == "source" else "one fold at a time"
    return (
        f"It was trained {len(folds.folds)} times, {held_out} held out, and the accuracies below "
        f"are for all {counted(folds.n_images, 'film')}, each answered by the training that had "
        f"not seen it: they judge the recipe. The classifier is the training that was tested on "
        f"{folds.chosen.tested_on}, the best on validation."
    )


def _what_saw_it(run: Run) -> str:
    """Return whether training or the choice of the epoch knew the test films."""
    if not any(row.split == "validation" for row in run.manifest):
        return "on which the epoch was chosen too, as described: they flatter"
    if run.evaluation.without_leaks is not None:
        return "some of whose films were known from training: see below"
    return "which neither the training nor the choice of the epoch saw"


def _key_figures(run: Run, external: Sequence[Evaluation]) -> KeyFigures:
    evaluation, folds = run.evaluation, run.evaluation.folds
    metrics, without = evaluation.metrics, evaluation.without_leaks
    right = _n_right(evaluation.confusion_matrix.counts, "test film")
    if folds is not None:
        metrics = {**folds.pooled, **_areas(folds.mean_of_folds)}
        right = _n_right(folds.pooled_confusion, "held-out film")
    figures = [_key_figure("Accuracy", "accuracy", metrics, note=right)]
    if folds is None and without is not None and "accuracy" in without.metrics:
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
    if folds is not None:
        note = f"mean over the classes and the {len(folds.folds)} folds; 0.5 is guessing"
    figures.append(_key_figure("ROC AUC", "roc_auc_macro", metrics, note=note))
    figures += [_external_figure(test) for test in external]
    return KeyFigures(tuple(figures))


def _n_right(counts: Sequence[Sequence[int]], noun: str) -> str:
    """Return how many films of a confusion matrix got the right answer, in words."""
    n_right = sum(row[index] for index, row in enumerate(counts))
    return f"{n_right:,} of {counted(sum(map(sum, counts)), noun)} right"


def _areas(metrics: Estimates) -> Estimates:
    """Return the areas under curves, which may not be pooled over several networks."""
    return {name: one for name, one in metrics.items() if name.startswith("roc_auc")}


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
    probe = masked_probe_of(run)
    if probe is not None:
        guess = f"guessing: {percent(probe.guessing)}"
        where = f"{probe.fold}; " if probe.fold else ""
        note = f"balanced; {where}the same recipe, {how_trained(probe)}; {guess}"
        figures.append(_probe_figure("Without the lungs", probe.masked, note=note))
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
    """Return what the masked probe says about the accuracy, where that is no good news."""
    return [
        Notice(verdict.severity, verdict.sentence)
        for verdict in verdicts(run)
        if verdict.severity is not None
    ]


def _leaks(evaluation: Evaluation) -> list[Block]:
    """Return what leaks mean for the accuracy, in words."""
    without = evaluation.without_leaks
    if without is None or without.n_removed == 0:
        return []
    return [Notice("critical", sentence(without.sentence))]


def _cautions(evaluation: Evaluation) -> list[Block]:
    """Return what makes the test's numbers weaker than they look."""
    folds = evaluation.folds
    whose = "" if folds is None else f"The test on {folds.chosen.tested_on}: "
    return [Notice("note", f"{whose}{sentence(caution)}") for caution in evaluation.cautions]


def _external(run: Run) -> list[Evaluation]:
    """Return the tests on other films."""
    return [run.external_evaluation(name) for name in run.external_names()]


def _external_cautions(external: Sequence[Evaluation]) -> list[Block]:
    """Return what makes tests on other films less than they look."""
    return [
        Notice("warning", f"Test on {test.data.name}: {sentence(caution)}")
        for test in external
        for caution in test.cautions
    ]


def _external_figure(test: Evaluation) -> KeyFigure:
    """Return the balanced accuracy elsewhere, without films that training knew."""
    name, fair = "balanced_accuracy", fair_figures(test)
    metrics: Estimates = test.metrics if fair is None else fair.metrics
    kind = ", some of them known from training"
    if test.data.external:
        kind = " of another source"
    elif fair is not None and fair.cut:
        kind = " new to the classifier"
    label = only_class(test.per_class if fair is None else fair.per_class)
    what = "balanced" if label is None else f"sensitivity, all films are {label}"
    note = f"{what}; {counted(metrics[name].n, 'film')}{kind}"
    return _key_figure(f"On {test.data.name}", name, metrics, note=note)


def _serious_findings(run: Run) -> list[Block]:
    """Return the audit's critical findings, but for leaks that were told with their figures;
    the others stand in their own section."""
    leaks_are_told = run.evaluation.without_leaks is not None
    return [
        Notice(finding.severity, sentence(finding.sentence))
        for finding in run.audit.findings
        if finding.severity == "critical" and not (leaks_are_told and finding.about == "leaks")
    ]
