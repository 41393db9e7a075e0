"""Records -> train, validation and test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from carina.data.balance import cautions_on_balance, films_to_leave_out
from carina.data.cut import Group, cut_groups
from carina.data.grouping import (
    NearPairs,
    duplicate_groups,
    duplicate_numbers,
    group_by_patient_and_pixels,
)
from carina.data.scan import FilmScan
from carina.domain.dataset import Dataset
from carina.domain.recipe import SplitSection
from carina.domain.record import PARTS, Part, Record
from carina.domain.sentences import counted
from carina.domain.split import Split
from carina.errors import DatasetError

_CHECKING: tuple[Part, ...] = ("validation", "test")


def split_dataset(
    dataset: Dataset, scan: FilmScan, section: SplitSection, near: NearPairs = ()
) -> Split:
    """Return a part for every labelled film that could be read.

    Described parts stay as they are. What is missing is cut from the described train part
    (`section.validation` of it, and `section.test` where no test part is described), and
    films without a described part are cut by the same shares. Every cut keeps the films
    of one patient, identical films and near-duplicates together, holds each class's share,
    and depends on the seed and the films' content alone. `mode="as-described"` uses the one
    described part beside train both for validation and for test; `mode="cut"` cuts
    everything anew.
    `balanced` then leaves films out, in described parts too, and a caution counts them.

    Args:
        dataset: the films.
        scan: what they told; its unreadable films are in no part.
        section: the recipe's section.
        near: films that show nearly the same picture.

    Raises:
        DatasetError: if nothing is left to train on, or a class has too few patients for a
            film in each part.
    """
    records = [r for r in dataset.records if r.label is not None and r.key in scan.facts]
    if not records:
        raise DatasetError("there is no labelled film that can be read, so nothing to split")
    groups = group_by_patient_and_pixels(records, scan, near)
    described = _described(records) if section.mode != "cut" else ()
    parts: dict[str, Part] = {r.key: r.part for r in records if described and r.part is not None}
    is_shared = section.mode == "as-described" and len(set(described) - {"train"}) == 1
    if is_shared:
        parts = {key: "train" if part == "train" else "test" for key, part in parts.items()}
    kept = dict(parts)
    cutting = _Cutting(groups, scan, section, is_shared)
    _cut_missing(cutting, parts)
    _cut_free(cutting, parts)
    if "train" not in parts.values():
        raise DatasetError(
            f"the data set describes {' and '.join(described)} but no train part; add one, or "
            "have all films cut anew with --set split.mode=cut"
        )
    left_out: dict[str, Part] = {}
    if section.balanced:
        left_out = films_to_leave_out(records, parts, seed=section.seed, scan=scan)
        parts = {key: part for key, part in parts.items() if key not in left_out}
    used = [record for record in records if record.key in parts]
    return Split(
        parts=MappingProxyType(parts),
        duplicate_groups=MappingProxyType(
            dict(duplicate_numbers(duplicate_groups(used, scan, near)))
        ),
        seed=None if parts == kept else section.seed,
        described=described,
        cautions=(
            *_cautions_on_parts(described, parts, is_shared=is_shared),
            *cautions_on_balance(left_out, described),
            *_cautions_on_leaks(group_by_patient_and_pixels(used, scan, near), parts),
        ),
        validation_is_test=is_shared,
        left_out=MappingProxyType(left_out),
    )


@dataclass(frozen=True, slots=True)
class _Cutting:
    """What both cuts of a data set go by.

    Attributes:
        groups: every film to split, in groups that stay together.
        scan: the films' facts.
        section: the shares and the seed.
        is_shared: one part serves for validation and for test.
    """

    groups: Sequence[Group]
    scan: FilmScan
    section: SplitSection
    is_shared: bool

    def cut(
        self,
        free: Sequence[Group],
        counts: Mapping[str, int],
        into: Sequence[Part],
        *,
        held: Mapping[Part, frozenset[str]],
    ) -> dict[str, Part]:
        """Return the part of every film of `free`: one of `into`, by its share of `counts`
        (class -> number of films), or train."""
        shares: dict[Part, float] = {
            "validation": self.section.validation,
            "test": self.section.test,
        }
        targets = {part: {name: shares[part] * n for name, n in counts.items()} for part in into}
        return cut_groups(free, targets, seed=self.section.seed, scan=self.scan, held=held)


def _described(records: Sequence[Record]) -> tuple[Part, ...]:
    present = {record.part for record in records}
    return tuple(part for part in PARTS if part in present)


def _cut_missing(cutting: _Cutting, parts: dict[str, Part]) -> None:
    """Cut the parts that a described split lacks from its train part.

    Groups that also lie in another described part stay where they are, so that a part of
    ours is never made of films that leak.
    """
    present = set(parts.values())
    missing = [part for part in _CHECKING if part not in present]
    if not present or not missing or cutting.is_shared:
        return
    groups = cutting.groups
    train = [group for group in groups if {parts.get(r.key) for r in group} <= {"train", None}]
    train = [group for group in train if any(r.key in parts for r in group)]
    if not train:
        return
    in_train = Counter(r.label or "" for g in groups for r in g if parts.get(r.key) == "train")
    held: dict[Part, frozenset[str]] = {"train": _classes_of("train", groups, parts, but=train)}
    parts |= cutting.cut(train, in_train, missing, held=held)


def _cut_free(cutting: _Cutting, parts: dict[str, Part]) -> None:
    """Cut the films that no described split speaks of; those that share a patient or a
    picture with a film that has a part follow it."""
    free = []
    for group in cutting.groups:
        known = {parts[record.key] for record in group if record.key in parts}
        if not known:
            free.append(group)
            continue
        # Beside a leak that is there already, train adds no film to those that leak.
        follows = next(part for part in PARTS if part in known)
        parts |= {record.key: follows for record in group if record.key not in parts}
    if not free:
        return
    counts = Counter(record.label or "" for group in free for record in group)
    held = {part: _classes_of(part, cutting.groups, parts, but=free) for part in PARTS}
    parts |= cutting.cut(free, counts, ("test",) if cutting.is_shared else _CHECKING, held=held)


def _classes_of(
    part: Part, groups: Sequence[Group], parts: Mapping[str, Part], *, but: Collection[Group]
) -> frozenset[str]:
    apart = {group[0].key for group in but}
    return frozenset(
        record.label or ""
        for group in groups
        if group[0].key not in apart
        for record in group
        if parts.get(record.key) == part
    )


def _cautions_on_parts(
    described: Sequence[Part], parts: Mapping[str, Part], *, is_shared: bool
) -> list[str]:
    if is_shared:
        n_shared = sum(part == "test" for part in parts.values())
        return [
            f"as described, the same {n_shared} films serve for validation and for test: the "
            "network was chosen on the films it is tested on, so the test figures flatter it"
        ]
    cautions = []
    if described and "validation" not in described:
        n_films = sum(part == "validation" for part in parts.values())
        cautions.append(
            f"no validation part is described: {n_films} films were cut from train by patient "
            "and duplicate group"
        )
    if described and "test" not in described:
        n_films = sum(part == "test" for part in parts.values())
        cautions.append(
            f"no test part is described: {n_films} films were cut from train by patient and "
            "duplicate group; the described validation part still chooses the network"
        )
    return cautions


def _cautions_on_leaks(groups: Sequence[Group], parts: Mapping[str, Part]) -> list[str]:
    """Say how many validation films the training knows.

    What a test part shares is not said here: the evaluation gives its figures without.
    """
    shared = 0
    for group in groups:
        inside = Counter(parts[record.key] for record in group)
        if "train" in inside:
            shared += inside["validation"]
    if not shared:
        return []
    share = "shares" if shared == 1 else "share"
    return [
        f"{counted(shared, 'film')} of the validation part {share} a patient or a picture with "
        "films of the train part; the described split was kept, so the chosen epoch is the one "
        "that remembers them best, and the validation figures flatter"
    ]
