"""How answers in a shorter number format agree with those in f32."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from carina.domain.abstention import Abstention
from carina.domain.prediction import Prediction
from carina.domain.rules import Rules
from carina.domain.serving import LARGEST_DIFFERENCE, LARGEST_MARGIN, ServingAgreement
from carina.domain.thresholds import Thresholds


def serving_agreement(
    exact: Sequence[Prediction], quick: Sequence[Prediction], rules: Rules, *, runtime: str
) -> ServingAgreement:
    """Return how two classifiers' answers to the same films agree, and whether that is enough.

    A decision is the class that is answered, or that none is: an abstention that comes or
    goes is a change, whichever rule made it.

    Args:
        exact: in f32, one or more films; every one with all its probabilities.
        quick: in bf16, in the same order.
        rules: what both are answered by.
        runtime: what computed `quick`, with its version.

    Raises:
        ValueError: if the films differ.
    """
    if not exact or [film.path for film in exact] != [film.path for film in quick]:
        raise ValueError("two answers to each of the same films are needed, in the same order")
    names = tuple(exact[0].probabilities)
    p_exact, p_quick = (
        np.array([[film.probabilities[name] for name in names] for film in films])
        for films in (exact, quick)
    )
    changed = np.array([a.decision != b.decision for a, b in zip(exact, quick, strict=True)])
    margins = distance_from_threshold(p_exact, rules.thresholds, rules.abstention)
    largest_margin = float(margins[changed].max(initial=0.0))
    largest_difference = float(np.abs(p_exact - p_quick).max())
    return ServingAgreement(
        runtime=runtime,
        n_films=len(exact),
        n_changed=int(changed.sum()),
        largest_margin=largest_margin,
        max_probability_difference=largest_difference,
        offered=largest_margin <= LARGEST_MARGIN and largest_difference <= LARGEST_DIFFERENCE,
    )


def distance_from_threshold(
    probabilities: NDArray[np.float64], thresholds: Thresholds, abstention: Abstention
) -> NDArray[np.float64]:
    """Return how far each film is from where its decision would be another.

    Args:
        probabilities: float64 `[n, classes]`.
        thresholds: with one, the distance of its class's probability from it; by the
            most probable class, half the lead over the second: with two classes the distance
            from 0.5.
        abstention: where it has limits, a class's distance from its limit counts too.

    Returns:
        float64 `[n]` in `[0, 1]`: the least of these distances.

    >>> distance_from_threshold(np.array([[0.2, 0.8]]), Thresholds(), Abstention()).round(3)
    array([0.3])
    """
    if thresholds.positive is not None and thresholds.threshold is not None:
        distances = [np.abs(probabilities[:, thresholds.positive] - thresholds.threshold)]
    else:
        ordered = np.sort(probabilities, axis=1)
        distances = [(ordered[:, -1] - ordered[:, -2]) / 2]
    if abstention.conformal is not None:
        for column, label in enumerate(abstention.labels):
            limit = abstention.conformal.limits[label]
            if limit < 1:  # with 1 the class always belongs to the set
                distances.append(np.abs(1 - probabilities[:, column] - limit))
    nearest: NDArray[np.float64] = np.min(distances, axis=0)
    return nearest
