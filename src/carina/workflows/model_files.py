"""A model's file and its labels, and what the user says of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from carina.domain.pixel_scaling import ALIASES, PIXEL_SCALINGS, PixelRule, scaling_called
from carina.errors import InputError, UnknownNameError, UsageError
from carina.files.names import one_line
from carina.files.whole_files import read_whole
from carina.inference.foreign.image_input import Declared, Layout
from carina.inference.onnx_files import MOST_BYTES
from carina.registry import unknown_name_sentence

Fit = Literal["stretch", "letterbox", "crop"]
Kind = Literal["ONNX", "Keras"]

LABELS_FILE = "labels.txt"
_HDF5_MAGIC, _ZIP_MAGIC = b"\x89HDF\r\n\x1a\n", b"PK\x03\x04"
_TEACHABLE_MACHINE = b"keras_model.h5"
_KERAS_SUFFIXES = (".keras", ".h5", ".hdf5")
_MOST_LABEL_BYTES = 65_536


def declared_input(layout: str, channels: int, input_size: str) -> Declared:
    """Return what a user says of a model's input, checked.

    Args:
        layout: "nchw", "nhwc", or "".
        channels: 1 or 3, or 0.
        input_size: "224" or "224x320" (height x width), or "".

    Raises:
        UsageError: if it is none of these.
    """
    layouts = get_args(Layout)
    if layout and layout not in layouts:
        raise UnknownNameError(unknown_name_sentence("layout", layout, layouts))
    if channels not in (0, 1, 3):
        raise UsageError(f"--channels {channels}: 1 (grey) or 3 are possible")
    height = width = 0
    if input_size:
        sizes = re.fullmatch(r"(\d{1,5})(?:[x,](\d{1,5}))?", input_size.lower())
        if sizes is None:
            raise UsageError(
                f"--input-size {input_size}: one number (224), or height x width (224x320)"
            )
        height = int(sizes[1])
        width = int(sizes[2] or height)
    chosen: Layout | Literal[""] = "nchw" if layout == "nchw" else "nhwc" if layout else ""
    return Declared(chosen, channels, height, width)


def fit_called(fit: str) -> Fit:
    """Return a way of fitting films by its name.

    Raises:
        UnknownNameError: if there is none.
    """
    fits: tuple[Fit, ...] = get_args(Fit)
    for known in fits:
        if fit == known:
            return known
    raise UnknownNameError(unknown_name_sentence("fit", fit, fits))


def rule_called(scaling: str) -> PixelRule:
    """Return a pixel scaling by its name (`domain.pixel_scaling.scaling_called`).

    Raises:
        UnknownNameError: if there is none.
    """
    rule = scaling_called(scaling)
    if rule is None:
        known = (*PIXEL_SCALINGS, *ALIASES, "MEAN/DEVIATION")
        raise UnknownNameError(unknown_name_sentence("pixel scaling", scaling, known))
    return rule


@dataclass(frozen=True, slots=True, eq=False)
class ModelFile:
    """A model's file.

    Attributes:
        path: where it lies.
        data: its bytes.
        kind: "ONNX" or "Keras".
    """

    path: Path
    data: bytes
    kind: Kind


def read_model_file(path: Path) -> ModelFile:
    """Return a model's file.

    Raises:
        InputError: if it is no such file, or too large.
    """
    if path.is_dir():
        raise InputError(
            f"{path} is a folder; name a model's file (.onnx, .keras, .h5); a SavedModel is "
            "exported to ONNX with tf2onnx first"
        )
    if not path.exists():
        raise InputError(f"{path} does not exist; name a model's file")
    data = read_whole(path, most_bytes=MOST_BYTES, error=InputError)
    return ModelFile(path, data, _kind(path, data))


def _kind(path: Path, data: bytes) -> Kind:
    """Return what a file is, by its first bytes and its name."""
    if not data:
        raise InputError(f"{path} is empty (0 bytes)")
    is_called_keras = path.suffix.lower() in _KERAS_SUFFIXES
    if data.startswith(_HDF5_MAGIC) or (data.startswith(_ZIP_MAGIC) and is_called_keras):
        return "Keras"
    if data.startswith(_ZIP_MAGIC):
        if _TEACHABLE_MACHINE in data:
            raise InputError(
                f"{path} is the archive that Teachable Machine sends: unpack it, and name the "
                "keras_model.h5 in it; the labels.txt beside that is read too"
            )
        raise InputError(
            f"{path} is an archive: a PyTorch .pt or .pth file is exported to ONNX first "
            "(docs/how-to/import.md shows the three lines); a Keras file is called .keras"
        )
    if is_called_keras:
        raise InputError(f"{path} is no Keras file: neither an archive (.keras) nor HDF5 (.h5)")
    return "ONNX"


def labels_of(labels: str | Sequence[str], path: Path) -> tuple[str, ...]:
    """Return the classes: those named, or those of a `labels.txt` beside the model.

    Raises:
        UsageError: if one is empty or named twice.
    """
    if not labels:
        return _labels_beside(path)
    words = labels.split(",") if isinstance(labels, str) else labels
    names = tuple(one_line(str(word)).strip() for word in words)
    if any(not name for name in names) or len({*names}) < len(names):
        raise UsageError(f"--labels {','.join(names)}: each class once, and none without a name")
    return names


def _labels_beside(path: Path) -> tuple[str, ...]:
    """Return the classes of a `labels.txt`; Teachable Machine writes `0 Covid`, `1 Normal`."""
    file = path.with_name(LABELS_FILE)
    try:
        if not file.is_file():
            return ()
        data = read_whole(file, most_bytes=_MOST_LABEL_BYTES, error=InputError)
        lines = data.decode("utf-8").splitlines()
    except (OSError, InputError, UnicodeDecodeError) as error:
        raise InputError(
            f"{file} cannot be read: {error}; name the classes with --labels"
        ) from error
    names = [one_line(line).strip() for line in lines if line.strip()]
    numbered = [name.partition(" ") for name in names]
    if all(number == str(place) and rest for place, (number, _, rest) in enumerate(numbered)):
        names = [rest.strip() for _, _, rest in numbered]
    if len(set(names)) < len(names):
        raise InputError(f"{file} names a class twice; name the classes with --labels")
    return tuple(names)
