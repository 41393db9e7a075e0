"""The films that a search may see: train and validation, in folds; the test part is set apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from carina.auditing.duplicates import near_pairs
from carina.data import open_dataset
from carina.data.balance import films_to_leave_out
from carina.data.cache import PreparedPixels
from carina.data.cut import Group, cut_folds
from carina.data.grouping import group_by_patient_and_pixels
from carina.data.patients import load_patient_key
from carina.data.scan import FilmScan, scan_films
from carina.data.split import split_dataset
from carina.data.suitability import require_trainable
from carina.domain.dataset import Dataset
from carina.domain.progress import Progress
from carina.domain.recipe import Recipe
from carina.domain.record import Part, Record
from carina.domain.sentences import counted
from carina.files.digests import sha256_bytes
from carina.imaging.denoise import require_filter
from carina.settings import Settings

if TYPE_CHECKING:
    from carina.training.films import FilmPart, TrainingFilms


@dataclass(frozen=True, slots=True)
class SearchFilms:
    """What a search trains and validates on, without a single film of the test part.

    Attributes:
        dataset: the films that take part, and no others.
        scan: what these told; it knows no others.
        groups: the same films, in groups that stay together.
        test: what became of the test part, in words.
        settings: caches and keys.
        progress: told where films are read again for another input.
    """

    dataset: Dataset
    scan: FilmScan
    groups: Sequence[Group]
    test: str
    settings: Settings
    progress: Progress
    _pixels: dict[str, PreparedPixels] = field(default_factory=dict)

    def folds(self, n_folds: int, seed: int) -> list[list[Record]]:
        """Return the films of every fold, cut by patient and duplicate group.

        Raises:
            DatasetError: if a class has too few patients for a film in each fold.
        """
        numbers = cut_folds(self.groups, n_folds, seed=seed, scan=self.scan)
        folds: list[list[Record]] = [[] for _ in range(n_folds)]
        for group, number in zip(self.groups, numbers, strict=True):
            folds[number].extend(group)
        return folds

    def training_films(
        self, folds: Sequence[Sequence[Record]], held_out: int, recipe: Recipe
    ) -> TrainingFilms:
        """Return a fold to validate on and the others to train on.

        Args:
            folds: of `folds`.
            held_out: the fold's number.
            recipe: whose input the films are prepared for.

        Raises:
            MissingExtraError: if its noise filter is not installed.
            StorageError: if the cache cannot be written.
        """
        from carina.training.films import TrainingFilms

        pixels = self._prepared(recipe)
        others = [r for number, fold in enumerate(folds) if number != held_out for r in fold]
        return TrainingFilms(
            self._part(others, pixels), self._part(folds[held_out], pixels), recipe.input
        )

    def identity(self) -> dict[str, str]:
        """Return what tells these films from any others: how many there are of each class, and
        a digest of their content, classes and groups."""
        counts = Counter(record.label for record in self.dataset.records)
        facts = self.scan.facts
        rows = sorted(
            f"{facts[record.key].sha256}\x1f{record.label}\x1f{number}"
            for number, group in enumerate(self._by_content())
            for record in group
        )
        return {
            "films": ", ".join(f"{counts[name]} {name}" for name in self.dataset.labels.names),
            "films' digest": sha256_bytes("\x1e".join(rows).encode())[:16],
        }

    def _by_content(self) -> list[Group]:
        """Return the groups in an order that the films' names have no part in."""
        return sorted(
            self.groups, key=lambda group: min(self.scan.facts[r.key].sha256 for r in group)
        )

    def _prepared(self, recipe: Recipe) -> PreparedPixels:
        spec = recipe.input
        if spec.digest not in self._pixels:
            own = self.scan.pixels
            if own is None or own.spec != spec:
                own = _scanned(self.dataset, recipe, self.settings, self.progress).pixels
            assert own is not None  # scanned with an input spec
            self._pixels[spec.digest] = own
        return self._pixels[spec.digest]

    def _part(self, records: Sequence[Record], pixels: PreparedPixels) -> FilmPart:
        """Return films as training takes them, in the order of their content."""
        from carina.training.films import FilmPart

        facts, labels = self.scan.facts, self.dataset.labels
        ordered = sorted(records, key=lambda record: (facts[record.key].sha256, record.key))
        key_of = {facts[record.key].sha256: record.key for record in ordered}
        return FilmPart(
            keys=tuple(facts[record.key].sha256 for record in ordered),
            labels=np.array([labels.index(r.label or "") for r in ordered], dtype=np.int64),
            read_levels=lambda digests: pixels.levels([key_of[digest] for digest in digests]),
        )


def open_search_films(
    data: Sequence[str | Path], recipe: Recipe, settings: Settings, progress: Progress
) -> SearchFilms:
    """Return the films of DATA that a search may see.

    Where the data describe a test part for every film, its films are put aside before anything
    is decoded. Where one has to be cut, it is the part that `carina train` cuts with the same
    recipe: for that each film is decoded once and compared with the others for copies, and then
    the test films are forgotten.

    Args:
        data: folders, manifests or archives.
        recipe: its labels, split and input count.
        settings: caches and keys.
        progress: told as films are read.

    Raises:
        MissingExtraError: if the recipe's noise filter is not installed.
        DatasetError: if the data cannot be opened, or cannot be trained on.
        StorageError: if the cache cannot be written.
    """
    key = load_patient_key(settings.config_dir, given=settings.patient_key)
    dataset = open_dataset(data, labels=recipe.labels, patient_key=key)
    tested = _described_test(dataset, recipe)
    n_test = sum(record.part in tested for record in dataset.records)
    dataset = dataset.with_records(r for r in dataset.records if r.part not in tested)
    scan = _scanned(dataset, recipe, settings, progress)
    require_trainable(dataset, scan, max_unreadable=recipe.train.max_unreadable)
    near = near_pairs(dataset.records, scan, progress)
    if tested:
        seen = _seen_beside_described_test(dataset, scan, recipe)
        test = (
            f"the {counted(n_test, 'film')} of the described test part were put aside before any "
            "film was decoded"
        )
    else:
        split = split_dataset(dataset, scan, recipe.split, near)
        seen = {key for key, part in split.parts.items() if part != "test"}
        test = (
            f"{counted(len(split.parts) - len(seen), 'film')} were cut from the data as the test "
            f"part, the same that carina train cuts with split.seed={recipe.split.seed}: every "
            "film was decoded once to find copies and to cut the parts, then these were forgotten"
        )
    dataset = dataset.with_records(record for record in dataset.records if record.key in seen)
    scan = _without_others(scan, seen)
    groups = group_by_patient_and_pixels(dataset.records, scan, near)
    return SearchFilms(dataset, scan, groups, test, settings, progress)


def _described_test(dataset: Dataset, recipe: Recipe) -> frozenset[Part]:
    """Return the described parts that a training by the recipe tests on, where every film has a
    part; none where they are yet to be cut."""
    parts = {record.part for record in dataset.records if record.label is not None}
    described: set[Part] = {part for part in parts if part is not None}
    if recipe.split.mode == "cut" or None in parts:
        return frozenset()
    checking: set[Part] = described - {"train"}
    if recipe.split.mode == "as-described" and len(checking) == 1:
        return frozenset(checking)
    return frozenset(described & {"test"})


def _seen_beside_described_test(dataset: Dataset, scan: FilmScan, recipe: Recipe) -> set[str]:
    """Return the keys of the films to search with, of those that no test part describes."""
    films = [r for r in dataset.records if r.label is not None and r.key in scan.facts]
    left_out: Mapping[str, Part] = {}
    if recipe.split.balanced:
        parts: dict[str, Part] = {record.key: record.part or "train" for record in films}
        left_out = films_to_leave_out(films, parts, seed=recipe.split.seed, scan=scan)
    return {record.key for record in films if record.key not in left_out}


def _scanned(dataset: Dataset, recipe: Recipe, settings: Settings, progress: Progress) -> FilmScan:
    denoise = recipe.input.denoise
    require_filter(denoise, needed_for=f"the recipe '{recipe.name}' with input.denoise={denoise}")
    return scan_films(dataset, spec=recipe.input, cache_dir=settings.cache_dir, progress=progress)


def _without_others(scan: FilmScan, seen: set[str]) -> FilmScan:
    """Return what some films told, and their pixels, without those of any other."""
    pixels = scan.pixels
    assert pixels is not None  # scanned with an input spec
    return FilmScan(
        facts={key: facts for key, facts in scan.facts.items() if key in seen},
        unreadable=scan.unreadable,
        unreadable_keys=scan.unreadable_keys,
        pixels=PreparedPixels(
            pixels.spec,
            pixels.rows,
            {key: row for key, row in pixels.row_of.items() if key in seen},
        ),
    )
