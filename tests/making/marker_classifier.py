"""A classifier that looks at one corner of the film and at nothing else."""

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from carina.domain.card import Card, ExplanationSource, Provenance
from carina.domain.input_spec import InputSpec
from carina.domain.label_set import LabelSet
from carina.inference.bundle import save_classifier

SIDE = 32
CORNER = 10
MARKER = (slice(2, 7), slice(2, 7))
"""Where `marked_film` has its bright square."""
LABELS = ("Marked", "Plain")


def write_marker_classifier(folder: Path) -> Path:
    """Write a classifier that answers "Marked" where something bright stands in the corner.

    Its first map is what is bright there, its second what is dark; the class is told by their
    means. The right heat map of "Marked" is the marker.
    """
    spec = InputSpec(height=SIDE, width=SIDE)
    card = Card(
        name="marker",
        labels=LabelSet(names=LABELS),
        input=spec,
        provenance=Provenance(
            recipe="marker",
            architecture="a corner",
            parameters=8,
            epoch=1,
            sources=("made for tests",),
            dataset_digest="0" * 64,
            split_digest="0" * 64,
            n_train=dict.fromkeys(LABELS, 10),
            patient_key_fingerprint="",
        ),
        explanations={name: ExplanationSource() for name in LABELS},
    )
    save_classifier(
        folder,
        card,
        network=_network(),
        heads={"head.onnx": _head()},
        seen=[{"sha256": "0" * 64, "pixel_digest": "", "perceptual_hash": "", "patient": ""}],
        readme="# marker\n",
    )
    return folder


def marked_film(seed: int) -> np.ndarray:
    """Return a network input float32 [1, 32, 32]: grain, and a bright square in the corner."""
    film = np.random.default_rng(seed).uniform(0.1, 0.3, (1, SIDE, SIDE)).astype(np.float32)
    film[0][MARKER] = 1.0
    return film


def central_lungs() -> np.ndarray:
    """Return lungs bool [32, 32] in the middle of the film, away from the corner."""
    lungs = np.zeros((SIDE, SIDE), dtype=bool)
    lungs[12:28, 12:28] = True
    return lungs


def _network() -> bytes:
    corner = np.zeros((1, 1, SIDE, SIDE), dtype=np.float32)
    corner[..., :CORNER, :CORNER] = 1
    values = [
        numpy_helper.from_array(np.array([1, -1], np.float32).reshape(2, 1, 1, 1), "kernel"),
        numpy_helper.from_array(np.array([-0.5, 0.5], np.float32), "bias"),
        numpy_helper.from_array(corner, "corner"),
        _dense(),
    ]
    nodes = [
        helper.make_node("Conv", ["image", "kernel", "bias"], ["conv"]),
        helper.make_node("Relu", ["conv"], ["bright_or_dark"]),
        helper.make_node("Mul", ["bright_or_dark", "corner"], ["maps"]),
        *_head_nodes(),
    ]
    outputs = [
        _float("logits", ["n", 2]),
        _float("features", ["n", 2]),
        _float("maps", ["n", 2, SIDE, SIDE]),
    ]
    return _model(nodes, [_float("image", ["n", 1, SIDE, SIDE])], outputs, values)


def _head() -> bytes:
    maps, logits = _float("maps", ["n", 2, SIDE, SIDE]), _float("logits", ["n", 2])
    return _model(_head_nodes(), [maps], [logits], [_dense()])


def _dense():
    # in "Marked" 25 places of 0.5 above grey: a logit of 7.3 against 2.2
    dense = np.array([[600, 0], [0, 100]], np.float32)
    return numpy_helper.from_array(dense, "dense")


def _head_nodes():
    return [
        helper.make_node("GlobalAveragePool", ["maps"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["features"]),
        helper.make_node("MatMul", ["features", "dense"], ["logits"]),
    ]


def _float(name: str, shape: list):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _model(nodes, inputs, outputs, values) -> bytes:
    graph = helper.make_graph(nodes, "marker", inputs, outputs, values)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return model.SerializeToString()
