"""Expected calibration error, and what a perfectly calibrated classifier would show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carina.domain.estimate import Estimate
from carina.domain.recipe import EvaluateSection
from carina.evaluation.bootstrap import draw_weights
from carina.evaluation.intervals import TAIL, open_ended
from carina.evaluation.resamples import Floats

MOST_BINS = 15

_TAILS = (TAIL, 1 - TAIL)
# enough for six digits of a factor near 1
_HALVINGS = 20
# what one chunk of simulations may hold at once: 2 million films, 16 MB
_CHUNK = 2_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Confidence:
    """How sure a classifier was of its most probable class, and whether that was right.

    Attributes:
        given: float64 `[n]`; the largest probability of each film.
        right: bool `[n]`; whether that class is the film's.
        units: intp `[n]`; number of each film's unit of resampling, from 0 on.
        unit: what these are: "patients", "films" or "patients where known".
    """

    given: Floats
    right: NDArray[np.bool_]
    units: NDArray[np.intp]
    unit: str = "films"

    @property
    def n_units(self) -> int:
        """How many units there are."""
        return int(self.units.max()) + 1


def number_of_bins(n: int) -> int:
    """Return the cube root of the number of films, 15 at most.

    A number of bins that grows with the cube root keeps the bias of a binned calibration
    error least; 15 is what is usual for large tests.

    References:
        Futami & Fujisawa, NeurIPS (2024), arXiv 2405.15709, for the cube root; Guo et al.,
        ICML (2017), for 15.

    >>> number_of_bins(66), number_of_bins(1000), number_of_bins(100_000)
    (4, 10, 15)
    """
    cube_root: float = n ** (1 / 3)
    return max(1, min(MOST_BINS, round(cube_root)))


def equal_count_bins(values: Floats) -> NDArray[np.intp]:
    """Return the number of each value's bin, intp `[n]`, from 0 on by rising value.

    The bins hold equally many values as far as equal ones stay together (in the lower bin).

    Args:
        values: float64 `[n]`, at least one.

    >>> equal_count_bins(np.array([0.9, 0.2, 0.9, 0.9, 0.3, 0.4])).tolist()
    [1, 0, 1, 1, 0, 0]
    """
    n_bins = number_of_bins(values.size)
    rising = np.sort(values)
    last_of_bin = np.round(np.arange(1, n_bins) * values.size / n_bins).astype(np.intp) - 1
    return np.searchsorted(np.unique(rising[last_of_bin]), values, side="left").astype(np.intp)


def expected_calibration_error(confidence: Confidence, section: EvaluateSection) -> Estimate:
    """Return the mean distance between how sure the answers were and how often they were right.

    Films are binned by the probability of their most probable class, in bins of equally
    many films; the error is the mean over the films of |share right - mean probability| of
    their bin. It is never below 0, so that chance makes it too large: read it beside
    `error_if_calibrated`.

    The interval holds the true errors for which the one found would be neither too large nor
    too small: the bins' gaps, all enlarged or reduced alike, plus what resampling units adds
    to them. It begins at 0 where chance alone may make the error found; percentiles of
    resamples would never reach 0 (benchmarks/calibration_coverage.py). It ends no lower than
    a share of units that may differ from all seen would lift it (`open_ended`): where nearly
    every answer is sure and right, resampling adds next to nothing.

    Args:
        confidence: one film or more.
        section: how many resamples, and their seed.

    References:
        Naeini, Cooper & Hauskrecht, AAAI (2015) 2901-2907; Guo et al., ICML (2017). Bins of
        equal counts: Nixon et al., CVPR workshops (2019). Inverting a bootstrap test:
        Carpenter, J R Stat Soc B 61 (1999) 159-172.
    """
    n = confidence.given.size
    excess = confidence.right - confidence.given
    in_bin = _membership(confidence)
    of_film = excess[:, None] * in_bin
    gaps = of_film.sum(axis=0) / n
    value = float(np.abs(gaps).sum())
    if confidence.n_units == 1:
        return Estimate(value=value, n=n, method=f"one-{'film' if n == 1 else 'patient'}")
    drawn = np.concatenate(
        [
            weights @ of_film / weights.sum(axis=1, keepdims=True)
            for weights in draw_weights(
                confidence.units, resamples=section.resamples, seed=section.seed
            )
        ]
    )
    low, high = (_error_with(level, gaps, drawn - gaps) for level in _TAILS[::-1])
    least_high = open_ended(value, n_units=confidence.n_units)[1]
    return Estimate(
        value=value,
        low=min(value, low),
        high=min(1.0, max(least_high, high)),
        n=n,
        method=f"test-inversion-{confidence.unit.replace(' ', '-')}",
    )


def _error_with(level: float, gaps: Floats, noise: Floats) -> float:
    """Return the least true error whose estimates reach the one found at a quantile.

    Args:
        level: of the quantile.
        gaps: float64 `[bins]`; share right - mean probability of each bin by its films' share.
        noise: float64 `[draws, bins]`; what chance adds to them.
    """
    value = float(np.abs(gaps).sum())

    def is_reached(factor: float) -> bool:
        estimates = np.abs(factor * gaps + noise).sum(axis=1)
        return float(np.quantile(estimates, level)) >= value

    if is_reached(0.0):
        return 0.0
    below, above = 0.0, 1.0
    while not is_reached(above):
        below, above = above, 2 * above
    for _ in range(_HALVINGS):
        middle = (below + above) / 2
        below, above = (below, middle) if is_reached(middle) else (middle, above)
    return above * value


def error_if_calibrated(confidence: Confidence, section: EvaluateSection) -> Estimate:
    """Return the expected calibration error that perfect probabilities would show.

    Whether an answer is right is drawn many times with just the probability that it was
    given; the value is the mean of the errors, the ends are the range of the middle 95 %.
    The films of one unit share their luck, which is what can at most be common to them.

    Args:
        confidence: one film or more; `right` is not looked at.
        section: how many draws, and their seed.

    References:
        Consistency resampling: Broecker & Smith, Weather and Forecasting 22 (2007) 651-661.
    """
    n = confidence.given.size
    in_bin = _membership(confidence)
    errors = np.concatenate(
        [
            _errors(luck[:, confidence.units] < confidence.given, confidence, in_bin)
            for luck in _luck(confidence, section)
        ]
    )
    low, high = (float(end) for end in np.quantile(errors, _TAILS))
    return Estimate(value=float(errors.mean()), low=low, high=high, n=n, method="simulated")


def _errors(right: NDArray[np.bool_], confidence: Confidence, in_bin: Floats) -> Floats:
    """Return the errors float64 `[draws]` of answers right bool `[draws, n]`."""
    gaps = right.astype(np.float64) @ in_bin - confidence.given @ in_bin
    errors: Floats = np.abs(gaps).sum(axis=1) / confidence.given.size
    return errors


def _luck(confidence: Confidence, section: EvaluateSection) -> Iterator[Floats]:
    """Yield chunks float64 `[draws, units]` of numbers drawn evenly from 0 to 1."""
    rng = np.random.default_rng(section.seed)
    at_once = max(1, _CHUNK // confidence.given.size)
    for start in range(0, section.resamples, at_once):
        yield rng.random((min(at_once, section.resamples - start), confidence.n_units))


def _membership(confidence: Confidence) -> Floats:
    """Return 1 where a film is in a bin, float64 `[n, bins]`, else 0."""
    bins = equal_count_bins(confidence.given)
    return np.asarray(bins[:, None] == np.arange(bins.max() + 1), dtype=np.float64)
