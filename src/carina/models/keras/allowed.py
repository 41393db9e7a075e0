"""Whether a Keras model's description holds layers of Keras alone, and no code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from carina.errors import ClassifierError
from carina.files.names import one_line

ALLOWED_LAYERS = frozenset(
    {"Activation", "ActivityRegularization", "Add", "AlphaDropout", "Average", "AveragePooling2D",
     "BatchNormalization", "CenterCrop", "Concatenate", "Conv2D", "Conv2DTranspose",
     "Convolution2D", "Cropping2D", "Dense", "DepthwiseConv2D", "Dot", "Dropout", "ELU", "Flatten",
     "Functional", "GaussianDropout", "GaussianNoise", "GlobalAveragePooling2D",
     "GlobalMaxPooling2D", "GroupNormalization", "Identity", "InputLayer", "LayerNormalization",
     "LeakyReLU", "MaxPooling2D", "Maximum", "Minimum", "Model", "Multiply", "Normalization",
     "PReLU", "Permute", "RandomBrightness", "RandomContrast", "RandomCrop", "RandomFlip",
     "RandomRotation", "RandomTranslation", "RandomZoom", "ReLU", "Rescaling", "Reshape",
     "Resizing", "SeparableConv2D", "Sequential", "Softmax", "SpatialDropout2D", "Subtract",
     "SyncBatchNormalization", "UnitNormalization", "UpSampling2D", "ZeroPadding2D",
     "MultiHeadAttention", "Attention"}
)  # fmt: skip
"""What classifiers of images are made of; the rest cannot be looked into or is code."""
_ALLOWED_STEPS = frozenset(
    {"Abs", "Add", "Divide", "Exp", "GetItem", "HardSigmoid", "HardSwish", "Log", "Mean",
     "Multiply", "Negative", "Relu", "Relu6", "Reshape", "Sigmoid", "Silu", "Softmax", "Sqrt",
     "Square", "Stack", "Subtract", "Tanh", "Transpose", "TrueDivide"}
)  # fmt: skip
"""Single steps of `keras.ops` in a functional model."""
_ALLOWED_VALUES = frozenset({"__ellipsis__", "__keras_tensor__", "__numpy__", "__slice__",
                             "__tensor__", "__tuple__", "DTypePolicy", "Policy"})  # fmt: skip
_ALLOWED_FUNCTIONS = frozenset(
    {"celu", "elu", "exponential", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu",
     "hard_swish", "hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish",
     "relu", "relu6", "selu", "sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign",
     "sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus", "swish", "tanh", "tanh_shrink",
     "threshold"}
)  # fmt: skip
"""`keras.activations`; other functions of Keras write files or fetch them."""
# tf_keras is Keras 2 under the name that it has beside Keras 3.
_OWN_MODULES = ("keras.", "tf_keras.")
# What only training needs; and where the numbers are read from the file all the same.
_TRAINING_ENDINGS = ("_initializer", "_regularizer", "_constraint")
_TRAINING_KEYS = frozenset({"compile_config", "activity_regularizer"})
_ADVICE = (
    "where it was made, export the model to ONNX (model.export('model.onnx', format='onnx'), or "
    "tf2onnx) and import that file"
)


def layers_of(config: Any) -> Iterator[dict[str, Any]]:
    """Yield the description of every layer and model in a model's description, outer ones first.

    Args:
        config: as `model.to_json` gives it, parsed.
    """
    if isinstance(config, dict):
        class_name = config.get("class_name")
        is_object = isinstance(class_name, str) and class_name not in _ALLOWED_VALUES
        if is_object and isinstance(config.get("config"), dict | list):
            yield config
        for value in config.values():
            yield from layers_of(value)
    elif isinstance(config, list):
        for value in config:
            yield from layers_of(value)


def without_training(config: Any) -> Any:
    """Return a model's description without what only training needs.

    Start values, penalties and bounds of weights go, and the types that numbers had in
    training: everything is computed in float32.
    """
    if isinstance(config, list):
        return [without_training(value) for value in config]
    if not isinstance(config, dict):
        return config
    kept = {
        key: without_training(value)
        for key, value in config.items()
        if not key.endswith(_TRAINING_ENDINGS) and key not in _TRAINING_KEYS
    }
    inner = kept.get("config")
    if isinstance(inner, dict) and "dtype" in inner and "class_name" in kept:
        inner["dtype"] = "float32"
    return kept


def require_allowed(config: Any) -> None:
    """Refuse a model's description that needs more than Keras's own layers.

    Args:
        config: as `without_training` gives it.

    Raises:
        ClassifierError: naming the layer.
    """
    for described in _described(config):
        class_name = described["class_name"]
        name = _name(described)
        if class_name in ("Lambda", "__lambda__"):
            raise ClassifierError(
                f"the model's layer {name} is a Lambda, which holds program code; {_ADVICE}"
            )
        if class_name == "function":
            _require_own_function(described)
        elif class_name in ("TFOpLambda", "SlicingOpLambda"):
            raise ClassifierError(
                f"the model's layer {name} is a step of TensorFlow's own "
                f"('{_function(described)}'), which other programs cannot read; {_ADVICE}"
            )
        elif class_name not in ALLOWED_LAYERS | _ALLOWED_STEPS | _ALLOWED_VALUES:
            raise ClassifierError(
                f"the model's layer {name} is a {one_line(class_name)[:60]}, which is not one of "
                f"the layers of Keras that images are classified with; {_ADVICE}"
            )
        module, registered = described.get("module"), described.get("registered_name")
        own = module in (None, "builtins") or f"{module}.".startswith(_OWN_MODULES)
        if not own or not _is_own_name(registered):
            raise ClassifierError(
                f"the model's layer {name} needs program code from elsewhere "
                f"('{one_line(str(module))[:60]}', {class_name}), which is not run; {_ADVICE}"
            )


def _described(config: Any) -> Iterator[dict[str, Any]]:
    """Yield every object that a description names by its class."""
    if isinstance(config, dict):
        if isinstance(config.get("class_name"), str):
            yield config
        for value in config.values():
            yield from _described(value)
    elif isinstance(config, list):
        for value in config:
            yield from _described(value)


def _require_own_function(described: Mapping[str, Any]) -> None:
    name = described.get("config")
    if not isinstance(name, str) or not name.replace("_", "").isalnum():
        raise ClassifierError(f"the model names a function by more than its name; {_ADVICE}")
    if name not in _ALLOWED_FUNCTIONS:
        raise ClassifierError(
            f"the model calls the function '{name[:60]}', which is none of Keras's activations; "
            f"{_ADVICE}"
        )


def _is_own_name(registered: object) -> bool:
    """Return whether a registered name is one of Keras's own: "package>name" is somebody's."""
    package, sign, _ = str(registered or "").partition(">")
    return not sign or package.casefold() == "keras"


def _name(described: Mapping[str, Any]) -> str:
    inner = described.get("config")
    own = described.get("name") or (inner.get("name") if isinstance(inner, dict) else None)
    return f"'{one_line(str(own or 'without a name'))[:60]}'"


def _function(described: Mapping[str, Any]) -> str:
    inner = described.get("config")
    return str(inner.get("function", "")) if isinstance(inner, dict) else ""
