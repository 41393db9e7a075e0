"""An external test in words."""

from __future__ import annotations

from carina.domain.estimate import Estimate
from carina.domain.evaluation import Evaluation
from carina.domain.external import AgainstInternal
from carina.domain.sentences import counted
from carina.evaluation.external import fair_figures
from carina.reporting.wording import NOT_DEFINED, with_interval
from carina.runs import Run


def is_tested_elsewhere(run: Run) -> bool:
    """Return whether any number of the run is for a source that training had not seen."""
    folds = run.evaluation.folds
    by_source = folds is not None and folds.by == "source"
    return by_source or any(
        run.external_evaluation(name).data.external for name in run.external_names()
    )


def drop_sentence(external: Evaluation, beside: AgainstInternal) -> str:
    """Return what an external test says beside the internal one, in words."""
    fair = fair_figures(external)
    metrics = external.metrics if fair is None else fair.metrics
    films = f"{counted(beside.n_external, 'film')} of {external.data.name}"
    which = " new to the classifier" if beside.without_known else ""
    opening = f"On the {films}{which} accuracy is {with_interval('accuracy', metrics['accuracy'])}"
    there = f"on {beside.name} ({counted(beside.n_internal, 'film')}"
    there += ", without those that training knew)" if beside.without_leaks else ")"
    drop = beside.drops["accuracy"]
    if drop.value is None:
        return f"{opening}. It is not held against that on {beside.name}: {drop.undefined_because}."
    sentences = f"{opening}, {_apart(drop)} than {there}"
    balanced = beside.drops.get("balanced_accuracy")
    if balanced is None or balanced.value is None:
        return f"{sentences}."
    value = with_interval("balanced_accuracy", metrics["balanced_accuracy"])
    return (
        f"{sentences}. Balanced accuracy, for which it does not matter how many films a class has, "
        f"is {value}, {_apart(balanced)}."
    )


def _apart(drop: Estimate) -> str:
    """Return a difference of two shares in words.

    >>> _apart(Estimate(value=-0.24, low=-0.302, high=-0.181, n=400, method="mover"))
    '24.0 points (18.1 to 30.2) lower'
    >>> _apart(Estimate(value=-0.02, low=-0.08, high=0.035, n=90, method="mover"))
    '2.0 points lower (which may be luck: 8.0 points lower to 3.5 higher)'
    """
    if drop.value is None:
        return NOT_DEFINED
    size = f"{abs(100 * drop.value):.1f} points"
    way = "lower" if drop.value < 0 else "higher"
    if drop.low is None or drop.high is None:
        return f"{size} {way}"
    if drop.low <= 0 <= drop.high:
        return (
            f"{size} {way} (which may be luck: {-100 * drop.low:.1f} points lower to "
            f"{100 * drop.high:.1f} higher)"
        )
    low, high = sorted((abs(100 * drop.low), abs(100 * drop.high)))
    return f"{size} ({low:.1f} to {high:.1f}) {way}"
