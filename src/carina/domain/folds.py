"""One recipe trained several times, each time tested on films that the others trained on."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from carina.domain.document import Plain
from carina.domain.estimate import Estimate


class Fold(Plain):
    """One of the trainings.

    Attributes:
        name: of its run below `members/`.
        tested_on: what was held out, in words: "fold 1 of 5", or the source's name.
        chosen: whether it is the one that the run's classifier is.
        n_images: films of its test part.
        validation: "loss" and "accuracy" on its validation part.
        metrics: on its test part.
        per_class: class -> metrics on its test part.
    """

    name: str
    tested_on: str
    chosen: bool
    n_images: int
    validation: Mapping[str, Estimate] = Field(default_factory=dict)
    metrics: Mapping[str, Estimate]
    per_class: Mapping[str, Mapping[str, Estimate]] = Field(default_factory=dict)


class FoldFigures(Plain):
    """Results over the folds.

    They judge the recipe, of which each fold is one training; the other numbers of the
    evaluation that holds them are those of the chosen training on its own test part.

    Attributes:
        by: "patients": folds cut by patient; "source": one source held out at a time.
        folds: in order.
        name: the data set, in words.
        n_images: films that were held out, each once.
        n_patients: their different known patients, or None if none is known.
        unit: what the intervals of the pooled numbers resample, as in `EvaluatedData`.
        pooled: metrics over all films, each answered by the training that had not seen it.
            Areas under curves compare scores of several networks here; those of
            `mean_of_folds` do not.
        pooled_per_class: class -> metrics.
        pooled_confusion: counts; rows are the true classes, columns the answers, in the order
            of the evaluation's labels.
        mean_of_folds: metric -> mean over the folds, with its 95 % interval.
        over_folds: metric -> the same mean, with the lowest and the highest.
        sentence: what this says, in words.

    References:
        Forman & Scholz, ACM SIGKDD Explorations 12 (2010) 49-57, and Airola et al., Comput
        Stat Data Anal 55 (2011) 1828-1844, on what may be pooled.
    """

    by: Literal["patients", "source"]
    folds: tuple[Fold, ...]
    name: str = ""
    n_images: int = 0
    n_patients: int | None = None
    unit: str = "films"
    pooled: Mapping[str, Estimate]
    pooled_per_class: Mapping[str, Mapping[str, Estimate]] = Field(default_factory=dict)
    pooled_confusion: tuple[tuple[int, ...], ...] = ()
    mean_of_folds: Mapping[str, Estimate] = Field(default_factory=dict)
    over_folds: Mapping[str, Estimate] = Field(default_factory=dict)
    sentence: str = ""

    @property
    def chosen(self) -> Fold:
        """The training that the run's classifier is."""
        return next(fold for fold in self.folds if fold.chosen)
