"""An audit -> its page."""

from __future__ import annotations

from carina.domain.audit import Audit
from carina.domain.report import Paragraph, Report, Section, Table
from carina.reporting.sections.audit import audit_blocks
from carina.reporting.wording import counted, name_then_numbers


def build_audit_report(audit: Audit, *, title: str) -> Report:
    """Return the page of an audit.

    Args:
        audit: what was found.
        title: the page's title; the names of the data, as a rule.
    """
    n_films = sum(sum(row.values()) for row in audit.images.values())
    return Report(
        title=title,
        subtitle=f"What is in the data and what is wrong with it, by Carina {audit.carina_version}",
        sections=(
            Section(anchor="findings", title="What was found", blocks=audit_blocks(audit)),
            Section(
                anchor="images",
                title="What is there",
                blocks=(Paragraph(f"{counted(n_films, 'labelled film')}."), _images(audit)),
            ),
        ),
    )


def _images(audit: Audit) -> Table:
    labels = tuple(dict.fromkeys(label for row in audit.images.values() for label in row))
    return Table(
        columns=("Part", *labels, "All"),
        rows=tuple(
            (
                part,
                *(f"{row.get(label, 0):,}" for label in labels),
                f"{sum(row.values()):,}",
            )
            for part, row in audit.images.items()
        ),
        caption="Films by part and class",
        align=name_then_numbers(len(labels) + 1),
    )
