"""What an audit found, in sentences; the worst first."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from carina.auditing.findings_on_films import (
    on_against,
    on_ages,
    on_confounders,
    on_misfits,
    on_writing,
)
from carina.domain.audit import (
    Audit,
    Finding,
    LabelConflict,
    Leak,
    Power,
    Severity,
    SourceTable,
    Subject,
    Unreadable,
)
from carina.domain.dataset import Dataset
from carina.domain.record import PARTS, Part
from carina.domain.sentences import counted

_SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "note")
_FEW_FILMS = 30
_IMBALANCE = 5.0


def write_findings(
    dataset: Dataset, found: Audit, *, held_against_other: bool
) -> tuple[Finding, ...]:
    """Return the findings, worst first, each with its numbers.

    Args:
        dataset: the films that could be read.
        found: the audit, but for its findings.
        held_against_other: whether another data set was asked for the same films.
    """
    by_subject: dict[Subject, list[Finding]] = {
        "leaks": _on_leaks(dataset, found.leaks),
        "labels": _on_conflicts(found.label_conflicts),
        "against": on_against(found.against if held_against_other else None),
        "confounders": on_confounders(found.confounders),
        "ages": on_ages(found.ages),
        "sources": _on_sources(dataset, found.sources),
        "unreadable": _on_unreadable(dataset, found.unreadable),
        "misfits": on_misfits(found.misfits, n_films=len(dataset.records)),
        "duplicates": [
            *_on_duplicates(found.exact_duplicates),
            *_on_near_duplicates(found.near_duplicates),
        ],
        "parts": _on_parts(dataset),
        "power": _on_power(found.power),
        "classes": _on_classes(dataset),
        "patients": _on_patients(dataset),
        "writing": on_writing(found.writing, n_films=len(dataset.records)),
        "left-out": _on_what_was_left(dataset),
    }
    findings = [
        finding.model_copy(update={"about": subject})
        for subject, own in by_subject.items()
        for finding in own
    ]
    return tuple(sorted(findings, key=lambda finding: _SEVERITIES.index(finding.severity)))


def _on_leaks(dataset: Dataset, leaks: Sequence[Leak]) -> list[Finding]:
    sizes = Counter(record.part for record in dataset.records)
    films: dict[tuple[tuple[str, str], bool], set[str]] = defaultdict(set)
    for leak in leaks:
        films[leak.parts, leak.kind == "same-patient"].add(leak.b)
    findings = []
    for (parts, is_patient), names in sorted(films.items()):
        earlier, later = parts
        n_later = sizes[_part(later)]
        of_later = (
            f"{len(names)} of {n_later} films of {later} ({100 * len(names) / n_later:.0f} %)"
        )
        severity: Severity = "critical" if parts == ("train", "test") else "warning"
        sentence = (
            f"{of_later} show patients who also have other films in {earlier}: a network can "
            f"recognise the person instead of the disease. {_consequence(later)}"
            if is_patient
            else f"{of_later} are also in {earlier}, the same picture or nearly: a network only "
            f"has to remember them. {_consequence(later)}"
        )
        findings.append(Finding(severity=severity, sentence=sentence))
    return findings


def _consequence(later: str) -> str:
    if later == "test":
        return "A test figure that counts them is too good."
    return "Choosing a network on them favours one that remembers."


def _part(name: str) -> Part:
    return next(part for part in PARTS if part == name)


def _on_conflicts(conflicts: Sequence[LabelConflict]) -> list[Finding]:
    if not conflicts:
        return []
    classes = sorted({" and ".join(conflict.labels) for conflict in conflicts})
    more = f" and {len(classes) - 3} more" if len(classes) > 3 else ""
    return [
        Finding(
            severity="critical",
            sentence=f"{counted(len(conflicts), 'picture')} under several classes, so that some "
            f"labels must be wrong ({'; '.join(classes[:3])}{more}), or else two of these names "
            "mean one class (then say so with --set labels.aliases).",
        )
    ]


def _on_sources(dataset: Dataset, tables: Sequence[SourceTable]) -> list[Finding]:
    """Warn where a class comes from sources that have no other class."""
    classes: dict[str, set[str]] = defaultdict(set)
    for record in dataset.records:
        if record.label is not None:
            classes[record.source].add(record.label)
    if len(classes) < 2:
        return []
    findings = [
        Finding(
            severity="note",
            sentence=f"'The commonest class of its source' is right for "
            f"{100 * table.majority_accuracy:.0f} % of the films: an accuracy says something only "
            "as far as it is above that.",
        )
        for table in tables
        if not table.inferred
    ]
    for label in dataset.labels.names:
        sources = sorted(source for source, own in classes.items() if label in own)
        if sources and all(len(classes[source]) == 1 for source in sources):
            findings.append(
                Finding(
                    severity="warning",
                    sentence=f"Every film of '{label}' comes from {' and '.join(sources)}, which "
                    "has no other class: whatever tells that source from the others tells the "
                    "class as well, without a look at the lungs.",
                )
            )
    return findings


def _on_unreadable(dataset: Dataset, unreadable: Sequence[Unreadable]) -> list[Finding]:
    if not unreadable:
        return []
    codes = Counter(one.code for one in unreadable)
    listed = ", ".join(f"{code} {n}" for code, n in codes.most_common())
    n_files = len(dataset.records) + len(unreadable)
    return [
        Finding(
            severity="warning",
            sentence=f"{len(unreadable)} of {counted(n_files, 'file')} cannot be read "
            f"as films ({listed}) and were skipped.",
        )
    ]


def _on_duplicates(duplicates: Sequence[Sequence[str]]) -> list[Finding]:
    if not duplicates:
        return []
    n_surplus = sum(len(group) - 1 for group in duplicates)
    return [
        Finding(
            severity="warning",
            sentence=f"{counted(len(duplicates), 'picture')} in more than one file, with "
            f"{counted(n_surplus, 'surplus file')} in all: there are fewer different films than "
            "files, and each copy counts again in training and in every figure.",
        )
    ]


def _on_near_duplicates(duplicates: Sequence[Sequence[str]]) -> list[Finding]:
    if not duplicates:
        return []
    n_films = sum(map(len, duplicates))
    return [
        Finding(
            severity="warning",
            sentence=f"{counted(len(duplicates), 'picture')} in several versions, {n_films} files "
            "in all (saved again, resized, cropped, with other contrast or new letters): they "
            "are one film each, and belong into one part.",
        )
    ]


def _on_power(power: Power | None) -> list[Finding]:
    if power is None:
        return []
    return [
        Finding(
            severity="note",
            sentence=f"With {power.n} in the test part an accuracy of {100 * power.accuracy:.0f} % "
            f"is known to about {100 * power.half_width:.0f} points either way, and two "
            "classifiers must differ by about "
            f"{100 * power.smallest_difference:.0f} points before the test shows it.",
        )
    ]


def _on_parts(dataset: Dataset) -> list[Finding]:
    described = {record.part for record in dataset.records} - {None}
    if not described:
        return []
    return [
        Finding(
            severity="warning",
            sentence=f"No {part} part is described: whoever uses another part in its place chooses "
            "and tests on the same films. Training here cuts one from train.",
        )
        for part in ("validation", "test")
        if part not in described
    ]


def _on_classes(dataset: Dataset) -> list[Finding]:
    findings = []
    for part, row in sorted(dataset.counts().items()):
        place = "" if part == "all" else f" of the {part} part"
        few = [f"{label} {n}" for label, n in row.items() if 0 < n < _FEW_FILMS]
        absent = [label for label, n in row.items() if n == 0]
        if absent and part != "all":
            text = f"There is no film of {' or '.join(absent)} in the {part} part."
            findings.append(Finding(severity="warning", sentence=text))
        if few:
            text = (
                f"Few films{place} ({', '.join(few)}): a figure from fewer than {_FEW_FILMS} films "
                "of a class has an interval so wide that it says little."
            )
            findings.append(Finding(severity="note", sentence=text))
    totals = Counter(record.label for record in dataset.records if record.label is not None)
    if len(totals) > 1:
        (most, n_most), (least, n_least) = totals.most_common()[0], totals.most_common()[-1]
        if n_most >= _IMBALANCE * n_least:
            text = (
                f"'{most}' has {n_most} films and '{least}' {n_least}: always answering '{most}' "
                f"would be right for {100 * n_most / totals.total():.0f} %, so read accuracy "
                "beside balanced accuracy."
            )
            findings.append(Finding(severity="note", sentence=text))
    return findings


def _on_patients(dataset: Dataset) -> list[Finding]:
    n_unknown = sum(record.patient is None for record in dataset.records)
    if n_unknown == 0:
        return []
    who = "all" if n_unknown == len(dataset.records) else f"{n_unknown} of {len(dataset.records)}"
    return [
        Finding(
            severity="note",
            sentence=f"The patient of {who} films is unknown: films of one patient may stand in "
            "several parts, and intervals treat every film as a patient of its own.",
        )
    ]


def _on_what_was_left(dataset: Dataset) -> list[Finding]:
    left = [
        f"Left out: {x.what}, {counted(x.n_images, 'film')} ({x.reason})." for x in dataset.left_out
    ]
    noted = [f"{note}." for note in dataset.notes]
    return [Finding(severity="note", sentence=sentence) for sentence in (*left, *noted)]
