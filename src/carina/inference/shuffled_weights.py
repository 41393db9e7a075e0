"""The same network with its weights shuffled: what it then shows, it did not learn."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from carina.domain.card import Card
from carina.domain.sentences import listed
from carina.errors import ClassifierError
from carina.files.documents import read_document
from carina.inference.bundle import CARD, checked_files
from carina.inference.classifier import Classifier

if TYPE_CHECKING:
    import onnx

Part = Literal["head", "network"]

_NETWORK = "network.onnx"
_OF_WEIGHTS = ("Conv", "ConvTranspose", "Gemm", "MatMul")


class WeightShuffler:
    """A classifier's networks, read once, to be had with their weights in another order.

    Each unit of a layer keeps its own weights, in another order. A weight array that stands
    in several files is shuffled alike in all of them, so that a head stays the head of its
    network. Biases and the numbers of a batch normalisation stay: they carry no picture.

    Args:
        files: `network.onnx` and the heads, by name.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        import onnx

        self._models = {name: onnx.load_model_from_string(data) for name, data in files.items()}
        self._weights = {name: list(_weights(model.graph)) for name, model in self._models.items()}
        self._of_heads = {
            one.key for name, own in self._weights.items() if name != _NETWORK for one in own
        }

    def shuffled(self, *, part: Part, seed: int) -> dict[str, bytes]:
        """Return the files with their weights shuffled.

        Args:
            part: "head" shuffles what stands behind the last spatial maps, "network" everything.
            seed: decides the order that the weights come in.

        Raises:
            ClassifierError: if there are no weights to shuffle.
        """
        import onnx

        arrays: dict[str, NDArray[np.generic]] = {}
        for weights in (one for own in self._weights.values() for one in own):
            is_mixed = part == "network" or weights.key in self._of_heads
            if is_mixed and weights.key not in arrays:
                arrays[weights.key] = weights.shuffled(seed)
            # Those that stay are written again, too: an earlier call may have mixed them.
            values = arrays[weights.key] if is_mixed else weights.values
            tensor = onnx.numpy_helper.from_array(values, weights.tensor.name)
            weights.tensor.CopyFrom(tensor)
        if not arrays:
            raise ClassifierError(
                f"the network has no weights of {part} that could be shuffled: no array that a "
                f"{listed(_OF_WEIGHTS)} takes"
            )
        return {
            name: model.SerializeToString(deterministic=True)
            for name, model in self._models.items()
        }


class ShuffledClassifiers:
    """A classifier with its weights shuffled; for explaining, not for answering.

    Args:
        classifier: loaded from `folder`.
        folder: the classifier's own folder, whose files are read here.
    """

    def __init__(self, classifier: Classifier, folder: Path) -> None:
        self._card = classifier.card
        self._runtime = classifier.runtime
        # The card in the folder: its model card may have been written again since.
        written = read_document(folder / CARD, Card, error=ClassifierError)
        self._files = checked_files(folder, written)
        self._shuffler = WeightShuffler({name: self._files[name] for name in _networks(self._card)})

    def made(self, *, part: Part, seed: int) -> Classifier:
        """Return a classifier that differs in its weights alone.

        Args:
            part, seed: as in `WeightShuffler.shuffled`.

        Raises:
            ClassifierError: if there are no weights to shuffle.
        """
        files = {**self._files, **self._shuffler.shuffled(part=part, seed=seed)}
        return Classifier(self._card, digest="", files=files, runtime=self._runtime)


def weight_keys(data: bytes) -> frozenset[str]:
    """Return a digest of each weight array in the bytes of an ONNX file."""
    import onnx

    return frozenset(one.key for one in _weights(onnx.load_model_from_string(data).graph))


def _networks(card: Card) -> tuple[str, ...]:
    return (_NETWORK, *sorted({source.head for source in card.explanations.values()}))


@dataclass(frozen=True, slots=True, eq=False)
class _Weights:
    """The weights of a layer.

    Attributes:
        tensor: where they stand in the file.
        values: its array.
        unit_axis: the axis that counts the layer's units.
        key: a digest of them.
    """

    tensor: onnx.TensorProto
    values: NDArray[np.generic]
    unit_axis: int
    key: str

    def shuffled(self, seed: int) -> NDArray[np.generic]:
        """Return the weights with those of each unit in another order."""
        units = np.moveaxis(self.values, self.unit_axis, 0)
        order = np.random.default_rng([seed, int(self.key[:16], 16)])
        mixed = order.permuted(units.reshape(len(units), -1), axis=1).reshape(units.shape)
        return np.ascontiguousarray(np.moveaxis(mixed, 0, self.unit_axis))


def _weights(graph: onnx.GraphProto) -> Iterator[_Weights]:
    """Yield the kernels and matrices of a graph's layers."""
    import onnx

    tensors = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        for attribute in node.attribute if node.op_type == "Constant" else ():
            if attribute.name == "value":
                tensors[node.output[0]] = attribute.t
    axes = {
        name: axis
        for node in graph.node
        if node.op_type in _OF_WEIGHTS
        for name, axis in _unit_axes(node).items()
        if name in tensors and len(tensors[name].dims) > 1
    }
    for name, axis in axes.items():
        values: NDArray[np.generic] = onnx.numpy_helper.to_array(tensors[name])
        plain = np.ascontiguousarray(values).reshape(-1).view(np.uint8)
        key = hashlib.sha256(plain.data).hexdigest()
        yield _Weights(tensors[name], values, axis, key)


def _unit_axes(node: onnx.NodeProto) -> dict[str, int]:
    """Return the inputs of a layer that may be weights, with the axis of its units."""
    if node.op_type == "Conv":
        return {node.input[1]: 0}
    if node.op_type == "ConvTranspose":
        return {node.input[1]: 1}
    if node.op_type == "Gemm":
        transposed = any(one.name == "transB" and one.i for one in node.attribute)
        return {node.input[1]: 0 if transposed else 1}
    return {node.input[0]: -2, node.input[1]: -1}
