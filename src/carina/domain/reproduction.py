"""What a run that was made again has in common with the first one."""

from __future__ import annotations

from carina.domain.document import Document, Plain


class Difference(Plain):
    """A circumstance that was otherwise.

    Attributes:
        what: what it is of, as "torch" or "processor".
        recorded: as the first run has it; "" where it had none.
        here: as it is now; "" where there is none.
    """

    what: str
    recorded: str
    here: str

    @property
    def sentence(self) -> str:
        """Both, in words.

        >>> Difference(what="torch", recorded="2.12.0", here="2.13.0").sentence
        'torch: 2.12.0 recorded, 2.13.0 here'
        """
        return f"{self.what}: {self.recorded or 'none'} recorded, {self.here or 'none'} here"


class ComparedNumbers(Plain):
    """A table of numbers, or all numbers of a file, compared one by one.

    Attributes:
        what: which, as "history.csv, val_loss".
        n_values: how many were compared.
        n_differing: how many of them are not the same number.
        largest_difference: absolute; None where a number stands against none.
        where: which value differs most, or is there in one run alone; "" if all are the same.
    """

    what: str
    n_values: int
    n_differing: int
    largest_difference: float | None = 0.0
    where: str = ""


class ComparedPredictions(Plain):
    """The answers of a part, compared film by film.

    Attributes:
        part: "validation" or "test".
        n_images: films that both answered.
        n_differing: films with any other probability.
        largest_difference: of a probability, absolute.
        changed_decisions: films with another decision, or abstained upon by one alone.
        only_one: films that one run alone answered.
    """

    part: str
    n_images: int
    n_differing: int = 0
    largest_difference: float = 0.0
    changed_decisions: int = 0
    only_one: int = 0


class ComparedMetric(Plain):
    """A test metric that is not the same number.

    Attributes:
        name: as in `evaluation.json`.
        recorded: of the first run.
        here: of the one that repeats it.
        low, high: the interval of the first, if it has one.
    """

    name: str
    recorded: float
    here: float
    low: float | None = None
    high: float | None = None

    @property
    def is_inside(self) -> bool | None:
        """Whether the new value lies in the interval of the first; None without an interval."""
        if self.low is None or self.high is None:
            return None
        return self.low <= self.here <= self.high


class ComparedRun(Plain):
    """A run and the one that repeats it, file by file.

    Attributes:
        name: "" for the run itself, else the folder of a member below it.
        same_files: files with the same bytes.
        other_files: files whose bytes differ, of those that should have the same.
        numbers: tables of numbers in which any differs.
        n_numbers: how many numbers were compared in all.
        predictions: of each part.
        metrics: test metrics that are not the same number.
        weights: the largest absolute difference of the chosen epoch's weights; None where
            they cannot be compared.
        best_epoch: the chosen epoch of the first run and of the second, where these differ.
    """

    name: str = ""
    same_files: tuple[str, ...] = ()
    other_files: tuple[str, ...] = ()
    numbers: tuple[ComparedNumbers, ...] = ()
    n_numbers: int = 0
    predictions: tuple[ComparedPredictions, ...] = ()
    metrics: tuple[ComparedMetric, ...] = ()
    weights: float | None = 0.0
    best_epoch: tuple[int, int] | None = None

    @property
    def is_identical(self) -> bool:
        """Whether nothing differs."""
        return not self.other_files and not self.numbers


class Reproduction(Document):
    """A run made again from its own record, and what differs: `reproduction.json`.

    Attributes:
        run: name of the first run.
        again: name of the run that repeats it.
        identical: whether every byte and number that should be the same is.
        sentence: what was found, in one sentence; a difference in its proportion.
        differences: circumstances that were otherwise.
        unknown: sentences on what the first run's record does not tell.
        runs: the run itself, then its members.
        recorded_seconds, seconds: what both took by the clock, where it is known.
    """

    run: str
    again: str
    identical: bool
    sentence: str
    differences: tuple[Difference, ...] = ()
    unknown: tuple[str, ...] = ()
    runs: tuple[ComparedRun, ...] = ()
    recorded_seconds: float = 0.0
    seconds: float = 0.0
