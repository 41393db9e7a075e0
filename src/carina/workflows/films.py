"""DATA, opened and judged, ready to be trained on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from carina.auditing.audit import audit_dataset
from carina.data import open_dataset
from carina.data.patients import load_patient_key
from carina.data.scan import FilmScan, scan_films, with_views
from carina.data.split import split_dataset
from carina.data.suitability import require_trainable
from carina.domain.audit import Audit
from carina.domain.dataset import Dataset
from carina.domain.progress import Progress
from carina.domain.recipe import Recipe
from carina.domain.record import Part, Record
from carina.domain.split import Split
from carina.settings import Settings


@dataclass(frozen=True, slots=True)
class Films:
    """DATA, opened and judged.

    Attributes:
        dataset: every record.
        scan: what one decoding of each film told, and the prepared pixels.
        split: the part of every labelled, readable record.
        audit: what is wrong with it all.
    """

    dataset: Dataset
    scan: FilmScan
    split: Split
    audit: Audit

    def of(self, part: Part) -> list[Record]:
        """Return a part's records in the order of their content, whatever their names."""
        if part == "validation" and self.split.validation_is_test:
            part = "test"
        records = [r for r in self.dataset.records if self.split.parts.get(r.key) == part]
        return sorted(records, key=lambda r: (self.scan.facts[r.key].sha256, r.key))

    def seen_while_training(self) -> frozenset[str]:
        """Return the keys of test films that training or validation knows: the same film,
        or another film of the same patient."""
        groups, patients = set(), set()
        # Where validation is the test part itself, a caution of the split says so.
        choosing: tuple[Part, ...] = () if self.split.validation_is_test else ("validation",)
        for part in ("train", *choosing):
            for record in self.of(part):
                groups.add(self.split.duplicate_groups.get(record.key))
                patients.add(record.patient)
        known_groups, known_patients = groups - {None}, patients - {None}
        return frozenset(
            record.key
            for record in self.of("test")
            if record.patient in known_patients
            or self.split.duplicate_groups.get(record.key) in known_groups
        )


def open_films(
    data: Sequence[str | Path], recipe: Recipe, settings: Settings, progress: Progress
) -> Films:
    """Return the films of DATA, split and audited.

    Raises:
        DatasetError: if the data cannot be opened, or cannot be trained on.
        StorageError: if the cache cannot be written.
    """
    key = load_patient_key(settings.config_dir, given=settings.patient_key)
    dataset = open_dataset(data, labels=recipe.labels, patient_key=key)
    scan = scan_films(dataset, spec=recipe.input, cache_dir=settings.cache_dir, progress=progress)
    largest_share = recipe.train.max_unreadable
    require_trainable(dataset, scan, max_unreadable=largest_share)
    dataset = with_views(dataset, scan)
    split = split_dataset(dataset, scan, recipe.split)
    require_trainable(dataset, scan, max_unreadable=largest_share, split=split)
    # What is trained and tested on is judged, not what the folders had described.
    used = dataset.with_records(
        replace(record, part=split.parts.get(record.key)) for record in dataset.records
    )
    return Films(dataset, scan, split, audit_dataset(used, scan))
