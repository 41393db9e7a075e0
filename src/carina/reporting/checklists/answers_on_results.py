"""What a run's files say to a checklist's items on the results."""

from __future__ import annotations

from collections.abc import Iterable

from carina.domain.estimate import Estimate
from carina.domain.evaluation import Estimates, Evaluation
from carina.domain.probes import CONFOUNDER_BALANCED_ACCURACY, MASKED_BALANCED_ACCURACY
from carina.domain.record import PARTS
from carina.domain.sentences import capitalised, counted, listed, sentence
from carina.evaluation.external import FairFigures, fair_figures
from carina.reporting.checklists.answers_on_data import left_out_in_turn
from carina.reporting.checklists.items import Answer, RunFacts, filled, missing, not_applicable
from carina.reporting.checklists.manifest_counts import PART_WORDS
from carina.reporting.wording import method_in_words, title_of, with_interval

_OVERALL = ("accuracy", "balanced_accuracy", "roc_auc_macro")
_NOT_A_METHOD = ("count", "undefined")


def metrics(facts: RunFacts) -> Answer:
    """Return which metrics and plots there are."""
    evaluation = facts.evaluation
    over_all = _titles(evaluation.metrics)
    first = next(iter(evaluation.per_class.values()), {})
    plots = ["confusion matrix", "ROC curves"]
    plots += ["reliability diagram"] if evaluation.calibration else []
    plots += ["decision curves"] if evaluation.decision_curves else []
    return filled(
        f"Over all films: {over_all}. For each class: {_titles(first)}. Plots: {listed(plots)}.",
        "results",
        "calibration",
        "operating-points",
    )


def _titles(estimates: Estimates) -> str:
    names = [name for name, estimate in estimates.items() if estimate.method != "count"]
    return "; ".join(title_of(name) for name in names)


def uncertainty(facts: RunFacts) -> Answer:
    """Return how the intervals were made."""
    evaluation = facts.evaluation
    estimates: list[Estimate] = [*evaluation.metrics.values()]
    estimates += [one for named in evaluation.per_class.values() for one in named.values()]
    methods = sorted({one.method for one in estimates} - {*_NOT_A_METHOD})
    return filled(
        f"95 % intervals over {evaluation.data.unit}, made by: "
        f"{'; '.join(map(method_in_words, methods))}; "
        f"{facts.recipe.evaluate.resamples:,} resamples, seed {facts.recipe.evaluate.seed}.",
        "results",
    )


def robustness(facts: RunFacts) -> Answer:
    """Return what was varied to see whether the numbers hold."""
    evaluation = facts.evaluation
    words = [*_probes(evaluation), *_without_leaks(evaluation)]
    if evaluation.members:
        words.append(f"the training was repeated with {len(evaluation.members)} seeds")
    if evaluation.folds is not None:
        words.append(f"the training was repeated over {len(evaluation.folds.folds)} folds")
    if not words:
        return missing(
            "Nothing was varied. carina train with --seeds, --folds or evaluate.masked_probe=true "
            "would fill this item."
        )
    said = "; ".join(words)
    return filled(f"{capitalised(said)}.", "probes", "members", "folds", "results")


def _probes(evaluation: Evaluation) -> Iterable[str]:
    named = {
        MASKED_BALANCED_ACCURACY: "the same network trained without the lungs",
        CONFOUNDER_BALANCED_ACCURACY: "the audit's best confounder alone",
    }
    for name, words in named.items():
        if name in evaluation.probes:
            reached = with_interval("balanced_accuracy", evaluation.probes[name])
            yield f"{words} has a balanced accuracy of {reached}"


def _without_leaks(evaluation: Evaluation) -> Iterable[str]:
    without = evaluation.without_leaks
    if without is not None and "accuracy" in without.metrics:
        accuracy = with_interval("accuracy", without.metrics["accuracy"])
        yield f"without {counted(without.n_removed, 'leaked film')} the accuracy is {accuracy}"


def explanations(facts: RunFacts) -> Answer:
    """Return how an answer is explained."""
    if not facts.card.explanations:
        return missing("The classifier holds no head for heat maps.")
    return filled(
        "Grad-CAM of the last convolution, computed from the deployed network; the worst errors "
        "stand on this page with theirs. A heat map shows where the network looked, not that it "
        "saw a sign of disease.",
        "errors",
        "failures",
    )


def internal_test(facts: RunFacts) -> Answer:
    """Return what the internal test was."""
    data = facts.evaluation.data
    patients = f" of {counted(data.n_patients, 'known patient')}" if data.n_patients else ""
    return filled(
        f"{counted(data.n_images, 'film')}{patients} of the test part of {data.name}, opened "
        f"{counted(data.test_opened, 'time')}: accuracy "
        f"{with_interval('accuracy', facts.evaluation.metrics['accuracy'])}.",
        "results",
    )


def external_test(facts: RunFacts) -> Answer:
    """Return what the external tests were."""
    tests = [
        (test, fair)
        for test in facts.external
        if test.data.external and (fair := fair_figures(test)) is not None
    ]
    folds = facts.evaluation.folds
    if not tests and folds is not None and folds.by == "source":
        return left_out_in_turn(folds)
    if not tests:
        return missing(
            "Not tested on another source. carina evaluate RUN OTHER-DATA makes the test and fills "
            "this item."
        )
    return filled(f"{'; '.join(_external_words(*test) for test in tests)}.", "external", "headline")


def _external_words(test: Evaluation, fair: FairFigures) -> str:
    """Return films and accuracy of an external test, without films that are not new to it."""
    known = " new to the classifier" if fair.cut else ""
    return (
        f"{counted(fair.n, 'film')} of {test.data.name}{known}: accuracy "
        f"{with_interval('accuracy', fair.metrics['accuracy'])}"
    )


def performance(facts: RunFacts) -> Answer:
    """Return the metrics over all films, with their intervals, on every part."""
    evaluation = facts.evaluation
    overall = "; ".join(
        f"{title_of(name)} {with_interval(name, evaluation.metrics[name])}"
        for name in _OVERALL
        if name in evaluation.metrics
    )
    parts = ", ".join(
        f"{PART_WORDS[part]} {with_interval('accuracy', evaluation.parts[part]['accuracy'])}"
        for part in PARTS
        if part in evaluation.parts
    )
    return filled(
        f"On test: {overall}.{f' Accuracy by part: {parts}.' if parts else ''}",
        "results",
        "training",
    )


def performance_in_subgroups(facts: RunFacts) -> Answer:
    """Return the metrics with their intervals, and which subgroups have their own."""
    groups = [*facts.evaluation.per_subgroup]
    said = (
        f" By themselves: films by {listed(groups)}."
        if groups
        else " No property that makes subgroups (sex, age, view) is known of the test films."
    )
    answer = performance(facts)
    return filled(f"{answer.words}{said}", *answer.anchors, "failures")


def diagnostic_performance(facts: RunFacts) -> Answer:
    """Return sensitivity and specificity of each class with their intervals."""
    words = "; ".join(
        f"{label}: sensitivity {with_interval('recall', named['recall'])}, specificity "
        f"{with_interval('specificity', named['specificity'])}"
        for label, named in facts.evaluation.per_class.items()
    )
    return filled(f"{words}.", "results", "operating-points")


def failures(facts: RunFacts) -> Answer:
    """Return how many answers were wrong, and how they are looked at."""
    counts = facts.evaluation.confusion_matrix.counts
    n_all = facts.evaluation.data.n_images
    n_wrong = n_all - sum(row[index] for index, row in enumerate(counts))
    if n_wrong == 0:
        return filled(f"None of {counted(n_all, 'test film')} was answered wrongly.", "errors")
    shown = min(n_wrong, facts.recipe.evaluate.worst_errors)
    agreement = " ".join(
        one.sentence for one in facts.evaluation.error_agreement if one.difference.value is not None
    )
    looked_at = f"; the worst {shown:,} are shown with their heat maps" if shown else ""
    return filled(
        f"{n_wrong:,} of {counted(n_all, 'test film')} were answered wrongly{looked_at}. "
        f"{agreement}".strip(),
        "errors",
        "failures",
        "results",
    )


def limits(facts: RunFacts) -> Answer:
    """Return what the run itself knows to weaken its numbers."""
    cautions = [sentence(caution) for caution in facts.evaluation.cautions]
    serious = sum(finding.severity == "critical" for finding in facts.audit.findings)
    if serious:
        cautions.insert(0, f"The audit has {counted(serious, 'serious finding')}.")
    if external_test(facts).kind == "missing":
        cautions.append("There was no test on another source.")
    return filled(" ".join(cautions) or "The run has no caution of its own.", "limits", "headline")


def fairness(facts: RunFacts) -> Answer:
    """Return what was done so that no group is served worse."""
    groups = [*facts.evaluation.per_subgroup]
    shown = (
        f"the test results stand by {listed(groups)}"
        if groups
        else "results by sex or age cannot be shown, since the data do not state them"
    )
    return filled(
        f"Training used no method that aims at fairness; {shown}.", "results", "failures", "limits"
    )


def updating(_facts: RunFacts) -> Answer:
    """Return why no model was updated."""
    return not_applicable(
        "The model was not changed after its evaluation: every rule was fitted on validation "
        "before."
    )
