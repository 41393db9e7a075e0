"""How often the intervals of calibration slope, intercept and error hold the truth.

python benchmarks/calibration_coverage.py [--studies 500]

Logits of a class are drawn from a normal distribution, and the truth with just that
probability, or with one that the logits overstate. Films of one patient have logits that
correlate by 0.7, and luck that does. Printed are the share of studies whose interval holds
the true number (of those where it is defined), how many have it undefined, and for the
calibration error two bootstraps.
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from carina.domain.recipe import EvaluateSection
from carina.evaluation.bootstrap import draw_weights
from carina.evaluation.calibration_error import (
    Confidence,
    equal_count_bins,
    expected_calibration_error,
)
from carina.evaluation.intervals import bias_corrected
from carina.evaluation.recalibration import (
    OneAgainstRest,
    calibration_intercept,
    calibration_slope,
)

Floats = NDArray[np.float64]
ALIKE = 0.7
# films, films a patient, mean and spread of the logits, what they are overstated by
SETTINGS = (
    (66, 1, 0.0, 2.0, 1.0),
    (66, 1, 0.0, 4.0, 1.0),
    (66, 1, 0.0, 4.0, 2.0),
    (66, 1, -3.0, 2.0, 1.0),
    (300, 1, 0.0, 3.0, 1.0),
    (300, 1, -3.0, 2.0, 2.0),
    (120, 4, 0.0, 2.0, 1.0),
    (400, 4, 0.0, 3.0, 2.0),
)


def drawn(
    setting: tuple[int, int, float, float, float], rng: np.random.Generator
) -> tuple[Floats, NDArray[np.bool_], NDArray[np.intp]]:
    """Return probabilities, truths and patients."""
    n, each, mean, spread, overstated = setting
    units = np.arange(n) // each

    def alike() -> Floats:
        if each == 1:
            return rng.normal(size=n)
        shared = rng.normal(size=units.max() + 1)[units]
        return np.sqrt(ALIKE) * shared + np.sqrt(1 - ALIKE) * rng.normal(size=n)

    honest = mean + spread * alike()
    truth = norm.cdf(alike()) < 1 / (1 + np.exp(-honest))
    return 1 / (1 + np.exp(-overstated * honest)), truth, units


def confidence_of(p: Floats, truth: NDArray[np.bool_], units: NDArray[np.intp]) -> Confidence:
    """Return how sure two classes' answers are, and whether they are right."""
    return Confidence(np.maximum(p, 1 - p), (p >= 0.5) == truth, units)


def true_error(confidence: Confidence, overstated: float, many: Floats) -> float:
    """Return the error of the study's own bins over all films.

    Args:
        confidence: the study's.
        overstated: what its logits are overstated by.
        many: probabilities of a great many films.
    """
    bins = equal_count_bins(confidence.given)
    ends = np.array([confidence.given[bins == b].max() for b in range(bins.max())])
    given = np.maximum(many, 1 - many)
    right = 1 / (1 + np.exp(-np.log(given / np.maximum(1 - given, 1e-300)) / overstated))
    excess = np.bincount(np.searchsorted(ends, given), weights=right - given)
    return float(np.abs(excess).sum() / many.size)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=500)
    studies = parser.parse_args().studies
    print("films/patient  mean spread over |  slope undefined | intercept |  error: inverted  BC")
    for setting in SETTINGS:
        print(row(setting, studies), flush=True)


def row(setting: tuple[int, int, float, float, float], studies: int) -> str:
    """Return one row of the table."""
    rng = np.random.default_rng(11)
    n, each, mean, spread, overstated = setting
    section = EvaluateSection(resamples=500)
    many = drawn((100_000, 1, mean, spread, overstated), rng)[0]
    held: dict[str, list[bool]] = {"slope": [], "intercept": [], "inverted": [], "BC": []}
    for _ in range(studies):
        p, truth, units = drawn(setting, rng)
        one = OneAgainstRest("c", truth, p, units, "patients" if each > 1 else "films")
        slope, intercept = calibration_slope(one), calibration_intercept(one)
        if slope.low is not None and slope.high is not None:
            held["slope"].append(slope.low <= 1 / overstated <= slope.high)
        # overstated logits have no true intercept at 0 but where half the films are positive
        has_true = overstated == 1 or mean == 0
        if has_true and intercept.low is not None and intercept.high is not None:
            held["intercept"].append(intercept.low <= 0 <= intercept.high)
        confidence = confidence_of(p, truth, units)
        error = expected_calibration_error(confidence, section)
        true = true_error(confidence, overstated, many)
        low, high = bias_corrected(error.value or 0.0, error_draws(confidence, section))
        held["inverted"].append((error.low or 0) <= true + 1e-4 and true <= (error.high or 0))
        held["BC"].append(low <= true <= high)
    shares = {name: f"{100 * np.mean(ok):5.1f}" if ok else "    -" for name, ok in held.items()}
    undefined = studies - len(held["slope"])
    return (
        f"{n:5} / {each}     {mean:6} {spread:6} {overstated:4} "
        f"| {shares['slope']}  {undefined:8} |"
        f"     {shares['intercept']} |        {shares['inverted']}  {shares['BC']}"
    )


def error_draws(confidence: Confidence, section: EvaluateSection) -> Floats:
    """Return the error in bootstrap draws over units, with the bins held."""
    bins = equal_count_bins(confidence.given)
    in_bin = (bins[:, None] == np.arange(bins.max() + 1)).astype(np.float64)
    excess = confidence.right - confidence.given
    chunks = draw_weights(confidence.units, resamples=section.resamples, seed=section.seed)
    return np.concatenate(
        [np.abs((w * excess) @ in_bin).sum(axis=1) / w.sum(axis=1) for w in chunks]
    )


if __name__ == "__main__":
    main()
