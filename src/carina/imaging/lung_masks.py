"""Lung masks: where the lungs lie on a film, as somebody drew it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from carina.domain.input_spec import InputSpec
from carina.domain.radiograph import Radiograph
from carina.errors import DatasetError
from carina.imaging.prepare import from_levels, prepare_levels
from carina.imaging.read import read_radiograph

# A mask of another size is fitted like its film; one of another shape belongs to another film.
_MOST_STRETCHED = 0.02


def read_lung_mask(file: Path, *, height: int, width: int) -> NDArray[np.bool_]:
    """Return the lung mask in an image file: bool, the file's size; white is lung.

    Args:
        file: a grey or black-and-white picture.
        height, width: pixels of the film that it belongs to.

    Raises:
        ImageError: if it cannot be read.
        DatasetError: if it has another shape than the film, or shows no lung.
    """
    mask = read_radiograph(file).pixels > 0.5
    if abs(mask.shape[0] * width / (mask.shape[1] * height) - 1) > _MOST_STRETCHED:
        raise DatasetError(
            f"the lung mask {file.name} has {mask.shape[1]} x {mask.shape[0]} pixels and its film "
            f"{width} x {height}; give a mask of the shape of its film"
        )
    if not mask.any():
        raise DatasetError(
            f"the lung mask {file.name} shows no lung; draw the lungs white on black"
        )
    return np.asarray(mask)


def mask_on_grid(mask: NDArray[np.bool_], spec: InputSpec) -> NDArray[np.bool_]:
    """Return a mask over a film as a mask over the network's picture of it.

    Args:
        mask: bool `[rows, columns]` over the whole film; of any size.
        spec: how films come onto the network's grid.

    Returns:
        bool `[height, width]` of the spec; False where the film does not reach.
    """
    film = Radiograph(
        pixels=mask.astype(np.float32),
        path=Path("lung-mask"),
        sha256="",
        file_format="PNG",
        colour_mode="1",
    )
    plain = spec.model_copy(update={"denoise": "none", "mask": "none"})
    return np.asarray(from_levels(prepare_levels(film, plain)) > 0.5)
