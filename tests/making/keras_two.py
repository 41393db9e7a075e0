"""Keras files as Keras 2 wrote them, made with h5py alone: no TensorFlow is needed."""

import json
from pathlib import Path

import h5py
import numpy as np

SIDE, N_FILTERS, N_HIDDEN = 32, 6, 10


def teachable_weights() -> dict[str, list[np.ndarray]]:
    """Return the weights of a small model that is built as Teachable Machine builds its own."""
    rng = np.random.default_rng(3)
    n = N_FILTERS

    def drawn(*shape):
        return rng.normal(0, 0.6, shape).astype(np.float32)

    return {
        "Conv1": [drawn(3, 3, 3, n)],
        "bn_Conv1": [1 + drawn(n) / 4, drawn(n) / 4, drawn(n) / 8, 1 + drawn(n) ** 2],
        "expanded_conv_depthwise": [drawn(3, 3, n, 1)],
        "dense_Dense1": [drawn(n, N_HIDDEN), drawn(N_HIDDEN) / 4],
        "dense_Dense2": [drawn(N_HIDDEN, 2)],
    }


def teachable_answers(images: np.ndarray) -> np.ndarray:
    """Return its probabilities [n, 2] for images [n, 32, 32, 3], computed with numpy alone."""
    weights = teachable_weights()
    maps = _convolved(images.astype(np.float64), weights["Conv1"][0])
    gamma, beta, mean, variance = weights["bn_Conv1"]
    maps = (maps - mean) / np.sqrt(variance + 1e-3) * gamma + beta
    maps = maps.clip(0, 6)
    kernel = np.zeros((3, 3, N_FILTERS, N_FILTERS))
    for place in range(N_FILTERS):
        kernel[:, :, place, place] = weights["expanded_conv_depthwise"][0][:, :, place, 0]
    maps = _convolved(maps, kernel).clip(0, 6)
    hidden = maps.mean(axis=(1, 2)) @ weights["dense_Dense1"][0] + weights["dense_Dense1"][1]
    logits = hidden.clip(0) @ weights["dense_Dense2"][0]
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def _convolved(images: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Return a 3x3 convolution with zeros around, channels last."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    return np.einsum("nhwcij,ijcf->nhwf", windows, kernel)


def write_teachable_machine(folder: Path) -> Path:
    """Write `keras_model.h5` and `labels.txt` as Teachable Machine does: a sequence of two
    sequences, of which the first holds a functional model; `groups` on a depthwise convolution,
    `batch_input_shape`, names of layers in the form of tensorflow.js, and no `module`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = teachable_weights()
    path = folder / "keras_model.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(_description())
        file.attrs["keras_version"] = "2.4.0"
        file.attrs["backend"] = "tensorflow"
        file.attrs["training_config"] = json.dumps({"loss": "categorical_crossentropy"})
        root = file.create_group("model_weights")
        root.attrs["keras_version"], root.attrs["backend"] = "2.4.0", "tensorflow"
        parts = {
            "sequential_1": ("Conv1", "bn_Conv1", "expanded_conv_depthwise"),
            "sequential_3": ("dense_Dense1", "dense_Dense2"),
        }
        root.attrs["layer_names"] = [name.encode() for name in parts]
        for part, layers in parts.items():
            _write_weights(root.create_group(part), {name: weights[name] for name in layers})
    (folder / "labels.txt").write_text("0 Covid\n1 Normal\n", encoding="utf-8")
    return path


_NAMES = {
    "Conv1": ("kernel",),
    "bn_Conv1": ("gamma", "beta", "moving_mean", "moving_variance"),
    "expanded_conv_depthwise": ("depthwise_kernel",),
    "dense_Dense1": ("kernel", "bias"),
    "dense_Dense2": ("kernel",),
}


def _write_weights(group: h5py.Group, layers: dict[str, list[np.ndarray]]) -> None:
    """Write the weights of a model within the model: trained ones first, as Keras 2 did."""
    named = [
        (f"{layer}/{name}:0", value)
        for layer, values in layers.items()
        for name, value in zip(_NAMES[layer], values, strict=True)
    ]
    named.sort(key=lambda one: "moving" in one[0])
    group.attrs["weight_names"] = [name.encode() for name, _ in named]
    for name, value in named:
        group.create_dataset(name, data=value)


def _description() -> dict:
    start = {"class_name": "VarianceScaling", "config": {"scale": 1, "distribution": "normal"}}
    convolution = {
        "trainable": True, "dtype": "float32", "kernel_size": [3, 3], "strides": [1, 1],
        "padding": "same", "data_format": "channels_last", "dilation_rate": [1, 1], "groups": 1,
        "activation": "linear", "use_bias": False, "kernel_regularizer": None,
        "bias_initializer": {"class_name": "Zeros", "config": {}},
    }  # fmt: skip
    depthwise = {**convolution, "depth_multiplier": 1, "depthwise_initializer": start}
    norm = {"trainable": True, "dtype": "float32", "axis": [3], "momentum": 0.999,
            "epsilon": 0.001, "center": True, "scale": True}  # fmt: skip
    relu = {"dtype": "float32", "max_value": 6, "negative_slope": 0, "threshold": 0}
    layers = [
        _layer("InputLayer", "input_1", {"batch_input_shape": [None, SIDE, SIDE, 3],
                                         "sparse": False, "ragged": False}, after=None),
        _layer("Conv2D", "Conv1", {**convolution, "filters": N_FILTERS,
                                   "kernel_initializer": start}, after="input_1"),
        _layer("BatchNormalization", "bn_Conv1", norm, after="Conv1"),
        _layer("ReLU", "Conv1_relu", relu, after="bn_Conv1"),
        _layer("DepthwiseConv2D", "expanded_conv_depthwise", depthwise, after="Conv1_relu"),
        _layer("ReLU", "out_relu", relu, after="expanded_conv_depthwise"),
    ]  # fmt: skip
    inner = {
        "class_name": "Model",
        "config": {"name": "model1", "layers": layers, "input_layers": [["input_1", 0, 0]],
                   "output_layers": [["out_relu", 0, 0]]},
    }  # fmt: skip
    pooling = {"class_name": "GlobalAveragePooling2D",
               "config": {"name": "pool", "trainable": True, "dtype": "float32",
                          "data_format": "channels_last"}}  # fmt: skip
    dense = {"trainable": True, "dtype": "float32", "kernel_initializer": start,
             "bias_initializer": {"class_name": "Zeros", "config": {}}}  # fmt: skip
    first = {**dense, "name": "dense_Dense1", "units": N_HIDDEN, "activation": "relu",
             "use_bias": True, "batch_input_shape": [None, N_FILTERS]}  # fmt: skip
    second = {**dense, "name": "dense_Dense2", "units": 2, "activation": "softmax",
              "use_bias": False}  # fmt: skip
    return {
        "class_name": "Sequential",
        "config": {
            "name": "sequential_4",
            "layers": [
                {"class_name": "Sequential",
                 "config": {"name": "sequential_1", "layers": [inner, pooling]}},
                {"class_name": "Sequential",
                 "config": {"name": "sequential_3",
                            "layers": [{"class_name": "Dense", "config": first},
                                       {"class_name": "Dense", "config": second}]}},
            ],
        },
    }  # fmt: skip


def _layer(class_name: str, name: str, config: dict, *, after: str | None) -> dict:
    inbound = [] if after is None else [[[after, 0, 0, {}]]]
    return {
        "class_name": class_name,
        "name": name,
        "config": {"name": name, **config},
        "inbound_nodes": inbound,
    }
