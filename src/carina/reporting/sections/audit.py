"""What is wrong with the data."""

from __future__ import annotations

from carina.domain.audit import Audit
from carina.domain.report import Block, Notice, Paragraph, Section
from carina.domain.sentences import sentence
from carina.reporting.audit_confounders import confounder_table, source_blocks
from carina.reporting.audit_counts import worst_findings
from carina.reporting.audit_figures import confounder_figure
from carina.reporting.audit_tables import (
    age_blocks,
    conflicts_table,
    copy_counts,
    leak_counts,
    misfit_counts,
    not_checked_blocks,
    opening_blocks,
    unreadable_blocks,
)
from carina.reporting.sections import section
from carina.runs import Run


@section("audit", order=20)
def audit(run: Run) -> Section:
    """Return what the audit found in the run's data."""
    return Section(
        anchor="audit", title="What the audit found in the films", blocks=audit_blocks(run.audit)
    )


def audit_blocks(found: Audit) -> tuple[Block, ...]:
    """Return an audit as blocks, the worst first, without a picture.

    Raises:
        MissingExtraError: if there is a figure to draw and matplotlib is not installed.
    """
    return (
        *_findings(found),
        *leak_counts(found),
        *copy_counts(found),
        *conflicts_table(found.label_conflicts),
        *([confounder_figure(found.confounders)] if found.confounders else []),
        *confounder_table(found.confounders),
        *source_blocks(found.sources),
        *misfit_counts(found.misfits),
        *age_blocks(found.ages),
        *unreadable_blocks(found),
        *opening_blocks(found),
        *not_checked_blocks(found),
    )


def _findings(found: Audit) -> list[Block]:
    findings = worst_findings(found, most=len(found.findings))
    if not findings:
        return [Paragraph("Nothing was found by what this audit looks at.")]
    return [Notice(finding.severity, sentence(finding.sentence)) for finding in findings]
