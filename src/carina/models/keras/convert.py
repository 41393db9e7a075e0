"""A Keras model's file -> ONNX, in a process of its own: `python -m carina.models.keras.convert`.

The file was written by somebody else. It is read here and not in the user's process, as
numbers and layer names alone: no pickle, no program code, no other file. What is found wrong
stands in `facts.json` as a sentence.
"""

from __future__ import annotations

import argparse
import json
import shutil
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carina.errors import CarinaError, ClassifierError, UsageError
from carina.files.names import one_line
from carina.files.plain_json import parse_json
from carina.models.keras.allowed import layers_of, require_allowed, without_training
from carina.models.keras.old_format import modernised, with_rescaling_layers
from carina.models.keras.weight_files import MOST_BYTES, require_plain_numbers
from carina.models.process_limits import ending_after, limit_memory

if TYPE_CHECKING:
    import keras

READING_S = 120
"""After that the system ends the process: HDF5's reader does not come to its end."""
NETWORK, FACTS, REFERENCE = "network.onnx", "facts.json", "reference.npz"
_CONFIG, _WEIGHTS, _METADATA = "config.json", "model.weights.h5", "metadata.json"
_MOST_CONFIG_BYTES = 50_000_000
_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_MEMBERS = (_CONFIG, _METADATA, _WEIGHTS)
_ENCRYPTED = 0x1
# Weights hardly shrink; a description of a model shrinks to a fiftieth.
_FINE_BYTES, _MOST_RATIO = 5_000_000, 200
_DAMAGE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
# Of this process: Keras's and torch's own need, and copies of the weights; what a file claims
# beyond that cannot be had.
_OWN_MEMORY_BYTES, _COPIES = 6_000_000_000, 12
_RANGES = ((1.0, 0.0), (2.0, -1.0), (255.0, 0.0))


@dataclass(frozen=True, slots=True)
class KerasFacts:
    """What a Keras file tells of its model.

    Attributes:
        keras_version: that wrote it, or "".
        layers: class of layer -> how many there are.
        models: names of the models within the model.
        is_teachable_machine: whether it is built as Teachable Machine builds its image models.
        n_parameters: how many values it learned, statistics among them.
    """

    keras_version: str
    layers: Mapping[str, int]
    models: tuple[str, ...]
    is_teachable_machine: bool
    n_parameters: int


def convert(path: Path, out: Path, *, size: tuple[int, int] | None, free_batch: bool) -> KerasFacts:
    """Write a Keras model as `network.onnx`, and what it answers to some images.

    `reference.npz` holds `images` float32 `[n, height, width, channels]` in the ranges 0 to 1,
    -1 to 1 and 0 to 255, and `answers`, what Keras gives for them.

    Args:
        path: a `.keras` or `.h5` file.
        out: an empty folder.
        size: height and width of the images where the model leaves them open.
        free_batch: whether the network takes any number of images, or one.

    Raises:
        ClassifierError: if it cannot be read, or holds more than Keras's own layers.
        UsageError: if it leaves its size open and none is given.
    """
    from carina.models.keras.backend import keras_on_cpu

    # Before Keras is imported, so that a file with code is refused at once.
    with ending_after(READING_S):
        config, version, safe_copy = _safe_copy(path, out)
    with keras_on_cpu() as keras:
        model = keras.saving.load_model(safe_copy, compile=False, safe_mode=True)
        safe_copy.unlink()
        shape = _image_shape(model, size)
        _write_onnx(model, shape, out / NETWORK, free_batch=free_batch)
        _write_reference(model, shape, out / REFERENCE)
        return KerasFacts(
            keras_version=version,
            layers=dict(Counter(layer["class_name"] for layer in layers_of(config))),
            models=tuple(_inner_models(config)),
            is_teachable_machine=_is_teachable_machine(config),
            n_parameters=int(model.count_params()),
        )


def _safe_copy(path: Path, out: Path) -> tuple[dict[str, Any], str, Path]:
    """Write a copy of a model's file that holds numbers and Keras's own layers alone.

    Returns:
        The model's description, the version of Keras that wrote it, and the copy.
    """
    with path.open("rb") as stream:
        magic = stream.read(8)
    if magic == _HDF5_MAGIC:
        return _safe_h5(path, out / "model.h5")
    if zipfile.is_zipfile(path):
        return _safe_keras(path, out / "model.keras")
    raise ClassifierError(
        f"{path} is no Keras file: neither the archive that .keras files are nor HDF5 (.h5)"
    )


def _safe_h5(path: Path, copy: Path) -> tuple[dict[str, Any], str, Path]:
    import h5py

    shutil.copyfile(path, copy)
    with _damage_told(path), h5py.File(copy, "r+") as file:
        require_plain_numbers(file, path)
        text = file.attrs.get("model_config")
        if not isinstance(text, str | bytes) or "model_weights" not in file:
            raise ClassifierError(
                f"{path} holds weights without their model; save the whole model: "
                "model.save('model.h5') or model.save('model.keras')"
            )
        config = with_rescaling_layers(without_training(_parsed(text, path)))
        require_allowed(config)
        version = _text(file.attrs.get("keras_version", ""))
        if not version.startswith("3."):
            config = modernised(config)
        file.attrs["model_config"] = json.dumps(config).encode()
        for name in ("training_config", "optimizer_weights"):
            file.attrs.pop(name, None)
            if name in file:
                del file[name]
        return config, version, copy


def _safe_keras(path: Path, copy: Path) -> tuple[dict[str, Any], str, Path]:
    import h5py

    weights = copy.with_name(_WEIGHTS)
    with _damage_told(path):
        with zipfile.ZipFile(path) as archive:
            _require_members(archive, path)
            config = without_training(_parsed(archive.read(_CONFIG), path))
            metadata = _parsed(archive.read(_METADATA), path)
            require_allowed(config)
            if str(metadata.get("keras_version", "")).startswith("2."):
                config = modernised(with_rescaling_layers(config))
            with archive.open(_WEIGHTS) as packed, weights.open("wb") as unpacked:
                shutil.copyfileobj(packed, unpacked)
        with h5py.File(weights, "r") as file:
            require_plain_numbers(file, path)
    with zipfile.ZipFile(copy, "w") as archive:
        archive.writestr(_METADATA, json.dumps(metadata))
        archive.writestr(_CONFIG, json.dumps(config))
        archive.write(weights, _WEIGHTS)
    weights.unlink()
    return config, str(metadata.get("keras_version", "")), copy


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    """Turn what the readers of archives and of HDF5 raise for damaged files into a sentence."""
    try:
        yield
    except _DAMAGE as error:
        raise ClassifierError(f"{path} is damaged: {error}; save or copy it again") from error


def _require_members(archive: zipfile.ZipFile, path: Path) -> None:
    """Refuse an archive that lacks a part, holds others, or unpacks to too much."""
    entries = archive.infolist()
    names = Counter(entry.filename for entry in entries)
    missing = [name for name in _MEMBERS if names[name] != 1]
    if missing:
        raise ClassifierError(
            f"{path} is no whole .keras file: it has not exactly one {', '.join(missing)}"
        )
    others = [name for name in names if name not in _MEMBERS]
    if others:
        raise ClassifierError(
            f"{path} holds '{one_line(others[0])[:80]}' beside the model, which no classifier of "
            "images needs; save the model again"
        )
    for entry in entries:
        most = MOST_BYTES if entry.filename == _WEIGHTS else _MOST_CONFIG_BYTES
        if entry.flag_bits & _ENCRYPTED:
            raise ClassifierError(f"{path}: {entry.filename} needs a password; save it without")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ClassifierError(f"{path}: {entry.filename} is packed in a way that Keras is not")
        if entry.file_size > min(most, max(_FINE_BYTES, _MOST_RATIO * entry.compress_size)):
            raise ClassifierError(
                f"{path}: {entry.filename} unpacks from {entry.compress_size:,} to "
                f"{entry.file_size:,} bytes, and {_MOST_RATIO}-fold and {most / 1e6:,.0f} MB are "
                "the most that is read"
            )


def _parsed(text: str | bytes, path: Path) -> dict[str, Any]:
    found = parse_json(text, name=f"the description of the model in {path}", error=ClassifierError)
    if not isinstance(found, dict):
        raise ClassifierError(f"{path} does not describe its model")
    return found


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _image_shape(model: keras.Model, size: tuple[int, int] | None) -> tuple[int, int, int]:
    """Return height, width and channels of the images that a model takes."""
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ClassifierError(
            f"the model takes {len(model.inputs)} inputs and gives {len(model.outputs)} outputs; "
            "one image and one answer are expected"
        )
    shape = tuple(model.inputs[0].shape)
    if len(shape) != 4:
        raise ClassifierError(
            f"the model takes {list(shape)}; images [n, height, width, channels] are expected"
        )
    height, width, channels = shape[1:]
    if channels is None:
        raise ClassifierError("the model does not say how many channels its images have")
    if height is None or width is None:
        if size is None:
            raise UsageError(
                "the model takes images of any size; say with --input-size which size it was "
                "trained on (224 or 224x320: height x width)"
            )
        height, width = size
    if size is not None and size != (height, width):
        raise UsageError(
            f"--input-size says {size[0]}x{size[1]}, and the model takes {height}x{width} only"
        )
    return int(height), int(width), int(channels)


def _write_onnx(
    model: keras.Model, shape: tuple[int, int, int], path: Path, *, free_batch: bool
) -> None:
    import torch

    from carina.models.export import onnx_bytes

    class Answering(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            answers: torch.Tensor = self.model(image, training=False)
            return answers

    example = torch.zeros(2 if free_batch else 1, *shape)
    data = onnx_bytes(Answering(), example, "image", ("answers",), free_batch=free_batch)
    path.write_bytes(data)


def _write_reference(model: keras.Model, shape: tuple[int, int, int], path: Path) -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    coarse = rng.random((2 * len(_RANGES), 8, 8, 1), dtype=np.float32)
    rows, columns = (np.arange(side) * 8 // side for side in shape[:2])
    grey = np.repeat(coarse[:, rows][:, :, columns], shape[2], axis=3)
    scales = np.array(_RANGES * 2, dtype=np.float32)[:, :, None, None, None]
    images = grey * scales[:, 0] + scales[:, 1]
    answers = np.asarray(model.predict_on_batch(images), dtype=np.float32)
    np.savez(path, images=images, answers=answers)


def _inner_models(config: Mapping[str, Any]) -> list[str]:
    """Return the names of the models within a model."""
    models = [one for one in layers_of(config) if one["class_name"] in ("Functional", "Model")]
    return [str(one["config"].get("name", "")) for one in models if one is not config]


def _is_teachable_machine(config: Mapping[str, Any]) -> bool:
    """Return whether a model is built as Teachable Machine builds its image models.

    A sequence of two: one of a MobileNet and a pooling, and one of two dense layers.
    """
    layers = config.get("config", {}).get("layers", [])
    parts = [layer for layer in layers if layer.get("class_name") == "Sequential"]
    if config.get("class_name") != "Sequential" or len(parts) != 2:
        return False
    first, second = ([one["class_name"] for one in layers_of(part)] for part in parts)
    return {"DepthwiseConv2D", "GlobalAveragePooling2D"} <= set(first) and "Dense" in second


def main(words: Sequence[str] | None = None) -> int:
    """Convert the file that the arguments name; 0 if that went well, 2 if it was refused."""
    parser = argparse.ArgumentParser(prog="carina.models.keras.convert")
    parser.add_argument("path", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", type=int, nargs=2)
    parser.add_argument("--one-image", action="store_true")
    asked = parser.parse_args(words)
    size = (asked.size[0], asked.size[1]) if asked.size else None
    try:
        # A description may ask for a layer of any width, and Keras makes it before it looks for
        # its weights.
        n_bytes = min(asked.path.stat().st_size, MOST_BYTES)
        limit_memory(_OWN_MEMORY_BYTES + _COPIES * n_bytes)
        facts = convert(asked.path, asked.out, size=size, free_batch=not asked.one_image)
    except CarinaError as error:
        refusal = {"refused": str(error), "code": error.code}
        (asked.out / FACTS).write_text(json.dumps(refusal), encoding="utf-8")
        return 2
    (asked.out / FACTS).write_text(json.dumps(asdict(facts)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
