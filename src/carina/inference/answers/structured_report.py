"""An answer as a DICOM Comprehensive SR by template TID 1500."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from carina.domain.gate import UNSURE
from carina.domain.prediction import CAVEAT, Prediction
from carina.inference.answers.dicom_objects import (
    MANUFACTURER,
    file_of,
    long_string,
    made_by,
    require_highdicom,
)
from carina.inference.answers.dicom_source import read_source, uid_of
from carina.inference.classifier import Classifier
from carina.version import VERSION

if TYPE_CHECKING:
    from pydicom import Dataset

_SERIES_NUMBER = 9102
# Codes of our own: no public scheme has the classes that a user trains.
_SCHEME = "99CARINA"
_DIGITS = 6


def structured_report(
    prediction: Prediction,
    *,
    source: bytes,
    classifier: Classifier,
    made_at: datetime,
    with_patient: bool = False,
) -> bytes:
    """Return the answer for a film as a DICOM file: a Comprehensive SR by TID 1500.

    It refers to the film, names the classifier as the algorithm, with its version and digest,
    and holds the answer as a qualitative evaluation and each class's probability as a
    measurement. An abstention stands in it with its reason and no class; a film that was
    refused has no probabilities either. It is preliminary and not verified, and says that it
    is not for diagnosis.

    Args:
        prediction: the answer.
        source: the film's own DICOM file.
        classifier: what answered.
        made_at: when.
        with_patient: whether the patient's and the study's data are copied from `source`;
            an archive files the report under the patient only then.

    Raises:
        ImageError: if `source` is no DICOM file, or damaged.
        InputError: if it lacks the UIDs to be referred to.
        MissingExtraError: if highdicom is not installed.

    References:
        DICOM PS3.16, TID 1500 Measurement Report.
    """
    highdicom = require_highdicom("an answer as a DICOM structured report")
    film = read_source(source, name=prediction.path)
    report = _report(highdicom.sr, film, prediction=prediction, classifier=classifier)
    made = highdicom.sr.ComprehensiveSR(
        evidence=[film],
        content=report[0],
        series_number=_SERIES_NUMBER,
        is_complete=True,
        **made_by("answer", source=film, classifier=classifier, made_at=made_at),
    )
    if with_patient:
        # Not by the constructor: it refuses values that archives hold, such as a sex of "U".
        known = read_source(source, name=prediction.path, with_patient=True)
        made.copy_patient_and_study_information(known)
    made.CodingSchemeIdentificationSequence = [_own_scheme()]
    return file_of(made, made_at=made_at)


def _report(sr: Any, film: Dataset, *, prediction: Prediction, classifier: Classifier) -> Any:
    """Return the content tree: the answer, then each class with its probability."""
    from pydicom.sr.codedict import codes

    observer = sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
            uid=uid_of("classifier", classifier.digest),
            name=long_string(classifier.card.name),
            manufacturer_name=MANUFACTURER,
            model_name=long_string(classifier.card.name),
            serial_number=classifier.digest,
        ),
    )
    groups = _Groups(sr, film, classifier)
    report = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=observer),
        procedure_reported=sr.CodedConcept("30745-4", "LN", "XR Chest Views"),
        imaging_measurements=[groups.answer(prediction), *groups.probabilities(prediction)],
    )
    # TID 1500 is extensible; 121106 is what DICOM calls a comment.
    report[0].ContentSequence.append(
        sr.TextContentItem(
            name=sr.CodedConcept("121106", "DCM", "Comment"),
            value=_comment(prediction, classifier),
            relationship_type="CONTAINS",
        )
    )
    return report


class _Groups:
    """Makes the measurement groups (TID 1501) of a film's answer."""

    def __init__(self, sr: Any, film: Dataset, classifier: Classifier) -> None:
        self._sr = sr
        self._film = film
        self._classifier = classifier
        names = classifier.labels.names
        self._classes = {
            name: sr.CodedConcept(f"class-{number}", _SCHEME, long_string(name))
            for number, name in enumerate(names, start=1)
        }

    def answer(self, prediction: Prediction) -> Any:
        """Return the group of the answer: the class, or that there is none, and its use."""
        concept = self._sr.CodedConcept
        value = concept("no-answer", _SCHEME, "No answer: the classifier abstains")
        if prediction.decision:
            value = self._classes[prediction.decision]
        pairs = (
            (concept("answer", _SCHEME, "Class of the film"), value),
            (
                concept("intended-use", _SCHEME, "Intended use"),
                concept("research", _SCHEME, "Research and education: not for diagnosis"),
            ),
        )
        evaluations = [self._sr.QualitativeEvaluation(name, value) for name, value in pairs]
        return self._group("answer", qualitative_evaluations=evaluations)

    def probabilities(self, prediction: Prediction) -> list[Any]:
        """Return a group for each class with its probability; none of a refused film."""
        if prediction.abstained and prediction.reason_code != UNSURE:
            return []
        concept = self._sr.CodedConcept
        name = concept("probability", _SCHEME, "Probability")
        unit = concept("1", "UCUM", "no units")
        return [
            self._group(
                f"class {label}",
                finding_type=self._classes[label],
                measurements=[self._sr.Measurement(name, round(value, _DIGITS), unit)],
            )
            for label, value in prediction.probabilities.items()
        ]

    def _group(self, tracked: str, **content: Any) -> Any:
        digest = self._classifier.digest
        return self._sr.MeasurementsAndQualitativeEvaluations(
            tracking_identifier=self._sr.TrackingIdentifier(
                uid=uid_of("tracked", tracked, digest, str(self._film.SOPInstanceUID)),
                identifier=tracked,
            ),
            algorithm_id=self._sr.AlgorithmIdentification(
                name=f"Carina classifier {self._classifier.card.name}",
                version=VERSION,
                parameters=[f"sha256 of the classifier's card: {digest}"],
            ),
            source_images=[self._sr.SourceImageForMeasurementGroup.from_source_image(self._film)],
            **content,
        )


def _comment(prediction: Prediction, classifier: Classifier) -> str:
    # The words about a file that could not be read name the file.
    why = prediction.reason if prediction.probabilities else prediction.reason_code
    reason = f"No answer: {why}." if prediction.abstained else ""
    cautions = (*prediction.cautions, *classifier.card.cautions)
    return " ".join(filter(None, (reason, *(f"Caution: {text}." for text in cautions), CAVEAT)))


def _own_scheme() -> Dataset:
    from pydicom import Dataset as Item

    scheme = Item()
    scheme.CodingSchemeDesignator = _SCHEME
    scheme.CodingSchemeName = "Codes of Carina's own, of classes that its users train"
    scheme.CodingSchemeResponsibleOrganization = MANUFACTURER
    return scheme
