"""A weights file of any usual kind -> tensors by name."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from carina.errors import WeightsError
from carina.files.atomic import write_bytes
from carina.files.digests import file_digest
from carina.models.pretrained.read_keras import HDF5_MAGIC, read_keras_weights

_STATE_DICT_LINES = (
    "m = torch.load('{name}', weights_only=False); torch.save(m.state_dict(), 'weights.pt')"
)
# Under which training scripts keep the weights beside their epoch and optimiser.
_WRAPPERS = ("state_dict", "model_state_dict", "model")
_CONVERTED = "carina-converted-from"


@dataclass(frozen=True, slots=True)
class RawWeights:
    """What a weights file holds.

    Attributes:
        file_name: of the file, without its folder.
        sha256: of the file.
        tensors: by their names in the file; kernels in the file's order of axes.
        metadata: of a safetensors file, else empty.
    """

    file_name: str
    sha256: str
    tensors: dict[str, Tensor]
    metadata: dict[str, str] = field(default_factory=dict)


def read_weights(path: Path, *, cache_dir: Path) -> RawWeights:
    """Return the tensors of a Keras `.h5`, a torch `.pth` or `.pt`, or a safetensors file.

    The kind is told from the content, not from the name. A torch file is unpickled once,
    with torch's restricted reader, and kept as safetensors in `cache_dir/weights`; a file
    of the same content is read from there.

    Raises:
        WeightsError: if the file cannot be read as one of these.
        StorageError: if there is no room or no permission in the cache.
    """
    try:
        sha256 = file_digest(path)
        with path.open("rb") as stream:
            start = stream.read(16)
    except OSError as error:
        raise WeightsError(
            f"the weights file {path} cannot be read: {error.strerror or error}"
        ) from error
    if start.startswith(HDF5_MAGIC):
        return RawWeights(path.name, sha256, read_keras_weights(path))
    if start[8:9] == b"{":
        tensors, metadata = _read_safetensors(path)
        return RawWeights(path.name, sha256, tensors, metadata)
    if start.startswith((b"PK\x03\x04", b"\x80")):
        return RawWeights(path.name, sha256, _read_torch(path, cache_dir, sha256))
    raise WeightsError(
        f"{path} is none of the weights files that Carina reads (Keras .h5, torch .pth or .pt, "
        f"safetensors): it begins with {start[:8]!r}; it may be damaged, or a web page saved in "
        "its place"
    )


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        data = path.read_bytes()
        tensors = load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    except (OSError, SafetensorError, ValueError) as error:
        raise WeightsError(f"{path} is damaged: {error}; fetch or copy it again") from error
    return tensors, header.get("__metadata__", {})


def _read_torch(path: Path, cache_dir: Path, sha256: str) -> dict[str, Tensor]:
    kept = cache_dir / "weights" / f"{path.stem[:60]}-{sha256[:16]}.safetensors"
    if kept.is_file():
        try:
            tensors, metadata = _read_safetensors(kept)
        except WeightsError:
            kept.unlink()
        else:
            if metadata.get(_CONVERTED) == sha256:
                return tensors
    tensors = _unpickled(path)
    whole = {name: tensor.clone().contiguous() for name, tensor in tensors.items()}
    write_bytes(kept, save(whole, {_CONVERTED: sha256}))
    return whole


def _unpickled(path: Path) -> dict[str, Tensor]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        if "GLOBAL" in str(error):
            raise _whole_module(path) from error
        raise _damaged(path, error) from error
    except (OSError, EOFError, RuntimeError, ValueError, KeyError, IndexError) as error:
        raise _damaged(path, error) from error
    for wrapper in _WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if not isinstance(content, dict):
        raise WeightsError(f"{path} holds a {type(content).__name__}, not weights by name")
    tensors = {str(n): v.detach() for n, v in content.items() if isinstance(v, Tensor)}
    if not tensors:
        raise WeightsError(f"{path} holds no tensors")
    return tensors


def _whole_module(path: Path) -> WeightsError:
    return WeightsError(
        f"{path} holds a whole module or other Python objects, which can run any code when "
        "they are read; Carina reads weights alone. If you trust the file, turn it into a state "
        f"dict where its code is installed: {_STATE_DICT_LINES.format(name=path.name)}"
    )


def _damaged(path: Path, error: Exception) -> WeightsError:
    reason = str(error).split("\n", 1)[0][:200] or type(error).__name__
    hint = (
        "of a .keras file, save the weights alone: model.save_weights('NAME.weights.h5')"
        if path.suffix == ".keras"
        else "fetch or copy it again"
    )
    return WeightsError(f"{path} cannot be read as a torch weights file: {reason}; {hint}")
