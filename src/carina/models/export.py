"""A trained network -> ONNX bytes that hold the network and nothing else."""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from carina.domain.input_spec import InputSpec
from carina.inference.runtimes import RUNTIMES
from carina.models.network import Network, set_memory_layout

if TYPE_CHECKING:
    import onnx

OPSET = 18


@dataclass(frozen=True, slots=True)
class ExportedNetwork:
    """A network as the bytes of two ONNX files.

    Attributes:
        network: input `image` float32 `[n, channels, height, width]` in `[0, 1]`;
            outputs `logits` `[n, classes]`, `features` `[n, features]` and `maps`
            `[n, maps, map height, map width]`.
        head: input `maps`; output `logits`.
    """

    network: bytes
    head: bytes


class _WholeNetwork(nn.Module):
    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        maps = self.network.maps(image)
        features = self.network.embed(maps)
        return self.network.classify(features), features, maps


class _Head(nn.Module):
    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, maps: Tensor) -> Tensor:
        return self.network.classify(self.network.embed(maps))


def export_network(network: Network, spec: InputSpec) -> ExportedNetwork:
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
        maps = still.maps(image)
    return ExportedNetwork(
        network=_onnx_bytes(_WholeNetwork(still), image, "image", ("logits", "features", "maps")),
        head=_onnx_bytes(_Head(still), maps, "maps", ("logits",)),
    )


def parity(network: Network, exported: ExportedNetwork, films: NDArray[np.float32]) -> float:
    """Return how far the exported network's probabilities are from the trained one's.

    Args:
        network: the trained network, on any device; left as it was.
        exported: what `export_network` made of it.
        films: float32 `[n, channels, height, width]` in `[0, 1]`, real ones.

    Returns:
        The largest `|difference|` over films and classes, in `[0, 1]`; 0 for no films.
        The network and the head after its own maps are both compared.
    """
    if not len(films):
        return 0.0
    load = RUNTIMES.get("onnxruntime")
    whole, head = load(exported.network), load(exported.head)
    still = _copy_on_cpu(network)
    largest = 0.0
    for start in range(0, len(films), 32):
        batch = np.ascontiguousarray(films[start : start + 32])
        with torch.inference_mode():
            wanted = still(torch.from_numpy(batch)).double().softmax(dim=1).numpy()
        logits, maps = whole.run(["logits", "maps"], {"image": batch})
        (again,) = head.run(["logits"], {"maps": maps})
        for found in (logits, again):
            probabilities = torch.from_numpy(found).double().softmax(dim=1).numpy()
            largest = max(largest, float(np.abs(probabilities - wanted).max()))
    return largest


def _onnx_bytes(
    module: nn.Module, example: Tensor, input_name: str, output_names: tuple[str, ...]
) -> bytes:
    batch = torch.export.Dim("n", min=1)
    with _quiet_exporter():
        program = torch.onnx.export(
            module.eval(),
            (example,),
            dynamo=True,
            input_names=[input_name],
            output_names=list(output_names),
            opset_version=OPSET,
            dynamic_shapes=({0: batch},),
            verbose=False,
        )
    assert program is not None  # torch.onnx.export returns None only for dynamo=False
    data: bytes = _stripped(program.model_proto).SerializeToString(deterministic=True)
    return data


def _copy_on_cpu(network: Network) -> Network:
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
