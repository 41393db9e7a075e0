"""Answers as DICOM objects: a heat map as Secondary Capture, an answer as structured report."""

import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.uid import generate_uid

from carina.errors import ImageError, InputError, MissingExtraError
from carina.imaging.pictures import overlay_png
from carina.imaging.read import read_radiograph_bytes
from carina.inference.answers.dicom_source import read_source, uid_of
from carina.inference.answers.secondary_capture import secondary_capture
from carina.inference.answers.structured_report import structured_report
from carina.inference.bundle import load_classifier
from carina.inference.explain.captions import caption
from making.classifiers import write_tiny_classifier
from making.dicom_files import PATIENT, PATIENT_ID, dicom_bytes, dicom_dataset

LABELS = (
    "COVID-19",
    "Normal",
    "Lungenentzündung, mit einem Namen, der länger ist als die 64 Zeichen",
)
MADE_AT = datetime(2026, 3, 4, 5, 6, 7, 890, tzinfo=UTC)
STUDY, SERIES = generate_uid(entropy_srcs=["study"]), generate_uid(entropy_srcs=["series"])
OF_THE_PATIENT = {
    "PatientBirthDate": "19700102",
    "PatientSex": "F",
    "StudyDate": "20200304",
    "AccessionNumber": "A-4712",
    "ReferringPhysicianName": "Roe^Richard",
}


@pytest.fixture(scope="module", autouse=True)
def _needs_highdicom():
    pytest.importorskip("highdicom", reason="the extra 'dicom' is not installed")


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    return load_classifier(write_tiny_classifier(tmp_path_factory.mktemp("c") / "c", labels=LABELS))


@pytest.fixture(scope="module")
def source():
    stored = np.random.default_rng(0).integers(0, 255, (64, 56))
    return dicom_bytes(
        dicom_dataset(stored, StudyInstanceUID=STUDY, SeriesInstanceUID=SERIES, **OF_THE_PATIENT)
    )


@pytest.fixture(scope="module")
def film(source):
    return read_radiograph_bytes(source, name="film.dcm")


@pytest.fixture(scope="module")
def answer(classifier, film):
    return replace(classifier.predict(film), abstained=False, reason="", reason_code="")


@pytest.fixture(scope="module")
def captured(classifier, film, source):
    def make(**more):
        explanation = classifier.explain(film, "Normal")
        return secondary_capture(
            explanation, film, source=source, classifier=classifier, made_at=MADE_AT, **more
        )

    return make


@pytest.fixture(scope="module")
def reported(classifier, source):
    def make(prediction, **more):
        return structured_report(
            prediction, source=source, classifier=classifier, made_at=MADE_AT, **more
        )

    return make


@pytest.fixture(scope="module")
def both(captured, reported, answer):
    return lambda **more: (captured(**more), reported(answer, **more))


def opened(data):
    return dcmread(io.BytesIO(data))


def test_nothing_of_the_patient_is_copied_unless_it_is_asked_for(both):
    for data in both():
        for secret in (PATIENT, "Jane", PATIENT_ID, *OF_THE_PATIENT.values()):
            if secret != "F":
                assert secret.encode() not in data
        made = opened(data)
        for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate"):
            assert keyword in made  # type 2: there, and empty
            assert not made.get(keyword)
    for data in both(with_patient=True):
        made = opened(data)
        assert (made.PatientName, made.PatientID) == (PATIENT, PATIENT_ID)
        for keyword, value in OF_THE_PATIENT.items():
            assert made.get(keyword) == value


def test_both_lie_in_the_films_study_in_series_of_their_own_and_say_what_made_them(
    both, classifier, source
):
    film = opened(source)
    series = set()
    for data in both():
        made = opened(data)
        assert made.StudyInstanceUID == film.StudyInstanceUID
        assert made.SOPInstanceUID not in (film.SOPInstanceUID, made.SeriesInstanceUID)
        series.add(made.SeriesInstanceUID)
        assert made.Manufacturer == "Carina"
        assert made.DeviceSerialNumber == classifier.digest
        assert "not for diagnosis" in made.SeriesDescription
        assert (made.ContentDate, made.ContentTime) == ("20260304", "050607")
        assert made.TimezoneOffsetFromUTC == "+0000"
    assert len(series | {film.SeriesInstanceUID}) == 3


def test_the_same_answer_at_the_same_time_is_the_same_file(
    both, captured, classifier, film, source
):
    assert both() == both()
    later = secondary_capture(
        classifier.explain(film, "Normal"),
        film,
        source=source,
        classifier=classifier,
        made_at=MADE_AT.replace(hour=9),
    )
    first = opened(captured())
    assert opened(later).SOPInstanceUID != first.SOPInstanceUID
    assert opened(later).SeriesInstanceUID == first.SeriesInstanceUID


def test_the_secondary_capture_shows_the_overlay_and_refers_to_its_film(
    captured, classifier, film, source
):
    made = opened(captured())
    explanation = classifier.explain(film, "Normal")
    said = caption(explanation)
    wanted = Image.open(
        io.BytesIO(overlay_png(film, explanation.heat, longer_side=1024, caption=said))
    )
    np.testing.assert_array_equal(made.pixel_array, np.asarray(wanted))
    (reference,) = made.SourceImageSequence
    assert reference.ReferencedSOPInstanceUID == opened(source).SOPInstanceUID
    assert reference.ReferencedSOPClassUID == opened(source).SOPClassUID
    assert made.DerivationDescription == " ".join(said)
    assert "not for diagnosis" in made.DerivationDescription
    assert "BurnedInAnnotation" not in made  # the film does not say
    assert (made.Modality, made.ConversionType, next(iter(made.ImageType))) == (
        "OT",
        "WSD",
        "DERIVED",
    )
    assert not made.PatientOrientation


def test_what_the_film_says_of_writing_on_it_and_of_its_orientation_is_kept(classifier, film):
    stored = np.zeros((64, 56), dtype=np.uint8)
    own = dicom_bytes(
        dicom_dataset(
            stored,
            StudyInstanceUID=STUDY,
            SeriesInstanceUID=SERIES,
            BurnedInAnnotation="YES",
            PatientOrientation=["L", "F"],
        )
    )
    explanation = classifier.explain(film, "Normal")
    made = opened(
        secondary_capture(explanation, film, source=own, classifier=classifier, made_at=MADE_AT)
    )
    assert made.BurnedInAnnotation == "YES"
    assert list(made.PatientOrientation) == ["L", "F"]


def report_read_by_highdicom(data):
    import highdicom

    return highdicom.sr.srread(io.BytesIO(data))


def test_the_structured_report_holds_the_answer_and_each_probability(
    reported, answer, classifier, source
):
    document = report_read_by_highdicom(reported(answer))
    assert document.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    groups = document.content.get_image_measurement_groups()
    first, *classes = groups
    evaluations = {e.name.meaning: e.value.meaning for e in first.get_qualitative_evaluations()}
    assert evaluations["Class of the film"] == answer.predicted[:64]
    assert "not for diagnosis" in evaluations["Intended use"]
    found = {}
    for group in classes:
        (measurement,) = group.get_measurements()
        assert measurement.name.meaning == "Probability"
        found[group.finding_type.meaning] = measurement.value
    assert found == pytest.approx(
        {name[:64]: value for name, value in answer.probabilities.items()}, abs=1e-6
    )
    assert len({group.finding_type.value for group in classes}) == len(LABELS)


def test_the_structured_report_refers_to_its_film_and_names_the_algorithm(
    reported, answer, classifier, source
):
    document = report_read_by_highdicom(reported(answer))
    film = opened(source)
    assert document.get_evidence() == [
        (film.StudyInstanceUID, film.SeriesInstanceUID, film.SOPInstanceUID, film.SOPClassUID)
    ]
    for group in document.content.get_image_measurement_groups():
        assert [i.referenced_sop_instance_uid for i in group.source_images] == [film.SOPInstanceUID]
        values = [item.get("TextValue", "") for item in group[0].ContentSequence]
        assert f"Carina classifier {classifier.card.name}" in values
        assert any(classifier.digest in value for value in values)
    assert (document.PreliminaryFlag, document.VerificationFlag) == ("PRELIMINARY", "UNVERIFIED")
    assert document.CodingSchemeIdentificationSequence[0].CodingSchemeDesignator == "99CARINA"
    comment = document.ContentSequence[-1].TextValue
    assert "not for diagnosis" in comment
    assert "not tested on another source" in comment


@pytest.mark.parametrize(
    ("code", "n_probabilities"), [("rule/unsure", len(LABELS)), ("gate/lateral", 0)]
)
def test_an_abstention_has_its_reason_and_no_class(reported, answer, code, n_probabilities):
    abstained = replace(answer, abstained=True, reason="it is what it is", reason_code=code)
    document = report_read_by_highdicom(reported(abstained))
    first, *classes = document.content.get_image_measurement_groups()
    said = [e.value.meaning for e in first.get_qualitative_evaluations()]
    assert said[0].startswith("No answer")
    assert len(classes) == n_probabilities
    assert "it is what it is" in document.ContentSequence[-1].TextValue


def test_a_patient_of_whom_the_file_says_odd_things_is_copied_as_he_stands(
    classifier, film, answer
):
    own = dicom_bytes(
        dicom_dataset(
            np.zeros((64, 56), dtype=np.uint8),
            StudyInstanceUID=STUDY,
            SeriesInstanceUID=SERIES,
            PatientSex="U",
            PatientBirthDate="",
        )
    )
    known = {"source": own, "classifier": classifier, "made_at": MADE_AT, "with_patient": True}
    explanation = classifier.explain(film, "Normal")
    for data in (structured_report(answer, **known), secondary_capture(explanation, film, **known)):
        assert (opened(data).PatientID, opened(data).PatientSex) == (PATIENT_ID, "U")


def test_a_file_that_nothing_can_refer_to_is_refused():
    with pytest.raises(ImageError, match="no DICOM file"):
        read_source(b"\x89PNG" + bytes(200), name="film.png")
    bare = dicom_bytes(dicom_dataset(np.zeros((40, 40), dtype=np.uint8)))
    with pytest.raises(InputError, match=r"film.dcm has no StudyInstanceUID, SeriesInstanceUID"):
        read_source(bare, name="film.dcm")


UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


def test_a_file_with_odd_identifiers_is_refused_before_highdicom_stumbles_on_them():
    film = dicom_dataset(np.zeros((40, 40), dtype=np.uint8), **dict.fromkeys(UIDS, "1.2.3"))
    film.SOPClassUID = "1.2.840.113619.4.2"  # a maker's own
    with pytest.raises(InputError, match=r"of a kind \(SOP class\) that is not"):
        read_source(dicom_bytes(film), name="film.dcm")
    film.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    film.StudyInstanceUID = ["1.2.3", "1.2.4"]
    with pytest.raises(InputError, match=r"has no StudyInstanceUID, so"):
        read_source(dicom_bytes(film), name="film.dcm")


def test_a_uid_is_that_of_its_texts_and_valid():
    uid = uid_of("a", "b")
    assert uid == uid_of("a", "b") != uid_of("ab")
    assert uid.startswith("2.25.")
    assert len(uid) <= 64


def test_without_highdicom_the_extra_is_named(monkeypatch, both):
    import sys

    monkeypatch.setitem(sys.modules, "highdicom", None)
    with pytest.raises(MissingExtraError, match=r"carina\[dicom\]"):
        both()


def test_every_element_that_the_standard_demands_is_there(both):
    """By highdicom's tables of DICOM PS3.3: type 1 with a value, type 2 at least empty."""
    import highdicom

    tables = Path(highdicom.__file__).parent / "_standard"
    iods, attributes, sop_classes = (
        json.loads((tables / f"{name}.json").read_text())
        for name in ("iod_module_map", "module_attribute_map", "sop_class_iod_map")
    )
    for data in both():
        made = opened(data)
        modules = {m["key"] for m in iods[sop_classes[made.SOPClassUID]] if m["usage"] == "M"}
        assert len(modules) > 5
        # What each kind of content item demands stands in the tables as if all did.
        modules.discard("sr-document-content")
        demanded = [a for module in modules for a in attributes[module] if not a["path"]]
        for attribute in demanded:
            if attribute["type"] in ("1", "2"):
                assert attribute["keyword"] in made
            if attribute["type"] == "1":
                assert made[attribute["keyword"]].value not in ("", None)
