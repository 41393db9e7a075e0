"""Thresholds, and what answers at them are worth, as the page prints them."""

from __future__ import annotations

from carina.domain.estimate import Estimate
from carina.domain.thresholds import ChosenThreshold
from carina.reporting.wording import NOT_DEFINED


def aim(chosen: ChosenThreshold) -> str:
    """Return what a threshold was chosen for, in a few words.

    >>> aim(ChosenThreshold(label="Covid", rule="cost", target=10, threshold=1 / 11))
    'one miss costs 10 false alarms'
    """
    if chosen.rule == "youden":
        return "Youden's index"
    if chosen.rule == "cost":
        return f"one miss costs {chosen.target or 0:g} false alarms"
    return f"sensitivity of {100 * (chosen.target or 0):g} %"


def rate_over_interval(estimate: Estimate | None) -> str:
    """Return value and interval on two lines of one cell."""
    if estimate is None:
        return ""
    if estimate.value is None:
        return NOT_DEFINED
    if estimate.low is None or estimate.high is None:
        return rate(estimate)
    return f"{rate(estimate)}\n{_ends(estimate.low, estimate.high)}"


def rate_with_interval(estimate: Estimate) -> str:
    """Return value and interval for a sentence."""
    if estimate.low is None or estimate.high is None:
        return rate(estimate)
    return f"{rate(estimate)} ({_ends(estimate.low, estimate.high)})"


def rate(estimate: Estimate) -> str:
    """Return a share in percent."""
    return NOT_DEFINED if estimate.value is None else f"{_digits(estimate.value)} %"


def _ends(low: float, high: float) -> str:
    return f"{_digits(low)} to {_digits(high)} %"


def _digits(share: float) -> str:
    """Return a share in percent with so many digits that only 0 and 1 read as 0 and 100.

    >>> _digits(0.9998), _digits(0.5), _digits(1.0)
    ('99.98', '50.0', '100.0')
    """
    for digits in range(1, 6):
        text = f"{100 * share:.{digits}f}"
        if 0 < float(text) < 100:
            return text
    return f"{100 * share:.1f}"


def ratio_over_interval(estimate: Estimate) -> str:
    """Return a likelihood ratio over its interval.

    >>> ratio_over_interval(Estimate(value=9.0, low=3.12, high=27.4, n=50, method="mover-r"))
    '9.0\\n3.1 to 27'
    """
    if estimate.value is None:
        return NOT_DEFINED
    if estimate.low is None or estimate.high is None:
        return _two_digits(estimate.value)
    ends = f"{_two_digits(estimate.low)} to {_two_digits(estimate.high)}"
    return f"{_two_digits(estimate.value)}\n{ends}"


def _two_digits(ratio: float) -> str:
    if ratio >= 10 or ratio == 0:
        return f"{ratio:,.0f}"
    return f"{ratio:.1f}" if ratio >= 1 else f"{ratio:.2g}"
