"""The results of a training for each fold -> those over all films, and over the folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from carina.domain.estimate import Estimate
from carina.domain.evaluation import Estimates, Evaluation
from carina.domain.folds import Fold, FoldFigures
from carina.domain.prediction import Prediction
from carina.domain.recipe import EvaluateSection
from carina.evaluation.evaluate import all_metrics, scored_films
from carina.evaluation.independent import mean_of
from carina.evaluation.metrics import METRICS
from carina.evaluation.scored_films import n_known_patients
from carina.reporting.folds_wording import folds_sentence
from carina.workflows.making import best_by_validation
from carina.workflows.members import mean_and_range


@dataclass(frozen=True, slots=True)
class FoldTraining:
    """The training of one fold.

    Attributes:
        name: its folder below `members/`.
        tested_on: its test part, in words.
        evaluation: its numbers.
        answers: to its test part.
    """

    name: str
    tested_on: str
    evaluation: Evaluation
    answers: Sequence[Prediction]


def fold_figures(
    trainings: Sequence[FoldTraining],
    *,
    by: Literal["patients", "source"],
    name: str,
    section: EvaluateSection,
) -> FoldFigures:
    """Return the results over the folds; training and `carina verify` call this one function.

    Args:
        trainings: of every fold, in order.
        by: what the films were cut by.
        name: of the data set.
        section: how many resamples, and their seed.
    """
    evaluations = [one.evaluation for one in trainings]
    chosen = best_by_validation(evaluations)
    answers = [answer for one in trainings for answer in one.answers]
    scored = scored_films(evaluations[0].labels, answers)
    pooled, per_class, confusion = all_metrics(scored, section)
    figures = FoldFigures(
        by=by,
        folds=tuple(
            Fold(
                name=one.name,
                tested_on=one.tested_on,
                chosen=number == chosen,
                n_images=one.evaluation.data.n_images,
                validation=one.evaluation.parts["validation"],
                metrics=one.evaluation.metrics,
                per_class=one.evaluation.per_class,
            )
            for number, one in enumerate(trainings)
        ),
        name=name,
        n_images=len(scored),
        n_patients=n_known_patients(scored.patients),
        unit=scored.unit,
        pooled=pooled,
        pooled_per_class=per_class,
        pooled_confusion=confusion.counts,
        mean_of_folds=comparable_means(
            evaluations,
            {
                metric: mean_of([evaluation.metrics[metric] for evaluation in evaluations])
                for metric in evaluations[0].metrics
            },
        ),
        over_folds=comparable_means(evaluations, mean_and_range(evaluations, "folds")),
    )
    return figures.model_copy(update={"sentence": folds_sentence(figures)})


def comparable_means(evaluations: Sequence[Evaluation], means: Estimates) -> dict[str, Estimate]:
    """Return means over the folds, but for numbers over all classes where the folds have not
    the same: these are undefined, since in a fold without a class they are other numbers
    (balanced accuracy is there the recall of the classes that it has). Means over films, such
    as accuracy and losses, stay.

    Args:
        evaluations: of each fold.
        means: metric -> mean over the folds.
    """
    lacking = [_without_films(evaluation) for evaluation in evaluations]
    if len(set(lacking)) == 1:
        return dict(means)
    n_lacking = sum(map(bool, lacking))
    absent = sorted(frozenset[str]().union(*lacking))
    because = (
        f"{n_lacking} of {len(lacking)} folds have no film of {' or '.join(absent)}, so that it "
        "is not the same number in each"
    )
    return {
        name: mean if _is_over_films(name) else Estimate.undefined(because, n=mean.n)
        for name, mean in means.items()
    }


def _without_films(evaluation: Evaluation) -> frozenset[str]:
    return frozenset(
        label for label, own in evaluation.per_class.items() if not own["support"].value
    )


def _is_over_films(name: str) -> bool:
    metric = METRICS.get(name)
    return metric.mean_of is None and metric.interval in ("share", "mean")
