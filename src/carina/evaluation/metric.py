"""What a metric is, so that one evaluation, one bootstrap and one contract test serve all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from carina.evaluation.resamples import Floats, Resamples, ratio


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
        interval: the closed form for independent films: "wilson" (then `proportion`
            gives the counts), "newcombe" (areas under the ROC curve), or "none": bootstrap.
        proportion: the counts behind it, if it is a proportion.
        mean_of: the metric of each class whose plain mean this is, or None: where resamples
            tell nothing, its intervals do.
        highest: the largest value it can take; the smallest is 0.
        best: the value of a perfect classifier.
    """

    title: str
    measure: Callable[[Resamples], Floats]
    undefined_because: str
    per_class: bool = False
    interval: Literal["wilson", "newcombe", "none"] = "none"
    proportion: Callable[[Resamples], Proportion] | None = None
    mean_of: Metric | None = None
    highest: float = 1.0
    best: float = 1.0


def proportion_metric(
    title: str,
    proportion: Callable[[Resamples], Proportion],
    *,
    undefined_because: str,
    per_class: bool = False,
) -> Metric:
    """Return the metric that is the ratio of two counts, with a Wilson interval."""

    def measure(films: Resamples) -> Floats:
        counts = proportion(films)
        return ratio(counts.hits, counts.of)

    return Metric(
        title=title,
        measure=measure,
        undefined_because=undefined_because,
        per_class=per_class,
        interval="wilson",
        proportion=proportion,
    )
