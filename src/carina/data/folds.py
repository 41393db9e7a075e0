"""Records -> several splits: every film is in the test part of exactly one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from carina.data.balance import films_to_leave_out
from carina.data.cut import Group, cut_folds, cut_groups
from carina.data.grouping import (
    NearPairs,
    duplicate_groups,
    duplicate_numbers,
    group_by_patient_and_pixels,
)
from carina.data.scan import FilmScan
from carina.domain.dataset import Dataset
from carina.domain.recipe import SplitSection
from carina.domain.record import Part, Record
from carina.domain.sentences import counted, listed
from carina.domain.split import Split
from carina.errors import DatasetError


def split_into_folds(
    dataset: Dataset,
    scan: FilmScan,
    section: SplitSection,
    near: NearPairs = (),
    *,
    n_folds: int,
) -> tuple[Split, ...]:
    """Return a split for every fold, whose test part is that fold.

    Films of one patient, identical films and near-duplicates are in one fold, and each fold
    has its share of every class. The validation part is cut from the other folds by the same
    rules. What the data describe is passed over. `balanced` leaves films out before the cut.

    Args:
        dataset: the films.
        scan: what they told; its unreadable films are in no fold.
        section: the recipe's section; its `test` share is not used.
        near: films that show nearly the same picture.
        n_folds: two or more.

    Raises:
        DatasetError: if a class has too few patients for a film in each fold, or in each part
            beside a fold.
    """
    cutting = _Cutting.of(dataset, scan, section, near)
    folds = cut_folds(cutting.groups, n_folds, seed=section.seed, scan=scan)
    return tuple(
        cutting.without(
            [group for group, fold in zip(cutting.groups, folds, strict=True) if fold == number],
            tested_on=f"fold {number + 1} of {n_folds}",
        )
        for number in range(n_folds)
    )


def split_by_source(
    dataset: Dataset, scan: FilmScan, section: SplitSection, near: NearPairs = ()
) -> tuple[Split, ...]:
    """Return a split for every source, whose test part is all films of that source.

    Films of other sources that share a patient or a picture with a film of the source are left
    out of its training, and a caution counts them. The validation part is cut from the
    other sources by patient and duplicate group. A test part may lack a class.

    Args:
        dataset, scan, section, near: as for `split_into_folds`.

    Raises:
        DatasetError: if there is one source only, or without one of them a class has too few
            patients to train on and to validate.
    """
    cutting = _Cutting.of(dataset, scan, section, near)
    sources = list(dict.fromkeys(record.source for group in cutting.groups for record in group))
    if len(sources) < 2:
        raise DatasetError(
            f"leaving one source out needs films of two or more, and all are of {listed(sources)}; "
            "give several DATA, or a CSV manifest with a column 'source'"
        )
    return tuple(cutting.without_source(name) for name in sorted(sources))


@dataclass(frozen=True, slots=True)
class _Cutting:
    """What all splits of one data set go by.

    Attributes:
        groups: every film that takes part, in groups that stay together.
        labels: every class.
        scan: the films' facts.
        section: the share of validation, and the seed.
        duplicate_groups: as in a split.
        left_out: films that take no part so that classes are balanced.
    """

    groups: Sequence[Group]
    labels: Collection[str]
    scan: FilmScan
    section: SplitSection
    duplicate_groups: Mapping[str, int]
    left_out: Mapping[str, Part]

    @classmethod
    def of(
        cls, dataset: Dataset, scan: FilmScan, section: SplitSection, near: NearPairs
    ) -> _Cutting:
        """Return what the splits go by.

        Raises:
            DatasetError: if there is no labelled film that can be read.
        """
        records = [r for r in dataset.records if r.label is not None and r.key in scan.facts]
        if not records:
            raise DatasetError("there is no labelled film that can be read, so nothing to split")
        left_out: dict[str, Part] = {}
        if section.balanced:
            everything: dict[str, Part] = {record.key: "train" for record in records}
            left_out = films_to_leave_out(records, everything, seed=section.seed, scan=scan)
        used = [record for record in records if record.key not in left_out]
        return cls(
            groups=group_by_patient_and_pixels(used, scan, near),
            labels=dataset.labels.names,
            scan=scan,
            section=section,
            duplicate_groups=MappingProxyType(
                dict(duplicate_numbers(duplicate_groups(used, scan, near)))
            ),
            left_out=MappingProxyType(left_out),
        )

    def without(self, tested: Sequence[Group], *, tested_on: str) -> Split:
        """Return the split whose test part is some of the groups."""
        keys = [record.key for group in tested for record in group]
        held = {group[0].key for group in tested}
        rest = [group for group in self.groups if group[0].key not in held]
        return self._split(keys, rest, tested_on=tested_on)

    def without_source(self, name: str) -> Split:
        """Return the split whose test part is all films of a source."""
        rest, tested, shared = [], [], []
        for group in self.groups:
            own = [record for record in group if record.source == name]
            tested += own
            if not own:
                rest.append(group)
            else:
                shared += [record for record in group if record.source != name]
        split = self._split([record.key for record in tested], rest, tested_on=name)
        cautions = split.cautions
        if shared:
            cautions = (
                *cautions,
                f"{counted(len(shared), 'film')} of other sources "
                f"{'shares' if len(shared) == 1 else 'share'} a patient or a picture with a film "
                f"of {name}: left out of the training without {name}",
            )
        unused: dict[str, Part] = {record.key: "train" for record in shared}
        return Split(
            parts=split.parts,
            duplicate_groups={k: n for k, n in split.duplicate_groups.items() if k not in unused},
            seed=split.seed,
            cautions=cautions,
            left_out=MappingProxyType({**split.left_out, **unused}),
            tested_on=name,
            by_source=True,
        )

    def _split(self, tested: Sequence[str], rest: Sequence[Group], *, tested_on: str) -> Split:
        """Return the split with a test part, and with validation cut from the rest."""
        parts: dict[str, Part] = dict.fromkeys(tested, "test")
        parts |= self._cut(rest, tested_on=tested_on)
        return Split(
            parts=MappingProxyType(parts),
            duplicate_groups=self.duplicate_groups,
            seed=self.section.seed,
            cautions=self._cautions(),
            left_out=self.left_out,
            tested_on=tested_on,
        )

    def _cut(self, rest: Sequence[Group], *, tested_on: str) -> dict[str, Part]:
        counts = Counter(record.label or "" for record in _films(rest))
        missing = [label for label in self.labels if not counts[label]]
        if missing:
            raise DatasetError(
                f"without {tested_on} no film of {listed(missing)} is left to train on; hold out "
                "folds of all sources instead (--folds 5), or leave the class out with labels.drop"
            )
        share = {label: self.section.validation * n for label, n in counts.items()}
        try:
            return cut_groups(
                rest, {"validation": share}, seed=self.section.seed, scan=self.scan, held={}
            )
        except DatasetError as error:
            raise DatasetError(f"without {tested_on}: {error}") from error

    def _cautions(self) -> tuple[str, ...]:
        if not self.left_out:
            return ()
        n_films = counted(len(self.left_out), "film")
        return (
            f"classes have equal numbers of films, as asked (split.balanced): {n_films} of "
            f"{len(self.left_out) + len(_films(self.groups))} were left out of all folds; accuracy "
            "and precision hold for classes that are equally frequent, not for the films as they "
            "came",
        )


def _films(groups: Sequence[Group]) -> list[Record]:
    return [record for group in groups for record in group]
