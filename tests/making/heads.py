"""Films in networks that are functions, and the ONNX files of small heads."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from carina.inference.explain import FilmInNetwork


def film_in(maps: np.ndarray, weights: np.ndarray) -> FilmInNetwork:
    """Return a film whose network adds up the means of its maps, times weights.

    The film is its own maps: every method is asked for the same truth.

    Args:
        maps: float32 [maps, height, width].
        weights: float [maps, classes].
    """

    def logits(images):
        return images.astype(np.float64).mean(axis=(2, 3)) @ weights

    return FilmInNetwork(
        image=maps, network=logits, maps=maps, head=logits, head_file=mean_head(weights)
    )


def mean_head(weights: np.ndarray) -> bytes:
    """Return the head that `film_in` has, as an ONNX file."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["maps"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["features"]),
        helper.make_node("MatMul", ["features", "weights"], ["logits"]),
    ]
    return head_of(nodes, {"weights": weights.astype(np.float32)})


def head_of(nodes: Sequence[onnx.NodeProto], values: Mapping[str, np.ndarray]) -> bytes:
    """Return an ONNX file with the input `maps` and the output `logits`."""
    graph = helper.make_graph(
        list(nodes),
        "head",
        [helper.make_tensor_value_info("maps", TensorProto.FLOAT, ["n", None, None, None])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", None])],
        [numpy_helper.from_array(value, name) for name, value in values.items()],
    )
    domains = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=domains, ir_version=10)
    return model.SerializeToString()
