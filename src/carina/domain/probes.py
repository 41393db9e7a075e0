"""The numbers of `Evaluation.probes`: what can be told about the class without the lungs."""

MASKED_ACCURACY = "centre_masked_accuracy"
"""Accuracy on the test part of the same network, trained on films whose middle is black."""
MASKED_BALANCED_ACCURACY = "centre_masked_balanced_accuracy"
"""Its balanced accuracy."""
MASKED_VALIDATION_ACCURACY = "centre_masked_validation_accuracy"
"""Its accuracy on validation, at the epoch that was chosen."""
MASKED_EPOCHS = "centre_masked_epochs"
"""In how many epochs it was trained; n: on how many films."""
CONFOUNDER_BALANCED_ACCURACY = "best_confounder_balanced_accuracy"
"""The audit's confounder that tells most of those that a network can see and that have no lungs in
them (frame, corners, ...); the method says which."""
COARSE_CONFOUNDER_BALANCED_ACCURACY = "best_coarse_confounder_balanced_accuracy"
"""The same of those that show the lungs too coarsely for most findings (histogram, thumbnail)."""
WITHOUT_LEAKS = "_without_leaks"
"""Ends the name of a number that leaves out the test films which training had seen."""

_CROSS_VALIDATED = "cross-validated: "

_MASKED = "with the middle of the films blacked out"
_TITLES = {
    MASKED_ACCURACY: f"accuracy {_MASKED}",
    MASKED_BALANCED_ACCURACY: f"balanced accuracy {_MASKED}",
    MASKED_VALIDATION_ACCURACY: f"accuracy on validation {_MASKED}",
    CONFOUNDER_BALANCED_ACCURACY: "balanced accuracy of the best confounder",
    COARSE_CONFOUNDER_BALANCED_ACCURACY: "balanced accuracy of the best one that shows the lungs",
}


def probe_title(name: str) -> str:
    """Return the name of a probe's number in words; an unknown one keeps its own.

    >>> probe_title("centre_masked_accuracy_without_leaks")
    'accuracy with the middle of the films blacked out, without leaks'
    """
    plain = name.removesuffix(WITHOUT_LEAKS)
    title = _TITLES.get(plain, plain)
    return title if plain == name else f"{title}, without leaks"


def method_of_signal(signal: str) -> str:
    """Return the method of an estimate that rests on one signal of the audit.

    >>> signal_of_method(method_of_signal("frame"))
    'frame'
    """
    return f"{_CROSS_VALIDATED}{signal}"


def signal_of_method(method: str) -> str:
    """Return the signal that `method_of_signal` was given."""
    return method.removeprefix(_CROSS_VALIDATED)
