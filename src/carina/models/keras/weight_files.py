"""Whether an HDF5 file holds plain numbers, and nothing that points elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from carina.errors import ClassifierError, InputError
from carina.files.names import one_line

if TYPE_CHECKING:
    import h5py

MOST_BYTES = 2_000_000_000
"""The most bytes of numbers that a model may hold once unpacked: four times VGG16's."""
_MOST_ENTRIES = 200_000
_DEEPEST = 50
_MOST_CHUNK_BYTES = 256_000_000
# Weights hardly shrink: deflated VGG16's have 93 %. What was never written takes no room at all.
_MOST_RATIO = 200
_ALWAYS_FINE_BYTES = 16_000_000
# Deflate, shuffle, Fletcher's checksum, n-bit and scale-offset, all within HDF5 itself; another
# one would be looked for among the plug-ins of this machine.
_OWN_FILTERS = frozenset({1, 2, 3, 5, 6})


def require_plain_numbers(
    file: h5py.File, path: Path, *, error: type[InputError] = ClassifierError
) -> None:
    """Refuse an HDF5 file with links, with numbers in other files, or with too many.

    Nothing is read but what describes the file.

    Args:
        file: open for reading.
        path: what it is called in messages.
        error: the class of what is raised.

    Raises:
        InputError: of class `error`, naming what stands in the way.
    """
    n_bytes = 0
    for place, dataset in _datasets(file, path, error):
        problem = _problem_of(dataset)
        if problem:
            raise error(f"{path}: '{place}' {problem}; save the model again as one plain file")
        n_bytes += dataset.nbytes
        if n_bytes > MOST_BYTES:
            raise error(
                f"{path} unpacks to more than {MOST_BYTES / 1e6:,.0f} MB of numbers, and that is "
                "the most that is read"
            )


def _problem_of(dataset: h5py.Dataset) -> str:
    """Return what is wrong with a data set, as the rest of a sentence, or ""."""
    if dataset.external or dataset.is_virtual:
        return "keeps its numbers in another file"
    if dataset.dtype.kind not in "fiub":
        return f"holds no plain numbers ({dataset.dtype})"
    settings = dataset.id.get_create_plist()
    filters = [settings.get_filter(place)[0] for place in range(settings.get_nfilters())]
    others = [number for number in filters if number not in _OWN_FILTERS]
    if others:
        return f"was packed by a filter that is no part of HDF5 (number {others[0]})"
    chunk = dataset.dtype.itemsize
    for side in dataset.chunks or ():
        chunk *= side
    if chunk > _MOST_CHUNK_BYTES:
        return f"is stored in pieces of {chunk / 1e6:,.0f} MB"
    if dataset.nbytes > max(_ALWAYS_FINE_BYTES, _MOST_RATIO * dataset.id.get_storage_size()):
        return (
            f"unpacks {dataset.id.get_storage_size():,} bytes to {dataset.nbytes:,}, which no "
            "weights do"
        )
    return ""


def _datasets(
    file: h5py.File, path: Path, error: type[InputError]
) -> Iterator[tuple[str, h5py.Dataset]]:
    """Yield every data set with its name, without following a link."""
    import h5py

    waiting: list[tuple[h5py.Group, str, int]] = [(file, "", 0)]
    known = {h5py.h5o.get_info(file["/"].id).addr}
    n_entries = 0
    while waiting:
        group, above, depth = waiting.pop()
        for name in group:
            n_entries += 1
            place = one_line(f"{above}/{name}")[:200]
            if n_entries > _MOST_ENTRIES or depth > _DEEPEST:
                raise error(f"{path} has more than {_MOST_ENTRIES:,} entries, or nests them "
                            f"more than {_DEEPEST} deep")  # fmt: skip
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise error(
                    f"{path} has a link at '{place}', which may lead to any file; save the model "
                    "again as one file"
                )
            entry = group[name]
            address = h5py.h5o.get_info(entry.id).addr
            if address in known:
                raise error(f"{path} has a second name for one thing at '{place}'; save it again")
            known.add(address)
            if isinstance(entry, h5py.Group):
                waiting.append((entry, f"{above}/{name}", depth + 1))
            elif isinstance(entry, h5py.Dataset):
                yield place, entry
