"""A trained network -> ONNX bytes that hold the network and nothing else."""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from carina.domain.input_spec import InputSpec, films_at_once
from carina.inference.runtimes import RUNTIMES
from carina.models.backbone import BackboneNetwork
from carina.models.network import ImageNetwork, set_memory_layout

if TYPE_CHECKING:
    import onnx

OPSET = 18
_PARITY_BATCH = 16

AnyNetwork = TypeVar("AnyNetwork", bound=ImageNetwork)


@dataclass(frozen=True, slots=True)
class ExportedNetwork:
    """A network as the bytes of ONNX files.

    Attributes:
        network: input `image` float32 `[n, channels, height, width]` in `[0, 1]`;
            outputs `logits` `[n, classes]`, `features` `[n, features]` and `maps`
            `[n, maps, map height, map width]` (`maps_0`, `maps_1` of a cascade).
        heads: file name -> input `maps`, output `logits`: `head.onnx`, or one for each
            maps output (`head_0.onnx`, ...).
        explanations: for each class, the name of its maps output and its head's file.
    """

    network: bytes
    heads: Mapping[str, bytes]
    explanations: tuple[tuple[str, str], ...]


class _WholeNetwork(nn.Module):
    def __init__(self, network: ImageNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        logits, features, maps = self.network.outputs(image)
        return (logits, features, *maps)


class _Head(nn.Module):
    def __init__(self, network: ImageNetwork, index: int) -> None:
        super().__init__()
        self.network = network
        self.index = index

    def forward(self, maps: Tensor) -> Tensor:
        return self.network.logits_of_maps(self.index, maps)


class _FrozenPart(nn.Module):
    def __init__(self, network: BackboneNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        return self.network.frozen(image)


def export_network(network: ImageNetwork, spec: InputSpec) -> ExportedNetwork:
    """Return a network as ONNX, in float32 and without dropout; the same weights give the
    same bytes.

    Nothing of the machine stands in them: no paths, stack traces, dates or names of people.

    Args:
        network: left as it was.
        spec: the images that it takes.
    """
    still = _copy_on_cpu(network).requires_grad_(False)
    # Two films, not one: the exporter takes a dimension of 1 for a constant.
    image = torch.zeros(2, spec.channels, spec.height, spec.width)
    with torch.no_grad():
        _, _, maps = still.outputs(image)
    names = _names(len(maps))
    outputs = ("logits", "features", *(name for name, _ in names))
    heads = {
        file: onnx_bytes(_Head(still, index), maps[index], "maps", ("logits",))
        for index, (_, file) in enumerate(names)
    }
    return ExportedNetwork(
        network=onnx_bytes(_WholeNetwork(still), image, "image", outputs),
        heads=heads,
        explanations=tuple(names[index] for index in still.maps_of_class),
    )


def export_frozen(network: BackboneNetwork, spec: InputSpec) -> bytes:
    """Return the fixed part of a network as ONNX: `image` as in `ExportedNetwork` ->
    `frozen` as `BackboneNetwork.frozen` returns it.

    Args:
        network: left as it was.
        spec: the images that it takes.
    """
    still = _copy_on_cpu(network).requires_grad_(False)
    image = torch.zeros(2, spec.channels, spec.height, spec.width)
    return onnx_bytes(_FrozenPart(still), image, "image", ("frozen",))


def parity(network: ImageNetwork, exported: ExportedNetwork, films: NDArray[np.float32]) -> float:
    """Return how far the exported network's probabilities are from the trained one's.

    Args:
        network: the trained network, on any device; left as it was.
        exported: what `export_network` made of it.
        films: float32 `[n, channels, height, width]` in `[0, 1]`, real ones.

    Returns:
        The largest `|difference|` over films and classes, in `[0, 1]`; 0 for no films.
        The network and every head after its own maps are compared.
    """
    if not len(films):
        return 0.0
    load = RUNTIMES.get("onnxruntime")
    whole = load(exported.network)
    heads = [(name, load(exported.heads[file])) for name, file in _names(len(exported.heads))]
    still = _copy_on_cpu(network)
    largest = 0.0
    for batch in _parts(films, network):
        with torch.inference_mode():
            wanted, _, maps = still.outputs(torch.from_numpy(batch))
            of_maps = [still.logits_of_maps(index, own) for index, own in enumerate(maps)]
        logits, *found_maps = whole.run(["logits", *(name for name, _ in heads)], {"image": batch})
        found = [logits]
        for (_, head), own in zip(heads, found_maps, strict=True):
            found.extend(head.run(["logits"], {"maps": own}))
        for expected, answer in zip((wanted, *of_maps), found, strict=True):
            distance = _probabilities(expected) - _probabilities(torch.from_numpy(answer))
            largest = max(largest, float(distance.abs().max()))
    return largest


def float32_rounding(network: ImageNetwork, films: NDArray[np.float32]) -> float:
    """Return how far float32 takes a network's probabilities from those of float64.

    Layers that take differences of large sums let the last bit of a sum grow; two runtimes that
    add up in another order then differ by a few times as much, both being right.

    Args:
        network: on any device; left as it was.
        films: as `parity` takes them.

    Returns:
        The largest `|difference|` over films and classes, in `[0, 1]`; 0 for no films.
    """
    single, double = _copy_on_cpu(network), _copy_on_cpu(network).double()
    largest = 0.0
    for batch in map(torch.from_numpy, _parts(films, network)):
        with torch.inference_mode():
            distance = _probabilities(single(batch)) - _probabilities(double(batch.double()))
        largest = max(largest, float(distance.abs().max()))
    return largest


def _parts(films: NDArray[np.float32], network: ImageNetwork) -> Iterator[NDArray[np.float32]]:
    """Yield the films, contiguous, as many at a time as are computed at once."""
    at_once = films_at_once(_PARITY_BATCH, height=network.height, width=network.width)
    for start in range(0, len(films), at_once):
        yield np.ascontiguousarray(films[start : start + at_once])


def _names(n_maps: int) -> list[tuple[str, str]]:
    """Return the name of each maps output and the file of its head."""
    if n_maps == 1:
        return [("maps", "head.onnx")]
    return [(f"maps_{index}", f"head_{index}.onnx") for index in range(n_maps)]


def _probabilities(logits: Tensor) -> Tensor:
    return logits.double().softmax(dim=1)


def onnx_bytes(
    module: nn.Module,
    example: Tensor,
    input_name: str,
    output_names: tuple[str, ...],
    *,
    free_batch: bool = True,
) -> bytes:
    """Return a module as the bytes of an ONNX file; the same weights give the same bytes.

    Args:
        module: put into evaluation mode.
        example: what it takes; two or more films where their number shall be free, since the
            exporter takes a dimension of 1 for a constant.
        input_name: of what it takes.
        output_names: of what it gives.
        free_batch: whether it takes any number of films, or as many as the example has.
    """
    batch = torch.export.Dim("n", min=1)
    with _quiet_exporter():
        program = torch.onnx.export(
            module.eval(),
            (example,),
            dynamo=True,
            input_names=[input_name],
            output_names=list(output_names),
            opset_version=OPSET,
            dynamic_shapes=({0: batch},) if free_batch else None,
            verbose=False,
        )
    assert program is not None  # torch.onnx.export returns None only for dynamo=False
    data: bytes = _stripped(program.model_proto).SerializeToString(deterministic=True)
    return data


def _copy_on_cpu(network: AnyNetwork) -> AnyNetwork:
    still = copy.deepcopy(network).to("cpu", torch.float32)
    set_memory_layout(still, torch.contiguous_format)
    return still.eval()


def _stripped(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model without what the exporter writes about the machine and the code."""
    graph = model.graph
    parts = (model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output)
    for part in parts:
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    graph.ClearField("value_info")
    graph.name = "network"
    model.producer_name = "carina"
    model.ClearField("producer_version")
    for index, node in enumerate(graph.node):
        node.name = f"{node.op_type}_{index}"
    return model


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Keep back what the exporter says that its user can do nothing about.

    That torchvision is absent (its logger), and that torch calls its own deprecated
    parts (a warning of its tree module); everything else is heard.
    """
    logger = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", message=r".*isinstance\(treespec, LeafSpec\)", category=FutureWarning
            )
            yield
    finally:
        logger.setLevel(level)
