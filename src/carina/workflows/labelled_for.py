"""Labelled films for a classifier's classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from carina.data import open_dataset
from carina.data.labels import spelling_key
from carina.data.patients import PatientKey
from carina.domain.dataset import Dataset
from carina.domain.label_set import LabelSet
from carina.domain.recipe import LabelsSection
from carina.errors import DatasetError


def labelled_for(
    labels: LabelSet,
    data: Sequence[str | Path],
    section: LabelsSection,
    *,
    patient_key: PatientKey,
) -> Dataset:
    """Return the data with the classes of a classifier; films of other classes lose their label,
    and a note counts them.

    Args:
        labels: the classifier's.
        data: folders, manifests or archives.
        section: how the data's own labels are read.
        patient_key: hashes patient numbers.

    Raises:
        DatasetError: if the data cannot be opened, or no film of it has one of the classes.
    """
    names = labels.names
    own_name = {spelling_key(name): name for name in names}
    aliases = {**labels.aliases, **section.aliases}
    section = section.model_copy(update={"aliases": aliases, "classes": ()})
    dataset = open_dataset(data, labels=section, patient_key=patient_key)
    classes = {found: own_name.get(spelling_key(found)) for found in dataset.labels.names}
    counts = Counter(r.label for r in dataset.records if r.label and not classes[r.label])
    records = [replace(r, label=classes[r.label] if r.label else None) for r in dataset.records]
    if not any(record.label for record in records):
        raise DatasetError(
            f"no film of the data has a label of the classifier ({', '.join(names)}; found: "
            f"{', '.join(dataset.labels.names) or 'no labels'}); map labels with "
            "--set 'labels.rename={found = \"class\"}'"
        )
    notes = (
        f"{n} films of '{label}' were not evaluated: the classifier has no such class"
        for label, n in counts.items()
    )
    return replace(
        dataset,
        records=tuple(records),
        labels=LabelSet(names=names),
        notes=(*dataset.notes, *notes),
    )
