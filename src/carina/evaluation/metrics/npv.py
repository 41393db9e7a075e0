"""Negative predictive value: the share of the answers "another class" that is right."""

from carina.evaluation.metric import Proportion, proportion_metric
from carina.evaluation.metrics import METRICS
from carina.evaluation.resamples import Resamples


def _right_of_other_answers(films: Resamples) -> Proportion:
    cleared = films.n_films[:, None] - films.answered
    false_negatives = films.support - films.hits
    return Proportion(hits=cleared - false_negatives, of=cleared)


METRICS.register("npv")(
    proportion_metric(
        "NPV (negative predictive value)",
        _right_of_other_answers,
        undefined_because="every film was answered with {label}",
        per_class=True,
    )
)
