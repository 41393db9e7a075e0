"""MedMNIST's `.npz`: the films of all parts in one file."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from carina.data.found import Found, FoundFilm, ReadOptions
from carina.data.sources import SOURCES
from carina.domain.record import Part
from carina.errors import DatasetError, ImageError
from carina.files.numpy_archives import array_names, array_shape, read_array

_PARTS: dict[str, Part] = {"train": "train", "val": "validation", "test": "test"}
# medmnist.com, INFO["pneumoniamnist"]["label"]
_CLASS_NAMES: dict[str, dict[int, str]] = {"pneumoniamnist": {0: "normal", 1: "pneumonia"}}


class MedMnist:
    """One `.npz` with `train_images`, `train_labels` and so on for val and test."""

    precedence = 20

    def recognises(self, path: Path) -> bool:
        """Return whether `path` is a `.npz` file."""
        return path.is_file() and path.suffix.lower() == ".npz"

    def read(self, path: Path, options: ReadOptions) -> Found:  # noqa: ARG002 (Layout)
        """Return the films; pixels are not touched, only the labels and shapes."""
        try:
            found = array_names(str(path))
            present = [name for name in _PARTS if f"{name}_images" in found]
            labels = {name: _labels_of(path, name) for name in present}
            shapes = {name: array_shape(str(path), f"{name}_images") for name in present}
        except ImageError as error:
            raise DatasetError(
                f"{path} is no MedMNIST file, or it is damaged: arrays train_images, "
                f"train_labels, val_images, ... of numbers are expected ({error})"
            ) from error
        counts = {name: shape[0] if shape else 0 for name, shape in shapes.items()}
        if not present:
            raise DatasetError(
                f"{path} has none of the arrays train_images, val_images and test_images "
                "that a MedMNIST file has"
            )
        for name in present:
            if counts[name] != labels[name].size:
                raise DatasetError(
                    f"{path} has {counts[name]} images in {name}_images but "
                    f"{labels[name].size} labels in {name}_labels"
                )
        return _found(path, labels)


def _labels_of(path: Path, name: str) -> NDArray[np.int64]:
    labels = read_array(str(path), f"{name}_labels")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise DatasetError(
            f"{path}: {name}_labels has the shape {labels.shape}, several findings per film; "
            "this version knows one class per film"
        )
    return labels.astype(np.int64)


def _found(path: Path, labels: dict[str, NDArray[np.int64]]) -> Found:
    stem = path.stem.casefold().split("_")[0]
    names = _CLASS_NAMES.get(stem, {})
    films = []
    for name, values in labels.items():
        for index, value in enumerate(values.tolist()):
            member = f"{path.name}!/{name}_images/{index}"
            films.append(
                FoundFilm(
                    path=member,
                    file=path.parent / member,
                    label=names.get(value, f"class {value}"),
                    part=_PARTS[name],
                )
            )
    notes = () if names else ("the file does not name its classes; they are called by number",)
    return Found(films=tuple(films), layout="medmnist", notes=notes)


SOURCES.register("medmnist")(MedMnist())
