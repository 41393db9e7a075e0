"""Recorded answers and what is known of their films -> every number of a run's test.

Training and `carina verify` call the same function: the one with what it has just found out, the
other with what a run's files say.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from carina.domain.card import Card
from carina.domain.estimate import Estimate
from carina.domain.evaluation import EpochFigures, Estimates, Evaluation
from carina.domain.failures import ErrorAgreement
from carina.domain.prediction import Prediction
from carina.domain.recipe import EvaluateSection
from carina.domain.record import Part, Record
from carina.evaluation.evaluate import (
    evaluate,
    evaluated_data,
    loss_and_accuracy,
    scored_films,
)
from carina.evaluation.gate_figures import gate_figures
from carina.evaluation.subgroups import subgroups_of
from carina.workflows.known_films import without_known


@dataclass(frozen=True, slots=True)
class TestedFilms:
    """What is known of the films of a test, beside the answers to them.

    Attributes:
        name: the test part, in words.
        records: the test films with sex, view and age; others may be among them.
        known: keys of test films that training or validation knew.
        is_held_out_source: whether the test part is all films of a source, and training had none.
        chose_the_network: whether the choice of the epoch saw the test films too.
        cautions: sentences on what is wrong with the split.
    """

    __test__ = False  # pytest would collect a class of this name

    name: str
    records: Sequence[Record]
    known: Collection[str]
    is_held_out_source: bool = False
    chose_the_network: bool = False
    cautions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BesideAnswers:
    """Numbers of a test that need more than the answers: networks, pixels, other trainings.

    Attributes:
        last_epoch: the metrics of the last epoch's network, or None.
        made: kind -> answers to test films made into other pictures, or None.
        agreement: whether the errors lie where a confounder would err.
        probes: what can be told without the lungs.
    """

    last_epoch: EpochFigures | None = None
    made: Mapping[str, Sequence[Prediction]] | None = None
    agreement: tuple[ErrorAgreement, ...] = ()
    probes: Estimates = field(default_factory=dict)


def run_numbers(
    answers: Mapping[Part, Sequence[Prediction]],
    films: TestedFilms,
    *,
    card: Card,
    digest: str,
    section: EvaluateSection,
    beside: BesideAnswers,
) -> Evaluation:
    """Return every number of a run's test, with its interval.

    Args:
        answers: part -> the classifier's answers; "test" must be there, and loss and accuracy
            are given for each.
        films: what is known of the test films.
        card: the classifier's, whose rules the test is about.
        digest: of the card.
        section: how many resamples, and their seed.
        beside: numbers that need more than the answers.

    Raises:
        EvaluationError: if there is no test film.
    """
    names, tested = card.labels.names, answers["test"]
    scored = scored_films(names, tested, subgroups=subgroups_of(films.records, tested))
    evaluation = evaluate(
        scored,
        data=evaluated_data(
            names,
            tested,
            name=films.name,
            part="test",
            external=films.is_held_out_source,
            test_opened=1,
        ).model_copy(update={"chose_the_network": films.chose_the_network}),
        classifier=digest,
        section=section,
        rules=card.rules,
    )
    return evaluation.model_copy(
        update={
            "last_epoch": beside.last_epoch,
            "without_leaks": without_known(names, tested, films.known, section),
            "gate": gate_figures(names, tested, section, made=beside.made),
            "error_agreement": beside.agreement,
            "probes": beside.probes,
            "parts": {
                part: _loss_and_accuracy(card, own, section) for part, own in answers.items()
            },
            "cautions": (*films.cautions, *evaluation.cautions),
        }
    )


def _loss_and_accuracy(
    card: Card, answers: Sequence[Prediction], section: EvaluateSection
) -> dict[str, Estimate]:
    names = card.labels.names
    logits = np.array([[answer.logits[name] for name in names] for answer in answers])
    return loss_and_accuracy(scored_films(names, answers), logits, section)
