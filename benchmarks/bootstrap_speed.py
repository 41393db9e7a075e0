"""How long 2,000 resamples of all metrics take, by films, patients and classes.

    python benchmarks/bootstrap_speed.py [--films N] [--resamples N]

Two threads at most: the target is 10,000 films in under 10 s on two cores.
"""

import argparse
import os
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "2")

import numpy as np

from carina.domain.recipe import EvaluateSection
from carina.evaluation.bootstrap import draw_metrics
from carina.evaluation.estimating import estimate_metrics
from carina.evaluation.metrics import METRICS
from carina.evaluation.scored_films import ScoredFilms

_SEPARATION = 1.5


def made_films(n: int, *, n_classes: int, films_a_patient: int, decimals: int) -> ScoredFilms:
    """Return random films, with scores rounded so that some are alike."""
    rng = np.random.default_rng(0)
    y_true = rng.integers(n_classes, size=n)
    logits = rng.normal(size=(n, n_classes))
    logits[np.arange(n), y_true] += _SEPARATION
    shares = np.exp(logits)
    shares = np.round(shares / shares.sum(axis=1, keepdims=True), decimals)
    return ScoredFilms(
        labels=tuple(f"class {index}" for index in range(n_classes)),
        y_true=y_true,
        probabilities=shares,
        predicted=shares.argmax(axis=1),
        patients=tuple(f"p{film // films_a_patient}" for film in range(n)),
        sources=("made",) * n,
    )


def main() -> None:
    """Time and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--films", type=int, default=10_000)
    parser.add_argument("--resamples", type=int, default=2000)
    parser.add_argument("--by-metric", action="store_true", help="each metric alone, too")
    chosen = parser.parse_args()
    metrics = {name: METRICS.get(name) for name in METRICS.names()}
    section = EvaluateSection(resamples=chosen.resamples)
    print(f"{len(metrics)} metrics, {chosen.films} films, {chosen.resamples} resamples")
    for n_classes, films_a_patient, decimals in ((2, 1, 9), (3, 1, 9), (3, 4, 9), (3, 4, 3)):
        films = made_films(
            chosen.films,
            n_classes=n_classes,
            films_a_patient=films_a_patient,
            decimals=decimals,
        )
        print(f"{n_classes} classes, {films_a_patient} films a patient, {decimals} decimals:")
        _time(
            "all resamples of all metrics",
            lambda films=films: draw_metrics(films, metrics, resamples=section.resamples, seed=0),
        )
        _time("every estimate", lambda films=films: estimate_metrics(films, metrics, section))
        if chosen.by_metric:
            _print_each(films, chosen.resamples)


def _print_each(films: ScoredFilms, resamples: int) -> None:
    for name in METRICS.names():
        one = {name: METRICS.get(name)}
        _time(name, lambda one=one: draw_metrics(films, one, resamples=resamples, seed=0))


def _time(title: str, work: Callable[[], object]) -> None:
    start, cpu = time.perf_counter(), time.process_time()
    work()
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    print(f"    {title}: {seconds:.2f} s ({cpu:.2f} s of CPU)", flush=True)


if __name__ == "__main__":
    main()
