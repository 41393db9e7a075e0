"""How often the intervals of the Brier score's parts hold the true value, beside those that the
plain bootstrap gives.

Studies of two classes with known true chances are drawn; exaggerated log odds make them
miscalibrated. The true parts are those of 400,000 films.

    python benchmarks/brier_parts_coverage.py [--studies N]
"""

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from carina.domain.recipe import EvaluateSection
from carina.evaluation.bootstrap import draw_weights
from carina.evaluation.brier_parts import BRIER_PARTS, brier_parts, measure_parts
from carina.evaluation.intervals import bias_corrected
from carina.evaluation.resamples import Resamples
from carina.evaluation.scored_films import ScoredFilms

# films, what the log odds are multiplied with, mean log odds
SETTINGS = (
    (66, 1.0, 0.0), (66, 2.5, 0.0), (200, 1.0, -2.0), (200, 2.5, 0.0),
    (600, 1.0, 0.0), (600, 2.5, 0.0), (2000, 1.0, -2.0),
)  # fmt: skip
SECTION = EvaluateSection(resamples=200)


def draw_study(n, slope, mean, rng):
    """Return films, and each one's true chance of being of the second class."""
    log_odds = rng.normal(mean, 2.0, n)
    chances = 1 / (1 + np.exp(-log_odds))
    shares = 1 / (1 + np.exp(-slope * log_odds))
    probabilities = np.stack([1 - shares, shares], axis=1)
    films = ScoredFilms(
        labels=("no", "yes"),
        y_true=(rng.random(n) < chances).astype(np.intp),
        probabilities=probabilities,
        predicted=probabilities.argmax(axis=1),
        patients=(None,) * n,
        sources=("one",) * n,
    )
    return films, chances


def true_parts(slope, mean):
    """Return miscalibration, discrimination and uncertainty of very many films."""
    films, chances = draw_study(400_000, slope, mean, np.random.default_rng(9))
    share = chances.mean()
    miscalibration = np.mean((films.probabilities[:, 1] - chances) ** 2)
    return miscalibration, np.mean((chances - share) ** 2), share * (1 - share)


def plain_bootstrap(films):
    """Return the bias-corrected interval of each part."""
    found = measure_parts(films.once)
    (weights,) = draw_weights(films.units, resamples=SECTION.resamples, seed=SECTION.seed)
    drawn = measure_parts(Resamples(films.y_true, films.predicted, films.probabilities, weights))
    return [bias_corrected(float(found[name][0, 1]), drawn[name][:, 1]) for name in BRIER_PARTS]


def main():
    """Print a line a setting and part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=2000)
    n_studies = parser.parse_args().studies
    print("films slope mean part                    true     held  plain bootstrap")
    for n, slope, mean in SETTINGS:
        rng, truth = np.random.default_rng(n), true_parts(slope, mean)
        held = np.zeros((2, len(BRIER_PARTS)))
        for _ in range(n_studies):
            films, _ = draw_study(n, slope, mean, rng)
            own = brier_parts(films, SECTION)["yes"]
            built = [(own[name].low, own[name].high) for name in BRIER_PARTS]
            for row, ends in enumerate((built, plain_bootstrap(films))):
                held[row] += [
                    low <= true <= high for (low, high), true in zip(ends, truth, strict=True)
                ]
        for index, name in enumerate(BRIER_PARTS):
            shares = 100 * held[:, index] / n_studies
            print(f"{n:5} {slope:5} {mean:4} {name:22} {truth[index]:8.4f} "
                  f"{shares[0]:7.1f} % {shares[1]:7.1f} %", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
