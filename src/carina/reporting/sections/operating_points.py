"""Thresholds chosen on validation: what they reach, and whether acting on the answers helps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from carina.domain.evaluation import Evaluation
from carina.domain.operating_points import AtPrevalence, OperatingPoint
from carina.domain.percentages import percent
from carina.domain.report import Block, Bullets, Figure, Paragraph, Section, Table
from carina.domain.sentences import listed
from carina.domain.thresholds import threshold_in_percent
from carina.reporting.leaked_notice import leaked_notice
from carina.reporting.operating_figures import decision_curve_svg, predictive_values_svg
from carina.reporting.operating_wording import (
    aim,
    rate,
    rate_over_interval,
    rate_with_interval,
    ratio_over_interval,
)
from carina.reporting.sections import test_section
from carina.reporting.wording import name_then_numbers, reasons, value_of
from carina.runs import Run, TestFolder

# as many columns of predictive values as a page holds, a pair for each class or threshold
_MOST_PAIRS = 3
_MOST_DRAWN = 6
_IN_TABLE = (0.001, 0.01, 0.05, 0.1, 0.2, 0.5)
_IN_SENTENCE = 0.01
_TITLES = {
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "ppv": "PPV",
    "npv": "NPV",
    "positive_likelihood_ratio": "The likelihood ratio of a positive answer",
    "negative_likelihood_ratio": "The likelihood ratio of a negative answer",
}


@test_section("operating-points", order=44)
def operating_points(test: Run | TestFolder) -> Section | None:
    """Return the section on thresholds and decision curves, or None if there is neither."""
    evaluation = test.evaluation
    if not evaluation.operating_points and not evaluation.decision_curves:
        return None
    blocks = (
        *leaked_notice(evaluation),
        *_thresholds(test, evaluation.operating_points),
        *_worth(evaluation),
        *_acting(evaluation),
        *_drawings(evaluation),
    )
    return Section("operating-points", "From probabilities to answers", blocks)


def _thresholds(test: Run | TestFolder, points: Sequence[OperatingPoint]) -> list[Block]:
    """Return the thresholds with what they reach, or why there is none."""
    if not points:
        return [Paragraph(_why_none(test))]
    introduction = (
        "A film is called positive if its probability of the class reaches a threshold. These "
        "thresholds were chosen on the validation films, and none of the films tested here had a "
        f"say in them. {_deployed(test)}"
    )
    return [
        Paragraph(introduction.strip()),
        _rates(points),
        _promises(points),
        *_counts(points),
    ]


def _why_none(test: Run | TestFolder) -> str:
    because = test.card.fitted.unfitted_because if isinstance(test, Run) else ""
    why = f"No threshold was chosen: {because}." if because else "No threshold was chosen before."
    return (
        f"{why} One that is chosen on the films it is tested on flatters, so that none is "
        "shown here."
    )


def _deployed(test: Run | TestFolder) -> str:
    """Return by which rule the classifier itself answers, where it is known."""
    if not isinstance(test, Run):
        return ""
    rule = test.card.thresholds
    if rule.positive is None or rule.threshold is None:
        because = f", because {rule.unfitted_because}" if rule.unfitted_because else ""
        return (
            f"The classifier itself answers with the most probable class{because}; the thresholds "
            "are other ways to read its probabilities."
        )
    label = test.card.labels.names[rule.positive]
    return (
        f"The classifier itself answers {label} from a probability of "
        f"{threshold_in_percent(rule.threshold)} on."
    )


def _rates(points: Sequence[OperatingPoint]) -> Table:
    rows = []
    for point in points:
        chosen, here, there = point.chosen, point.achieved, point.chosen.on_validation
        rows.append(
            (
                f"{chosen.label}\n{aim(chosen)}",
                "not chosen"
                if chosen.threshold is None
                else threshold_in_percent(chosen.threshold),
                *(
                    rate_over_interval(rates.get(name))
                    for name in ("sensitivity", "specificity")
                    for rates in (there, here)
                ),
            )
        )
    return Table(
        columns=(
            "Class, and what its threshold was chosen for",
            "Called from",
            "Sensitivity on validation",
            "Sensitivity here",
            "Specificity on validation",
            "Specificity here",
        ),
        rows=tuple(rows),
        caption="Thresholds chosen on validation, and what they reach here, with 95 % intervals",
        align=name_then_numbers(5),
    )


def _promises(points: Sequence[OperatingPoint]) -> Bullets:
    """Return whether validation kept its promise: for each threshold of one class, and where
    there are several classes, what did not go as promised."""
    question = "Did validation keep its promise?"
    if len({point.chosen.label for point in points}) == 1:
        return Bullets(question, tuple(point.sentence for point in points))
    sentences = [point.sentence for point in points if not point.held]
    if any(point.held for point in points):
        which = "At the other thresholds" if sentences else "At every threshold"
        sentences.append(
            f"{which} as many films of the class were found here as validation promised, or fewer "
            "by no more than chance explains."
        )
    return Bullets(question, tuple(sentences))


def _counts(points: Sequence[OperatingPoint]) -> list[Block]:
    """Return the counts behind the rates, and what an answer is worth among these films."""
    reached = [point for point in points if point.achieved]
    if not reached:
        return []
    rows = []
    for point in reached:
        rates = point.achieved
        rows.append(
            (
                f"{point.chosen.label}\n{aim(point.chosen)}",
                *(value_of(name, rates[name]) for name in ("tp", "fn", "fp", "tn")),
                *(rate_over_interval(rates[name]) for name in ("ppv", "npv")),
                *(
                    ratio_over_interval(rates[name])
                    for name in ("positive_likelihood_ratio", "negative_likelihood_ratio")
                ),
            )
        )
    table = Table(
        columns=(
            "Class, and what its threshold was chosen for",
            "Found",
            "Missed",
            "False alarms",
            "Rightly not called",
            "PPV among these films",
            "NPV among these films",
            "Likelihood ratio of a positive answer",
            "of a negative answer",
        ),
        rows=tuple(rows),
        caption="Films at these thresholds, and what an answer is worth among them",
        align=name_then_numbers(8),
    )
    undefined = dict.fromkeys(
        reason
        for point in reached
        for reason in reasons({"": {t: point.achieved[name] for name, t in _TITLES.items()}})
    )
    return [table, *(Paragraph(reason) for reason in undefined)]


def _worth(evaluation: Evaluation) -> list[Block]:
    """Return PPV and NPV over the prevalence."""
    pairs, caption = _pairs(evaluation.operating_points)
    if not pairs:
        return []
    classes = list(dict.fromkeys(point.chosen.label for point in pairs.values()))
    shares = [
        f"{percent(curve.prevalence)} of the films tested here are of {label}"
        for label, curve in evaluation.decision_curves.items()
        if label in classes
    ]
    opening = (
        "How often an answer is right depends on how common the class is, not on the classifier "
        "alone."
    )
    if len(shares) == 1:
        opening += f" {shares[0]}; where it is rarer, fewer positive answers are right."
    return [
        Paragraph(opening),
        _said([_in_words(point) for point in _main(evaluation.operating_points)]),
        _prevalence_table(pairs, caption)
        if len(pairs) <= _MOST_PAIRS
        else _class_table(pairs, caption),
    ]


def _main(points: Sequence[OperatingPoint]) -> list[OperatingPoint]:
    """Return the first threshold of each class that could be chosen."""
    first: dict[str, OperatingPoint] = {}
    for point in points:
        if point.by_prevalence:
            first.setdefault(point.chosen.label, point)
    return list(first.values())


def _pairs(points: Sequence[OperatingPoint]) -> tuple[dict[str, OperatingPoint], str]:
    """Return what the columns stand for: the thresholds of one class, or the classes."""
    main = _main(points)
    if len(main) == 1:
        label = main[0].chosen.label
        pairs = {aim(point.chosen): point for point in points if point.by_prevalence}
        return pairs, f"What an answer is worth by the share of {label}, with 95 % intervals"
    aims = listed(list(dict.fromkeys(aim(point.chosen) for point in main)))
    caption = f"What an answer is worth by the share of the class ({aims}), with 95 % intervals"
    return {point.chosen.label: point for point in main}, caption


def _prevalence_table(pairs: Mapping[str, OperatingPoint], caption: str) -> Table:
    by_share = [_by_share(point) for point in pairs.values()]
    return Table(
        columns=(
            "Share of the class",
            *(f"{title}: {name}" for title in pairs for name in ("PPV", "NPV")),
        ),
        rows=tuple(
            (
                f"{100 * share:g} %",
                *(
                    rate_over_interval(one)
                    for points in by_share
                    for one in (points[share].ppv, points[share].npv)
                ),
            )
            for share in _IN_TABLE
        ),
        caption=caption,
        align=name_then_numbers(2 * len(pairs)),
    )


def _class_table(pairs: Mapping[str, OperatingPoint], caption: str) -> Table:
    shares = (0.01, 0.1, 0.5)
    rows = []
    for label, point in pairs.items():
        worth = _by_share(point)
        cells = (one for share in shares for one in (worth[share].ppv, worth[share].npv))
        rows.append((label, *(rate_over_interval(one) for one in cells)))
    return Table(
        columns=(
            "Class",
            *(f"{name} where {100 * share:g} % are" for share in shares for name in ("PPV", "NPV")),
        ),
        rows=tuple(rows),
        caption=caption,
        align=name_then_numbers(2 * len(shares)),
    )


def _by_share(point: OperatingPoint) -> dict[float, AtPrevalence]:
    return {one.prevalence: one for one in point.by_prevalence}


def _in_words(point: OperatingPoint) -> str:
    """Return what an answer is worth where the class is rare, in a sentence."""
    chosen, rare = point.chosen, _by_share(point)[_IN_SENTENCE]
    where = f"Where 1 film in 100 is of {chosen.label} ({aim(chosen)})"
    if rare.ppv.value is None or rare.npv.value is None:
        return f"{where}: {rare.ppv.undefined_because or rare.npv.undefined_because}."
    negative = f"{rate_with_interval(rare.npv)} of the negative answers are right"
    if rare.ppv.value == 1.0 and rare.ppv.low is not None:
        at_least = rate(rare.ppv.model_copy(update={"value": rare.ppv.low}))
        return (
            f"{where}, {negative}. No false alarm was seen here, which leaves room for some: at "
            f"least {at_least} of the positive answers are right."
        )
    return f"{where}, {rate_with_interval(rare.ppv)} of the positive answers and {negative}."


def _acting(evaluation: Evaluation) -> list[Block]:
    """Return what the decision curves say, in words."""
    if not evaluation.decision_curves:
        return []
    explained = (
        "Does acting on the answers do more good than acting on every film, or on none? That "
        "depends on how many false alarms a found film is worth: who acts from a probability of "
        "10 % takes nine for one. The net benefit is the share of the films that were rightly "
        "acted on, less the false alarms at that exchange. It holds for films of which as many "
        "are of the class as here."
    )
    sentences = [curve.sentence for curve in evaluation.decision_curves.values()]
    return [Paragraph(explained), _said(sentences)]


def _said(sentences: Sequence[str]) -> Block:
    """Return sentences of one kind as a paragraph, or one below another if there are several."""
    return Paragraph(sentences[0]) if len(sentences) == 1 else Bullets("", tuple(sentences))


def _drawings(evaluation: Evaluation) -> list[Block]:
    """Return a pair of drawings for each class, the ones with the most films first if there
    are too many."""
    worth = {point.chosen.label: point for point in _main(evaluation.operating_points)}
    labels = [
        label
        for label in evaluation.labels
        if label in worth or label in evaluation.decision_curves
    ]
    films = {label: evaluation.per_class[label]["support"].value or 0 for label in labels}
    drawn = sorted(labels, key=lambda label: -films[label])[:_MOST_DRAWN]
    figures: list[Block] = []
    for number, label in enumerate(one for one in labels if one in drawn):
        if label in worth:
            figures.append(_worth_figure(worth[label], number))
        if label in evaluation.decision_curves:
            figures.append(_curve_figure(evaluation, label, number))
    if len(drawn) < len(labels):
        figures.append(
            Paragraph(
                f"Drawn are the {_MOST_DRAWN} classes with the most films; evaluation.json has all."
            )
        )
    return figures


def _worth_figure(point: OperatingPoint, number: int) -> Figure:
    label = point.chosen.label
    words = "; ".join(
        f"at {100 * one.prevalence:g} % a positive answer is right in {rate(one.ppv)} and a "
        f"negative one in {rate(one.npv)}"
        for one in point.by_prevalence
        if one.prevalence in _IN_TABLE
    )
    return Figure(
        svg=predictive_values_svg(point.by_prevalence, name=f"predictive-values-{number}"),
        alt=f"What an answer on {label} is worth by the share of the class: {words}.",
        caption=f"{label}, threshold chosen for: {aim(point.chosen)}. How often its answers are "
        "right, by the share of the class among the films; shaded: 95 % intervals.",
    )


def _curve_figure(evaluation: Evaluation, label: str, number: int) -> Figure:
    curve = evaluation.decision_curves[label]
    return Figure(
        svg=decision_curve_svg(curve, name=f"decision-curve-{number}"),
        alt=f"Decision curve. {curve.sentence}",
        caption=f"Decision curve of {label}, {percent(curve.prevalence)} of these films; shaded: "
        "95 % intervals. Acting on the answers is best where its line is the highest.",
    )
