"""An answer as an HL7 FHIR R4 DiagnosticReport.

R4 (4.0.1), not R5: it is the release that hospitals' servers hold. Nothing of the patient
stands in it: the caller who knows the patient names the resource on his own server.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from typing import Any

from carina.domain.gate import UNSURE
from carina.domain.prediction import CAVEAT, Prediction
from carina.inference.classifier import Classifier
from carina.version import VERSION

Resource = dict[str, Any]

_UCUM = "http://unitsofmeasure.org"
# LOINC "XR Chest Views": a study of the chest on film, whatever the views.
_CHEST_FILM = {"system": "http://loinc.org", "code": "30745-4"}
# HL7 table 0074, the section that a report comes from.
_RADIOLOGY = {"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "RAD"}
_ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
# Ten-thousandths of a percent: more than any classifier's probability means.
_DIGITS = 6


def diagnostic_report(
    prediction: Prediction,
    *,
    classifier: Classifier,
    issued: datetime,
    subject: str | None = None,
    study_uid: str | None = None,
) -> Resource:
    """Return the answer for one film as a FHIR R4 DiagnosticReport, ready for `json.dumps`.

    It contains the classifier as a Device, the answer as an Observation, and an Observation
    for each class with its probability. What Carina does not stand by has no value but a
    `dataAbsentReason`: all of a film that could not be read or was refused, and the answer
    alone where the classifier was unsure. The same film, classifier and time give the same
    report; its `id` depends on film and classifier alone, so that a server that is told the
    id (`PUT`) holds one report of them.

    Args:
        prediction: the answer; its `path` stands nowhere.
        classifier: what gave it.
        issued: when, with a time zone.
        subject: a reference to the patient on the server ("Patient/123"); none if None.
        study_uid: the DICOM study that the film belongs to; none if None.

    Raises:
        ValueError: if `issued` has no time zone, which FHIR demands.
    """
    if issued.tzinfo is None:
        raise ValueError(f"the time of a report needs a time zone; {issued.isoformat()} has none")
    observations = [_answer(prediction, classifier)]
    observations += [
        _probability(prediction, number, name)
        for number, name in enumerate(classifier.labels.names, start=1)
    ]
    conclusion = _conclusion(prediction, classifier)
    report: Resource = {
        "resourceType": "DiagnosticReport",
        "id": _digest("fhir-diagnostic-report", classifier.digest, prediction.sha256),
        "text": {"status": "generated", "div": _narrative(conclusion)},
        "contained": [_device(classifier), *observations],
        "status": "preliminary",
        "category": [{"coding": [_RADIOLOGY]}],
        "code": {"coding": [_CHEST_FILM], "text": "Chest film, classified by a program"},
        "issued": issued.isoformat(timespec="seconds"),
        "result": [{"reference": f"#{each['id']}"} for each in observations],
        "conclusion": " ".join(conclusion),
    }
    if subject is not None:
        report["subject"] = {"reference": subject}
    if study_uid is not None:
        study = {"system": "urn:dicom:uid", "value": f"urn:oid:{study_uid}"}
        report["imagingStudy"] = [{"identifier": study}]
    return report


def _device(classifier: Classifier) -> Resource:
    return {
        "resourceType": "Device",
        "id": "classifier",
        "manufacturer": "Carina",
        "deviceName": [{"name": classifier.card.name, "type": "model-name"}],
        "type": {"text": "Image classifier in software; not a medical device"},
        "version": [
            {"type": {"text": "Carina"}, "value": VERSION},
            {"type": {"text": "sha256 of the classifier's card"}, "value": classifier.digest},
        ],
        "note": [{"text": text} for text in (CAVEAT, *classifier.card.cautions)],
    }


def _answer(prediction: Prediction, classifier: Classifier) -> Resource:
    answer = _observation("answer", f"Class of the film, out of {_listed(classifier)}")
    if prediction.decision:
        answer["valueCodeableConcept"] = {"text": prediction.decision}
    else:
        answer["dataAbsentReason"] = _absent(prediction)
    notes = (*prediction.cautions, CAVEAT)
    return {**answer, "note": [{"text": text} for text in notes]}


def _probability(prediction: Prediction, number: int, name: str) -> Resource:
    observation = _observation(f"probability-{number}", f"Probability of '{name}'")
    known = name in prediction.probabilities
    if known and (not prediction.abstained or prediction.reason_code == UNSURE):
        value = round(prediction.probabilities[name], _DIGITS)
        observation["valueQuantity"] = {"value": value, "system": _UCUM, "code": "1"}
    else:
        observation["dataAbsentReason"] = _absent(prediction)
    return observation


def _observation(identifier: str, text: str) -> Resource:
    return {
        "resourceType": "Observation",
        "id": identifier,
        "status": "preliminary",
        "code": {"text": text},
        "device": {"reference": "#classifier"},
    }


def _absent(prediction: Prediction) -> Resource:
    """Return why there is no value: the film could not be read, was refused, or was unsure."""
    if not prediction.probabilities:
        code = "error"
    else:
        code = "unknown" if prediction.reason_code == UNSURE else "not-performed"
    reason: Resource = {"coding": [{"system": _ABSENT, "code": code}]}
    words = _reason(prediction)
    return {**reason, "text": words} if words else reason


def _reason(prediction: Prediction) -> str:
    """Return why there is no answer, or ""; of a file that could not be read by its code, since
    the words name the file."""
    if prediction.probabilities:
        return prediction.reason
    return f"the film could not be read ({prediction.reason_code or 'no code'})"


def _conclusion(prediction: Prediction, classifier: Classifier) -> tuple[str, ...]:
    """Return the report in sentences."""
    if prediction.decision:
        probability = prediction.probabilities.get(prediction.decision)
        sure = "" if probability is None else f", with a probability of {probability:.3f}"
        first = f"The classifier answers '{prediction.decision}'{sure}."
    else:
        first = f"No answer: {_reason(prediction) or 'the classifier does not stand by one'}."
    return (
        first,
        *(f"Caution: {text}." for text in _unstopped(prediction.cautions)),
        *(f"About the classifier: {text}." for text in _unstopped(classifier.card.cautions)),
        f"Classifier '{classifier.card.name}' (sha256 {classifier.digest[:12]}), Carina {VERSION}, "
        f"on the film with sha256 {prediction.sha256[:12] or 'not known'}.",
        CAVEAT,
    )


def _narrative(sentences: Sequence[str]) -> str:
    paragraphs = "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)
    return f'<div xmlns="http://www.w3.org/1999/xhtml">{paragraphs}</div>'


def _unstopped(sentences: Iterable[str]) -> Iterable[str]:
    return (sentence.rstrip(". ") for sentence in sentences)


def _listed(classifier: Classifier) -> str:
    return ", ".join(classifier.labels.names)


def _digest(*parts: str) -> str:
    """Return the hex sha256 of some texts: 64 characters, as long as FHIR lets an id be."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
