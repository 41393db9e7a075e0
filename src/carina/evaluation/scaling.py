"""Temperature and vector scaling, fitted where few films or no errors must not run away."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from carina.domain.softmax import log_softmax
from carina.evaluation.resamples import Floats

# the search begins with twenty temperatures a decade; what is found lies between two
_TEMPERATURES = np.geomspace(1e-3, 1e3, 121)
# a class's scale and shift are taken to lie this near the temperature's (`fit_vector`)
_PRIOR_SPREAD = 0.5
_LEAST_RELATIVE_SCALE = 0.1


def fit_temperature(logits: Floats, y_true: NDArray[np.integer]) -> float:
    """Return the temperature of the least penalised log loss.

    The log loss is convex in 1 / temperature. Without an error among the films it falls for
    ever towards temperature 0, so that Jeffreys' penalty (Firth's) is taken off: half the
    logarithm of the information on 1 / temperature. It weighs as much as half a film that is
    wrong: of n films at one distance, all right, the probability becomes
    (n + 1/2) / (n + 1), and not 1. Its weight beside the films vanishes as they become more.

    Args:
        logits: float64 `[n, classes]`, at least two different ones of some film.
        y_true: int `[n]`; index of the true class.

    Returns:
        A number from 0.001 to 1000; 1000 where the films contradict the logits.

    References:
        Guo, Pleiss, Sun & Weinberger, ICML (2017), PMLR 70, 1321-1330; Firth, Biometrika 80
        (1993) 27-38; Heinze & Schemper, Stat Med 21 (2002) 2409-2419, on separated data.
        benchmarks/calibration_fit.py compares it with Platt's targets and with none.

    >>> films = np.array([[0.0, 1.0]] * 20)
    >>> sure = fit_temperature(films, np.ones(20, dtype=int))
    >>> round(float(1 / (1 + np.exp(-1 / sure))), 4), round(20.5 / 21, 4)
    (0.9762, 0.9762)
    """
    from scipy.optimize import minimize_scalar

    rows = np.arange(len(logits))

    def penalised(log_temperature: float) -> float:
        logs = log_softmax(logits / np.exp(log_temperature))
        information = _information(logits, np.exp(logs))
        if information <= 0:  # so sure that nothing could be learned: out of reach
            return np.inf
        return float(-logs[rows, y_true].sum() - 0.5 * np.log(information))

    grid = np.log(_TEMPERATURES)
    best = int(np.argmin([penalised(point) for point in grid]))
    around = grid[max(0, best - 1)], grid[min(grid.size - 1, best + 1)]
    found = minimize_scalar(penalised, bounds=around, method="bounded", options={"xatol": 1e-9})
    return float(np.exp(found.x))


def _information(logits: Floats, probabilities: Floats) -> float:
    """Return Fisher's information on 1 / temperature: the logits' variance over the classes."""
    mean = (probabilities * logits).sum(axis=1, keepdims=True)
    return float((probabilities * (logits - mean) ** 2).sum())


def fit_vector(
    logits: Floats, y_true: NDArray[np.integer], temperature: float
) -> tuple[Floats, Floats]:
    """Return a scale and a shift for each class, float64 `[classes]` each.

    They minimise the log loss plus a ridge towards the temperature: the scale's share beyond
    1 / temperature and the shift are taken to be normal around 0 with a spread of 0.5, so
    that a class with few films keeps what all films say.

    Args:
        logits: float64 `[n, classes]`.
        y_true: int `[n]`; index of the true class.
        temperature: of the same films.

    References:
        Guo et al. (2017), vector scaling. The spread is the one of least log loss on new
        films in benchmarks/calibration_fit.py.
    """
    from scipy.optimize import minimize

    centred = (logits - logits.mean(axis=1, keepdims=True)) / temperature
    n_classes = logits.shape[1]
    found = minimize(
        _vector_loss(centred, y_true),
        np.zeros(2 * n_classes),
        jac=True,
        method="L-BFGS-B",
        bounds=[(_LEAST_RELATIVE_SCALE - 1, None)] * n_classes + [(None, None)] * n_classes,
        options={"ftol": 1e-14, "gtol": 1e-9, "maxiter": 1000},
    )
    return (1 + found.x[:n_classes]) / temperature, found.x[n_classes:]


def _vector_loss(
    cooled: Floats, y_true: NDArray[np.integer]
) -> Callable[[Floats], tuple[float, Floats]]:
    """Return the penalised loss, with its gradient, of relative scales - 1 and shifts."""
    n_classes = cooled.shape[1]
    truth = np.eye(n_classes)[y_true]

    def loss(values: Floats) -> tuple[float, Floats]:
        relative, shifts = values[:n_classes], values[n_classes:]
        logs = log_softmax(cooled * (1 + relative) + shifts)
        excess = np.exp(logs) - truth
        penalty = float((values**2).sum()) / (2 * _PRIOR_SPREAD**2)
        gradient = np.concatenate([(excess * cooled).sum(axis=0), excess.sum(axis=0)])
        return float(-(truth * logs).sum()) + penalty, gradient + values / _PRIOR_SPREAD**2

    return loss
