"""Where the lung mask of a film lies."""

from __future__ import annotations

from pathlib import Path

from carina.domain.record import Record
from carina.files.tree import home_of, is_file

MASKS_FOLDER = "lung-masks"
"""In the folder of a data set: for `train/Covid/a.jpg` its mask is
`lung-masks/train/Covid/a.png`."""


def mask_beside(root: Path, film: Path) -> str | None:
    """Return the path of a film's mask in `MASKS_FOLDER`, relative as the film's name is; None
    if it has none.

    Args:
        root: the folder of the data set.
        film: the film's file, in `root` or below.
    """
    mask = root / MASKS_FOLDER / film.relative_to(root).with_suffix(".png")
    return mask.relative_to(home_of(root)).as_posix() if is_file(mask) else None


def lung_mask_file(record: Record) -> Path | None:
    """Return the file of a film's lung mask; None if it has none, or where it lies is not known."""
    whole, own = record.file.as_posix(), f"/{record.path}"
    if record.lung_mask is None or not whole.endswith(own):
        return None
    return Path(whole.removesuffix(own)) / record.lung_mask
