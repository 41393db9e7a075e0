"""Descriptions of models as Keras 1 and 2 wrote them -> ones that today's Keras reads."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from carina.errors import ClassifierError
from carina.models.keras.allowed import layers_of

_OF_EVERY_LAYER = frozenset({"name", "trainable", "dtype", "batch_shape"})
# Settings that Keras no longer has, and that say nothing about what a layer answers.
_SILENT = frozenset(
    {"activity_regularizer", "auto_vectorize", "batch_input_shape", "build_input_shape",
     "dim_ordering", "dynamic", "force_generator", "fused", "implementation", "init", "input_dtype",
     "optional", "ragged", "renorm_momentum", "rng_type", "sparse", "synchronized"}
)  # fmt: skip
_NOTHING: tuple[Any, ...] = (None, False, 1, "", [], {})
_NEW_NAMES = {
    "LeakyReLU": {"alpha": "negative_slope"},
    "Dropout": {"p": "rate"},
    "SpatialDropout2D": {"p": "rate"},
}
# A step of TensorFlow with one number -> the scale and offset that it comes to.
_ONE_NUMBER: Mapping[str, Callable[[float], tuple[float, float]]] = {
    "truediv": lambda number: (1 / number, 0.0),
    "divide": lambda number: (1 / number, 0.0),
    "multiply": lambda number: (number, 0.0),
    "subtract": lambda number: (1.0, -number),
    "add": lambda number: (1.0, number),
    "__add__": lambda number: (1.0, number),
}
# Where Keras 3 has its classes; those of Keras 2 stood in keras.engine, for one.
_TODAYS_MODULES = ("keras.layers", "keras.models", "keras.src.models", "keras.ops", "keras.src.ops")
_HOMES: Mapping[str, Mapping[str, str | None]] = {
    "Sequential": {"module": "keras", "registered_name": None},
    "Model": {"module": "keras.src.models.functional", "class_name": "Functional"},
    "Functional": {"module": "keras.src.models.functional", "registered_name": "Functional"},
}
_HOME: Mapping[str, str | None] = {"module": "keras.layers", "registered_name": None}
_MODELS = ("Sequential", "Functional", "Model")


def modernised(config: dict[str, Any]) -> dict[str, Any]:
    """Return a model's description in a form that today's Keras reads; changed in place.

    What is changed: settings that are gone (`groups` of a depthwise convolution, as Teachable
    Machine's files have it), lists where a number stands today, and input shapes that stood on
    the first layer.

    Args:
        config: `model_config` of an `.h5` file, without what training needs.

    Raises:
        ClassifierError: if a layer has a setting that today's Keras does not know, and that
            changes its answers.
    """
    for layer in layers_of(config):
        if layer["class_name"] == "Sequential" and isinstance(layer["config"], list):
            layer["config"] = {"name": "sequential", "layers": layer["config"]}
    for layer in layers_of(config):
        if layer["class_name"] == "Sequential":
            _with_input(layer["config"])
    _count_calls_from_zero(config)
    _without_lists_of_one(config)
    for layer in layers_of(config):
        if not str(layer.get("module", "keras.layers")).startswith(_TODAYS_MODULES):
            layer.update(_HOMES.get(layer["class_name"], _HOME))
        if layer["class_name"] not in _MODELS:
            _modernise(layer["class_name"], layer["config"])
    return config


def with_rescaling_layers(config: dict[str, Any]) -> dict[str, Any]:
    """Return a model's description with `Rescaling` layers in place of the steps of TensorFlow
    that multiply or add one number; changed in place."""
    for layer in layers_of(config):
        _rescaling_of_step(layer)
    return config


def _count_calls_from_zero(config: Any) -> None:
    """Number the calls of models within a model from 0, as today's Keras does.

    Keras 2 counts a model's own making as call 0 (its `get_network_config`), so that a model
    within the model is called for the first time as call 1.
    """
    for outer in layers_of(config):
        inner = outer["config"].get("layers") if isinstance(outer["config"], dict) else None
        if outer["class_name"] not in _MODELS or not isinstance(inner, list):
            continue
        models = {
            one.get("name") or one.get("config", {}).get("name")
            for one in inner
            if isinstance(one, dict) and one.get("class_name") in _MODELS
        }
        for layer in inner:
            _renumber(layer.get("inbound_nodes"), models)
        _renumber(outer["config"].get("output_layers"), models)


def _without_lists_of_one(config: Any) -> None:
    """Let models with one input or output take and give it alone, not as a list of one."""
    for model in layers_of(config):
        inner = model["config"]
        for key in ("input_layers", "output_layers"):
            if isinstance(inner, dict) and isinstance(inner.get(key), list):
                ports = inner[key]
                if len(ports) == 1 and isinstance(ports[0], list):
                    inner[key] = ports[0]


def _renumber(calls: Any, models: set[Any]) -> None:
    """Take 1 from the number of each call of a model; lists are changed in place."""
    if not isinstance(calls, list):
        return
    is_call = len(calls) >= 3 and isinstance(calls[0], str) and isinstance(calls[1], int)
    if is_call and calls[0] in models and calls[1] > 0:
        calls[1] -= 1
    for one in calls:
        _renumber(one, models)


def _with_input(config: dict[str, Any]) -> None:
    """Put an input layer before the first layer of a sequence, where none stands."""
    layers = config.get("layers")
    if not isinstance(layers, list) or not layers or layers[0].get("class_name") == "InputLayer":
        return
    shape = _input_shape(layers[0])
    if shape is not None:
        name = f"{config.get('name', 'sequential')}_first_input"
        entry = {"batch_shape": list(shape), "dtype": "float32", "name": name}
        layers.insert(0, {"class_name": "InputLayer", "config": entry})


def _input_shape(layer: Mapping[str, Any]) -> list[Any] | None:
    """Return the input shape that stands on a layer, or on the first layer within it."""
    inner = layer.get("config")
    if not isinstance(inner, dict):
        return None
    for key in ("batch_input_shape", "batch_shape"):
        if isinstance(inner.get(key), list):
            return list(inner[key])
    layers = inner.get("layers")
    if isinstance(layers, list) and layers and isinstance(layers[0], dict):
        return _input_shape(layers[0])
    return None


def _modernise(class_name: str, config: dict[str, Any]) -> None:
    from carina.models.keras.backend import import_keras

    if class_name == "InputLayer" and "batch_input_shape" in config:
        config["batch_shape"] = config.pop("batch_input_shape")
    if isinstance(config.get("axis"), list) and len(config["axis"]) == 1:
        config["axis"] = config["axis"][0]
    for old, new in _NEW_NAMES.get(class_name, {}).items():
        if old in config:
            config.setdefault(new, config.pop(old))
    layer = getattr(import_keras().layers, class_name, None)
    if layer is None:
        raise ClassifierError(
            f"the model has a layer {class_name}, which today's Keras does not have; "
            "export the model to ONNX where it was made, and import that file"
        )
    known = _OF_EVERY_LAYER | set(inspect.signature(layer.__init__).parameters)
    for key in [key for key in config if key not in known]:
        value = config.pop(key)
        if key not in _SILENT and value not in _NOTHING:
            raise ClassifierError(
                f"the model's layer '{config.get('name')}' ({class_name}) has the setting "
                f"{key} = {value!r}, which today's Keras does not know; export the model to ONNX "
                "where it was made, and import that file"
            )


def _rescaling_of_step(layer: dict[str, Any]) -> None:
    """Make a `Rescaling` of a TensorFlow step that multiplies or adds one number.

    `preprocess_input` in a functional model of Keras 2 leaves such steps behind.
    """
    if layer["class_name"] != "TFOpLambda" or not isinstance(layer["config"], dict):
        return
    function = str(layer["config"].get("function", "")).rpartition(".")[2]
    nodes = layer.get("inbound_nodes")
    number = _number_of_node(nodes)
    if function not in _ONE_NUMBER or not number or not isinstance(nodes, list):
        return
    scale, offset = _ONE_NUMBER[function](number)
    layer["class_name"] = "Rescaling"
    layer["config"] = {
        "name": layer["config"].get("name"),
        "scale": scale,
        "offset": offset,
        "dtype": "float32",
    }
    layer["inbound_nodes"] = [[[*_source_of_node(nodes), {}]]]


def _number_of_node(nodes: Any) -> float | None:
    """Return the one number that a step is called with, or None."""
    source = _call_of_node(nodes)
    if source is None or not isinstance(source[3], dict):
        return None
    numbers = [value for key, value in source[3].items() if key != "name" and value is not None]
    is_one = len(numbers) == 1 and isinstance(numbers[0], int | float)
    return float(numbers[0]) if is_one and not isinstance(numbers[0], bool) else None


def _source_of_node(nodes: Any) -> list[Any]:
    source = _call_of_node(nodes)
    assert source is not None  # asked for only where a number was found in it
    return source[:3]


def _call_of_node(nodes: Any) -> list[Any] | None:
    """Return `[layer, node, tensor, arguments]` of a step with one call, or None.

    Keras 2 wrote `[[name, 0, 0, arguments]]` for steps and `[[[name, 0, 0, arguments]]]` for
    layers.
    """
    if not isinstance(nodes, list) or len(nodes) != 1:
        return None
    found = nodes[0]
    if isinstance(found, list) and len(found) == 1 and isinstance(found[0], list):
        found = found[0]
    return found if isinstance(found, list) and len(found) == 4 else None
