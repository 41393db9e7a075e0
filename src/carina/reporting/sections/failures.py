"""Where it fails: by group, and beside the confounders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from carina.domain.estimate import Estimate
from carina.domain.evaluation import Estimates, Evaluation
from carina.domain.failures import ErrorAgreement
from carina.domain.report import Block, Bullets, Paragraph, Section, Table
from carina.domain.sentences import capitalised, counted, listed
from carina.evaluation.subgroups import SMALLEST_SUBGROUP, UNKNOWN
from carina.reporting.audit_wording import signal_title
from carina.reporting.leaked_notice import leaked_notice
from carina.reporting.sections import test_section
from carina.reporting.wording import (
    NOT_DEFINED,
    name_then_numbers,
    over_interval,
    title_of,
    value_of,
    with_interval,
)
from carina.runs import Run, TestFolder

_METRICS = ("accuracy", "balanced_accuracy", "roc_auc_macro")
_PROPERTIES = ("source", "view", "sex", "age")

Groups = Mapping[str, Estimates]


@test_section("failures", order=48)
def failures(run: Run | TestFolder) -> Section:
    """Return the section on the groups of films, and on confounders, that errors go with."""
    return Section(anchor="failures", title="Where it fails", blocks=failure_blocks(run.evaluation))


def failure_blocks(evaluation: Evaluation) -> tuple[Block, ...]:
    """Return where the errors of an evaluation lie, as blocks."""
    return (
        *leaked_notice(evaluation),
        *_by_group(evaluation),
        *_by_confounder(evaluation.error_agreement),
    )


def _by_group(evaluation: Evaluation) -> list[Block]:
    properties = _properties(evaluation)
    not_known = [name for name in _PROPERTIES if name not in properties]
    blocks: list[Block] = []
    if properties:
        blocks += [_group_table(evaluation, properties), *_too_small(properties)]
        blocks += [Paragraph(text) for text in (*_undefined(properties), *_apart(properties))]
    if not_known:
        blocks.append(Paragraph(_not_compared(not_known)))
    return blocks


def _properties(evaluation: Evaluation) -> dict[str, Groups]:
    """Return property -> group -> metrics, of the properties that are known of some film."""
    found: dict[str, Groups] = {"source": evaluation.per_source} if evaluation.per_source else {}
    known = evaluation.per_subgroup
    order = [*(name for name in _PROPERTIES if name in known), *sorted(set(known) - {*_PROPERTIES})]
    return found | {name: known[name] for name in order}


def _not_compared(not_known: list[str]) -> str:
    of_films = [name for name in not_known if name != "source"]
    sentences = []
    if "source" in not_known:
        sentences.append("All films are of one source.")
    if of_films:
        verb = "is" if len(of_films) == 1 else "are"
        sentences.append(
            f"{listed(of_films).capitalize()} {verb} not known of these films: whether the "
            "classifier fails more often for some patients than for others cannot be told by that."
        )
    return " ".join(sentences)


def _group_table(evaluation: Evaluation, properties: Mapping[str, Groups]) -> Table:
    n = f"{evaluation.data.n_images:,}"
    rows = [("All films", n, *(_cell(name, evaluation.metrics) for name in _METRICS))]
    rows += [
        (
            capitalised(group),
            value_of("support", metrics["support"]),
            *(_cell(name, metrics) for name in _METRICS),
        )
        for group, metrics in _rows(properties)
    ]
    return Table(
        columns=("Group", "Films", *(title_of(name) for name in _METRICS)),
        rows=tuple(rows),
        caption="Metrics by group, with 95 % intervals",
        align=name_then_numbers(1 + len(_METRICS)),
    )


def _rows(properties: Mapping[str, Groups]) -> Iterator[tuple[str, Estimates]]:
    """Yield the groups that are large enough, with what they are groups of."""
    for title, groups in properties.items():
        for group, metrics in groups.items():
            if not _is_too_small(metrics):
                yield f"{title} {group}", metrics


def _cell(name: str, metrics: Estimates) -> str:
    estimate = metrics.get(name)
    if estimate is None:
        return ""
    return over_interval(name, estimate) if estimate.value is not None else "–"


def _is_too_small(metrics: Estimates) -> bool:
    return metrics["support"].n < SMALLEST_SUBGROUP


def _too_small(properties: Mapping[str, Groups]) -> list[Block]:
    small = [
        f"{title} {group} ({counted(metrics['support'].n, 'film')})"
        for title, groups in properties.items()
        for group, metrics in groups.items()
        if _is_too_small(metrics)
    ]
    if not small:
        return []
    return [
        Paragraph(
            f"Nothing is claimed of a group with fewer than {SMALLEST_SUBGROUP} films: "
            f"{listed(small)}."
        )
    ]


def _undefined(properties: Mapping[str, Groups]) -> list[str]:
    """Return why a number of groups that are large enough is not defined."""
    missing: dict[tuple[str, str], list[str]] = {}
    for group, metrics in _rows(properties):
        for name in _METRICS:
            because = metrics[name].undefined_because if name in metrics else ""
            if because:
                missing.setdefault((name, because), []).append(group)
    return [
        f"{title_of(name)} is {NOT_DEFINED} for {listed(groups)}: {because}."
        for (name, because), groups in missing.items()
    ]


def _apart(properties: Mapping[str, Groups]) -> list[str]:
    """Return which groups differ: those whose intervals lie apart, and no others."""
    claims = [claim for title, groups in properties.items() for claim in _claims(title, groups)]
    if claims:
        return [
            *claims,
            "Groups may differ in their mix of classes too, which changes the accuracy by itself.",
        ]
    if not any(len(list(_comparable(groups))) > 1 for groups in properties.values()):
        return []
    return [
        "No group's interval lies apart from that of another: these films show no difference "
        "between groups. That does not show that there is none."
    ]


def _claims(title: str, groups: Groups) -> Iterator[str]:
    """Yield what can be said of the group with the fewest right answers."""
    shares = sorted(_comparable(groups), key=lambda pair: pair[1].value or 0.0)
    if len(shares) < 2:
        return
    worst, least = shares[0]
    above = [
        f"{group} ({with_interval('accuracy', share)})"
        for group, share in shares[1:]
        if share.low is not None and least.high is not None and share.low > least.high
    ]
    if above:
        yield (
            f"By {title}, fewer answers are right for {worst} "
            f"({with_interval('accuracy', least)}) than for {listed(above)}: the intervals do "
            "not overlap."
        )


def _comparable(groups: Groups) -> Iterator[tuple[str, Estimate]]:
    for group, metrics in groups.items():
        accuracy = metrics["accuracy"]
        if group != UNKNOWN and accuracy.value is not None and accuracy.low is not None:
            yield group, accuracy


def _by_confounder(found: tuple[ErrorAgreement, ...]) -> list[Block]:
    """Return whether errors lie where a confounder would err."""
    if not found:
        return []
    blocks: list[Block] = [
        Paragraph(
            "A classifier that has learned a confounder instead of the disease is right where the "
            "confounder gives the true class, and wrong where it misleads. For the strongest "
            "confounders that the audit found, each film was put into a class by the confounder "
            "alone, from what other films show of it."
        )
    ]
    claimed = tuple(one for one in found if one.difference.value is not None)
    others = tuple(one for one in found if one.difference.value is None)
    if claimed:
        blocks.append(_agreement_table(claimed))
        blocks.append(Bullets("What that says:", tuple(one.sentence for one in claimed)))
    if others:
        blocks.append(
            Bullets("For these the films do not suffice:", tuple(one.sentence for one in others))
        )
    return blocks


def _agreement_table(found: tuple[ErrorAgreement, ...]) -> Table:
    return Table(
        columns=(
            "Confounder alone",
            "Films it tells rightly",
            "Right answers there",
            "Films it tells wrongly",
            "Right answers there",
            "Difference",
            "Difference within classes",
            "Errors that it shares",
        ),
        rows=tuple(
            (
                signal_title(one.signal),
                f"{one.n_right:,}",
                _share(one.accuracy_where_right),
                f"{one.n_wrong:,}",
                _share(one.accuracy_where_wrong),
                _points(one.difference),
                _points(one.within_classes),
                f"{one.n_errors_alike:,} of {one.n_errors:,}",
            )
            for one in found
        ),
        caption="The classifier's answers where a confounder points to the true class, and where "
        "it does not, with 95 % intervals",
        align=name_then_numbers(7),
    )


def _share(estimate: Estimate) -> str:
    return over_interval("accuracy", estimate) if estimate.value is not None else "–"


def _points(estimate: Estimate | None) -> str:
    """Return a difference of shares in points of percentage."""
    if estimate is None or estimate.value is None:
        return "–"
    value = f"{100 * estimate.value:.1f} points"
    if estimate.low is None or estimate.high is None:
        return value
    return f"{value}\n{100 * estimate.low:.1f} to {100 * estimate.high:.1f}"
