"""A classifier's errors beside what the audit's confounders make of the same films."""

from collections.abc import Sequence

import numpy as np

from carina.auditing.audit import inseparable_films
from carina.auditing.confounders import answers_of_signals
from carina.domain.audit import Audit, Confounder
from carina.domain.failures import ErrorAgreement
from carina.domain.prediction import Prediction
from carina.domain.recipe import EvaluateSection
from carina.evaluation.failures import Pointing, error_agreement
from carina.evaluation.scored_films import scored_films
from carina.workflows.films import Films

# The strongest; the more are asked, the more of them differ by luck.
_MOST_SIGNALS = 5
_ALWAYS = "source"


def agreement_with_confounders(
    films: Films, answers: Sequence[Prediction], section: EvaluateSection
) -> tuple[ErrorAgreement, ...]:
    """Return whether errors on the test part lie where the strongest confounders would err.

    Asked are the audit's confounders that tell the class more than luck would, the five
    strongest, and the source where it is among them. The class that a confounder gives a film is
    told by films of other folds, with the labels of all parts.

    Args:
        films: what was trained and tested on.
        answers: the classifier's, on the test part.
        section: how many resamples, and their seed.
    """
    asked = {one.signal: one for one in strongest_confounders(films.audit)}
    if not asked:
        return ()
    used = films.used
    groups = inseparable_films(used, films.scan, films.near)
    told = answers_of_signals(used, films.scan, list(asked), groups=groups)
    names = films.dataset.labels.names
    counted = [answer for answer in answers if answer.probabilities and answer.label in names]
    keys = [f"{answer.source}/{answer.path}" for answer in counted]
    place = {name: index for index, name in enumerate(names)}
    pointings = [
        Pointing(
            signal=signal,
            title=own.title,
            classes=np.array(
                [place.get(own.answers.get(key, ""), -1) for key in keys], dtype=np.intp
            ),
            in_pixels=asked[signal].in_pixels,
            has_lungs=asked[signal].has_lungs,
        )
        for signal, own in told.items()
    ]
    return error_agreement(scored_films(names, counted), pointings, section)


def strongest_confounders(audit: Audit) -> list[Confounder]:
    """Return the confounders that tell more than luck would, the strongest first."""
    telling = [one for one in audit.confounders if one.tells]
    telling.sort(key=lambda one: (-one.share_of_the_way, one.signal))
    return [
        one for rank, one in enumerate(telling) if rank < _MOST_SIGNALS or one.signal == _ALWAYS
    ]
