"""What a search of a recipe's ranges found, and how much of it was luck: `tune.json`."""

from collections.abc import Mapping
from typing import Literal

from carina.domain.document import Document, Plain
from carina.domain.estimate import Estimate
from carina.domain.recipe import Recipe
from carina.domain.search_range import Choice


class TuneTrial(Plain):
    """One setting of the searched values, trained once for each fold.

    Attributes:
        number: from 0; trial 0 is the recipe as it was.
        state: "done", or "failed" with a reason.
        settings: full name of each searched setting -> its value.
        figure: mean of the folds', or None if it failed.
        folds: the figure of each fold that was trained.
        seconds: what the trainings took.
        reason: why it failed, or "".
    """

    number: int
    state: Literal["done", "failed"]
    settings: Mapping[str, Choice]
    figure: float | None
    folds: tuple[float, ...] = ()
    seconds: float = 0.0
    reason: str = ""


class TuneRepeat(Plain):
    """A setting trained again, on folds that were cut anew and with other seeds.

    Attributes:
        repeat: from 1; all settings of one repeat share folds and seeds.
        trial: whose settings.
        figure: mean of the folds', or None if it failed.
        folds: the figure of each fold.
        reason: why it failed, or "".
    """

    repeat: int
    trial: int
    figure: float | None
    folds: tuple[float, ...] = ()
    reason: str = ""


class Luck(Plain):
    """How much of what a search found stays when it is repeated.

    Attributes:
        best_trial: the number of the trial with the best figure.
        base: the figure of the recipe as it was, in the search.
        median: of all trials that worked out.
        best: of the best trial, in the search; the best of many, it flatters.
        base_repeated: the recipe as it was, repeated.
        best_repeated: the best trial's settings, repeated.
        lead: by how much the best trial beat the median; positive is better, also of a loss.
        vanished: how much of that is gone when it is repeated; more than `lead` if it then
            lies behind the median.
        gained: repeated, by how much the best trial's settings are better than the recipe's
            own on the same folds with the same seeds; positive is better.
        sentence: what became of the lead.
        verdict: whether the settings found are better than the recipe's own.
    """

    best_trial: int
    base: Estimate
    median: Estimate
    best: Estimate
    base_repeated: Estimate
    best_repeated: Estimate
    lead: Estimate
    vanished: Estimate
    gained: Estimate
    sentence: str
    verdict: str


class TuneStudy(Document):
    """What a search of a recipe's ranges found.

    Attributes:
        data: the data set, in words.
        figure: what was searched for on the validation folds, one of `train.choose_by`.
        higher_is_better: of the figure.
        base: the recipe as it was, with its ranges.
        found: the recipe with the best trial's settings.
        ranges: full name of each searched setting -> its range, in words.
        n_films: films of train and validation that the folds were cut from.
        n_folds: folds.
        test: what became of the test part, in words.
        trials: all that ended, by number.
        repeats: the trainings that tell luck.
        luck: what they tell.
        seconds: of all trainings together.
        circumstances: what the trainings computed in: versions, hardware, precision, threads.
        cautions: what the numbers do not say.
        notes: how the data was opened, what was left out, and what changed meanwhile.
    """

    data: str
    figure: Literal["val_loss", "val_accuracy", "val_auc_macro"]
    higher_is_better: bool
    base: Recipe
    found: Recipe
    ranges: Mapping[str, str]
    n_films: int
    n_folds: int
    test: str
    trials: tuple[TuneTrial, ...]
    repeats: tuple[TuneRepeat, ...]
    luck: Luck
    seconds: float
    circumstances: Mapping[str, str | int]
    cautions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
