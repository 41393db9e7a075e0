"""What was trained on what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from carina.data.manifest import ManifestRow
from carina.domain.record import PARTS
from carina.domain.report import Block, Facts, Notice, Paragraph, Section, Table
from carina.domain.sentences import counted, sentence
from carina.reporting.sections import section
from carina.reporting.training_wording import input_in_words
from carina.reporting.wording import name_then_numbers
from carina.runs import Run

PART_TITLES = {"train": "Training", "validation": "Validation", "test": "Test"}


@section("data", order=10)
def data(run: Run) -> Section:
    """Return the section on the films."""
    rows = run.manifest
    labels = run.card.labels.names
    return Section(
        anchor="data",
        title="The films",
        blocks=(
            Paragraph(_what_each_part_is_for(rows)),
            _by_part_and_class(rows, labels),
            *_by_source(rows, labels),
            Facts(_facts(run, rows)),
            *(Notice("note", sentence(note)) for note in run.environment.notes),
        ),
    )


def _what_each_part_is_for(rows: Sequence[ManifestRow]) -> str:
    learns = "The network learns from the training part."
    if not any(row.split == "validation" for row in rows):
        return f"{learns} The test part chooses the epoch and is tested on, as described."
    return (
        f"{learns} The validation part chooses the epoch. The test part is looked at last, for "
        "the numbers of this page."
    )


def _by_part_and_class(rows: Sequence[ManifestRow], labels: Sequence[str]) -> Table:
    counts = Counter((row.split, row.label) for row in rows)
    lines: list[tuple[str | int, ...]] = [
        (PART_TITLES[part], *(counts[part, label] for label in labels))
        for part in PARTS
        if any(counts[part, label] for label in labels)
    ]
    total: tuple[str | int, ...] = (
        "All",
        *(sum(counts[part, label] for part in PARTS) for label in labels),
    )
    return Table(
        columns=("Part", *labels, "All"),
        rows=tuple(_with_sum(line) for line in (*lines, total)),
        caption="Films by part and class",
        align=name_then_numbers(len(labels) + 1),
    )


def _by_source(rows: Sequence[ManifestRow], labels: Sequence[str]) -> list[Block]:
    """Return films by source and class, where there are several sources."""
    sources = sorted({row.source for row in rows})
    if len(sources) < 2:
        return []
    counts = Counter((row.source, row.label) for row in rows)
    return [
        Table(
            columns=("Source", *labels, "All"),
            rows=tuple(
                _with_sum((source, *(counts[source, label] for label in labels)))
                for source in sources
            ),
            caption="Films by source and class",
            align=name_then_numbers(len(labels) + 1),
        )
    ]


def _with_sum(line: tuple[str | int, ...]) -> tuple[str, ...]:
    name, *counts = line
    numbers = [int(count) for count in counts]
    return (str(name), *(f"{count:,}" for count in numbers), f"{sum(numbers):,}")


def _facts(run: Run, rows: Sequence[ManifestRow]) -> tuple[tuple[str, str], ...]:
    patients = {row.patient or None for row in rows}
    known = None not in patients
    groups = {row.duplicate_group for row in rows if row.duplicate_group is not None}
    provenance = run.card.provenance
    return (
        ("Sources", ", ".join(provenance.sources)),
        ("Patients", f"{len(patients):,} known" if known else _unknown_patients(rows)),
        ("Licences", "; ".join(provenance.licences) or "not stated by the data"),
        ("Films with an identical twin", f"in {counted(len(groups), 'group')}" if groups else "0"),
        ("Prepared as", input_in_words(run.card.input)),
    )


def _unknown_patients(rows: Sequence[ManifestRow]) -> str:
    n_unknown = sum(not row.patient for row in rows)
    if n_unknown == len(rows):
        return "unknown: no film says whose it is, so that the parts may share patients"
    return f"unknown for {n_unknown:,} of {counted(len(rows), 'film')}"
