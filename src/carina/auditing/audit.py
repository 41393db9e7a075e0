"""What is in a data set, and what is wrong with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from carina.auditing.ages import judge_ages
from carina.auditing.confounders import find_confounders, why_not
from carina.auditing.findings import write_findings
from carina.auditing.leaks import find_leaks
from carina.auditing.misfits import find_misfits
from carina.auditing.power import power_of_test
from carina.auditing.sources import source_tables
from carina.data.grouping import (
    NearPairs,
    duplicate_groups,
    group_by_patient_and_pixels,
    identical_groups,
)
from carina.data.scan import FilmScan
from carina.domain.audit import Audit, LabelConflict, SharedFilm
from carina.domain.dataset import Dataset
from carina.domain.progress import Progress, silent
from carina.domain.record import Record
from carina.domain.sentences import counted
from carina.imaging.burned_in_text import WRITING_CAUTION

NOT_CHECKED = (
    "labels that are wrong without a copy to contradict them",
    "films of one patient under two names or numbers",
)
_NO_SKETCHES = "near-duplicates, confounders in the pixels and films that do not belong"


def audit_dataset(
    dataset: Dataset,
    scan: FilmScan,
    near: NearPairs = (),
    *,
    against: Sequence[SharedFilm] | None = None,
    progress: Progress = silent,
) -> Audit:
    """Return what is in a data set and what is wrong with it.

    `Audit.not_checked` names what is not looked at.

    Args:
        dataset: the films; those that could not be read count as unreadable and nowhere else.
        scan: what they told.
        near: films that show nearly the same picture (`duplicates.near_pairs`).
        against: films that another data set has too (`duplicates.find_shared`); None: it was
            held against none.
        progress: told as the work goes on.
    """
    dataset = dataset.with_records(r for r in dataset.records if r.key in scan.facts)
    identical = identical_groups(dataset.records, scan)
    duplicates = duplicate_groups(dataset.records, scan, near)
    groups = inseparable_films(dataset, scan, near)
    found = Audit(
        images=dataset.counts(),
        patients=_patients(dataset),
        exact_duplicates=tuple(_names(dataset, group) for group in identical),
        near_duplicates=tuple(
            _names(dataset, group) for group in duplicates if _is_near(scan, group)
        ),
        leaks=find_leaks(dataset, scan, duplicates),
        label_conflicts=_label_conflicts(dataset, duplicates),
        confounders=find_confounders(dataset, scan, groups=groups, progress=progress),
        sources=source_tables(dataset, scan),
        misfits=find_misfits(dataset, scan),
        ages=judge_ages(dataset, scan),
        against=tuple(against or ()),
        power=power_of_test(dataset),
        writing=_with_writing(dataset, scan),
        unreadable=scan.unreadable,
        not_checked=_not_checked(dataset, scan, why_not(dataset, scan, groups=groups)),
    )
    findings = write_findings(dataset, found, held_against_other=against is not None)
    return found.model_copy(update={"findings": findings})


def _names(dataset: Dataset, group: Iterable[Record]) -> tuple[str, ...]:
    return tuple(sorted(dataset.name_of(record) for record in group))


def _is_near(scan: FilmScan, group: Iterable[Record]) -> bool:
    """Return whether the films of a group are not all identical."""
    return len({scan.facts[record.key].pixel_digest for record in group}) > 1


def inseparable_films(dataset: Dataset, scan: FilmScan, near: NearPairs = ()) -> dict[str, str]:
    """Return record key -> what cross-validation must not part: a patient, copies of one film.

    Args:
        dataset: the films; unlabelled and unreadable ones are left out.
        scan, near: as for `audit_dataset`.
    """
    labelled = [r for r in dataset.records if r.label is not None and r.key in scan.facts]
    groups = group_by_patient_and_pixels(labelled, scan, near)
    return {record.key: group[0].key for group in groups for record in group}


def _label_conflicts(
    dataset: Dataset, duplicates: Sequence[Sequence[Record]]
) -> tuple[LabelConflict, ...]:
    conflicts = []
    for group in duplicates:
        labelled = [record for record in group if record.label is not None]
        labels = tuple(sorted({record.label for record in labelled if record.label is not None}))
        if len(labels) > 1:
            conflicts.append(LabelConflict(paths=_names(dataset, labelled), labels=labels))
    return tuple(conflicts)


def _patients(dataset: Dataset) -> Mapping[str, Mapping[str, int]]:
    """Return part -> class -> patients; empty where no film's patient is known."""
    known: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for record in dataset.records:
        if record.patient is not None and record.label is not None:
            known[record.part or "all"][record.label].add(record.patient)
    return {
        part: {label: len(own.get(label, ())) for label in dataset.labels.names}
        for part, own in sorted(known.items())
    }


def _with_writing(dataset: Dataset, scan: FilmScan) -> tuple[str, ...]:
    """Return the films whose pixels seem to hold lines of writing."""
    carrying = (r for r in dataset.records if WRITING_CAUTION in scan.facts[r.key].cautions)
    return _names(dataset, carrying)


def _not_checked(
    dataset: Dataset, scan: FilmScan, confounders_because: str | None
) -> tuple[str, ...]:
    n_unknown = sum(record.patient is None for record in dataset.records)
    return (
        *NOT_CHECKED,
        *([_NO_SKETCHES] if scan.sketches is None else []),
        *([f"confounders: {confounders_because}"] if confounders_because else []),
        *(
            [f"films of unknown patients ({n_unknown:,}): whether they share one with others"]
            if n_unknown
            else []
        ),
        *(
            [f"{counted(len(scan.unreadable), 'file')} that cannot be read"]
            if scan.unreadable
            else []
        ),
    )
