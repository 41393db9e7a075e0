"""Shares in words: as percentages, to one digit after the point."""

from __future__ import annotations

from carina.domain.estimate import Estimate


def percent(share: float) -> str:
    """Return a share as a percentage.

    >>> percent(0.9697)
    '97.0 %'
    """
    return f"{100 * share:.1f} %"


def percent_ends(low: float, high: float) -> str:
    """Return both ends of an interval of a share.

    >>> percent_ends(0.8961, 0.9917)
    '89.6 to 99.2 %'
    """
    return f"{100 * low:.1f} to {100 * high:.1f} %"


def percent_with_interval(share: Estimate) -> str:
    """Return a share with its interval, for a sentence.

    Args:
        share: defined.

    >>> percent_with_interval(Estimate(value=0.97, low=0.896, high=0.992, n=66, method="wilson"))
    '97.0 % (89.6 to 99.2 %)'
    >>> percent_with_interval(Estimate(value=0.97, n=1, method="none"))
    '97.0 % (no interval)'
    """
    assert share.value is not None  # only defined ones are worded
    if share.low is None or share.high is None:
        return f"{percent(share.value)} (no interval)"
    return f"{percent(share.value)} ({percent_ends(share.low, share.high)})"


def points_with_interval(difference: Estimate) -> str:
    """Return a difference of shares in points of percentage, for a sentence.

    Args:
        difference: defined.

    >>> apart = Estimate(value=0.2, low=0.0524, high=0.3339, n=150, method="mover")
    >>> points_with_interval(apart)
    '20.0 points (5.2 to 33.4)'
    """
    assert difference.value is not None  # only defined ones are worded
    points = f"{100 * difference.value:.1f} points"
    if difference.low is None or difference.high is None:
        return f"{points} (no interval)"
    return f"{points} ({100 * difference.low:.1f} to {100 * difference.high:.1f})"
