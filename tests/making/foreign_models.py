"""ONNX files as other tools write them, made with onnx.helper: no torch, no Keras."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE = 32
N_MAPS = 4


@dataclass(frozen=True)
class Foreign:
    """How a model is made: a convolution, ReLU, means (or pooling and flattening), a dense layer.

    Attributes:
        layout: "nchw" or "nhwc" of its input.
        channels, side: of its input; `free` sizes are left open.
        batch: of its input: a number, or "n".
        ending: "softmax", "sigmoid", "logits", "decomposed-softmax", "log-softmax".
        n_outputs: of its last layer.
        kind: of its input: TensorProto.FLOAT, FLOAT16, UINT8, DOUBLE.
        own_scaling: (scale, offset) of a first step within the model.
        flattened: whether maps are pooled and flattened, with sizes written down.
        padded: what is put around the convolution's maps before they are max-pooled, ahead of the
            ReLU; None: they are not pooled; "": as ONNX has it where nothing is said, zero.
        padded_last: whether that is done with the channels as the last axis.
        opset: version of ONNX's operators.
    """

    layout: str = "nhwc"
    channels: int = 3
    side: int = SIDE
    free: bool = False
    batch: int | str = 1
    ending: str = "softmax"
    n_outputs: int = 2
    kind: int = TensorProto.FLOAT
    own_scaling: tuple[float, float] | None = None
    flattened: bool = False
    padded: float | str | None = None
    padded_last: bool = False
    opset: int = 17


def foreign_model(asked: Foreign = Foreign(), *, dense=None, kernel=None) -> onnx.ModelProto:
    """Return a model; `dense` [features, outputs] and `kernel` [maps, channels, 3, 3] are its
    weights, drawn if None."""
    rng = np.random.default_rng(7)
    if kernel is None:
        kernel = rng.normal(0, 0.4, (N_MAPS, asked.channels, 3, 3))
    n_features = N_MAPS * (asked.side // 4) ** 2 if asked.flattened else N_MAPS
    if dense is None:
        dense = rng.normal(0, 2 / np.sqrt(n_features), (n_features, asked.n_outputs))
    half = asked.kind == TensorProto.FLOAT16
    number = np.float16 if half else np.float64 if asked.kind == TensorProto.DOUBLE else np.float32
    weights = {"kernel": kernel.astype(number), "dense": dense.astype(number)}
    steps = [
        ("Cast", ["taken"], "value", {"to": helper.np_dtype_to_tensor_dtype(np.dtype(number))})
    ]
    if asked.own_scaling:
        scale, offset = asked.own_scaling
        weights |= {"scale": number(scale), "offset": number(offset)}
        steps += [
            ("Mul", ["value", "scale"], "times", {}),
            ("Add", ["times", "offset"], "plus", {}),
        ]
    last = steps[-1][2]
    if asked.layout == "nhwc":
        steps.append(("Transpose", [last], "first", {"perm": [0, 3, 1, 2]}))
        last = "first"
    steps.append(("Conv", [last, "kernel"], "conv", {"pads": [1, 1, 1, 1]}))
    last = "conv"
    if asked.padded is not None:
        steps += _padded_pooling(asked, weights, number)
        last = "pooled first"
    steps.append(("Relu", [last], "relu", {}))
    if asked.flattened:
        weights["sizes"] = np.array(
            [asked.batch if asked.batch != "n" else -1, n_features], np.int64
        )
        steps += [
            ("MaxPool", ["relu"], "pooled", {"kernel_shape": [4, 4], "strides": [4, 4]}),
            ("Reshape", ["pooled", "sizes"], "features", {}),
        ]
    else:
        steps += [
            ("GlobalAveragePool", ["relu"], "means", {}),
            ("Flatten", ["means"], "features", {}),
        ]
    steps.append(("MatMul", ["features", "dense"], "scores", {}))
    steps += _ending(asked.ending)
    nodes = [
        helper.make_node(operator, inputs, [output], name=f"/home/ann/{output}", **settings)
        for operator, inputs, output, settings in steps
    ]
    nodes[-1].output[0] = "answers"
    sizes = ["h", "w"] if asked.free else [asked.side, asked.side]
    shape = [asked.batch, asked.channels, *sizes]
    if asked.layout == "nhwc":
        shape = [asked.batch, *sizes, asked.channels]
    graph = helper.make_graph(
        nodes,
        "of Ann's",
        [helper.make_tensor_value_info("taken", asked.kind, shape)],
        [helper.make_tensor_value_info("answers", helper.np_dtype_to_tensor_dtype(np.dtype(number)),
                                       [asked.batch, asked.n_outputs])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
        doc_string="made by Ann",
    )  # fmt: skip
    opsets = [helper.make_opsetid("", asked.opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="ann")


def _padded_pooling(asked: Foreign, weights: dict, number: type) -> list:
    around = 2 * ([0, 1, 1, 0] if asked.padded_last else [0, 0, 1, 1])
    taken = "turned" if asked.padded_last else "conv"
    said = asked.padded != ""
    if asked.opset < 11:
        settings = {"pads": around} | ({"value": float(asked.padded)} if said else {})
        pad = ("Pad", [taken], "padded", settings)
    else:
        weights["around"] = np.array(around, np.int64)
        if said:
            weights["beside"] = number(asked.padded)
        pad = ("Pad", [taken, "around", *(["beside"] if said else [])], "padded", {})
    pool = {"kernel_shape": [3, 3], "strides": [2, 2]}
    if not asked.padded_last:
        return [pad, ("MaxPool", ["padded"], "pooled first", pool)]
    return [
        ("Transpose", ["conv"], "turned", {"perm": [0, 2, 3, 1]}),
        pad,
        ("Transpose", ["padded"], "turned back", {"perm": [0, 3, 1, 2]}),
        ("MaxPool", ["turned back"], "pooled first", pool),
    ]


def _ending(ending: str) -> list[tuple[str, Sequence[str], str, dict]]:
    if ending == "decomposed-softmax":
        return [
            ("Exp", ["scores"], "exp", {}),
            ("ReduceMax", ["exp"], "unused", {"keepdims": 1}),
            ("LpNormalization", ["exp"], "shares", {"p": 1, "axis": 1}),
        ]
    return {
        "softmax": [("Softmax", ["scores"], "shares", {"axis": 1})],
        "log-softmax": [("LogSoftmax", ["scores"], "logs", {"axis": 1})],
        "sigmoid": [("Sigmoid", ["scores"], "share", {})],
        "logits": [("Identity", ["scores"], "same", {})],
    }[ending]
