"""A small classifier with known weights, made without torch."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from carina.domain.card import Card, ExplanationSource, Provenance
from carina.domain.input_spec import InputSpec
from carina.domain.label_set import LabelSet
from carina.inference.bundle import save_classifier

SIDE = 32
N_MAPS = 4


def tiny_weights(n_classes: int, channels: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return the convolution [maps, channels, 3, 3] and the dense layer [maps, classes]."""
    rng = np.random.default_rng(5)
    kernel = rng.normal(0, 0.6, (N_MAPS, channels, 3, 3)).astype(np.float32)
    dense = rng.normal(0, 3, (N_MAPS, n_classes)).astype(np.float32)
    return kernel, dense


def write_tiny_classifier(
    folder: Path,
    *,
    labels: Sequence[str] = ("COVID-19", "Normal"),
    spec: InputSpec | None = None,
    cautions: Sequence[str] = ("not tested on another source",),
) -> Path:
    """Write a classifier: a 3x3 convolution and ReLU (maps), their means (features), a dense
    layer (logits). Its Grad-CAM is known: the weight of a map is its dense weight over its size.
    """
    spec = spec or InputSpec(height=SIDE, width=SIDE)
    kernel, dense = tiny_weights(len(labels), spec.channels)
    card = Card(
        name="tiny",
        labels=LabelSet(names=tuple(labels)),
        input=spec,
        provenance=Provenance(
            recipe="tiny",
            architecture="one convolution",
            parameters=kernel.size + dense.size,
            epoch=1,
            sources=("made for tests",),
            dataset_digest="0" * 64,
            split_digest="0" * 64,
            n_train=dict.fromkeys(labels, 10),
            patient_key_fingerprint="",
        ),
        explanations={name: ExplanationSource() for name in labels},
        parity={"n_films": 1, "max_probability_difference": 0.0},
        cautions=tuple(cautions),
    )
    save_classifier(
        folder,
        card,
        network=_network(spec, kernel, dense),
        heads={"head.onnx": _head(spec, dense)},
        seen=[{"sha256": "0" * 64, "pixel_digest": "", "perceptual_hash": "", "patient": ""}],
        readme="# tiny\n",
    )
    return folder


def _network(spec: InputSpec, kernel: np.ndarray, dense: np.ndarray) -> bytes:
    image = ["n", spec.channels, spec.height, spec.width]
    maps = ["n", N_MAPS, spec.height, spec.width]
    nodes = [
        helper.make_node("Conv", ["image", "kernel"], ["conv"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["conv"], ["maps"]),
        *_head_nodes(),
    ]
    values = [numpy_helper.from_array(kernel, "kernel"), numpy_helper.from_array(dense, "dense")]
    outputs = [
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", dense.shape[1]]),
        helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", N_MAPS]),
        helper.make_tensor_value_info("maps", TensorProto.FLOAT, maps),
    ]
    inputs = [helper.make_tensor_value_info("image", TensorProto.FLOAT, image)]
    return _model(nodes, inputs, outputs, values)


def _head(spec: InputSpec, dense: np.ndarray) -> bytes:
    maps = ["n", N_MAPS, spec.height, spec.width]
    inputs = [helper.make_tensor_value_info("maps", TensorProto.FLOAT, maps)]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", dense.shape[1]])]
    return _model(_head_nodes(), inputs, outputs, [numpy_helper.from_array(dense, "dense")])


def _head_nodes() -> list[onnx.NodeProto]:
    return [
        helper.make_node("GlobalAveragePool", ["maps"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["features"]),
        helper.make_node("MatMul", ["features", "dense"], ["logits"]),
    ]


def _model(nodes, inputs, outputs, values) -> bytes:
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, values)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return model.SerializeToString()
