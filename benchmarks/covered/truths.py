"""The true values of the numbers of simulated studies."""

from __future__ import annotations

import numpy as np

from covered.numbers import EPS, MEANS_OF, OTHERS, PROPORTIONS, brier_of, proportion_masks
from covered.studies import Population, Setting, population


def true_values(setting: Setting) -> dict[str, float]:
    """Return the true value of each number, and of the share behind a proportion."""
    key = (setting.area, setting.share, setting.n_classes)
    if key not in _TRUE:
        _TRUE[key] = _true_values(*key)
    return _TRUE[key]


_TRUE: dict[tuple[float, float, int], dict[str, float]] = {}


def _true_values(area: float, share: float, k: int) -> dict[str, float]:
    films = population(area, share, k)
    cell = films.y_true * k + films.probabilities.argmax(axis=1)
    cells = np.bincount(cell, weights=films.weights, minlength=k * k).reshape(k, k)
    truths: dict[str, float] = {}
    for name in PROPORTIONS:
        hit, trial = proportion_masks(name, k)
        behind = float((cells * hit).sum() / (cells * trial).sum())
        truths[f"{name}-share"] = behind
        truths[name] = 2 * behind / (1 + behind) if name == "f1" else behind
    for name, (measure, _) in (MEANS_OF | OTHERS).items():
        truths[name] = float(measure(cells))
    own = films.probabilities[np.arange(films.y_true.size), films.y_true]
    truths["log_loss"] = float(films.weights @ -np.log(np.clip(own, EPS, 1)))
    truths["brier_score"] = float(films.weights @ brier_of(films.probabilities, films.y_true))
    areas, precisions = zip(*(_true_ranks(films, index) for index in range(k)), strict=True)
    truths |= {"roc_auc": areas[0], "roc_auc_macro": float(np.mean(areas))}
    truths["average_precision"] = precisions[0]
    truths["average_precision_macro"] = float(np.mean(precisions))
    return truths


def _true_ranks(films: Population, index: int) -> tuple[float, float]:
    order = np.argsort(-films.probabilities[:, index])
    own, weights = films.y_true[order] == index, films.weights[order]
    found, called = np.cumsum(weights * own), np.cumsum(weights)
    share = found[-1]
    below = (1 - share) - (called - found)
    area = float((weights * own * below).sum() / (share * (1 - share)))
    return area, float((weights * own * found / called).sum() / share)
