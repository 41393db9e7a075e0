"""How often the interval of a drop holds the true drop: of two intervals, or of two bootstraps.

An internal and an external test are simulated many times with known true values. MOVER makes
the interval of the difference of the two intervals that `carina.evaluation` gives; the bootstrap
draws the films of both tests anew and takes the percentiles of the differences.

    python benchmarks/drops.py [--studies N]
"""

import argparse

import numpy as np

from carina.domain.estimate import Estimate
from carina.domain.recipe import EvaluateSection
from carina.evaluation.bootstrap import draw_metrics
from carina.evaluation.estimating import estimate_metrics
from carina.evaluation.independent import difference
from carina.evaluation.intervals import wilson
from carina.evaluation.metrics import METRICS
from carina.evaluation.scored_films import ScoredFilms

_DRAWS = 1000
# films and true accuracy of the internal, then of the external test
ACCURACIES = (
    ((66, 0.97), (200, 0.75)),
    ((66, 0.97), (66, 0.97)),
    ((40, 0.90), (400, 0.80)),
    ((200, 0.95), (1000, 0.70)),
)
# films of each class and true area of the internal, then of the external test
AREAS = (
    ((33, 0.98), (100, 0.85)),
    ((33, 0.99), (33, 0.99)),
    ((60, 0.95), (200, 0.75)),
)


def proportion(hits: int, n: int) -> Estimate:
    """Return a proportion with Wilson's interval."""
    low, high = wilson(hits, n)
    return Estimate(value=hits / n, low=low, high=high, n=n, method="wilson")


def of_accuracies(setting, n_studies: int, rng) -> tuple[float, float, float, float]:
    """Return coverage and mean width of both ways, MOVER first."""
    (n_here, p_here), (n_there, p_there) = setting
    true = p_there - p_here
    inside, widths = np.zeros(2), np.zeros(2)
    for _ in range(n_studies):
        here, there = rng.binomial(n_here, p_here), rng.binomial(n_there, p_there)
        found = difference(proportion(there, n_there), proportion(here, n_here))
        drawn = rng.binomial(n_there, there / n_there, _DRAWS) / n_there
        drawn = drawn - rng.binomial(n_here, here / n_here, _DRAWS) / n_here
        ends = ((found.low, found.high), tuple(np.quantile(drawn, (0.025, 0.975))))
        inside += [low - 1e-9 <= true <= high + 1e-9 for low, high in ends]
        widths += [high - low for low, high in ends]
    return (*(inside / n_studies), *(widths / n_studies))


def drawn_test(n_each: int, area: float, rng) -> ScoredFilms:
    """Return films of two classes whose scores are normal, with a true area."""
    from scipy.stats import norm

    y_true = np.repeat([0, 1], n_each)
    score = rng.normal(size=2 * n_each) + y_true * np.sqrt(2) * norm.ppf(area)
    p = 1 / (1 + np.exp(-score))
    probabilities = np.stack([1 - p, p], axis=1)
    return ScoredFilms(
        labels=("Normal", "Covid"),
        y_true=y_true,
        probabilities=probabilities,
        predicted=probabilities.argmax(axis=1),
        patients=(None,) * (2 * n_each),
        sources=("one",) * (2 * n_each),
    )


def of_areas(setting, n_studies: int, rng) -> tuple[float, float, float, float]:
    """Return coverage and mean width of both ways, MOVER first."""
    (n_here, area_here), (n_there, area_there) = setting
    true = area_there - area_here
    metric = {"roc_auc": METRICS.get("roc_auc")}
    inside, widths = np.zeros(2), np.zeros(2)
    for _ in range(n_studies):
        tests = [drawn_test(n_there, area_there, rng), drawn_test(n_here, area_here, rng)]
        section = EvaluateSection(resamples=100)
        estimates = [estimate_metrics(one, metric, section)[1]["Covid"]["roc_auc"] for one in tests]
        found = difference(*estimates)
        a, b = (
            draw_metrics(one, metric, resamples=_DRAWS, seed=int(rng.integers(1 << 30)))["roc_auc"]
            for one in tests
        )
        drawn = (a - b)[:, 1]
        ends = ((found.low, found.high), tuple(np.quantile(drawn, (0.025, 0.975))))
        inside += [low - 1e-9 <= true <= high + 1e-9 for low, high in ends]
        widths += [high - low for low, high in ends]
    return (*(inside / n_studies), *(widths / n_studies))


def main(n_studies: int) -> None:
    """Print the table."""
    rng = np.random.default_rng(1)
    print(f"{n_studies} studies each, {_DRAWS} draws; coverage (mean width)")
    print("| metric | internal | external | MOVER | bootstrap of both |")
    print("|---|---|---|---|---|")
    for name, settings, simulate, films in (
        ("accuracy", ACCURACIES, of_accuracies, "films"),
        ("ROC AUC", AREAS, of_areas, "a class"),
    ):
        for here, there in settings:
            mover, boot, wide, boot_wide = simulate((here, there), n_studies, rng)
            print(
                f"| {name} | {here[1]}, {here[0]} {films} | {there[1]}, {there[0]} {films} "
                f"| {mover:.1%} ({wide:.3f}) | {boot:.1%} ({boot_wide:.3f}) |",
                flush=True,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", type=int, default=1000, help="simulated pairs of tests")
    main(parser.parse_args().studies)
