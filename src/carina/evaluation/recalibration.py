"""Calibration slope and intercept: the truth regressed on the logit of a probability."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carina.domain.estimate import Estimate
from carina.evaluation.intervals import LEVEL
from carina.evaluation.resamples import Floats

# a probability of 0 or 1 has no logit; the same bound as for the log loss
_EPSILON = float(np.finfo(np.float64).eps)
# a slope beyond 1e9 is no number to print: logits that overlap by less count as separated
_OVERLAP = 1e-9
# logits end at 36 (`_EPSILON`), so that an intercept this far beyond decides every film
_BEYOND = 40.0
_INTERCEPT_STEPS = 200


@dataclass(frozen=True, slots=True, eq=False)
class OneAgainstRest:
    """Films, seen as one class against the rest.

    Attributes:
        label: the class.
        is_class: bool `[n]`; whether a film is of the class.
        probability: float64 `[n]` in `[0, 1]`, of the class.
        units: intp `[n]`; number of each film's unit of resampling, from 0 on.
        unit: what these are: "patients", "films" or "patients where known".
    """

    label: str
    is_class: NDArray[np.bool_]
    probability: Floats
    units: NDArray[np.intp]
    unit: str = "films"

    @property
    def logit(self) -> Floats:
        """Logarithms of the odds, float64 `[n]`, between -36 and 36."""
        p = np.clip(self.probability, _EPSILON, 1 - _EPSILON)
        return np.asarray(np.log(p) - np.log1p(-p), dtype=np.float64)

    @property
    def n_units(self) -> int:
        """How many units there are."""
        return int(self.units.max()) + 1

    @property
    def is_clustered(self) -> bool:
        """Whether some unit brings several films."""
        return self.n_units < self.units.size

    @property
    def lacks_a_class(self) -> str:
        """Why nothing can be regressed, or ""."""
        if not self.is_class.any():
            return f"no film is of {self.label}"
        return f"every film is of {self.label}" if self.is_class.all() else ""


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A fitted number and the deviance around it.

    Attributes:
        value: where the likelihood is largest.
        deviance: twice the logarithm of the likelihood that another value loses.
        error: the standard error if films were independent.
        design_effect: variance over the units / variance if films were independent.
    """

    value: float
    deviance: Callable[[float], float]
    error: float
    design_effect: float


def calibration_slope(films: OneAgainstRest) -> Estimate:
    """Return b of `logit(share of the class) = a + b logit(p)`, by maximum likelihood.

    1 is right; below 1 the probabilities are too extreme, above 1 not extreme enough.

    The interval is that of the profile likelihood, which follows the skewness that few
    errors bring. The deviance is divided by the design effect over units (never by less than
    1), which is the sandwich variance by the model's: for films of one patient, and for a
    curve that is no straight line. Where units have several films it is held against
    Student's t with units - 1 degrees of freedom instead of the normal distribution.
    benchmarks/calibration_coverage.py measures how often these intervals hold the truth.

    Args:
        films: one film or more.

    References:
        Cox, Biometrika 45 (1958) 562-565. For classes one against the rest: Van Calster
        et al., BMC Medicine 17 (2019) 230. Profile intervals: Venzon & Moolgavkar, Appl
        Stat 37 (1988) 87-94; deviance scaled to clusters: Rotnitzky & Jewell, Biometrika
        77 (1990) 485-497.
    """
    n = films.units.size
    why = films.lacks_a_class or _why_without_slope(films)
    return Estimate.undefined(why, n=n) if why else _estimate(films, _fit_slope(films))


def calibration_intercept(films: OneAgainstRest) -> Estimate:
    """Return a of `logit(share of the class) = a + logit(p)`: calibration in the large.

    0 is right; below 0 the class is rarer than its probabilities say, above 0 more
    frequent. It is the intercept with the slope held at 1; intervals as for the slope.

    Args:
        films: one film or more.

    References:
        As for `calibration_slope`.
    """
    if films.lacks_a_class:
        return Estimate.undefined(films.lacks_a_class, n=films.units.size)
    return _estimate(films, _fit_intercept(films))


def _why_without_slope(films: OneAgainstRest) -> str:
    logit = films.logit
    own, others = logit[films.is_class], logit[~films.is_class]
    if np.ptp(logit) <= _OVERLAP:
        return f"every film got the same probability of {films.label}"
    if others.max() - own.min() <= _OVERLAP:
        return (
            "the probability tells the films of the class from the others without an error, so "
            "that the steepest slope fits best, which is infinite"
        )
    if own.max() - others.min() <= _OVERLAP:
        return f"every film of {films.label} got a lower probability of it than all others"
    return ""


def _fit_slope(films: OneAgainstRest) -> _Fitted:
    from scipy.optimize import brentq
    from scipy.special import expit

    logit, truth = films.logit, films.is_class.astype(np.float64)
    # the slope does not depend on where the logits' zero lies; in the middle it is stable
    x = logit - logit.mean()

    def rise(slope: float) -> float:
        """Return the derivative of the profile likelihood, which only falls."""
        given = expit(_best_intercept(slope * x, truth) + slope * x)
        return float(x @ (truth - given))

    def likelihood(slope: float) -> float:
        return _log_likelihood(_best_intercept(slope * x, truth) + slope * x, truth)

    low, high = 0.0, 1.0
    while rise(low) < 0:
        low = 2 * low - 1
    while rise(high) > 0:
        high *= 2
    slope = float(brentq(rise, low, high, xtol=1e-13))
    given = expit(_best_intercept(slope * x, truth) + slope * x)
    design = np.column_stack([np.ones_like(x), x])
    covariance = np.linalg.inv((design.T * (given * (1 - given))) @ design)
    scores = design * (truth - given)[:, None]
    effect = _design_effect(films, scores @ covariance[:, 1], float(covariance[1, 1]))
    top = likelihood(slope)
    error = math.sqrt(covariance[1, 1])
    return _Fitted(slope, lambda other: 2 * (top - likelihood(other)), error, effect)


def _fit_intercept(films: OneAgainstRest) -> _Fitted:
    from scipy.special import expit

    logit, truth = films.logit, films.is_class.astype(np.float64)
    intercept = _best_intercept(logit, truth)
    given = expit(intercept + logit)
    variance = 1 / float((given * (1 - given)).sum())
    effect = _design_effect(films, (truth - given) * variance, variance)
    top = _log_likelihood(intercept + logit, truth)
    return _Fitted(
        intercept,
        lambda other: 2 * (top - _log_likelihood(other + logit, truth)),
        math.sqrt(variance),
        effect,
    )


def _best_intercept(offset: Floats, truth: Floats) -> float:
    """Return the intercept of the largest likelihood, by Newton's steps kept in a bracket."""
    from scipy.special import expit

    low, high = -float(offset.max()) - _BEYOND, -float(offset.min()) + _BEYOND
    intercept = 0.0 if low < 0 < high else (low + high) / 2
    for _ in range(_INTERCEPT_STEPS):
        given = expit(intercept + offset)
        excess = float((given - truth).sum())
        low, high = (low, intercept) if excess > 0 else (intercept, high)
        curvature = float((given * (1 - given)).sum())
        proposed = intercept - excess / curvature if curvature > 0 else math.nan
        following = proposed if low < proposed < high else (low + high) / 2
        if abs(following - intercept) <= 1e-14 * (1 + abs(intercept)):
            break
        intercept = following
    return intercept


def _log_likelihood(log_odds: Floats, truth: Floats) -> float:
    return float((truth * log_odds - np.logaddexp(0.0, log_odds)).sum())


def _design_effect(films: OneAgainstRest, influence: Floats, variance: float) -> float:
    """Return the variance over units by that over films, at least 1.

    Args:
        films: one film or more.
        influence: float64 `[n]`; what each film moves the number by.
        variance: of the number, if films were independent and the regression right.
    """
    if films.n_units < 2:
        return 1.0
    moved = np.bincount(films.units, weights=influence)
    few = films.n_units / (films.n_units - 1)
    return max(1.0, few * float((moved**2).sum()) / variance)


def _estimate(films: OneAgainstRest, fitted: _Fitted) -> Estimate:
    n = films.units.size
    if films.n_units == 1 and n > 1:
        return Estimate(value=fitted.value, n=n, method="one-patient")
    reach = _quantile(films) ** 2 * fitted.design_effect
    low, high = (_end(fitted, reach, direction) for direction in (-1.0, 1.0))
    method = "profile-likelihood"
    if films.is_clustered:
        method = f"{method}-{films.unit.replace(' ', '-')}"
    return Estimate(value=fitted.value, low=low, high=high, n=n, method=method)


def _quantile(films: OneAgainstRest) -> float:
    from scipy.special import ndtri, stdtrit  # scipy.stats takes half a second to import

    level = (1 + LEVEL) / 2
    if films.is_clustered:
        return float(stdtrit(films.n_units - 1, level))
    return float(ndtri(level))


def _end(fitted: _Fitted, reach: float, direction: float) -> float:
    """Return where the deviance reaches `reach`, below (-1) or above (1) the value."""
    from scipy.optimize import brentq

    step = fitted.error
    while fitted.deviance(fitted.value + direction * step) < reach:
        step *= 2
    outside = fitted.value + direction * step
    return float(brentq(lambda at: fitted.deviance(at) - reach, fitted.value, outside, xtol=1e-12))
