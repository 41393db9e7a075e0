"""What an input gate refused in a test, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from carina.domain.estimate import Estimate
from carina.domain.gate import REASON_WORDS
from carina.domain.gate_figures import GateFigures, RefusedKind
from carina.domain.percentages import percent_with_interval
from carina.domain.prediction import Prediction
from carina.domain.recipe import EvaluateSection
from carina.domain.sentences import counted, listed
from carina.evaluation.estimating import estimate_metrics
from carina.evaluation.intervals import wilson
from carina.evaluation.scored_films import scored_films
from carina.evaluation.shares import Share, share_metrics

_GATE = "gate/"


def gate_figures(
    labels: Sequence[str],
    answers: Sequence[Prediction],
    section: EvaluateSection,
    *,
    made: Mapping[str, Sequence[Prediction]] | None = None,
) -> GateFigures:
    """Return what the gate refused.

    Args:
        labels: the classes.
        answers: to the films of a test; those that do not count in it are left out.
        section: how many resamples, and their seed.
        made: kind -> answers to test films that were made into other pictures, one of each
            patient.
    """
    counts = [film for film in answers if film.predicted and film.label in labels]
    films = scored_films(labels, counts)
    share = Share(
        "Films that the gate refuses",
        np.array([film.reason_code.startswith(_GATE) for film in counts]),
        np.ones(len(films), dtype=np.bool_),
        "there is no film",
    )
    estimates, _ = estimate_metrics(films, share_metrics({"refused": share}), section)
    reasons = _reasons(counts)
    return GateFigures(
        refused=estimates["refused"],
        reasons=reasons,
        kinds=tuple(_kind(kind, own) for kind, own in (made or {}).items()),
        sentence=_sentence(estimates["refused"], reasons),
    )


def _kind(kind: str, answers: Sequence[Prediction]) -> RefusedKind:
    reasons = _reasons(answers)
    n, hits = len(answers), sum(reasons.values())
    if not n:
        return RefusedKind(kind=kind, refused=Estimate.undefined("there is no film", n=0))
    low, high = wilson(hits, n)
    return RefusedKind(
        kind=kind,
        refused=Estimate(value=hits / n, low=low, high=high, n=n, method="wilson-films"),
        reasons=reasons,
    )


def _reasons(answers: Sequence[Prediction]) -> dict[str, int]:
    codes = Counter(film.reason_code for film in answers if film.reason_code.startswith(_GATE))
    return dict(sorted(codes.items(), key=lambda pair: (-pair[1], pair[0])))


def _sentence(refused: Estimate, reasons: Mapping[str, int]) -> str:
    assert refused.value is not None  # there is a film
    if not reasons:
        return f"The input gate lets all {counted(refused.n, 'test film')} pass."
    words = listed([f"{n:,} as {REASON_WORDS[code]}" for code, n in reasons.items()])
    return (
        f"The input gate refuses {sum(reasons.values()):,} of {counted(refused.n, 'test film')}, "
        f"{percent_with_interval(refused)}: {words}. In accuracy and the other metrics they "
        "count with the answer that the network would have given."
    )
