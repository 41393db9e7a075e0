"""How often the interval of a predictive value at a given prevalence holds the true one.

Films are drawn independently. "logit" is the interval of Mercaldo, Lau & Zhou (Stat Med 26
(2007) 2170-2183), undefined where nothing was missed or falsely called; "as built" is made of
the Wilson intervals of sensitivity and specificity (`by_prevalence`). The prevalence does not
matter to either: it moves the true value and both ends alike.

Run: python benchmarks/predictive_values.py  (about 20 s)
"""

import argparse
import math

import numpy as np

from carina.domain.estimate import Estimate
from carina.evaluation.intervals import wilson
from carina.evaluation.rates_at_thresholds import by_prevalence

_PREVALENCE = 0.1
_Z = 1.959964


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=2000)
    studies = parser.parse_args().studies
    rng = np.random.default_rng(0)
    print("films of class, others   true rates     PPV: logit  as built   NPV: logit  as built")
    for n_own, n_others in ((10, 50), (26, 40), (50, 150), (200, 800)):
        for sensitivity, specificity in ((0.8, 0.8), (0.95, 0.9), (0.9, 0.98), (0.99, 0.99)):
            held = np.zeros(4)
            for _ in range(studies):
                found, spared = rng.binomial((n_own, n_others), (sensitivity, specificity))
                held += _held(found, n_own, spared, n_others, true=(sensitivity, specificity))
            cells = "  ".join(f"{share:9.3f}" for share in held / studies)
            print(f"{n_own:8d} {n_others:10d} {sensitivity:12.2f} {specificity:6.2f} {cells}")


def _held(
    found: int, n_own: int, spared: int, n_others: int, *, true: tuple[float, float]
) -> list[bool]:
    """Return whether the true PPV, by both ways, and NPV, by both, were held."""
    odds = _PREVALENCE / (1 - _PREVALENCE)
    positive = math.log(odds * true[0] / (1 - true[1]))
    negative = math.log(odds * (1 - true[0]) / true[1])
    rates = _share(found, n_own), _share(spared, n_others)
    point = next(p for p in by_prevalence(*rates, label="x") if p.prevalence == _PREVALENCE)
    return [
        _logit_holds(found, n_own, n_others - spared, n_others, positive - math.log(odds)),
        _holds(point.ppv, 1 / (1 + math.exp(-positive))),
        _logit_holds(n_own - found, n_own, spared, n_others, negative - math.log(odds)),
        _holds(point.npv, 1 / (1 + math.exp(negative))),
    ]


def _logit_holds(above: int, of_above: int, below: int, of_below: int, true: float) -> bool:
    if not above or not below:
        return False
    error = math.sqrt(1 / above - 1 / of_above + 1 / below - 1 / of_below)
    return abs(math.log(above / of_above / (below / of_below)) - true) <= _Z * error


def _holds(estimate: Estimate, true: float) -> bool:
    if estimate.low is None or estimate.high is None:
        return False
    return estimate.low - 1e-9 <= true <= estimate.high + 1e-9


def _share(hits: int, n: int) -> Estimate:
    low, high = wilson(hits, n)
    return Estimate(value=hits / n, low=low, high=high, n=n, method="wilson")


if __name__ == "__main__":
    main()
