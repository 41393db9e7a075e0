"""Runs, readers and predictions side by side: `comparison.json`."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from carina.domain.document import Document, Plain
from carina.domain.estimate import Estimate
from carina.domain.evaluation import ConfusionMatrix, Estimates, EvaluatedData, WithoutLeaks
from carina.domain.input_spec import InputSpec

ComparedPart = Literal["validation", "test"]
COMPARED_PARTS: tuple[ComparedPart, ...] = ("validation", "test")


class PartFigures(Plain):
    """What one run achieves on one part.

    Attributes:
        data: what was evaluated.
        metrics: over all films, under the names of `evaluation.json`.
        per_class: class -> metrics and counts.
        confusion_matrix: counts.
        largest_class: the class with the most films.
        largest_class_share: the accuracy of always answering with it.
        without_leaks: the metrics without leaked films, if there are any.
    """

    data: EvaluatedData
    metrics: Estimates
    per_class: Mapping[str, Estimates]
    confusion_matrix: ConfusionMatrix
    largest_class: str
    largest_class_share: float
    without_leaks: WithoutLeaks | None = None


class ComparedRun(Plain):
    """What one run is, and what it achieves.

    Attributes:
        name: what it is called here: its folder's name, without the time if that is
            enough, with the folder above where two would be called alike.
        folder: its folder's name.
        recipe: name of its recipe.
        stages: the parts of a cascade, as "name: architecture"; empty for one network.
        architecture: name of the network.
        weights: where pretrained weights came from, or "none".
        trained: which layers were trained.
        parameters: number of values of the network.
        input: the pixel contract.
        labels: the classes in order.
        sources: names of the training data's sources.
        n_train: training films by class.
        epochs: passes over the training films, as the recipe says.
        chosen_epoch: the one whose weights are deployed.
        chosen_by: the validation figure that chose it.
        images_per_second: training speed, median over the epochs; 0 if not measured.
        training_seconds: time of the training, or None.
        device: "cpu" or the name of the GPU.
        precision: what the training computed in.
        seed: of start weights, order, dropout and augmentation.
        split_seed: of a split that Carina cut.
        parts: "validation" and "test" -> figures.
        external_tests: names of the tests on other data; empty if there is none.
        cautions: sentences that belong beside its numbers.
    """

    name: str
    folder: str
    recipe: str
    stages: tuple[str, ...] = ()
    architecture: str
    weights: str
    trained: str
    parameters: int
    input: InputSpec
    labels: tuple[str, ...]
    sources: tuple[str, ...]
    n_train: Mapping[str, int]
    epochs: int
    chosen_epoch: int
    chosen_by: str
    images_per_second: float
    training_seconds: float | None
    device: str
    precision: str
    seed: int
    split_seed: int
    parts: Mapping[ComparedPart, PartFigures]
    external_tests: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()


class ComparedAnswers(Plain):
    """Answers that come without a run: a human reader's, or another tool's predictions.

    Attributes:
        name: what they are called here.
        kind: "reader" for decisions of a person, "predictions" for a tool's.
        file: name of the file.
        column: the column that the answers stand in, or "" if a tool's columns were found.
        labels: the classes in order.
        n_rows: rows of the file that hold an answer.
        n_blank: rows without an answer: not compared.
        n_elsewhere: rows of films that are in no run's test part: not compared.
        parts: "test" -> figures on the films of the runs' test parts.
        cautions: sentences that belong beside the numbers.
    """

    name: str
    kind: Literal["reader", "predictions"]
    file: str
    column: str = ""
    labels: tuple[str, ...]
    n_rows: int
    n_blank: int = 0
    n_elsewhere: int = 0
    parts: Mapping[ComparedPart, PartFigures]
    cautions: tuple[str, ...] = ()


class PairedCounts(Plain):
    """Films by whether either run answered them rightly."""

    both_right: int
    only_first_right: int
    only_second_right: int
    both_wrong: int


Compared = ComparedRun | ComparedAnswers


class AreaTest(Plain):
    """Two areas under the ROC curve on the same films.

    Attributes:
        label: the class against the rest; "" with two classes, whose areas are one.
        first, second: the areas of each.
        difference: first minus second, with DeLong's interval: "delong", or where patients
            have several films "delong-patients".
        standard_error: DeLong's, of the difference; None if undefined.
        bootstrap: the same difference, with the interval of the paired bootstrap.
        p_value: of "both areas are equal", by DeLong's test; None if undefined.
        p_value_holm: `p_value` corrected for all areas of all tested pairs of the part.
        n_tests: how many areas that is.
        films_needed: roughly how many films like these would show a difference as large as
            the one found with a chance of 80 %; None if there is none.
    """

    label: str
    first: Estimate
    second: Estimate
    difference: Estimate
    standard_error: float | None
    bootstrap: Estimate
    p_value: float | None
    p_value_holm: float | None
    n_tests: int = 1
    films_needed: int | None = None


class PairedTest(Plain):
    """Two runs on the same films.

    Attributes:
        n_images: the films.
        n_patients: different known patients among them, or None if no patient is known.
        unit: what was resampled: "patients", "films", or "patients where known".
        clustered: whether some patient brings several films.
        identical: whether both gave the same answer to every film, and the same probabilities
            where both have any.
        first, second: the metrics of each on these films; what rests on probabilities is
            undefined for decisions alone.
        differences: metric -> first minus second.
        per_class: class -> metric -> first minus second.
        areas: the test of each area under the ROC curve; empty where one of both gave
            decisions alone.
        counts: films by whether each run was right.
        p_value: of "both are right equally often": exact McNemar over the films, or where
            `clustered` its form over patients (`p_value_films` then has the other).
        p_value_films: exact McNemar, as if every film were of another patient.
        p_value_holm: `p_value` corrected for all tested pairs of the part.
        n_tests: how many pairs that is.
        films_needed: roughly how many films of different patients would show a difference
            in accuracy as large as the one found with a chance of 80 %; None where both
            were right equally often.
    """

    n_images: int
    n_patients: int | None
    unit: str
    clustered: bool
    identical: bool
    first: Estimates
    second: Estimates
    differences: Estimates
    per_class: Mapping[str, Estimates] = Field(default_factory=dict)
    areas: tuple[AreaTest, ...] = ()
    counts: PairedCounts
    p_value: float
    p_value_films: float
    p_value_holm: float
    n_tests: int = 1
    films_needed: int | None


class ComparedPair(Plain):
    """Two runs on one part.

    Attributes:
        part: "validation" or "test".
        first, second: names of what is compared.
        n_first, n_second: films of the part in each run.
        n_shared: films that both answered and call alike.
        n_relabelled: films in both that have another class in the other run: not compared.
        n_replaced: films of the same name in both that hold other bytes: not compared.
        not_tested_because: why nothing was tested, in words; "" if `test` is there.
        test: the paired comparison on the shared films.
        more_than_luck: whether the corrected p-value is below 0.05; None if not tested.
        sentence: what all this says.
        notes: what was assumed in matching classes and films.
    """

    part: ComparedPart
    first: str
    second: str
    n_first: int
    n_second: int
    n_shared: int
    n_relabelled: int = 0
    n_replaced: int = 0
    not_tested_because: str = ""
    test: PairedTest | None = None
    more_than_luck: bool | None = None
    sentence: str = ""
    notes: tuple[str, ...] = ()


class Comparison(Document):
    """Runs side by side.

    Attributes:
        runs: in the order they were named.
        others: answers without a run, in the order they were named.
        pairs: every two of them on the test part, then every two runs on validation.
    """

    runs: tuple[ComparedRun, ...]
    others: tuple[ComparedAnswers, ...] = ()
    pairs: tuple[ComparedPair, ...] = Field(default=())

    @property
    def compared(self) -> tuple[Compared, ...]:
        """The runs, then the answers without a run."""
        return (*self.runs, *self.others)
