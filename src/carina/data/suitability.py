"""Whether a data set can be trained on at all; auditing and predicting ask for less."""

from __future__ import annotations

from collections import Counter

from carina.data.scan import FilmScan
from carina.domain.dataset import Dataset
from carina.domain.record import PARTS
from carina.domain.split import Split
from carina.errors import DatasetError

_N_SHOWN = 5


def require_trainable(
    dataset: Dataset, scan: FilmScan, *, max_unreadable: float, split: Split | None = None
) -> None:
    """Refuse a data set that no classifier can be trained on.

    Ask before the split, and again with it.

    Args:
        dataset: the films.
        scan: what they told.
        max_unreadable: the largest share of unreadable films that is put up with.
        split: the parts, once they are known.

    Raises:
        DatasetError: if too many films cannot be read, there is one class or none, a class
            has no film or only one, or a part lacks a class.
    """
    _require_readable(dataset, scan, max_unreadable)
    counts = Counter(dict.fromkeys(dataset.labels.names, 0))
    readable = [r for r in dataset.records if r.label is not None and r.key in scan.facts]
    counts.update(record.label or "" for record in readable)
    if len(counts) < 2:
        only = f"the only class is '{dataset.labels.names[0]}'" if counts else "no film is labelled"
        raise DatasetError(
            f"training needs films of two classes or more, and {only}; give a folder with a "
            "folder per class, or a CSV manifest with two labels"
        )
    for label, n_films in sorted(counts.items()):
        if n_films < 2:
            raise DatasetError(
                f"class '{label}' has {n_films or 'no'} film{'' if n_films == 1 else 's'} that can "
                "be read, and each of train, validation and test needs one; add films, join the "
                "class with another (labels.merge) or leave it out (labels.drop)"
            )
    if split is not None:
        _require_every_class_in_every_part(dataset, split)


def _require_readable(dataset: Dataset, scan: FilmScan, max_unreadable: float) -> None:
    n_films = len(dataset.records)
    n_unreadable = len(scan.unreadable)
    if n_unreadable > max_unreadable * n_films or n_unreadable == n_films:
        shown = "; ".join(f"{one.path} ({one.code})" for one in scan.unreadable[:_N_SHOWN])
        more = f" and {n_unreadable - _N_SHOWN} more" if n_unreadable > _N_SHOWN else ""
        raise DatasetError(
            f"{n_unreadable} of {n_films} films cannot be read, and training puts up with "
            f"{100 * max_unreadable:g} %: {shown}{more}; repair or remove them, or allow more with "
            "--set train.max_unreadable"
        )


def _require_every_class_in_every_part(dataset: Dataset, split: Split) -> None:
    label_of = {record.key: record.label for record in dataset.records}
    for part in PARTS:
        present = {label_of[key] for key in split.keys(part)}
        missing = [label for label in dataset.labels.names if label not in present]
        if missing:
            raise DatasetError(
                f"the {part} part has no film of {' or '.join(map(repr, missing))}; add some, or "
                "have all parts cut anew with --set split.mode=cut"
            )
