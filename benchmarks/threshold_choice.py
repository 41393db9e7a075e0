"""What a threshold chosen on n validation films achieves on films that nobody has seen.

Scores are normal logits of two classes, d apart (ROC AUC 0.80, 0.92 and 0.98). The true
sensitivity and specificity of every threshold are known, so that no test part is drawn.

- sensitivity: mean true sensitivity where 95 % are asked for, choosing by m / n of the films
  found and by m / (n + 1) (`choose_thresholds`).
- Youden: mean of sensitivity + specificity - 1 that is lost against the best threshold.
- cost: mean extra cost, in percent of the lowest possible one, of the cheapest threshold on
  validation and of 1 / (1 + miss_cost); the network is overconfident (its logits are twice
  what they should be) and was calibrated on the same films by one temperature.

Run: python benchmarks/threshold_choice.py  (about 20 s)
"""

import argparse
from statistics import NormalDist

import numpy as np

_NORMAL = np.vectorize(NormalDist().cdf)
_APART = {0.80: 1.19, 0.92: 1.99, 0.98: 2.90}
_MISS_COST = 10.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=2000)
    studies = parser.parse_args().studies
    rng = np.random.default_rng(5)
    print("mean true sensitivity, 95 % asked for   by m/n   by m/(n+1)")
    for n in (19, 20, 30, 39, 50, 100, 300):
        plain, one_more = (_sensitivity(rng, n, studies, extra) for extra in (0, 1))
        print(f"{n:5d} films of the class {plain:21.3f} {one_more:10.3f}")
    print("\nloss of Youden's index, mean (and in one of ten studies more than)")
    for n in (3, 5, 10, 20, 50, 200):
        cells = [_youden(rng, n, studies, apart) for apart in _APART.values()]
        print(f"{n:5d} of each class ", "  ".join(f"{a:.3f} ({b:.3f})" for a, b in cells))
    print("\nextra cost in percent: cheapest on validation, 1 / (1 + cost)")
    for n in (20, 50, 100, 300, 1000):
        cells = [_cost(rng, n, max(100, studies // 10), apart) for apart in _APART.values()]
        print(f"{n:5d} of each class ", "  ".join(f"{a:6.1f} {b:6.1f}" for a, b in cells))


def _sensitivity(rng: np.random.Generator, n: int, studies: int, extra: int) -> float:
    """Return the mean true sensitivity of the threshold halfway below the last film found."""
    scores = np.sort(rng.uniform(size=(studies, n)), axis=1)
    to_find = int(np.ceil(round(0.95 * (n + extra), 9)))
    last = n - to_find
    below = scores[:, last - 1] if last else 0.0
    return float(np.mean(1 - (scores[:, last] + below) / 2))


def _youden(rng: np.random.Generator, n: int, studies: int, apart: float) -> tuple[float, float]:
    best = 2 * NormalDist().cdf(apart / 2) - 1
    lost = []
    for _ in range(studies // 4):
        own, others = rng.normal(apart, size=n), rng.normal(size=n)
        threshold = _best_place(own, others, 1.0, 1.0)
        true = float(_NORMAL(apart - threshold)) + float(_NORMAL(threshold)) - 1
        lost.append(best - true)
    return float(np.mean(lost)), float(np.quantile(lost, 0.9))


def _best_place(own: np.ndarray, others: np.ndarray, miss: float, alarm: float) -> float:
    """Return the lowest of the cheapest thresholds halfway between scores."""
    scores = np.unique(np.concatenate([own, others]))
    places = np.append(scores[0] - 1, (scores[1:] + scores[:-1]) / 2)
    missed = np.searchsorted(np.sort(own), places) / own.size
    alarms = 1 - np.searchsorted(np.sort(others), places) / others.size
    return float(places[np.argmin(np.round(miss * missed + alarm * alarms, 12))])


def _cost(rng: np.random.Generator, n: int, studies: int, apart: float) -> tuple[float, float]:
    """Return the mean extra cost of both ways, where half of the films are of the class."""

    def cost(threshold: float) -> float:
        missed = float(_NORMAL(threshold - apart))
        return _MISS_COST * missed + 1 - float(_NORMAL(threshold))

    # the true log odds at score x are apart * (x - apart / 2)
    best = cost(apart / 2 - np.log(_MISS_COST) / apart)
    extra = []
    for _ in range(studies):
        own, others = rng.normal(apart, size=n), rng.normal(size=n)
        cheapest = _best_place(own, others, _MISS_COST, 1.0)
        logits = 2 * apart * (np.concatenate([own, others]) - apart / 2)
        scale = _fitted_scale(logits, np.repeat([True, False], n))
        by_rule = apart / 2 - np.log(_MISS_COST) / (2 * apart * scale)
        extra.append([100 * (cost(x) / best - 1) for x in (cheapest, by_rule)])
    first, second = np.mean(extra, axis=0)
    return float(first), float(second)


def _fitted_scale(logits: np.ndarray, own: np.ndarray) -> float:
    """Return the factor on the logits with the least cross-entropy."""
    scales = np.exp(np.linspace(np.log(0.05), np.log(5), 200))
    signed = np.where(own, logits, -logits)
    losses = np.logaddexp(0, -scales[:, None] * signed).mean(axis=1)
    return float(scales[losses.argmin()])


if __name__ == "__main__":
    main()
