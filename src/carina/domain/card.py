"""What stands on a classifier: `card.json`."""

from collections.abc import Mapping
from typing import Self

from pydantic import Field

from carina.domain.abstention import Abstention
from carina.domain.calibration import Calibration
from carina.domain.document import Document, Plain
from carina.domain.explanation import METHODS_WITH_MAPS, METHODS_WITHOUT_MAPS
from carina.domain.explanation_scores import ExplanationScores
from carina.domain.gate import Gate
from carina.domain.input_spec import InputSpec
from carina.domain.input_statistics import InputStatistics
from carina.domain.label_set import LabelSet
from carina.domain.rules import FittedRules, Rules
from carina.domain.serving import ServingAgreement
from carina.domain.thresholds import Thresholds


class ExplanationSource(Plain):
    """Where a class's explanation is computed.

    Attributes:
        maps: name of the network's output that holds the spatial maps.
        head: file of the part from those maps to the logits; its input is `maps`, its
            output `logits` `[n, classes]`.
    """

    maps: str = "maps"
    head: str = "head.onnx"


IMPORTED = "imported"
"""The recipe of a classifier that was made of another tool's model."""


class Provenance(Plain):
    """Where a classifier comes from.

    Of a model that another tool trained only `architecture`, `parameters` and `origin` are known.

    Attributes:
        recipe: name of the recipe; `IMPORTED` for another tool's model.
        architecture: name of the network.
        parameters: number of values of the network, those held fixed too.
        epoch: the epoch whose weights these are; 0 for a cascade, whose stages chose
            their own, and where it is not known.
        weights: where the start weights come from, with licence; "" if they were drawn.
        sources: names of the training data's sources.
        dataset_digest: digest of the data set.
        split_digest: digest of the split.
        split: how the films became training, validation and test, in words; "" if that is
            not known.
        n_train: training films by class.
        patient_key_fingerprint: fingerprint of the key behind the hashes of `seen.csv`.
        licences: licences of the training films, as far as known.
        origin: the file that an imported model came from, in words; else "".
    """

    recipe: str
    architecture: str
    parameters: int
    epoch: int = 0
    weights: str = ""
    sources: tuple[str, ...] = ()
    dataset_digest: str = ""
    split_digest: str = ""
    split: str = ""
    n_train: Mapping[str, int] = Field(default_factory=dict)
    patient_key_fingerprint: str = ""
    licences: tuple[str, ...] = ()
    origin: str = ""

    @property
    def is_imported(self) -> bool:
        """Whether another tool trained it, so that its training films are not known."""
        return self.recipe == IMPORTED


class Card(Document):
    """What stands on a classifier.

    Attributes:
        name: short name.
        labels: the classes, in the order of `logits`.
        input: the pixel contract.
        calibration, thresholds, abstention, gate: the fitted rules that it answers by.
        fitted: what else was fitted on validation, for tests to come.
        input_statistics: how the training films look, for a server to notice others.
        serving: whether it may be served in bf16; None if that was not tried.
        provenance: where it comes from.
        explanations: class -> where its explanation is computed; empty if it has none.
        explanation_scores: how far its heat maps can be believed; None if not scored.
        parity: what was measured between the trained and the exported network
            ("n_films", "max_probability_difference"); where that is more than 1e-5, what
            rounding in float32 explains ("float32_rounding") and allows ("accepted").
        tested_on: one sentence on the internal test, or "".
        cautions: sentences that every answer carries.
        files: file name -> sha256 of every other file of the classifier.
    """

    name: str
    labels: LabelSet
    input: InputSpec
    calibration: Calibration = Calibration()
    thresholds: Thresholds = Thresholds()
    abstention: Abstention = Abstention()
    gate: Gate = Gate()
    fitted: FittedRules = FittedRules()
    input_statistics: InputStatistics = InputStatistics()
    serving: ServingAgreement | None = None
    provenance: Provenance
    explanations: Mapping[str, ExplanationSource] = Field(default_factory=dict)
    explanation_scores: ExplanationScores | None = None
    parity: Mapping[str, float] = Field(default_factory=dict)
    tested_on: str = ""
    cautions: tuple[str, ...] = ()
    files: Mapping[str, str] = Field(default_factory=dict)

    @property
    def answered_by(self) -> str:
        """The rule that turns probabilities into an answer, in words."""
        return self.thresholds.in_words(self.labels.names)

    @property
    def rules(self) -> Rules:
        """The fitted rules, without the gate."""
        return Rules(
            calibration=self.calibration,
            thresholds=self.thresholds,
            abstention=self.abstention,
            fitted=self.fitted,
        )

    def explained_by(self, label: str) -> tuple[str, ...]:
        """Return the explanation methods that work for a class, the usual one first.

        Args:
            label: the class; one without maps and head is left with the methods that need
                nothing but the network.
        """
        with_maps = METHODS_WITH_MAPS if label in self.explanations else ()
        return with_maps + METHODS_WITHOUT_MAPS

    def answering_by(self, rules: Rules) -> Self:
        """Return the card with other fitted rules; its gate stays."""
        return self.model_copy(
            update={
                "calibration": rules.calibration,
                "thresholds": rules.thresholds,
                "abstention": rules.abstention,
                "fitted": rules.fitted,
            }
        )
