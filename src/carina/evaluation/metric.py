"""What a metric is, so that one evaluation, one bootstrap and one contract test serve all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from carina.evaluation.resamples import Floats, Resamples, ratio

IntervalKind = Literal[
    "share", "f1", "area", "average-precision", "mean", "as-share", "correlation", "none"
]


@dataclass(frozen=True, slots=True)
class Proportion:
    """Counts whose ratio is the metric; both float64 `[draws]` or `[draws, classes]`."""

    hits: Floats
    of: Floats


@dataclass(frozen=True, slots=True)
class Metric:
    """One number about all films, or one per class.

    Attributes:
        title: its name in words, as the report prints it.
        measure: float64 `[draws]`, or `[draws, classes]` if `per_class`; NaN where a
            draw leaves it undefined.
        undefined_because: why it may be undefined; `{label}` is the class.
        per_class: True if there is one number per class.
        interval: what kind of number it is, which decides how its interval is made
            (`kinds.py`): a share of trials, an F1 score, an area under the ROC curve or an
            average precision of a class, a mean over films, a number over all films that
            moves "as-share" of them, a correlation of truths and answers, or "none" of these:
            then it is bootstrapped.
        proportion: the counts behind a share; of an F1 score those of the share behind it,
            hits among the films that are the class in truth or in answer.
        mean_of: the metric of each class whose plain mean this is, or None. Then the classes'
            intervals make that of the mean, whatever `interval` says.
        highest: the largest value it can take.
        lowest: the smallest value it can take.
        best: the value of a perfect classifier.
        needs_scores: whether it rests on probabilities, which a decision alone has not.
    """

    title: str
    measure: Callable[[Resamples], Floats]
    undefined_because: str
    per_class: bool = False
    interval: IntervalKind = "none"
    proportion: Callable[[Resamples], Proportion] | None = None
    mean_of: Metric | None = None
    highest: float = 1.0
    best: float = 1.0
    lowest: float = 0.0
    needs_scores: bool = False


def proportion_metric(
    title: str,
    proportion: Callable[[Resamples], Proportion],
    *,
    undefined_because: str,
    per_class: bool = False,
) -> Metric:
    """Return the metric that is the ratio of two counts."""

    def measure(films: Resamples) -> Floats:
        counts = proportion(films)
        return ratio(counts.hits, counts.of)

    return Metric(
        title=title,
        measure=measure,
        undefined_because=undefined_because,
        per_class=per_class,
        interval="share",
        proportion=proportion,
    )
