"""Numbers and lists as the page prints them: one place, so that all sections agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from carina.domain.estimate import Estimate
from carina.domain.percentages import percent, percent_ends
from carina.domain.sentences import listed
from carina.evaluation.metrics import METRICS

Align = Literal["left", "right"]

NOT_DEFINED = "not defined"

# these are read on their own scale, not as a share of films
_PLAIN = (
    "roc_auc",
    "average_precision",
    "log_loss",
    "loss",
    "brier",
    "matthews_corrcoef",
    "calibration_",
)

_TITLES = {
    "support": "Films",
    "tp": "TP",
    "fp": "FP",
    "tn": "TN",
    "fn": "FN",
    "loss": "Loss",
    "brier_miscalibration": "Miscalibration",
    "brier_discrimination": "Discrimination",
    "brier_uncertainty": "Uncertainty",
    "brier_miscalibration_if_calibrated": "Miscalibration if calibrated",
}


_UNITS = ("patients-where-known", "patients", "films")
_METHODS = {
    "wilson": "Wilson",
    "wilson-effective-n": "Wilson with an effective number of films",
    "wilson-f1": "Wilson, turned into F1",
    "wilson-f1-effective-n": "Wilson with an effective number of films, turned into F1",
    "wilson-ranks": "Wilson with the variance of ranks",
    "wilson-scaled": "Wilson, scaled to the variance",
    "newcombe": "Newcombe",
    "newcombe-delong": "Newcombe with DeLong's variance",
    "square-and-add": "the classes' intervals together",
    "hall": "Hall's t, corrected for skew",
    "bootstrap": "bootstrap",
    "bootstrap-bca": "bootstrap (BCa)",
    "debiased-bootstrap": "bootstrap, corrected for bias",
    "simulated-calibrated": "simulation of a calibrated classifier",
    "test-inversion": "an inverted test",
    "open-ended": "open-ended, since nothing varies",
    "count": "a count, without an interval",
    "undefined": "not defined",
}


def title_of(name: str) -> str:
    """Return a metric's name in words; an unknown one keeps its own.

    >>> title_of("balanced_accuracy")
    'Balanced accuracy'
    """
    if name in METRICS.names():
        return METRICS.get(name).title
    return _TITLES.get(name, name)


def value_of(name: str, estimate: Estimate) -> str:
    """Return an estimate's value in the form that its metric is read in.

    >>> value_of("accuracy", Estimate(value=64 / 66, n=66, method="wilson"))
    '97.0 %'
    >>> value_of("roc_auc", Estimate(value=0.98765, n=66, method="newcombe"))
    '0.988'
    """
    if estimate.value is None:
        return NOT_DEFINED
    if estimate.method == "count":
        return f"{estimate.value:,.0f}"
    return f"{estimate.value:.3f}" if is_plain(name) else percent(estimate.value)


def method_in_words(method: str) -> str:
    """Return how an interval was made, in words; docs/explanation/intervals.md tells more.

    >>> method_in_words("newcombe-delong-patients"), method_in_words("wilson")
    ("Newcombe with DeLong's variance, over patients", 'Wilson')
    >>> method_in_words("a-method-of-later")
    'a method of later'
    """
    end = next((unit for unit in _UNITS if method.endswith(f"-{unit}")), "")
    made = method.removesuffix(f"-{end}") if end else method
    words = _METHODS.get(made, made.replace("-", " "))
    return f"{words}, over {end.replace('-', ' ')}" if end else words


def interval_of(name: str, estimate: Estimate) -> str:
    """Return an estimate's interval in the form that its metric is read in, or "".

    >>> interval_of("accuracy", Estimate(value=0.97, low=0.8961, high=0.9917, n=66, method="w"))
    '89.6 to 99.2 %'
    """
    if estimate.low is None or estimate.high is None or estimate.method == "count":
        return ""
    if is_plain(name):
        return f"{estimate.low:.3f} to {estimate.high:.3f}"
    return percent_ends(estimate.low, estimate.high)


def with_interval(name: str, estimate: Estimate) -> str:
    """Return value and interval for a sentence.

    >>> with_interval("accuracy", Estimate(value=0.97, low=0.8961, high=0.9917, n=66, method="w"))
    '97.0 % (89.6 to 99.2 %)'
    """
    interval = interval_of(name, estimate)
    return f"{value_of(name, estimate)} ({interval})" if interval else value_of(name, estimate)


def over_interval(name: str, estimate: Estimate) -> str:
    """Return value and interval on two lines of one cell.

    >>> over_interval("accuracy", Estimate(value=0.97, low=0.896, high=0.992, n=66, method="w"))
    '97.0 %\\n89.6 to 99.2 %'
    """
    interval = interval_of(name, estimate)
    value = value_of(name, estimate)
    return f"{value}\n{interval}" if interval else value


def difference_over_interval(name: str, difference: Estimate) -> str:
    """Return a difference and its interval on two lines of one cell, with signs; shares in points.

    >>> one = Estimate(value=-0.24, low=-0.302, high=-0.181, n=400, method="mover")
    >>> difference_over_interval("recall", one)
    '-24.0 points\\n-30.2 to -18.1'
    >>> difference_over_interval("roc_auc", one)
    '-0.240\\n-0.302 to -0.181'
    """
    if difference.value is None:
        return NOT_DEFINED
    scale, digits, unit = (1, 3, "") if is_plain(name) else (100, 1, " points")
    value = f"{_signed(scale * difference.value, digits)}{unit}"
    if difference.low is None or difference.high is None:
        return value
    low, high = (_signed(scale * end, digits) for end in (difference.low, difference.high))
    return f"{value}\n{low} to {high}"


def difference_with_interval(name: str, difference: Estimate) -> str:
    """Return a difference and its interval for one line; shares in points.

    >>> one = Estimate(value=0.025, low=-0.16, high=0.2081, n=400, method="mover")
    >>> difference_with_interval("recall", one)
    '2.5 points (-16.0 to 20.8)'
    >>> difference_with_interval("roc_auc", one)
    '0.025 (-0.160 to 0.208)'
    """
    value, _, interval = difference_over_interval(name, difference).replace("+", "").partition("\n")
    return f"{value} ({interval})" if interval else value


def _signed(value: float, digits: int) -> str:
    text = f"{value:+.{digits}f}"
    return text.lstrip("+-") if float(text) == 0 else text


def is_plain(name: str) -> bool:
    """Return whether a metric is read on its own scale, not as a share of films.

    >>> is_plain("roc_auc_macro"), is_plain("accuracy")
    (True, False)
    """
    return name.startswith(_PLAIN)


def reasons(estimates: Mapping[str, Mapping[str, Estimate]]) -> tuple[str, ...]:
    """Return a sentence for every undefined estimate of a table, each reason once.

    Args:
        estimates: row ("" for all films) -> metric -> estimate.
    """
    missing: dict[tuple[str, str], list[str]] = {}
    for row, metrics in estimates.items():
        for name, estimate in metrics.items():
            if estimate.value is None:
                missing.setdefault((row, estimate.undefined_because), []).append(title_of(name))
    return tuple(
        f"{listed(names)}{f' of {row}' if row else ''} {'is' if len(names) == 1 else 'are'} "
        f"{NOT_DEFINED}: {because}."
        for (row, because), names in missing.items()
    )


def name_then_numbers(n_numbers: int) -> tuple[Align, ...]:
    """Return how the columns of a table align: a name, then numbers.

    >>> name_then_numbers(2)
    ('left', 'right', 'right')
    """
    right: Align = "right"
    return ("left", *(right for _ in range(n_numbers)))


def duration(seconds: float) -> str:
    """Return a time as a reader says it.

    >>> duration(7.25), duration(200)
    ('7.2 s', '3 min 20 s')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def first_of(paths: Iterable[str], *, limit: int = 8) -> str:
    """Return the first paths in a sentence, and how many more there are.

    >>> first_of(["a.png", "b.png", "c.png"], limit=2)
    'a.png, b.png and 1 more'
    """
    every = list(paths)
    if len(every) <= limit:
        return ", ".join(every)
    return f"{', '.join(every[:limit])} and {len(every) - limit:,} more"
