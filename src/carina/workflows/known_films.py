"""Figures without the films that the classifier had seen."""

from collections.abc import Collection, Sequence

from carina.domain.evaluation import WithoutLeaks
from carina.domain.prediction import Prediction
from carina.domain.recipe import EvaluateSection
from carina.evaluation.evaluate import evaluate, evaluated_data, scored_films
from carina.reporting.wording import with_interval


def without_known(
    names: Sequence[str],
    answers: Sequence[Prediction],
    known: Collection[str],
    section: EvaluateSection,
) -> WithoutLeaks | None:
    """Return the metrics without known films, or None if none is known.

    Args:
        names: the classes in order.
        answers: the films of a test.
        known: `source/path` of those that training or the choice of the epoch saw.
        section: how many resamples, and their seed.
    """
    kept = [answer for answer in answers if f"{answer.source}/{answer.path}" not in known]
    n_removed = len(answers) - len(kept)
    if not n_removed:
        return None
    opening = (
        f"{n_removed} of {len(answers)} test films were known from training (the same film or "
        "the same patient)"
    )
    left = {answer.label for answer in kept}
    tested = [name for name in names if any(answer.label == name for answer in answers)]
    gone = [name for name in tested if name not in left]
    if gone:
        return WithoutLeaks(
            n_removed=n_removed,
            metrics={},
            sentence=f"{opening}, and without them nothing is left of {', '.join(gone)}: this "
            "test says nothing",
        )
    scored = scored_films(names, kept)
    data = evaluated_data(names, kept, name="", part="test", test_opened=1)
    found = evaluate(scored, data=data, classifier="", section=section)
    right = with_interval("accuracy", found.metrics["accuracy"])
    return WithoutLeaks(
        n_removed=n_removed,
        metrics=found.metrics,
        per_class=found.per_class,
        confusion_matrix=found.confusion_matrix,
        sentence=f"{opening}; without them {right} of {len(kept)} are right",
    )
