"""A heat map over its film as a DICOM Secondary Capture."""

from __future__ import annotations

import io
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from carina.domain.explanation import Explanation
from carina.domain.prediction import CAVEAT
from carina.domain.radiograph import Radiograph
from carina.imaging.pictures import overlay_png
from carina.inference.answers.dicom_objects import file_of, made_by, require_highdicom
from carina.inference.answers.dicom_source import read_source
from carina.inference.classifier import Classifier
from carina.inference.explain.captions import caption

if TYPE_CHECKING:
    from pydicom import Dataset

_SERIES_NUMBER = 9101
_PICTURE_SIDE = 1024
_SHORT_TEXT = 1024  # DICOM PS3.5, 6.2: characters of a short text (ST)


def secondary_capture(  # noqa: PLR0913 - a picture needs all that must stand in and beside it
    explanation: Explanation,
    radiograph: Radiograph,
    *,
    source: bytes,
    classifier: Classifier,
    made_at: datetime,
    no_answer: str = "",
    with_patient: bool = False,
) -> bytes:
    """Return the picture of a heat map over its film as a DICOM file.

    A colour picture with colour bar and caption, in the study of the film, that names the film
    as its source. Nothing of the patient is in its header unless it is asked for; the picture
    itself is the film, with whatever was burned into it.

    Args:
        explanation: the heat map.
        radiograph: the film it is of.
        source: the film's own DICOM file.
        classifier: what was explained.
        made_at: when.
        no_answer: why the classifier abstains on the film; empty if it does not.
        with_patient: whether the patient's and the study's data are copied from `source`;
            an archive files the picture under the patient only then.

    Raises:
        ImageError: if `source` is no DICOM file, or damaged.
        InputError: if it lacks the UIDs to be referred to.
        MissingExtraError: if highdicom is not installed.
    """
    highdicom = require_highdicom("a heat map as a DICOM Secondary Capture")
    film = read_source(source, name=str(radiograph.path), with_patient=with_patient)
    said = caption(explanation, scores=classifier.card.explanation_scores, no_answer=no_answer)
    png = overlay_png(radiograph, explanation.heat, longer_side=_PICTURE_SIDE, caption=said)
    made = highdicom.sc.SCImage(
        pixel_array=np.asarray(Image.open(io.BytesIO(png)).convert("RGB")),
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        study_instance_uid=film.StudyInstanceUID,
        series_number=_SERIES_NUMBER,
        patient_orientation=("L", "F"),
        **made_by("heat map", source=film, classifier=classifier, made_at=made_at),
    )
    made.copy_patient_and_study_information(film)
    # highdicom demands an orientation; the film's own is told, or that it is not known (type 2C).
    made.PatientOrientation = film.get("PatientOrientation", "")
    made.ConversionType = "WSD"  # PS3.3 C.8.6.1: made on a workstation
    made.DateOfSecondaryCapture = made.ContentDate
    made.TimeOfSecondaryCapture = made.ContentTime
    if film.get("BurnedInAnnotation"):
        made.BurnedInAnnotation = film.BurnedInAnnotation
    made.DerivationDescription = " ".join(said)[:_SHORT_TEXT]
    made.ImageComments = f"{CAVEAT} Classifier sha256 {classifier.digest}"
    made.SourceImageSequence = [_reference_to(film)]
    return file_of(made, made_at=made_at)


def _reference_to(film: Dataset) -> Dataset:
    import pydicom
    from pydicom.sr.codedict import codes

    purpose = pydicom.Dataset()
    code = codes.DCM.SourceImageForImageProcessingOperation
    purpose.CodeValue, purpose.CodingSchemeDesignator, purpose.CodeMeaning = code[:3]
    reference = pydicom.Dataset()
    reference.ReferencedSOPClassUID = film.SOPClassUID
    reference.ReferencedSOPInstanceUID = film.SOPInstanceUID
    reference.PurposeOfReferenceCodeSequence = [purpose]
    return reference
