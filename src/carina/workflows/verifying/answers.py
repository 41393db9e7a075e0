"""Recorded answers: do they follow from their logits, and are they given again?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import inf, isfinite
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from carina.data.manifest import ManifestRow
from carina.domain.gate import GateMeasures
from carina.domain.parity import LARGEST_DIFFERENCE
from carina.domain.prediction import Prediction
from carina.domain.progress import Progress, Step
from carina.domain.record import Part
from carina.domain.sentences import counted
from carina.domain.verification import Difference
from carina.imaging.burned_in_text import film_cautions
from carina.inference.classifier import Classifier
from carina.inference.gate import measure
from carina.workflows.verifying.findings import Verified
from carina.workflows.verifying.recorded_films import RecordedFilms

_LOGIT_TIMES = 10
"""Between a recorded logit and a new one, relative to the larger of 1 and the logit: so many times
the difference in probability, since a logit's own size is lost in the softmax."""
_ROUNDING = 1e-9
"""Between two results of the same float64 formula on other versions of NumPy."""
# as many as a training answers at once, so that the same machine adds up in the same order
_BATCH = 64
_NUMBER = re.compile(r"[+-]?\d[\d.,]*")


class _Prepared(NamedTuple):
    """A film as the network sees it, without its pixels."""

    row: ManifestRow
    prepared: NDArray[np.float32]
    measures: GateMeasures
    cautions: tuple[str, ...]


def check_rows(
    where: str, recorded: Sequence[Prediction], rows: Sequence[ManifestRow], into: Verified
) -> bool:
    """Return whether a file of predictions is about the manifest's films, each with its label."""
    answered = {_key(one): one for one in recorded}
    listed = {row.key: row for row in rows}
    differ = [
        Difference(what="films", where=f"{where}: {key}", recorded="in the manifest")
        for key in sorted(listed.keys() - answered.keys())
    ]
    differ += [
        Difference(what="films", where=f"{where}: {key}", found="not in the manifest")
        for key in sorted(answered.keys() - listed.keys())
    ]
    for key in sorted(answered.keys() & listed.keys()):
        for name in ("label", "patient"):
            own, row = getattr(answered[key], name) or "", getattr(listed[key], name) or ""
            if own != row:
                place = f"{where}: {key}: {name}"
                differ.append(Difference(what="films", where=place, recorded=row, found=own))
    if len(answered) != len(recorded):
        what = f"{len(recorded) - len(answered)} films stand there twice"
        differ.append(Difference(what="films", where=where, found=what))
    said = "its films, labels and patients are those of the manifest"
    return into.checked("films", where, said, n=len(recorded), differ=differ)


def check_decisions(
    where: str, recorded: Sequence[Prediction], classifier: Classifier, into: Verified
) -> bool:
    """Return whether recorded probabilities and answers follow from the recorded logits by the
    rules on the classifier's card."""
    names = classifier.labels.names
    if any(set(one.logits) != set(names) for one in recorded):
        found = ", ".join(sorted({name for one in recorded for name in one.logits}))
        differ = [_differing("decisions", f"{where}: classes", ", ".join(names), found)]
        said = "its classes are the classifier's"
        return into.checked("decisions", where, said, n=len(recorded), differ=differ)
    raw = [_raw(one) for one in recorded]
    differ = []
    for own, again in zip(recorded, classifier.decided(raw), strict=True):
        is_refused = own.abstained and bool(own.reason) and own.reason != again.reason
        abstained = is_refused or again.abstained
        place = f"{where}: {_key(own)}"
        if own.predicted != again.predicted or own.abstained != abstained:
            differ.append(_differing("decisions", f"{place}: answer", _told(own), _told(again)))
        apart = _apart(own.probabilities, again.probabilities)
        if apart > _ROUNDING:
            differ.append(_differing("decisions", f"{place}: probabilities",
                                     own.probabilities, again.probabilities))  # fmt: skip
    said = "probabilities and answers follow from the logits by the rules on the card"
    return into.checked("decisions", where, said, n=len(recorded), differ=differ)


def answer_again(
    classifier: Classifier,
    films: RecordedFilms,
    rows: Sequence[ManifestRow],
    *,
    part: Part | None,
    progress: Progress,
) -> dict[str, Prediction]:
    """Return the answers to the recorded films that are there, by key.

    Args:
        classifier: answers in f32.
        films: where they lie.
        rows: in the order in which they were answered before.
        part: of the films, or None.
        progress: told as films are read.
    """
    answers: dict[str, Prediction] = {}
    for batch in _batches(classifier, films, rows):
        found = classifier.answers_prepared(
            np.stack([one.prepared for one in batch]),
            measures=[one.measures for one in batch],
            paths=[one.row.path for one in batch],
            cautions=[one.cautions for one in batch],
            digests=[one.row.sha256 for one in batch],
        )
        for one, answer in zip(batch, found, strict=True):
            row = one.row
            answers[row.key] = replace(
                answer, source=row.source, part=part, patient=row.patient, label=row.label or None
            )
        progress(Step("answering again", len(answers), len(rows)))
    return answers


def compare_answers(
    where: str,
    recorded: Sequence[Prediction],
    *,
    again: Mapping[str, Prediction],
    classifier: Classifier,
    into: Verified,
) -> None:
    """Check that the classifier answers its recorded films as it did.

    Args:
        where: the file of the recorded answers.
        recorded: the answers in it.
        again: the answers of now, by key; films that are not among them are passed over.
        classifier: gave them.
        into: gets what is found.
    """
    # A network that lets rounding grow was allowed more when it was written, and is here.
    allowed = max(LARGEST_DIFFERENCE, classifier.card.parity.get("accepted", 0.0))
    pairs = [(one, again[_key(one)]) for one in recorded if _key(one) in again]
    differ: list[Difference] = []
    n_borderline = 0
    largest = 0.0
    for own, now in pairs:
        place = f"{where}: {_key(own)}"
        apart = _apart(own.probabilities, now.probabilities)
        largest = max(largest, apart)
        if apart > allowed or _logits_differ(own, now, allowed):
            differ.append(_differing("answers", f"{place}: probabilities",
                                     own.probabilities, now.probabilities))  # fmt: skip
        if _answer_of(own) != _answer_of(now):
            if apart <= allowed and _is_borderline(own, now, classifier):
                n_borderline += 1
            else:
                differ.append(_differing("answers", f"{place}: answer", _told(own), _told(now)))
        if own.cautions != now.cautions:
            differ.append(_differing("answers", f"{place}: cautions", own.cautions, now.cautions))
    into.probabilities_differ(largest)
    if not pairs:
        into.not_checked("answers", where, "none of its films was there to be read again")
        return
    said = f"{counted(len(pairs), 'film')} answered again; the largest difference in probability "
    said += f"is {largest:.1e}, and {allowed:.1g} is allowed" if largest else "is 0"
    if n_borderline:
        said += f"; {n_borderline} lie so near a threshold that the answer is the other one"
    into.checked("answers", where, said, n=len(pairs), differ=differ)


def with_reason_codes(
    recorded: Sequence[Prediction], again: Mapping[str, Prediction]
) -> list[Prediction] | None:
    """Return recorded answers with the codes of their reasons, which the file does not keep; None
    where a film was not answered again."""
    if any(_key(one) not in again for one in recorded):
        return None
    return [
        replace(one, reason_code=again[_key(one)].reason_code if one.abstained else "")
        for one in recorded
    ]


def _batches(
    classifier: Classifier, films: RecordedFilms, rows: Sequence[ManifestRow]
) -> Iterator[list[_Prepared]]:
    batch: list[_Prepared] = []
    at_once = classifier.card.input.films_at_once(_BATCH)
    for row, film in films.each(rows):
        batch.append(_Prepared(row, classifier.prepare(film), measure(film), film_cautions(film)))
        if len(batch) == at_once:
            yield batch
            batch = []
    if batch:
        yield batch


def _key(answer: Prediction) -> str:
    return f"{answer.source}/{answer.path}"


def _apart(a: Mapping[str, float], b: Mapping[str, float]) -> float:
    """Return the largest difference between two films' probabilities; infinite where the classes
    differ or one is no number."""
    if a.keys() != b.keys():
        return inf
    apart = [abs(a[name] - b[name]) for name in a]
    return max((one if isfinite(one) else inf for one in apart), default=0.0)


def _logits_differ(own: Prediction, now: Prediction, allowed: float) -> bool:
    return any(
        not abs(value - now.logits[name]) <= _LOGIT_TIMES * allowed * max(1.0, abs(value))
        for name, value in own.logits.items()
    )


def _answer_of(answer: Prediction) -> tuple[str, bool, str]:
    """Return what was answered and why not; the numbers in a reason may be rounded otherwise."""
    return answer.predicted, answer.abstained, _NUMBER.sub("#", answer.reason)


def _is_borderline(own: Prediction, now: Prediction, classifier: Classifier) -> bool:
    """Return whether a recorded answer follows from its own logits by the rules alone, as the
    new one does: then only so small a difference can part them."""
    (by_rules,) = classifier.decided([_raw(own)])
    return _answer_of(own) == _answer_of(by_rules) and not now.reason_code.startswith("gate/")


def _raw(answer: Prediction) -> Prediction:
    return replace(answer, abstained=False, reason="", reason_code="")


def _told(answer: Prediction) -> str:
    return f"abstains: {answer.reason}" if answer.abstained else answer.predicted


def _differing(what: str, where: str, recorded: object, found: object) -> Difference:
    return Difference(what=what, where=where, recorded=_said(recorded), found=_said(found))


def _said(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {number!r}" for name, number in value.items())
    return " | ".join(map(str, value)) if isinstance(value, tuple) else str(value)
