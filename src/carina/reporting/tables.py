"""Numbers of a test as a table that fits a paper."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from carina.domain.estimate import Estimate
from carina.domain.evaluation import Estimates, EvaluatedData, Evaluation
from carina.domain.operating_points import OperatingPoint
from carina.domain.sentences import capitalised, counted, listed
from carina.errors import UsageError
from carina.evaluation.external import INTERNAL_TEST, fair_figures
from carina.reporting.wording import (
    NOT_DEFINED,
    difference_with_interval,
    method_in_words,
    reasons,
    title_of,
    with_interval,
)

TableOf = Literal["metrics", "classes", "operating-points", "external"]
TABLES: tuple[TableOf, ...] = get_args(TableOf)

_CLASS_METRICS = (
    "support", "recall", "specificity", "precision", "npv", "f1", "roc_auc", "average_precision",
)  # fmt: skip
_POINT_METRICS = ("threshold", "sensitivity", "specificity", "ppv", "npv")
_EXTERNAL_METRICS = ("accuracy", "balanced_accuracy", "roc_auc_macro", "f1_macro", "log_loss")
_TITLES = {
    "recall": "Sensitivity",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "precision": "PPV",
    "ppv": "PPV",
    "npv": "NPV",
    "threshold": "Threshold",
}
_MOST_COLUMNS = 4
_NOT_LEAKED = ", without leaked ones"
_BY_RULE = {
    "sensitivity": "sensitivity at least",
    "youden": "Youden",
    "cost": "cost ratio",
}


@dataclass(frozen=True, slots=True)
class PaperTable:
    """A table of estimates: groups (all films, classes, tests, ...) by metrics.

    Attributes:
        of: what it is about.
        caption: its caption, a sentence.
        groups: group -> metric -> estimate; every group has the same metrics.
        note: what stands below it: films, patients, how the intervals were made.
        differences: the groups that are differences of two others.
    """

    of: TableOf
    caption: str
    groups: Mapping[str, Estimates]
    note: str
    differences: frozenset[str] = frozenset()

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics' names, in order."""
        return tuple(next(iter(self.groups.values()), {}))

    def cells(self) -> tuple[tuple[str, ...], ...]:
        """Return the table as text, its head first: metrics below one another while there are
        few groups, else groups."""
        metrics, groups = self.metrics, self.groups
        if len(groups) <= _MOST_COLUMNS:
            head = ("Metric", *groups)
            rows = [
                (title(name), *(self._cell(group, name) for group in groups)) for name in metrics
            ]
        else:
            head = ("Group", *map(title, metrics))
            rows = [(group, *(self._cell(group, name) for name in metrics)) for group in groups]
        return (head, *rows)

    def _cell(self, group: str, name: str) -> str:
        estimate = self.groups[group][name]
        if group in self.differences:
            return difference_with_interval(name, estimate)
        if name == "threshold":
            return NOT_DEFINED if estimate.value is None else f"{estimate.value:.3f}"
        return with_interval(name, estimate)


def title(name: str) -> str:
    """Return a metric's title in a paper's table.

    >>> title("recall"), title("f1")
    ('Sensitivity', 'F1')
    """
    return _TITLES.get(name) or title_of(name)


def paper_table(
    evaluation: Evaluation, external: Mapping[str, Evaluation], of: TableOf
) -> PaperTable:
    """Return a table of a test's numbers.

    Args:
        evaluation: the test.
        external: the external tests of the same classifier, by a name that is theirs alone.
        of: "metrics": over all films, and without leaked ones where there are any; "classes":
            each class against the rest; "operating-points": what thresholds chosen on
            validation achieve; "external": the test beside the external ones.

    Raises:
        UsageError: if the run has no operating points, or no external test on films that are
            new to the classifier.
    """
    if of == "metrics":
        return _metrics(evaluation)
    if of == "classes":
        return _classes(evaluation)
    if of == "operating-points":
        return _operating_points(evaluation)
    return _external(evaluation, external)


def _metrics(evaluation: Evaluation) -> PaperTable:
    groups = {"All films": evaluation.metrics}
    without = evaluation.without_leaks
    if without is not None and without.metrics:
        groups["Without leaked films"] = without.metrics
    return PaperTable(
        of="metrics",
        caption=f"Performance on the {_part(evaluation.data)} with 95 % confidence intervals.",
        groups=_aligned(groups, tuple(evaluation.metrics)),
        note=_note(evaluation, groups),
    )


def _classes(evaluation: Evaluation) -> PaperTable:
    named = [
        name
        for name in _CLASS_METRICS
        if all(name in estimates for estimates in evaluation.per_class.values())
    ]
    groups = _aligned(evaluation.per_class, named)
    return PaperTable(
        of="classes",
        caption=f"Performance by class on the {_part(evaluation.data)}, each class against the "
        "rest, with 95 % confidence intervals.",
        groups=groups,
        note=_note(evaluation, groups),
    )


def _operating_points(evaluation: Evaluation) -> PaperTable:
    points = evaluation.operating_points
    if not points:
        raise UsageError(
            "there are no operating points: no threshold was chosen on validation; take another "
            "table with --of metrics"
        )
    groups = {_point_name(point): _point(point) for point in points}
    return PaperTable(
        of="operating-points",
        caption="Performance at thresholds chosen on the validation part, on the "
        f"{_part(evaluation.data)}, with 95 % confidence intervals.",
        groups=groups,
        note=_note(evaluation, groups),
    )


def _point_name(point: OperatingPoint) -> str:
    chosen = point.chosen
    target = "" if chosen.target is None else f" {chosen.target:g}"
    return f"{chosen.label}, {_BY_RULE[chosen.rule]}{target}"


def _point(point: OperatingPoint) -> Estimates:
    chosen = point.chosen
    if chosen.threshold is None:
        why = chosen.undefined_because
        undefined = Estimate.undefined(why, n=chosen.n_validation)
        return dict.fromkeys(_POINT_METRICS, undefined)
    threshold = Estimate(
        value=chosen.threshold, n=chosen.n_validation, method="chosen-on-validation"
    )
    return {"threshold": threshold, **{name: point.achieved[name] for name in _POINT_METRICS[1:]}}


def _external(evaluation: Evaluation, external: Mapping[str, Evaluation]) -> PaperTable:
    if not external and evaluation.against_internal is not None:
        external = {evaluation.data.name: evaluation}
    named = _by_shortest_name(external)
    fair = {name: fair_figures(test) for name, test in named.items() if test.data.external}
    counting = {name: figures for name, figures in fair.items() if figures is not None}
    left_out = [name for name in named if name not in counting]
    if not counting:
        raise UsageError(f"there is no external test{_why_none(left_out)}")
    tests = {name: named[name] for name in counting}
    groups = _internal(evaluation, tuple(tests.values()))
    differences = set()
    for name, figures in counting.items():
        groups[f"{name}, films new to it" if figures.cut else name] = figures.metrics
        beside = tests[name].against_internal
        if beside is not None:
            differences.add(f"{name}, difference")
            groups[f"{name}, difference"] = beside.drops
    first = next(iter(groups.values()))
    aligned = _aligned(groups, [name for name in _EXTERNAL_METRICS if name in first])
    sizes = "; ".join(f"{name}: {_size(test.data)}{_known(test)}" for name, test in tests.items())
    return PaperTable(
        of="external",
        caption="Performance on the internal test and on other sources with 95 % confidence "
        "intervals.",
        groups=aligned,
        note=f"{sizes}. {_without(left_out)}{_methods(aligned)}",
        differences=frozenset(differences),
    )


def _why_none(left_out: Sequence[str]) -> str:
    """Return why no external test counts, and what makes one."""
    if not left_out:
        return ": carina evaluate RUN OTHER-DATA makes one and keeps it in the run"
    return (
        f": the films of {listed(left_out)} are not known to be new to the classifier; carina "
        "evaluate RUN OTHER-DATA tests it on films that are"
    )


def _without(left_out: Sequence[str]) -> str:
    if not left_out:
        return ""
    return (
        f"Left out, since the films are not known to be new to the classifier: {listed(left_out)}. "
    )


def _internal(evaluation: Evaluation, tests: Sequence[Evaluation]) -> dict[str, Estimates]:
    """Return the internal test that the differences are taken from."""
    beside = [test.against_internal for test in tests if test.against_internal is not None]
    if not beside:
        fair = fair_figures(evaluation)
        if fair is not None and fair.cut:
            return {f"Internal test ({counted(fair.n, 'film')}{_NOT_LEAKED})": fair.metrics}
        return {"Internal test": evaluation.metrics}
    first = beside[0]
    what = "Internal test"
    if first.name != INTERNAL_TEST:
        what = f"{capitalised(first.name)}"
    without = _NOT_LEAKED if first.without_leaks else ""
    return {f"{what} ({counted(first.n_internal, 'film')}{without})": first.internal}


def _known(test: Evaluation) -> str:
    n_known = test.without_leaks.n_removed if test.without_leaks is not None else 0
    if not n_known:
        return ""
    return f", of which {n_known:,} known when the classifier was made or tested do not count"


def _by_shortest_name(external: Mapping[str, Evaluation]) -> dict[str, Evaluation]:
    """Return the tests by their data's name where that is theirs alone."""
    names = Counter(test.data.name for test in external.values())
    return {
        test.data.name if names[test.data.name] == 1 else name: test
        for name, test in external.items()
    }


def _aligned(groups: Mapping[str, Estimates], named: Sequence[str]) -> dict[str, Estimates]:
    """Return every group with the same metrics; one that a group lacks is undefined there."""
    absent = Estimate.undefined("it was not computed", n=0)
    return {
        group: {name: estimates.get(name, absent) for name in named}
        for group, estimates in groups.items()
    }


def _part(data: EvaluatedData) -> str:
    return f"{data.part} part of {data.name}" if data.part != "all" else f"films of {data.name}"


def _size(data: EvaluatedData) -> str:
    kind = "patient" if data.unit == "patients" else "known patient"
    patients = counted(data.n_patients, kind) if data.n_patients else "patients not known"
    return f"{counted(data.n_images, 'film')}, {patients}"


def _note(evaluation: Evaluation, groups: Mapping[str, Estimates]) -> str:
    """Return films, patients, how the intervals were made, and why a number is undefined."""
    return f"{_size(evaluation.data)}. Intervals over {evaluation.data.unit}. {_methods(groups)}"


def _methods(groups: Mapping[str, Estimates]) -> str:
    """Return how the intervals were made, and why a number is undefined."""
    methods = {one.method for estimates in groups.values() for one in estimates.values()}
    methods -= {"count", "undefined", "chosen-on-validation"}
    why = " ".join(dict.fromkeys(reasons(groups)))
    return f"Methods: {'; '.join(sorted(map(method_in_words, methods)))}. {why}".strip()
