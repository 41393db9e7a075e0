"""DATA, opened and judged, ready to be trained on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from carina.auditing.audit import audit_dataset
from carina.auditing.duplicates import near_pairs
from carina.data import open_dataset
from carina.data.balance import count_left_out
from carina.data.grouping import NearPairs
from carina.data.labels import decide_labels
from carina.data.patients import load_patient_key
from carina.data.scan import FilmScan, scan_films, with_views
from carina.data.split import split_dataset
from carina.data.suitability import require_trainable
from carina.domain.audit import Audit
from carina.domain.dataset import Dataset
from carina.domain.progress import Progress, silent
from carina.domain.recipe import LabelsSection, Recipe
from carina.domain.record import Part, Record
from carina.domain.sentences import listed
from carina.domain.split import Split
from carina.errors import DatasetError
from carina.imaging.denoise import require_filter
from carina.settings import Settings
from carina.workflows.cluster.scan import seen_by
from carina.workflows.known_films import PlacedFilm, seen_while_training

Recorded = Callable[[Dataset, Progress], Dataset]
"""Makes a data set that of a run's record: the same films under the recorded names."""


@dataclass(frozen=True, slots=True)
class Films:
    """DATA, opened and judged.

    Attributes:
        dataset: every record, those too that the split leaves out.
        scan: what one decoding of each film told, and the prepared pixels.
        split: the part of every labelled, readable record.
        audit: what is wrong with it all.
        known: keys of films that the start weights had seen in an earlier run.
        near: pairs of record keys of films that show nearly the same picture.
    """

    dataset: Dataset
    scan: FilmScan
    split: Split
    audit: Audit
    known: frozenset[str] = frozenset()
    near: NearPairs = ()

    @property
    def used(self) -> Dataset:
        """What is trained and tested on, each film in its part: what the audit looked at."""
        return _used(self.dataset, self.split)

    @property
    def test_name(self) -> str:
        """What the test part is, in words: the sources, the fold of them, or the held-out one."""
        whole = " + ".join(source.name for source in self.dataset.sources)
        if self.split.by_source:
            return self.split.tested_on
        return f"{whole}, {self.split.tested_on}" if self.split.tested_on else whole

    def of(self, part: Part) -> list[Record]:
        """Return a part's records in the order of their content, whatever their names."""
        if part == "validation" and self.split.validation_is_test:
            part = "test"
        records = [r for r in self.dataset.records if self.split.parts.get(r.key) == part]
        return sorted(records, key=lambda r: (self.scan.facts[r.key].sha256, r.key))

    def seen_while_training(self) -> frozenset[str]:
        """Return the keys of test films that training or validation knows: the same film,
        or another film of the same patient."""
        groups, parts = self.split.duplicate_groups, self.split.parts
        placed = (
            PlacedFilm(r.key, parts[r.key], r.patient, groups.get(r.key))
            for r in self.dataset.records
            if r.key in parts
        )
        return seen_while_training(
            placed, self.known, chose_the_network=self.split.validation_is_test
        )

    def relabelled(self, section: LabelsSection) -> Films:
        """Return the same films, each in its part, with the classes that a stage asks for.

        Raises:
            DatasetError: if the section does not fit the classes, or a class that a stage
                asks for has no film to train on.
        """
        counts = Counter(r.label for r in self.dataset.records if r.key in self.split.parts)
        decision = decide_labels(
            {name: counts[name] for name in self.dataset.labels.names}, section
        )
        records = [
            replace(record, label=decision.class_of[record.label] if record.label else None)
            for record in self.dataset.records
        ]
        kept = {record.key for record in records if record.label is not None}
        parts = {key: part for key, part in self.split.parts.items() if key in kept}
        dataset = replace(self.dataset, records=tuple(records), labels=decision.labels)
        split = replace(self.split, parts=parts)
        films = replace(
            self, dataset=dataset, split=split, audit=_judged(dataset, split, self.scan, self.near)
        )
        trained_on = {record.label for record in films.of("train")}
        empty = [name for name in decision.labels.names if name not in trained_on]
        if empty:
            raise DatasetError(
                f"no film of the train part is {listed(empty)}, which a stage of the cascade "
                f"asks for; the classes found are {listed(self.dataset.labels.names)}"
            )
        return films

    def knowing(self, seen: Sequence[Mapping[str, str]]) -> Films:
        """Return the same films, knowing which of them an earlier training had seen.

        Args:
            seen: rows as in `seen.csv` of the earlier classifier; patients that were hashed
                with another key are left out of them.
        """
        pixels = {row["pixel_digest"] for row in seen}
        patients = {row["patient"] for row in seen if row["patient"]}
        known = {
            record.key
            for record in self.dataset.records
            if record.key in self.split.parts
            and (self.scan.facts[record.key].pixel_digest in pixels or record.patient in patients)
        }
        return replace(self, known=self.known | known)


@dataclass(frozen=True, slots=True)
class UncutFilms:
    """DATA, opened and decoded, before anything decides which film trains and which tests.

    Attributes:
        dataset, scan, near: as in `Films`.
    """

    dataset: Dataset
    scan: FilmScan
    near: NearPairs

    def with_split(self, split: Split, progress: Progress = silent) -> Films:
        """Return the films with a part for each, and judged."""
        audit = _judged(self.dataset, split, self.scan, self.near, progress)
        return Films(self.dataset, self.scan, split, audit, near=self.near)


def open_films(
    data: Sequence[str | Path],
    recipe: Recipe,
    settings: Settings,
    progress: Progress,
    *,
    recorded: Recorded | None = None,
    workers: int = 1,
) -> Films:
    """Return the films of DATA, split and audited.

    Args:
        data: folders, manifests or archives.
        recipe: how they are read and cut.
        settings: caches and keys.
        progress: told as the work goes on.
        recorded: makes the data set that of an earlier run's record; None: as it is.
        workers: how many processes read and decode the films.

    Raises:
        MissingExtraError: if the recipe's noise filter is not installed.
        DatasetError: if the data cannot be opened, or cannot be trained on.
        StorageError: if the cache cannot be written.
    """
    films = read_films(data, recipe, settings, progress, recorded=recorded, workers=workers)
    split = split_dataset(films.dataset, films.scan, recipe.split, films.near)
    require_trainable(
        films.dataset, films.scan, max_unreadable=recipe.train.max_unreadable, split=split
    )
    left_out = (*films.dataset.left_out, *count_left_out(films.dataset, split))
    films = replace(films, dataset=replace(films.dataset, left_out=left_out))
    return films.with_split(split, progress)


def read_films(
    data: Sequence[str | Path],
    recipe: Recipe,
    settings: Settings,
    progress: Progress,
    *,
    recorded: Recorded | None = None,
    workers: int = 1,
) -> UncutFilms:
    """Return the films of DATA, decoded once.

    Args:
        data, recipe, settings, progress, recorded, workers: as `open_films` has them.

    Raises:
        MissingExtraError, DatasetError, StorageError: as `open_films` does.
    """
    denoise = recipe.input.denoise
    require_filter(denoise, needed_for=f"the recipe '{recipe.name}' with input.denoise={denoise}")
    key = load_patient_key(settings.config_dir, given=settings.patient_key)
    dataset = open_dataset(data, labels=recipe.labels, patient_key=key)
    if recorded is not None:
        dataset = recorded(dataset, progress)
    scan = scan_films(
        dataset,
        spec=recipe.input,
        cache_dir=settings.cache_dir,
        elsewhere=seen_by(workers, settings),
        progress=progress,
    )
    require_trainable(dataset, scan, max_unreadable=recipe.train.max_unreadable)
    dataset = with_views(dataset, scan)
    return UncutFilms(dataset, scan, near_pairs(dataset.records, scan, progress))


def _judged(
    dataset: Dataset, split: Split, scan: FilmScan, near: NearPairs, progress: Progress = silent
) -> Audit:
    """Return the audit of what is trained and tested on, not of what the folders described."""
    return audit_dataset(_used(dataset, split), scan, near, progress=progress)


def _used(dataset: Dataset, split: Split) -> Dataset:
    return dataset.with_records(
        replace(record, part=split.parts.get(record.key))
        for record in dataset.records
        if record.key not in split.left_out
    )
