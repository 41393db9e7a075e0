"""How often the interval of a net benefit holds the true one, by bootstrap and as built.

Films are drawn from three kinds (of the class and called, of others and called, the rest) at
five threshold probabilities of a good classifier. "bootstrap" is the bias-corrected one over
films; "as built" is made of the Wilson intervals of the two shares, as `decision_curves` does.

Run: python benchmarks/net_benefit.py  (about 20 s)
"""

import argparse

import numpy as np

from carina.domain.estimate import Estimate
from carina.evaluation.decision_curve import weighted_difference
from carina.evaluation.intervals import bias_corrected, wilson

# threshold probability -> sensitivity and false positive rate there
_POINTS = {
    0.05: (0.98, 0.25),
    0.2: (0.95, 0.12),
    0.5: (0.9, 0.06),
    0.8: (0.75, 0.02),
    0.95: (0.4, 0.004),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--resamples", type=int, default=400)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    print("films  prevalence  threshold   bootstrap   as built")
    for n in (66, 200, 1000):
        for prevalence in (0.1, 0.4):
            for threshold, (sensitivity, alarms) in _POINTS.items():
                weight = threshold / (1 - threshold)
                shares = np.array([prevalence * sensitivity, (1 - prevalence) * alarms])
                true = shares[0] - weight * shares[1]
                held = np.zeros(2)
                for tp, fp, _ in rng.multinomial(n, [*shares, 1 - shares.sum()], given.studies):
                    drawn = rng.multinomial(n, [tp / n, fp / n, 1 - (tp + fp) / n], given.resamples)
                    draws = (drawn[:, 0] - weight * drawn[:, 1]) / n
                    ends = [
                        bias_corrected((tp - weight * fp) / n, draws),
                        _built(tp, fp, n, weight),
                    ]
                    held += [low - 1e-9 <= true <= high + 1e-9 for low, high in ends]
                boot, built = held / given.studies
                print(f"{n:5d} {prevalence:11.1f} {threshold:10.2f} {boot:11.3f} {built:10.3f}")


def _built(tp: int, fp: int, n: int, weight: float) -> tuple[float, float]:
    first, second = (_share(hits, n) for hits in (tp, fp))
    found = weighted_difference(first, second, of_first=1.0, of_second=weight)
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


def _share(hits: int, n: int) -> Estimate:
    low, high = wilson(hits, n)
    return Estimate(value=hits / n, low=low, high=high, n=n, method="wilson")


if __name__ == "__main__":
    main()
