"""Results over folds in words."""

from __future__ import annotations

from carina.domain.folds import Fold, FoldFigures
from carina.domain.sentences import counted
from carina.reporting.wording import value_of, with_interval

_ACCURACY = "accuracy"


def folds_sentence(figures: FoldFigures) -> str:
    """Return what the folds say, in a sentence or two."""
    pooled = with_interval(_ACCURACY, figures.pooled[_ACCURACY])
    n = len(figures.folds)
    films = counted(figures.n_images, "film")
    ordered = sorted(figures.folds, key=_accuracy)
    lowest, highest = ordered[0], ordered[-1]
    if figures.by == "source":
        return (
            f"with one of {n} sources held out at a time, {pooled} of {films} are answered rightly "
            f"by trainings that had no film of their source: from {_with_name(lowest)} to "
            f"{_with_name(highest)}"
        )
    return (
        f"over {n} folds, {pooled} of {films} are answered rightly by the training that had not "
        f"seen the film or its patient; the folds range from {_value(lowest)} to {_value(highest)}"
    )


def _accuracy(fold: Fold) -> float:
    return fold.metrics[_ACCURACY].value or 0.0


def _value(fold: Fold) -> str:
    return value_of(_ACCURACY, fold.metrics[_ACCURACY])


def _with_name(fold: Fold) -> str:
    return f"{with_interval(_ACCURACY, fold.metrics[_ACCURACY])} on {fold.tested_on}"
