"""What Carina itself makes of simulated studies."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from carina.domain.recipe import EvaluateSection
from carina.evaluation.estimating import estimate_metrics
from carina.evaluation.metrics import METRICS
from carina.evaluation.scored_films import ScoredFilms
from covered.closed_forms import Ends
from covered.studies import Studies


def built_intervals(studies: Studies, *, resamples: int) -> dict[tuple[str, str], Ends]:
    """Return the intervals of every metric, those of the first class, float64 `[studies]`.

    The keys are metric and "" for all studies, and metric and the method's name for those
    studies where it was used (NaN elsewhere).
    """
    n = len(studies.y_true)
    section = EvaluateSection(resamples=max(100, resamples))
    metrics = {name: METRICS.get(name) for name in METRICS.names()}
    ends: dict[tuple[str, str], Ends] = defaultdict(
        lambda: (np.full(n, np.nan), np.full(n, np.nan))
    )
    for study in range(n):
        films = films_of(studies, study)
        overall, per_class = estimate_metrics(films, metrics, section)
        for name, estimate in (overall | per_class[films.labels[0]]).items():
            if estimate.low is None or estimate.high is None:
                continue
            for key in ((name, ""), (name, estimate.method)):
                ends[key][0][study], ends[key][1][study] = estimate.low, estimate.high
    return dict(ends)


def films_of(studies: Studies, study: int) -> ScoredFilms:
    """Return one study as scored films."""
    setting = studies.setting
    return ScoredFilms(
        labels=tuple(f"class {index}" for index in range(setting.n_classes)),
        y_true=studies.y_true[study],
        probabilities=studies.probabilities[study],
        predicted=studies.predicted[study],
        patients=tuple(f"p{unit}" for unit in setting.units),
        sources=("made",) * setting.n,
    )
