"""A network that was understood -> the ONNX files of a classifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from carina.domain.pixel_scaling import PixelRule
from carina.errors import ClassifierError
from carina.inference.foreign.answers import LOGITS
from carina.inference.foreign.batch import FREE, one_by_one
from carina.inference.foreign.graph import Graph, Port, model_bytes
from carina.inference.foreign.opening import PIXELS, ForeignNetwork
from carina.inference.foreign.running import Session, smooth_images

if TYPE_CHECKING:
    import onnx

MAPS, FEATURES, HEAD = "maps", "features", "head.onnx"
# A head is the same layers on the same maps; what float32 makes of their logits is below this.
_SAME = 1e-3


@dataclass(frozen=True, slots=True)
class ContractFiles:
    """The ONNX files of a classifier; the same network gives the same bytes.

    Attributes:
        network: `image` float32 `[n, channels, height, width]` in `[0, 1]` -> `logits`,
            `features` and, where it has any, `maps`.
        heads: "head.onnx", `maps` -> `logits`; empty without maps.
    """

    network: bytes
    heads: Mapping[str, bytes]


def contract_files(foreign: ForeignNetwork, rule: PixelRule) -> ContractFiles:
    """Return the files of a classifier with a network that another tool wrote.

    Args:
        foreign: the network.
        rule: makes the values that it expects of pixels in `[0, 1]`.

    Raises:
        ClassifierError: if its head, cut off, answers otherwise than the whole.
    """
    has_maps = foreign.maps is not None
    network = _network(foreign, rule)
    head = _head(foreign) if has_maps else b""
    if has_maps:
        _require_same_answers(foreign, network, head)
    return ContractFiles(network, {HEAD: head} if has_maps else {})


def _network(foreign: ForeignNetwork, rule: PixelRule) -> bytes:
    import onnx

    make = onnx.helper.make_node
    graph, image = foreign.graph, foreign.image
    weights = dict(graph.weights)
    scale, offset = rule.of_channels(image.channels)
    for name, values in (("pixel_scale", scale), ("pixel_offset", offset)):
        array = np.array(values, dtype=np.float32)[None, :, None, None]
        weights[name] = onnx.numpy_helper.from_array(array, name)
    shapes = {
        "image": (1, image.channels, image.height, image.width),
        LOGITS: foreign.shapes[LOGITS],
    }
    nodes = [
        make("Mul", ["image", "pixel_scale"], ["pixels_scaled"]),
        make("Add", ["pixels_scaled", "pixel_offset"], [PIXELS]),
        *graph.nodes,
    ]
    nodes += _features(foreign, shapes)
    if foreign.maps is not None:
        own, axes = foreign.shapes[foreign.maps.name], foreign.maps.axes
        nodes.append(make("Transpose", [foreign.maps.name], [MAPS], perm=list(axes)))
        shapes[MAPS] = tuple(own[axis] for axis in axes)
    outputs = [name for name in (LOGITS, FEATURES, MAPS) if name in shapes]
    made = replace(graph, nodes=tuple(nodes), weights=weights)
    return _written(foreign, made, inputs=["image"], outputs=outputs, shapes=shapes)


def _features(
    foreign: ForeignNetwork, shapes: dict[str, tuple[int, ...]]
) -> Sequence[onnx.NodeProto]:
    """Return the nodes that make `features` `[n, features]`, and note its shape.

    They are what the last layer weighs; else the maps' means; else the logits.
    """
    import onnx

    make = onnx.helper.make_node
    if foreign.features:
        shapes[FEATURES] = foreign.shapes[foreign.features]
        return [make("Identity", [foreign.features], [FEATURES])]
    if foreign.maps is None:
        shapes[FEATURES] = shapes[LOGITS]
        return [make("Identity", [LOGITS], [FEATURES])]
    own = foreign.shapes[foreign.maps.name]
    shapes[FEATURES] = (1, own[foreign.maps.axes[1]])
    return [
        make("GlobalAveragePool", [MAPS], ["maps_means"]),
        make("Flatten", ["maps_means"], [FEATURES], axis=1),
    ]


def _head(foreign: ForeignNetwork) -> bytes:
    import onnx

    assert foreign.maps is not None
    maps = foreign.maps
    back = [int(place) for place in np.argsort(maps.axes)]
    shapes = {
        MAPS: tuple(foreign.shapes[maps.name][axis] for axis in maps.axes),
        LOGITS: foreign.shapes[LOGITS],
    }
    nodes = [
        onnx.helper.make_node("Transpose", [MAPS], [maps.name], perm=back),
        *foreign.graph.between([maps.name], [LOGITS]),
    ]
    made = foreign.graph.with_nodes(nodes)
    return _written(foreign, made, inputs=[MAPS], outputs=[LOGITS], shapes=shapes)


def _written(
    foreign: ForeignNetwork,
    graph: Graph,
    *,
    inputs: Sequence[str],
    outputs: Sequence[str],
    shapes: Mapping[str, tuple[int, ...]],
) -> bytes:
    """Return a graph as an ONNX file for any number of films.

    Args:
        foreign: what it is of.
        graph: its nodes and weights are taken.
        inputs, outputs: their names.
        shapes: of these, for one film.
    """
    import onnx

    def ports(names: Sequence[str]) -> tuple[Port, ...]:
        kind = int(onnx.TensorProto.FLOAT)
        return tuple(Port(name, kind, (FREE, *shapes[name][1:])) for name in names)

    made = replace(graph, inputs=ports(inputs), outputs=ports(outputs))
    if foreign.is_one_by_one:
        made = one_by_one(made, shapes)
    return model_bytes(made)


def _require_same_answers(foreign: ForeignNetwork, network: bytes, head: bytes) -> None:
    image = foreign.image
    films = smooth_images(
        2, channels=image.channels, height=image.height, width=image.width, seed=1
    )
    maps, logits = Session(network).run([MAPS, LOGITS], "image", films)
    (found,) = Session(head).run([LOGITS], MAPS, maps)
    if not np.allclose(found, logits, rtol=_SAME, atol=_SAME):
        raise ClassifierError(
            "the part of the network behind its last spatial maps answers otherwise than the "
            f"whole (by up to {float(np.abs(found - logits).max()):.1e}): please report this"
        )
