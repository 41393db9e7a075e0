"""All estimates of one classifier on one part of one data set: `evaluation.json`."""

import re
from collections.abc import Mapping

from pydantic import Field, field_validator

from carina.domain.abstention_figures import AbstentionFigures
from carina.domain.calibration_figures import CalibrationFigures
from carina.domain.document import Document, Plain
from carina.domain.estimate import Estimate
from carina.domain.explanation_scores import ExplanationScores
from carina.domain.external import AgainstInternal
from carina.domain.failures import ErrorAgreement
from carina.domain.folds import FoldFigures
from carina.domain.gate_figures import GateFigures
from carina.domain.operating_points import DecisionCurve, OperatingPoint

Estimates = Mapping[str, Estimate]


class EvaluatedData(Plain):
    """What was evaluated.

    Attributes:
        name: the data set, in words.
        part: "train", "validation", "test", or "all" for an external test.
        external: True if the classifier was trained on other data; None if it is not known what
            it was trained on.
        n_images: films that count in the estimates.
        n_patients: different known patients among them, or None if no patient is known.
        unit: what the intervals resample: "patients" if all are known, "films" if none is,
            and "patients where known" between: films of unknown patients are resampled
            one by one.
        n_abstained: films the classifier would not answer (they count all the same).
        n_unreadable: films that could not be read (they do not count).
        n_unlabelled: films without a label of the classifier (they do not count).
        chose_the_network: True if the choice of the epoch saw these films too, as a described
            mistake had it.
        test_opened: how many commands computed metrics on this test part so far; 0 if
            it is not a run's test part.
        patient_key_fingerprint: of the key that hashed the patients of an external test; "" for a
            run's own, whose card has it.
        resamples: of the bootstrap, for intervals without a closed form; 0 in older files.
        seed: of the resamples.
    """

    name: str
    part: str
    external: bool | None = False
    n_images: int
    n_patients: int | None = None
    unit: str = "films"
    n_abstained: int = 0
    n_unreadable: int = 0
    n_unlabelled: int = 0
    chose_the_network: bool = False
    test_opened: int = 0
    patient_key_fingerprint: str = ""
    resamples: int = 0
    seed: int = 0


class ConfusionMatrix(Plain):
    """Counts of films; rows are the true classes and columns the answers, both in
    the order of `labels`."""

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


class Curve(Plain):
    """A curve, as points in order.

    Attributes:
        x: for ROC the false positive rate, for precision-recall the recall.
        y: for ROC the true positive rate, for precision-recall the precision.
        thresholds: the score at and above which a film counts as positive; None where
            every film does not (scikit-learn's infinity).
    """

    x: tuple[float, ...]
    y: tuple[float, ...]
    thresholds: tuple[float | None, ...]


class Curves(Plain):
    """The curves of every class, one against the rest."""

    roc: Mapping[str, Curve] = Field(default_factory=dict)
    precision_recall: Mapping[str, Curve] = Field(default_factory=dict)


class EpochFigures(Plain):
    """The same metrics for the network of another epoch."""

    epoch: int
    best_epoch: int
    metrics: Estimates


class WithoutLeaks(Plain):
    """The same metrics without the test films that training had seen.

    Attributes:
        n_removed: films left out.
        metrics: empty if nothing is left of some class, as the next two then are.
        sentence: what this says, in words.
        per_class: class -> the same metrics as in `Evaluation.per_class`.
        confusion_matrix: counts.
    """

    n_removed: int
    metrics: Estimates
    sentence: str
    per_class: Mapping[str, Estimates] = Field(default_factory=dict)
    confusion_matrix: ConfusionMatrix | None = None


class MemberFigures(Plain):
    """One of several trainings of the same recipe.

    Attributes:
        name: the member's folder below `members/`.
        seed: of its training.
        chosen: whether it is the one that the run's classifier is, by its validation figure.
        validation: "loss" and "accuracy" on the validation part.
        metrics: on the test part.
    """

    name: str
    seed: int
    chosen: bool
    validation: Estimates
    metrics: Estimates


class Evaluation(Document):
    """All estimates of one classifier on one part of one data set.

    Attributes:
        classifier: digest of the classifier's card, or the name of a predictions file.
        labels: the classes in order.
        data: what was evaluated.
        metrics: over all films, under scikit-learn's names ("accuracy", "f1_macro", ...).
        per_class: class -> "precision" (positive predictive value), "npv" (negative
            predictive value), "recall" (sensitivity), "specificity", "f1", "roc_auc",
            "average_precision", "brier_score" and what it is made of ("brier_miscalibration"
            - "brier_discrimination" + "brier_uncertainty"), "brier_miscalibration_if_calibrated",
            "support", "tp", "fp", "tn", "fn".
        per_source: source -> metrics, where there are several sources.
        per_subgroup: property ("sex", "view", ...) -> value -> metrics.
        confusion_matrix: counts.
        curves: ROC and precision-recall.
        calibration: how honest the probabilities are.
        operating_points: thresholds chosen on validation, with what they achieve here.
        decision_curves: class -> whether acting on the answers helps.
        abstention: prediction sets, and what abstaining changes.
        gate: what the input gate refused; None if it was not told apart.
        error_agreement: whether the classifier errs where a confounder would.
        against_internal: for an external test, the internal one beside it.
        folds: the results over the folds, if there are any.
        probes: what can be told about the class without the lungs.
        last_epoch: the same metrics for the last epoch's network, not the chosen one.
        without_leaks: the same metrics without the leaked films, if there are any.
        members: the trainings of several seeds, if there are several; the numbers of this
            evaluation are those of the chosen one.
        over_members: metric -> mean over the members, with the lowest and the highest.
        parts: part -> "loss" and "accuracy", uncalibrated, without augmentation.
        explanation_scores: how far the heat maps can be believed; None if not scored.
        cautions: sentences that belong beside the numbers.
        notes: how the data was read, in sentences: every guess.
    """

    classifier: str
    labels: tuple[str, ...]
    data: EvaluatedData
    metrics: Estimates
    per_class: Mapping[str, Estimates]
    per_source: Mapping[str, Estimates] = Field(default_factory=dict)
    per_subgroup: Mapping[str, Mapping[str, Estimates]] = Field(default_factory=dict)
    confusion_matrix: ConfusionMatrix
    curves: Curves = Curves()
    calibration: CalibrationFigures | None = None
    operating_points: tuple[OperatingPoint, ...] = ()
    decision_curves: Mapping[str, DecisionCurve] = Field(default_factory=dict)
    abstention: AbstentionFigures | None = None
    gate: GateFigures | None = None
    error_agreement: tuple[ErrorAgreement, ...] = ()
    against_internal: AgainstInternal | None = None
    folds: FoldFigures | None = None
    probes: Estimates = Field(default_factory=dict)
    last_epoch: EpochFigures | None = None
    without_leaks: WithoutLeaks | None = None
    members: tuple[MemberFigures, ...] = ()
    over_members: Estimates = Field(default_factory=dict)
    parts: Mapping[str, Estimates] = Field(default_factory=dict)
    explanation_scores: ExplanationScores | None = None
    cautions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @field_validator("calibration", "abstention", mode="before")
    @classmethod
    def _were_empty_in_older_files(cls, value: object) -> object:
        return None if value == {} else value

    @property
    def is_of_predictions(self) -> bool:
        """Whether a file of predictions was judged, and no classifier."""
        return re.fullmatch("[0-9a-f]{64}", self.classifier) is None
