"""An answer as a FHIR R4 DiagnosticReport."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from carina.domain.prediction import CAVEAT, Prediction
from carina.inference.answers.fhir import diagnostic_report
from carina.inference.bundle import load_classifier
from making.classifiers import write_tiny_classifier

LABELS = ("COVID-19", "Normal", "Pneumonia <viral> & other")
ISSUED = datetime(2026, 3, 4, 5, 6, 7, 890, tzinfo=UTC)
ANSWERED = Prediction(
    path="/films/Doe^Jane 1970-01-01.dcm",
    probabilities={LABELS[0]: 0.8123456789, LABELS[1]: 0.1, LABELS[2]: 0.0876543211},
    logits=dict.fromkeys(LABELS, 0.0),
    predicted="COVID-19",
    cautions=("the file describes 2 windows; the first was used",),
    sha256="a" * 64,
)
UNSURE = replace(ANSWERED, abstained=True, reason="unsure <of it>", reason_code="rule/unsure")
REFUSED = replace(ANSWERED, abstained=True, reason="a lateral film", reason_code="gate/lateral")
UNREAD = Prediction(
    path=ANSWERED.path,
    probabilities={},
    logits={},
    predicted="",
    abstained=True,
    reason=f"{ANSWERED.path} is empty (0 bytes)",
    reason_code="file/empty-file",
)
EVERY = {"answered": ANSWERED, "unsure": UNSURE, "refused": REFUSED, "unread": UNREAD}
every_answer = pytest.mark.parametrize("answer", EVERY.values(), ids=EVERY)


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    return load_classifier(write_tiny_classifier(tmp_path_factory.mktemp("c") / "c", labels=LABELS))


@pytest.fixture
def report(classifier):
    return lambda answer, **more: diagnostic_report(
        answer, classifier=classifier, issued=ISSUED, **more
    )


def observations(report):
    return {each["id"]: each for each in report["contained"] if each["resourceType"] != "Device"}


@every_answer
def test_it_is_preliminary_dated_and_says_that_it_is_not_for_diagnosis(report, answer):
    found = report(answer)
    assert (found["resourceType"], found["status"]) == ("DiagnosticReport", "preliminary")
    assert found["issued"] == "2026-03-04T05:06:07+00:00"
    assert CAVEAT in found["conclusion"]
    assert "not tested on another source" in found["conclusion"]
    assert all(each["status"] == "preliminary" for each in observations(found).values())


@every_answer
def test_every_contained_part_is_referred_to_and_every_reference_is_there(report, answer):
    found = report(answer)
    identifiers = {f"#{each['id']}" for each in found["contained"]}
    referred = set(re.findall(r'"reference": "(#[^"]+)"', json.dumps(found)))
    assert referred == identifiers
    assert all(re.fullmatch(r"[A-Za-z0-9.-]{1,64}", i[1:]) for i in identifiers)
    assert re.fullmatch(r"[a-f0-9]{64}", found["id"])


def test_an_answer_stands_in_it_with_the_probability_of_each_class(report, classifier):
    found = observations(report(ANSWERED))
    assert found["answer"]["valueCodeableConcept"] == {"text": "COVID-19"}
    assert ANSWERED.cautions[0] in [note["text"] for note in found["answer"]["note"]]
    for number, (name, value) in enumerate(ANSWERED.probabilities.items(), start=1):
        each = found[f"probability-{number}"]
        assert name in each["code"]["text"]
        assert each["valueQuantity"]["value"] == pytest.approx(value, abs=1e-6)
        assert each["valueQuantity"]["code"] == "1"
    (device,) = [e for e in report(ANSWERED)["contained"] if e["resourceType"] == "Device"]
    assert classifier.digest in [version["value"] for version in device["version"]]


@pytest.mark.parametrize(
    ("answer", "code", "probabilities_known"),
    [(UNSURE, "unknown", True), (REFUSED, "not-performed", False), (UNREAD, "error", False)],
)
def test_what_carina_does_not_stand_by_is_absent_with_its_reason(
    report, answer, code, probabilities_known
):
    found = observations(report(answer))
    assert found["answer"]["dataAbsentReason"]["coding"][0]["code"] == code
    told = "the film could not be read (file/empty-file)" if answer is UNREAD else answer.reason
    assert found["answer"]["dataAbsentReason"]["text"] == told
    assert "COVID-19" not in report(answer)["conclusion"]
    for number in (1, 2, 3):
        each = found[f"probability-{number}"]
        assert ("valueQuantity" in each) == probabilities_known
        assert ("dataAbsentReason" in each) != probabilities_known


@every_answer
def test_nothing_of_the_film_but_its_digest_and_no_patient_stands_in_it(report, answer):
    text = json.dumps(report(answer))
    assert "Jane" not in text
    assert "Doe" not in text
    assert ".dcm" not in text
    assert "subject" not in report(answer)
    assert "imagingStudy" not in report(answer)


def test_the_patient_and_study_that_the_caller_names_stand_in_it(report):
    found = report(ANSWERED, subject="Patient/17", study_uid="1.2.3")
    assert found["subject"] == {"reference": "Patient/17"}
    assert found["imagingStudy"][0]["identifier"]["value"] == "urn:oid:1.2.3"


def test_the_same_answer_gives_the_same_report_and_its_id_outlives_the_time(report, classifier):
    assert report(ANSWERED) == report(ANSWERED)
    later = diagnostic_report(
        ANSWERED, classifier=classifier, issued=datetime(2030, 1, 1, tzinfo=UTC)
    )
    assert later["id"] == report(ANSWERED)["id"]
    assert later != report(ANSWERED)
    assert report(replace(ANSWERED, sha256="b" * 64))["id"] != later["id"]


def test_a_time_without_a_zone_is_refused(classifier):
    with pytest.raises(ValueError, match="time zone"):
        diagnostic_report(ANSWERED, classifier=classifier, issued=datetime(2026, 1, 1))


@every_answer
def test_its_narrative_is_xhtml_with_nothing_that_could_be_markup(report, answer):
    from xml.etree import ElementTree as ET

    narrative = report(answer)["text"]["div"]
    root = ET.fromstring(narrative)
    assert {element.tag for element in root} == {"{http://www.w3.org/1999/xhtml}p"}


@every_answer
def test_it_has_the_published_structure(report, answer):
    """R4B: of these three resources the same structure as R4."""
    published = pytest.importorskip(
        "fhir.resources.R4B.diagnosticreport", reason="fhir.resources is not installed"
    )
    from fhir.resources.R4B.device import Device
    from fhir.resources.R4B.observation import Observation

    found = report(answer, subject="Patient/17", study_uid="1.2.3")
    read = published.DiagnosticReport.model_validate_json(json.dumps(found))
    assert json.loads(read.model_dump_json())["conclusion"] == found["conclusion"]
    kinds = {"Device": Device, "Observation": Observation}
    for each in found["contained"]:
        kinds[each["resourceType"]].model_validate_json(json.dumps(each))
