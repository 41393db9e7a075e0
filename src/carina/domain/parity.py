"""How closely a network must answer like the one that it was made of."""

LARGEST_DIFFERENCE = 1e-5
"""The most by which a probability may differ for a film, if rounding explains no more."""
# A network that lets float32's rounding grow may differ by so many times that rounding, but not
# by more than the second: ONNX Runtime rounds 4 times as much as torch in a trained
# EfficientNet-Lite0 (1.1e-5 and 3e-6); a bias that is 0.01 off makes more than 1e-3.
_TIMES_ROUNDING, _MOST_BY_ROUNDING = 20, 5e-4


def accepted_difference(rounding: float) -> float:
    """Return the most by which two runtimes' probabilities of one network may differ.

    Args:
        rounding: how far float32 moves the network's probabilities: from those of float64, or
            from those of the same sums in another order.
    """
    return max(LARGEST_DIFFERENCE, min(_TIMES_ROUNDING * rounding, _MOST_BY_ROUNDING))
