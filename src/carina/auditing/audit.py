"""What is in a data set, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from carina.auditing.findings import write_findings
from carina.auditing.leaks import find_leaks
from carina.data.grouping import identical_groups
from carina.data.scan import FilmScan
from carina.domain.audit import Audit, LabelConflict
from carina.domain.dataset import Dataset
from carina.domain.record import Record

NOT_CHECKED = (
    "near duplicates: the same film after scaling, cropping or saving again",
    "confounders: whether borders, size, colour mode or file format tell the class",
    "labels that are wrong without a copy to contradict them",
    "films that do not belong: laterals, other body parts, pictures that are no films",
)


def audit_dataset(dataset: Dataset, scan: FilmScan) -> Audit:
    """Return what is in a data set and what is wrong with it.

    Looked at: counts, unreadable files, films with identical bytes or pixels, the same
    patient in two described parts, one picture under two classes. `Audit.not_checked` names
    what is not looked at.

    Args:
        dataset: the films; those that could not be read count as unreadable and nowhere else.
        scan: what they told.
    """
    dataset = dataset.with_records(r for r in dataset.records if r.key in scan.facts)
    identical = identical_groups(dataset.records, scan)
    duplicates = tuple(_names(dataset, group) for group in identical)
    leaks = find_leaks(dataset, scan, identical)
    conflicts = _label_conflicts(dataset, identical)
    return Audit(
        images=dataset.counts(),
        unreadable=scan.unreadable,
        exact_duplicates=duplicates,
        leaks=leaks,
        label_conflicts=conflicts,
        findings=write_findings(
            dataset,
            leaks=leaks,
            conflicts=conflicts,
            duplicates=duplicates,
            unreadable=scan.unreadable,
        ),
        not_checked=(*NOT_CHECKED, *_patients_not_checked(dataset)),
    )


def _names(dataset: Dataset, group: Iterable[Record]) -> tuple[str, ...]:
    return tuple(sorted(dataset.name_of(record) for record in group))


def _label_conflicts(
    dataset: Dataset, identical: Sequence[Sequence[Record]]
) -> tuple[LabelConflict, ...]:
    conflicts = []
    for group in identical:
        labelled = [record for record in group if record.label is not None]
        labels = tuple(sorted({record.label for record in labelled if record.label is not None}))
        if len(labels) > 1:
            conflicts.append(LabelConflict(paths=_names(dataset, labelled), labels=labels))
    return tuple(conflicts)


def _patients_not_checked(dataset: Dataset) -> tuple[str, ...]:
    n_unknown = sum(record.patient is None for record in dataset.records)
    if n_unknown == 0:
        return ()
    return (f"whether {n_unknown} films of unknown patients share a patient with others",)
