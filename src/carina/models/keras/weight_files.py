"""Whether an HDF5 file holds plain numbers, and nothing that points elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from carina.errors import ClassifierError

if TYPE_CHECKING:
    from pathlib import Path

    import h5py

MOST_BYTES = 2_000_000_000
"""The most bytes of numbers that a model may hold once unpacked: four times VGG16's."""
_MOST_ENTRIES = 200_000


def require_plain_numbers(file: h5py.File, path: Path) -> None:
    """Refuse an HDF5 file with links, with numbers in other files, or with too many.

    Args:
        file: open for reading.
        path: what it is called in messages.

    Raises:
        ClassifierError: naming what stands in the way.
    """
    n_bytes = 0
    for name, dataset in _datasets(file, path):
        if dataset.external or dataset.is_virtual:
            raise ClassifierError(
                f"{path} keeps the numbers of '{name}' in another file; save the model again as "
                "one file"
            )
        n_bytes += dataset.nbytes
        if n_bytes > MOST_BYTES:
            raise ClassifierError(
                f"{path} unpacks to more than {MOST_BYTES / 1e6:,.0f} MB of numbers, and that is "
                "the most that is read"
            )


def _datasets(file: h5py.File, path: Path) -> Iterator[tuple[str, h5py.Dataset]]:
    """Yield every data set with its name, without following a link."""
    import h5py

    waiting: list[h5py.Group] = [file]
    n_entries = 0
    while waiting:
        group = waiting.pop()
        for name in group:
            n_entries += 1
            if n_entries > _MOST_ENTRIES:
                raise ClassifierError(f"{path} has more than {_MOST_ENTRIES:,} entries")
            place = f"{group.name}/{name}".replace("//", "/")
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ClassifierError(
                    f"{path} has a link at '{place}', which may lead to any file; save the model "
                    "again as one file"
                )
            entry = group[name]
            if isinstance(entry, h5py.Group):
                waiting.append(entry)
            elif isinstance(entry, h5py.Dataset):
                yield place, entry
