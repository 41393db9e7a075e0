"""How much of what the best of many trials reached was luck."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from carina.domain.estimate import Estimate
from carina.domain.sentences import counted
from carina.domain.tune_study import Luck, TuneRepeat, TuneTrial
from carina.evaluation.intervals import t_quantile

METHOD = "corrected-repeated-folds"
_NOT_REPEATED = "nothing was repeated (--confirm 0)"
_FAILED = "a training of the repeats did not work out"


@dataclass(frozen=True, slots=True)
class Scale:
    """What the figure of a search is.

    Attributes:
        higher_is_better: whether more of it is better.
        in_points: whether it is a share, told in points of percentage.
        n_films: films that the folds were cut from.
    """

    higher_is_better: bool
    in_points: bool
    n_films: int

    def better_by(self, first: float, second: float) -> float:
        """Return by how much the first is better than the second; negative if it is worse."""
        return first - second if self.higher_is_better else second - first

    def amount(self, value: float) -> str:
        """Return a difference in words, without its sign.

        >>> Scale(True, True, 100).amount(-0.0114), Scale(False, False, 100).amount(0.0114)
        ('1.1 points', '0.011')
        """
        return f"{100 * abs(value):.1f} points" if self.in_points else f"{abs(value):.2g}"


def luck_of(trials: Sequence[TuneTrial], repeats: Sequence[TuneRepeat], scale: Scale) -> Luck:
    """Return what the repeats tell of the best trial.

    The best of many trials is the best partly because chance favoured it; trained again on
    folds that were cut anew, with other seeds, it keeps what is its own and loses what chance
    gave it, on average.

    Args:
        trials: at least one is done.
        repeats: of trial 0 and of the best one, any number; those of one repeat share their
            folds and seeds.
        scale: what the figure is.
    """
    done = {trial.number: trial.figure for trial in trials if trial.figure is not None}
    best = best_trial(trials, scale)
    median = statistics.median(done.values())
    base_again = _folds_of(repeats, 0)
    best_again = _folds_of(repeats, best)
    best_repeated = _level(best_again, scale)
    lead = scale.better_by(done[best], median)
    vanished = (
        Estimate.undefined(best_repeated.undefined_because, n=scale.n_films)
        if best_repeated.value is None
        else _plain(scale.better_by(done[best], best_repeated.value), scale)
    )
    gained = _gained(base_again, best_again, scale)
    return Luck(
        best_trial=best,
        base=_plain(done[0], scale)
        if 0 in done
        else Estimate.undefined("the recipe as it was did not work out", n=scale.n_films),
        median=_plain(median, scale),
        best=_plain(done[best], scale),
        base_repeated=_level(base_again, scale),
        best_repeated=best_repeated,
        lead=_plain(lead, scale),
        vanished=vanished,
        gained=gained,
        sentence=_sentence(len(done), lead, vanished, scale),
        verdict=_verdict(best, gained, scale),
    )


def best_trial(trials: Sequence[TuneTrial], scale: Scale) -> int:
    """Return the number of the trial with the best figure, the first at a tie.

    Args:
        trials: at least one is done.
        scale: what the figure is.
    """
    done = [trial for trial in trials if trial.figure is not None]
    return max(
        done, key=lambda trial: (scale.better_by(trial.figure or 0.0, 0.0), -trial.number)
    ).number


def repeated_folds_interval(values: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Return the 95 % interval of a mean over folds, each cut of which was made several times.

    The folds of one cut share most of the films that they train on, and cuts share all films,
    so that their figures are no independent samples: the variance is that of all figures times
    `1 / n + 1 / (k - 1)`, where a plain mean of n figures would have `1 / n`; `1 / (k - 1)` is
    films validated on over films trained on.

    Args:
        values: the figures of k folds, for every cut.

    References:
        Nadeau & Bengio, Machine Learning 52 (2003) 239-281; for repeated folds Bouckaert &
        Frank, PAKDD 2004, LNCS 3056, 3-12.

    >>> [round(end, 3) for end in repeated_folds_interval([[0.90, 0.92, 0.94], [0.91, 0.93, 0.92]])]
    [0.89, 0.95]
    """
    every = [value for cut in values for value in cut]
    n, k = len(every), len(values[0])
    error = math.sqrt((1 / n + 1 / (k - 1)) * statistics.variance(every))
    half = t_quantile(n - 1) * error
    mean = statistics.fmean(every)
    return mean - half, mean + half


def _folds_of(repeats: Sequence[TuneRepeat], trial: int) -> dict[int, tuple[float, ...] | None]:
    """Return repeat -> the figures of its folds, or None where it failed."""
    return {
        one.repeat: None if one.figure is None else one.folds
        for one in repeats
        if one.trial == trial
    }


def _mean(folds: dict[int, tuple[float, ...] | None], scale: Scale) -> Estimate:
    """Return the mean of repeated figures with its interval."""
    worked = [own for own in folds.values() if own is not None]
    if not folds or len(worked) < len(folds):
        why = _FAILED if folds else _NOT_REPEATED
        return Estimate.undefined(why, n=scale.n_films)
    low, high = repeated_folds_interval(worked)
    value = statistics.fmean(one for own in worked for one in own)
    return Estimate(value=value, low=low, high=high, n=scale.n_films, method=METHOD)


def _level(folds: dict[int, tuple[float, ...] | None], scale: Scale) -> Estimate:
    """Return the mean of repeated figures; the interval of a share stays within 0 and 1."""
    mean = _mean(folds, scale)
    if not scale.in_points or mean.low is None or mean.high is None:
        return mean
    return mean.model_copy(update={"low": max(0.0, mean.low), "high": min(1.0, mean.high)})


def _gained(
    base: dict[int, tuple[float, ...] | None],
    best: dict[int, tuple[float, ...] | None],
    scale: Scale,
) -> Estimate:
    """Return by how much the settings found are better, fold by fold of the same cuts."""
    apart: dict[int, tuple[float, ...] | None] = {}
    for repeat in base.keys() & best.keys():
        first, second = best[repeat], base[repeat]
        apart[repeat] = (
            None
            if first is None or second is None
            else tuple(scale.better_by(*pair) for pair in zip(first, second, strict=True))
        )
    return _mean(apart, scale)


def _plain(value: float, scale: Scale) -> Estimate:
    return Estimate(value=value, n=scale.n_films, method="no-interval")


def _sentence(n_done: int, lead: float, vanished: Estimate, scale: Scale) -> str:
    trials = counted(n_done, "trial")
    beats = f"The best of {trials} beats their median by {scale.amount(lead)}"
    if n_done == 1:
        return "Only one trial worked out: there is nothing that it could be better than."
    if lead <= 0:
        return "All trials reached the same."
    if vanished.value is None:
        why = vanished.undefined_because
        return f"{beats}; how much of that is luck is not known: {why}."
    again = "when it is repeated on folds that were cut anew"
    if vanished.value >= lead:
        return f"{beats}, and all of that vanishes {again}: luck."
    if vanished.value <= 0:
        return f"{beats}, and none of that vanishes {again}."
    amount = scale.amount(vanished.value).removesuffix(" points")
    return (
        f"{amount} of the {scale.amount(lead)} by which the best of {trials} beats their median "
        f"vanish {again}: luck."
    )


def _verdict(best: int, gained: Estimate, scale: Scale) -> str:
    if best == 0:
        return "No trial did better than the recipe as it was."
    if gained.value is None:
        return (
            "Whether the settings found are better than the recipe's own is not known: "
            f"{gained.undefined_because}."
        )
    assert gained.low is not None
    assert gained.high is not None
    is_better = gained.value > 0
    interval = f"95 % interval {_signed(gained.low, scale)} to {_signed(gained.high, scale)}"
    told = (
        f"Trained side by side on the same new folds, the settings found are "
        f"{'better' if is_better else 'worse'} than the recipe's own by "
        f"{scale.amount(gained.value)} ({interval})"
    )
    if gained.low > 0 or gained.high < 0:
        return f"{told}: more than the chance of folds and seeds explains."
    return f"{told}: that cannot be told from luck."


def _signed(value: float, scale: Scale) -> str:
    return f"{100 * value:+.1f}" if scale.in_points else f"{value:+.2g}"
