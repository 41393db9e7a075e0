"""The rows of a tool's predictions: which are tested, and what the others are good for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from carina.data.foreign_predictions import ForeignPredictions
from carina.domain.evaluation import WithoutLeaks
from carina.domain.prediction import Prediction
from carina.domain.recipe import EvaluateSection
from carina.domain.record import Part
from carina.domain.rules import FittedRules, Rules
from carina.domain.sentences import counted
from carina.errors import EvaluationError


@dataclass(frozen=True, slots=True)
class ForeignParts:
    """A tool's predictions by part.

    Attributes:
        name: "test", "all" where the rows name no part, or the only part that they name.
        tested: the films of the test.
        validation: the films that rules are fitted on; none if they are what is tested.
        train: films that the tool was trained on, if the rows name them.
    """

    name: str
    tested: tuple[Prediction, ...]
    validation: tuple[Prediction, ...] = ()
    train: tuple[Prediction, ...] = ()


def parts_of(foreign: ForeignPredictions) -> ForeignParts:
    """Return a tool's predictions by part.

    Raises:
        EvaluationError: if the rows name several parts and none is the test.
    """
    own: dict[Part | None, list[Prediction]] = {}
    for film in foreign.predictions:
        own.setdefault(film.part, []).append(film)
    if len(own) == 1:
        ((name, films),) = own.items()
        return ForeignParts(name or "all", tuple(films))
    if "test" not in own:
        raise EvaluationError(
            "the rows are of the parts train and validation, and none is of the test; name the "
            "tested rows 'test', or evaluate all rows with --column part="
        )
    validation, train = own.get("validation", []), own.get("train", [])
    return ForeignParts("test", tuple(own["test"]), tuple(validation), tuple(train))


def rules_of(foreign: ForeignPredictions, parts: ForeignParts, section: EvaluateSection) -> Rules:
    """Return the rules fitted on the validation rows, or why there are none."""
    from carina.evaluation.evaluate import scored_films
    from carina.evaluation.fit_rules import fit_rules

    why = ""
    if not foreign.has_scores:
        why = "the file holds answers, no probabilities"
    elif parts.name == "validation":
        why = "all films are validation films, and what is fitted on films cannot be tested on them"
    elif not parts.validation:
        why = "the file names no validation films"
    elif not any(film.label and film.predicted for film in parts.validation):
        why = "no validation film has both a label and an answer"
    if why:
        return Rules(fitted=FittedRules(unfitted_because=why))
    validation = scored_films(foreign.labels, parts.validation)
    if foreign.from_logits:
        return fit_rules(validation, section)
    # given probabilities are judged as they are: it is they that the tool's users see
    as_given = section.model_copy(update={"calibration": "none"})
    return fit_rules(replace(validation, logits=None), as_given)


def ruled(
    films: Sequence[Prediction], foreign: ForeignPredictions, rules: Rules
) -> tuple[Prediction, ...]:
    """Return predictions by fitted rules; the tool's own probabilities and answers stay."""
    answered = [film for film in films if film.probabilities]
    if not answered:
        return tuple(films)
    names = foreign.labels
    given = np.array([[film.probabilities[name] for name in names] for film in answered])
    if foreign.from_logits and rules.calibration.method != "identity":
        given = rules.calibration.apply(
            np.array([[film.logits[name] for name in names] for film in answered])
        )
    decides = rules.thresholds.rule != "highest" or rules.calibration.method == "vector"
    own = np.array([names.index(film.predicted) for film in answered])
    chosen = rules.thresholds.apply(given) if decides and not foreign.decided else own
    unsure = rules.abstention.apply(given, chosen)
    answers = iter(
        replace(
            film,
            probabilities=dict(zip(names, given[row].tolist(), strict=True)),
            predicted=names[int(chosen[row])],
            abstained=film.abstained or bool(unsure[row]),
            reason=film.reason or unsure[row],
        )
        for row, film in enumerate(answered)
    )
    return tuple(next(answers) if film.probabilities else film for film in films)


def without_trained(
    labels: Sequence[str], parts: ForeignParts, section: EvaluateSection
) -> WithoutLeaks | None:
    """Return the metrics without tested films that training rows name too, by film or patient;
    None if there is none."""
    from carina.workflows.known_films import without_known

    return without_known(labels, parts.tested, _shared(parts.tested, parts.train), section)


def cautions_of(foreign: ForeignPredictions, parts: ForeignParts, rules: Rules) -> tuple[str, ...]:
    """Return what makes this less than a test by Carina itself, in sentences."""
    sentences = []
    if not parts.train:
        sentences.append(
            "It is not known what the tool was trained on, and so not whether training saw "
            "these films or these patients."
        )
    sentences.append(
        "The films themselves were not at hand: copies, and what gives the class away without "
        "the lungs, were not looked for."
    )
    if parts.name in ("train", "validation"):
        sentences.append(
            f"All rows are of the part '{parts.name}': numbers on films that made or chose the "
            "tool are too good."
        )
    if foreign.has_scores and rules.fitted.unfitted_because:
        sentences.append(
            "No calibration, threshold or prediction set was fitted: "
            f"{rules.fitted.unfitted_because}."
        )
    n_shared = len(_shared(parts.tested, parts.validation))
    if n_shared:
        sentences.append(
            f"{counted(n_shared, 'tested film')}, or their patients, are among the validation rows "
            "too: what was fitted there looks better here than elsewhere."
        )
    return tuple(sentences)


def _shared(films: Sequence[Prediction], others: Sequence[Prediction]) -> frozenset[str]:
    """Return `source/path` of the films that are among others, or whose patient is."""
    keys = {f"{film.source}/{film.path}" for film in others}
    patients = {film.patient for film in others} - {None}
    return frozenset(
        key
        for film in films
        if (key := f"{film.source}/{film.path}") in keys or film.patient in patients
    )
