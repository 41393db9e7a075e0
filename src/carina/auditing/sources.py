"""How the classes lie over the sources."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from carina.auditing.inferred_sources import inferred_sources
from carina.data.scan import FilmScan
from carina.domain.audit import SourceTable
from carina.domain.dataset import Dataset
from carina.domain.record import Record


def source_tables(dataset: Dataset, scan: FilmScan) -> tuple[SourceTable, ...]:
    """Return how the classes lie over the stated sources, and over inferred ones.

    A table's accuracy is that of "the commonest class of its source", on the films that the
    table itself counts: with many small sources it is a little too high.

    Args:
        dataset: the films; unlabelled and unreadable ones are passed over.
        scan: what the films told.

    Returns:
        None, one or two tables: the stated sources first. Where there is only one source,
        there is nothing to tell.
    """
    records = [r for r in dataset.records if r.label is not None and r.key in scan.facts]
    inferred = inferred_sources(records, [scan.facts[record.key] for record in records])
    stated = [record.source for record in records]
    return tuple(
        _table(dataset, records, sources, inferred=is_inferred)
        for sources, is_inferred in ((stated, False), (inferred, True))
        if len(set(sources)) > 1
    )


def _table(
    dataset: Dataset, records: Sequence[Record], sources: Sequence[str], *, inferred: bool
) -> SourceTable:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for record, source in zip(records, sources, strict=True):
        counts[source][record.label or ""] += 1
    ordered = sorted(counts, key=lambda source: (-counts[source].total(), source))
    right = sum(max(own.values()) for own in counts.values())
    return SourceTable(
        films={
            source: {label: counts[source][label] for label in dataset.labels.names}
            for source in ordered
        },
        inferred=inferred,
        majority_accuracy=right / len(records),
    )
