"""The lines that load an exported network and answer as its classifier does."""

from __future__ import annotations

import math

from carina.domain.calibration import Calibration
from carina.domain.card import Card

_SUM_TO_ONE = "probabilities /= probabilities.sum(axis=1, keepdims=True)"


def keras_usage(file: str, card: Card, *, n_outputs: int) -> tuple[str, ...]:
    """Return the lines for a `.keras` file.

    Args:
        file: its path.
        card: the classifier's.
        n_outputs: columns of its answer; 1: the probability of the second class.
    """
    names = card.labels.names
    answer = f"[n, {len(names)}]: {', '.join(names)}"
    if n_outputs == 1:
        answer = f"[n, 1]: {names[1]}; 1 - p is {names[0]}"
    return (
        "import keras  # or: from tensorflow import keras",
        f"model = keras.models.load_model({file!r})",
        f"probabilities = model.predict(films)  # {answer}",
        *calibration_lines(card.calibration, n_outputs=n_outputs),
    )


def onnx_usage(file: str, card: Card) -> tuple[str, ...]:
    """Return the lines for an ONNX file.

    Args:
        file: its path.
        card: the classifier's.
    """
    return (
        "import numpy, onnxruntime",
        f"session = onnxruntime.InferenceSession({file!r})",
        "(logits,) = session.run(['logits'], {'image': films})",
        "probabilities = numpy.exp(logits - logits.max(axis=1, keepdims=True))",
        f"{_SUM_TO_ONE}  # {', '.join(card.labels.names)}",
        *calibration_lines(card.calibration, n_outputs=len(card.labels)),
    )


def calibration_lines(calibration: Calibration, *, n_outputs: int) -> tuple[str, ...]:
    """Return the lines that turn a network's own probabilities into the classifier's.

    Args:
        calibration: the classifier's.
        n_outputs: columns of `probabilities`; 1: the probability of the second class.
    """
    if calibration.method == "identity":
        return ()
    why = "# as calibrated on validation"
    if n_outputs == 1:
        power, factor = _of_odds(calibration)
        return (
            f"odds = {factor!r} * (probabilities / (1 - probabilities)) ** {power!r}  {why}",
            "probabilities = odds / (1 + odds)",
        )
    if calibration.method == "temperature":
        power = 1 / calibration.temperature
        return (f"probabilities = probabilities ** {power!r}  {why}", _SUM_TO_ONE)
    return (
        f"import numpy  {why}",
        "logits = numpy.log(probabilities)",
        "logits -= logits.mean(axis=1, keepdims=True)",
        f"logits = logits * {list(calibration.scales)} + {list(calibration.shifts)}",
        "probabilities = numpy.exp(logits)",
        _SUM_TO_ONE,
    )


def _of_odds(calibration: Calibration) -> tuple[float, float]:
    """Return what the odds of the second of two classes are raised to, and then multiplied by."""
    if calibration.method == "temperature":
        return 1 / calibration.temperature, 1.0
    (scale, other), (shift, other_shift) = calibration.scales, calibration.shifts
    return (scale + other) / 2, math.exp(other_shift - shift)
