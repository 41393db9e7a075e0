"""What is wrong with the data."""

from __future__ import annotations

from collections import Counter

from carina.domain.audit import Audit
from carina.domain.report import Block, Notice, Paragraph, Section, Table
from carina.reporting.sections import section
from carina.reporting.wording import counted, first_of, percent, sentence
from carina.runs import Run

_SHOWN_LEAKS = 12
_KINDS = {
    "identical-bytes": "Same file",
    "identical-pixels": "Same picture in another file",
    "near-duplicate": "Nearly the same picture",
    "same-patient": "Same patient",
}


@section("audit", order=20)
def audit(run: Run) -> Section:
    """Return what the audit found in the run's data."""
    return Section(
        anchor="audit", title="What the audit found in the films", blocks=audit_blocks(run.audit)
    )


def audit_blocks(found: Audit) -> tuple[Block, ...]:
    """Return an audit as blocks, the worst first; the page of `carina audit` has them too."""
    return (
        *_findings(found),
        *_leaks(found),
        *_conflicts(found),
        *_confounders(found),
        *_unreadable(found),
        *_not_checked(found),
    )


def _findings(found: Audit) -> list[Block]:
    if not found.findings:
        return [Paragraph("Nothing was found by what this audit looks at.")]
    return [Notice(finding.severity, sentence(finding.sentence)) for finding in found.findings]


def _leaks(found: Audit) -> list[Block]:
    if not found.leaks:
        return []
    kinds = Counter((leak.kind, leak.parts) for leak in found.leaks)
    blocks: list[Block] = [
        Table(
            columns=("What two films share", "Between", "Pairs"),
            rows=tuple(
                (_KINDS[kind], " and ".join(parts), f"{count:,}")
                for (kind, parts), count in sorted(kinds.items())
            ),
            caption="Leaks: pairs of films that join two parts",
            align=("left", "left", "right"),
        ),
        Table(
            columns=("Film", "Its partner", "They share"),
            rows=tuple(
                (f"{leak.a} ({leak.parts[0]})", f"{leak.b} ({leak.parts[1]})", _KINDS[leak.kind])
                for leak in found.leaks[:_SHOWN_LEAKS]
            ),
            caption=_shown("Leaks, one by one", len(found.leaks)),
        ),
    ]
    return blocks


def _conflicts(found: Audit) -> list[Block]:
    if not found.label_conflicts:
        return []
    conflicts = found.label_conflicts
    return [
        Table(
            columns=("Films that are the same", "Their classes"),
            rows=tuple(
                (first_of(conflict.paths), ", ".join(conflict.labels))
                for conflict in conflicts[:_SHOWN_LEAKS]
            ),
            caption=_shown("One film under several classes", len(conflicts)),
        )
    ]


def _confounders(found: Audit) -> list[Block]:
    if not found.confounders:
        return []
    return [
        Table(
            columns=("Told from", "Balanced accuracy", "95 % interval", "Chance"),
            rows=tuple(
                (
                    signal.signal,
                    percent(signal.balanced_accuracy),
                    f"{100 * signal.low:.1f} to {100 * signal.high:.1f} %",
                    percent(signal.chance),
                )
                for signal in found.confounders
            ),
            caption="How well the class can be told without looking at the lungs",
            align=("left", "right", "right", "right"),
        )
    ]


def _unreadable(found: Audit) -> list[Block]:
    if not found.unreadable:
        return []
    return [
        Table(
            columns=("File", "Why it cannot be read"),
            rows=tuple((file.path, file.message) for file in found.unreadable[:_SHOWN_LEAKS]),
            caption=_shown("Unreadable files", len(found.unreadable)),
        )
    ]


def _not_checked(found: Audit) -> list[Block]:
    if not found.not_checked:
        return []
    return [Paragraph(f"Not looked at in this audit: {'; '.join(found.not_checked)}.")]


def _shown(caption: str, n: int) -> str:
    """Return a caption that says how many of the rows a table shows.

    >>> _shown("Leaks", 20)
    'Leaks (the first 12 of 20 rows)'
    """
    if n <= _SHOWN_LEAKS:
        return caption
    return f"{caption} (the first {_SHOWN_LEAKS} of {counted(n, 'row')})"
