"""What calibration figures say, in words for who reads films."""

from __future__ import annotations

from collections.abc import Mapping

from carina.domain.estimate import Estimate
from carina.evaluation.subgroups import SMALLEST_SUBGROUP

_NO_SIGN = "no sign of too much or too little confidence"


def sentence_of(metrics: Mapping[str, Estimate], *, threshold: str = "") -> str:
    """Return what the probabilities are worth, as far as the intervals carry it.

    Args:
        metrics: "mean_confidence" and "share_right", and both again "_where_sure".
        threshold: what the answers are given by, in words, where that is not the most
            probable class.

    >>> few = Estimate.undefined("only 20 films", n=20)
    >>> sentence_of({"mean_confidence": few, "share_right": few})
    'Nothing is said about whether the probabilities are honest: of 20 films, it takes 30.'
    """
    confidence, right = metrics["mean_confidence"], metrics["share_right"]
    if confidence.value is None or right.value is None:
        return (
            "Nothing is said about whether the probabilities are honest: of "
            f"{right.n} films, it takes {SMALLEST_SUBGROUP}."
        )
    verdict = _verdict(confidence, right)
    words = (
        f"The most probable class was given {100 * confidence.value:.1f} % on average, and "
        f"it was the true class in {_of_hundred(right.value)} of 100 films "
        f"({right.n:,} films; {_interval(right, '95 % interval ')}): {verdict or _NO_SIGN}."
    )
    by_threshold = (
        f" The answers are given by {threshold}, so that an answer may be another class than the "
        "most probable one."
        if threshold
        else ""
    )
    confidence, right = metrics["mean_confidence_where_sure"], metrics["share_right_where_sure"]
    if confidence.value is None or right.value is None:
        return f"{words}{by_threshold}"
    no_sign = _NO_SIGN if verdict else "no sign of it either"
    return (
        f"{words} Where it was given 90 % or more ({100 * confidence.value:.1f} % on average), it "
        f"was the true class in {_of_hundred(right.value)} of 100 ({right.n:,} films; "
        f"{_interval(right)}): {_verdict(confidence, right) or no_sign}.{by_threshold}"
    )


def _interval(share: Estimate, before: str = "") -> str:
    if share.low is None or share.high is None:
        return "no interval"
    return f"{before}{_of_hundred(share.low)} to {_of_hundred(share.high)}"


def _of_hundred(share: float) -> str:
    return f"{100 * share:.0f}"


def _verdict(confidence: Estimate, right: Estimate) -> str:
    """Return what the interval of the right answers says of the confidence, or ""."""
    given = confidence.value
    if given is not None and right.high is not None and given > right.high:
        return "it is surer than it may be"
    if given is not None and right.low is not None and given < right.low:
        return "it is less sure than it could be"
    return ""
