"""What the numbers do not show."""

from __future__ import annotations

from carina.domain.report import Block, Paragraph, Section
from carina.domain.sentences import counted, listed
from carina.reporting.external_wording import is_tested_elsewhere
from carina.reporting.sections import section
from carina.reporting.wording import value_of, with_interval
from carina.runs import Run


@section("limits", order=60)
def limits(run: Run) -> Section:
    """Return the section on what must not be read into the numbers."""
    sentences = (
        *_about_the_test(run),
        *_about_the_data(run),
        "A heat map shows where the network looked, not whether that is a sign of the disease.",
        _about_the_probabilities(run),
        *_about_the_precision(run),
        f"Only {listed(run.card.labels.names)} exist for this classifier: a film that shows "
        "anything else gets one of these answers too.",
    )
    blocks: tuple[Block, ...] = tuple(Paragraph(sentence) for sentence in sentences)
    return Section(anchor="limits", title="What the numbers do not show", blocks=blocks)


def _about_the_test(run: Run) -> list[str]:
    evaluation = run.evaluation
    sentences = [
        f"An accuracy of {with_interval('accuracy', evaluation.metrics['accuracy'])} holds for "
        f"films like the {counted(evaluation.data.n_images, 'film')} of the test part. The "
        "interval covers the luck of which films were drawn from the same source, not another "
        "hospital, machine or kind of patient."
    ]
    if not is_tested_elsewhere(run):
        sentences.append(
            "It has not been tested on another source. With carina evaluate, films of another "
            "source give that number."
        )
    shares = listed(
        [
            f"{label} {value_of('support', estimates['support'])}"
            for label, estimates in evaluation.per_class.items()
        ]
    )
    sentences.append(
        f"The test part has its own mix of classes ({shares}). Where a class is rarer, as "
        "disease mostly is, its precision is lower than printed here."
    )
    return sentences


def _about_the_probabilities(run: Run) -> str:
    calibration = run.card.calibration
    if calibration.method == "identity":
        why = calibration.unfitted_because
        return (
            "The probabilities are the network's own and have not been calibrated"
            f"{f', because {why}' if why else ''}: 90 % does not mean that nine of ten such "
            "answers are right."
        )
    return (
        f"The probabilities were calibrated on {counted(calibration.n_fitted, 'film')} of the "
        "validation part. Where a class is rarer or more frequent than there, or films come from "
        "another machine, 90 % need not mean that nine of ten such answers are right."
    )


def _about_the_precision(run: Run) -> list[str]:
    serving = run.card.serving
    if serving is None:
        return []
    return [f"Every number here was computed in f32 by ONNX Runtime. {serving.sentence}"]


def _about_the_data(run: Run) -> list[str]:
    sentences = []
    rows = run.manifest
    n_unknown = sum(not row.patient for row in rows)
    if n_unknown:
        sentences.append(
            f"For {counted(n_unknown, 'film')} of {len(rows):,} the patient is unknown. If one "
            "patient has films in training and test, the numbers are too good."
        )
    sources_of = {
        label: {row.source for row in rows if row.label == label} for label in run.card.labels.names
    }
    if len({row.source for row in rows}) > 1 and not set.intersection(*sources_of.values()):
        sentences.append(
            "No source has films of every class: the network may have learned to tell the "
            "sources apart, not the diseases."
        )
    if run.audit.not_checked:
        sentences.append(
            "The audit did not look at everything (see its section): no finding there is not "
            "the same as clean data."
        )
    return sentences
