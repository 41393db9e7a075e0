"""Where the lung mask of a film lies."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from carina.domain.record import Record

MASKS_FOLDER = "lung-masks"
"""In the folder of a data set: for `train/Covid/a.jpg` its mask is
`lung-masks/train/Covid/a.png`."""


def mask_beside(root: Path, path: str) -> str | None:
    """Return the path of a film's mask in `MASKS_FOLDER`, relative as the film's; None if it
    has none.

    Args:
        root: the data set's folder.
        path: the film's, relative to `root`.
    """
    mask = f"{MASKS_FOLDER}/{PurePosixPath(path).with_suffix('.png')}"
    return mask if (root / mask).is_file() else None


def lung_mask_file(record: Record) -> Path | None:
    """Return the file of a film's lung mask; None if it has none, or where it lies is not known."""
    whole, own = record.file.as_posix(), f"/{record.path}"
    if record.lung_mask is None or not whole.endswith(own):
        return None
    return Path(whole.removesuffix(own)) / record.lung_mask
