"""What stands on a classifier: `card.json`."""

from collections.abc import Mapping
from typing import Self

from pydantic import Field

from carina.domain.abstention import Abstention
from carina.domain.calibration import Calibration
from carina.domain.document import Document, Plain
from carina.domain.gate import Gate
from carina.domain.input_spec import InputSpec
from carina.domain.label_set import LabelSet
from carina.domain.rules import FittedRules, Rules
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


class Provenance(Plain):
    """Where a classifier comes from.

    Attributes:
        recipe: name of the recipe.
        architecture: name of the network.
        parameters: number of values of the network, those held fixed too.
        epoch: the epoch whose weights these are; 0 for a cascade, whose stages chose
            their own.
        weights: where the start weights come from, with licence; "" if they were drawn.
        sources: names of the training data's sources.
        dataset_digest: digest of the data set.
        split_digest: digest of the split.
        split: how the films became training, validation and test, in words; "" if that is
            not known.
        n_train: training films by class.
        patient_key_fingerprint: fingerprint of the key behind the hashes of `seen.csv`.
        licences: licences of the training films, as far as known.
    """

    recipe: str
    architecture: str
    parameters: int
    epoch: int
    weights: str = ""
    sources: tuple[str, ...]
    dataset_digest: str
    split_digest: str
    split: str = ""
    n_train: Mapping[str, int]
    patient_key_fingerprint: str
    licences: tuple[str, ...] = ()


class Card(Document):
    """What stands on a classifier.

    Attributes:
        name: short name.
        labels: the classes, in the order of `logits`.
        input: the pixel contract.
        calibration, thresholds, abstention, gate: the fitted rules that it answers by.
        fitted: what else was fitted on validation, for tests to come.
        provenance: where it comes from.
        explanations: class -> where its explanation is computed; empty if it has none.
        parity: what was measured between the trained and the exported network
            ("n_films", "max_probability_difference").
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
    provenance: Provenance
    explanations: Mapping[str, ExplanationSource] = Field(default_factory=dict)
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
