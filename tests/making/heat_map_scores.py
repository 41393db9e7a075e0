"""Scores of heat maps without a network: real estimates of drawn numbers."""

import numpy as np

from carina.domain.explanation_scores import (
    IN_LUNGS,
    NO_LUNG_MASKS,
    SCORE_NAMES,
    ExplanationScores,
)
from carina.evaluation.heat_map_estimates import MapScores, heat_map_cautions, method_scores


def made_scores(*, lungs: float = 0.35, masks: bool = True, n_films: int = 12) -> ExplanationScores:
    """Return scores of two methods.

    Args:
        lungs: mean share of the heat inside the lungs.
        masks: whether the films of the first method have lung masks.
        n_films: how many films the first method has; the second has four, without masks.
    """
    rng = np.random.default_rng(3)
    methods = {
        "grad-cam": method_scores(
            [_map(rng, number, lungs=lungs if masks else None) for number in range(n_films)],
            title="Grad-CAM",
            n_without_heat=1,
        ),
        "grad-cam++": method_scores(
            [_map(rng, number, lungs=None) for number in range(4)], title="Grad-CAM++"
        ),
    }
    return ExplanationScores(
        data=f"{n_films + 1} of 66 films of the test part",
        methods=methods,
        not_scored={"occlusion": "a training has no time for it"},
        cautions=tuple(c for one in methods.values() for c in heat_map_cautions(one)),
    )


def _map(rng: np.random.Generator, number: int, *, lungs: float | None) -> MapScores:
    scores = {name: float(rng.uniform(0.2, 0.8)) for name in SCORE_NAMES}
    scores["hottest_in_lungs"] = float(number % 3 == 0)
    missing = {}
    if number == 0:
        del scores["stability_shift"]
        missing["stability_shift"] = "not scored: the change altered the answer on every film"
    if lungs is None:
        missing |= dict.fromkeys(IN_LUNGS, NO_LUNG_MASKS)
        scores = {name: value for name, value in scores.items() if name not in IN_LUNGS}
    else:
        scores["heat_in_lungs"] = lungs + float(rng.normal(0, 0.05))
        scores["lungs_of_picture"] = 0.31 + float(rng.normal(0, 0.02))
        scores["heat_above_even"] = scores["heat_in_lungs"] - scores["lungs_of_picture"]
    return MapScores(f"p{number // 2}", scores, missing)
