"""What a DICOM object that is made of a film must know of the film's own file."""

from __future__ import annotations

import re
import uuid
from hashlib import sha256
from typing import TYPE_CHECKING

from carina.errors import ImageError, InputError
from carina.imaging.decoding import dicom_elements_of
from carina.imaging.dicom import is_dicom
from carina.imaging.dicom.vocabulary import KNOWN_MODALITIES

if TYPE_CHECKING:
    from pydicom import Dataset

_REFERRED_BY = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")
_PATIENT_AND_STUDY = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex",
    "StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip
_ON_THE_PICTURE = ("Rows", "Columns", "PatientOrientation", "BurnedInAnnotation", "Modality")
# DICOM PS3.3 C.7.6.1.1.1: anterior, posterior, right, left, head, foot.
_DIRECTION = re.compile("[APRLHF]{1,3}")
# RFC 9562, 5.8: a UUID of a kind of one's own, version 8.
_VERSION, _VARIANT = 8 << 76, 2 << 62


def read_source(data: bytes, *, name: str, with_patient: bool = False) -> Dataset:
    """Return what an object made of a film refers to and, if asked for, inherits.

    Args:
        data: the film's DICOM file.
        name: the file, for messages.
        with_patient: whether the patient's name, id, birth date and sex and the study's
            date, time, id, accession number and referring physician are copied; they are
            there and empty otherwise.

    Returns:
        A data set with the UIDs of study, series and film, the elements named above, and
        what is known of the picture; nothing else of the file is read.

    Raises:
        ImageError: if the file is no DICOM file, or damaged.
        InputError: if it lacks a UID, or its kind is none of the standard, so that nothing can
            refer to it.
    """
    from pydicom import Dataset

    if not is_dicom(data):
        raise ImageError(
            f"{name} is no DICOM file: only a film that came as DICOM has a study to which a "
            "DICOM answer can be added",
            image_code="unknown-format",
        )
    wanted = [*_REFERRED_BY, *_ON_THE_PICTURE, "SpecificCharacterSet"]
    wanted += _PATIENT_AND_STUDY if with_patient else ()
    source = Dataset()
    for keyword, value in dicom_elements_of(data, wanted, name=name).items():
        try:
            setattr(source, keyword, value)
        except (ValueError, TypeError):  # what it says may quote the patient
            raise ImageError(
                f"{name} is a damaged DICOM file: its {keyword} is none", image_code="damaged"
            ) from None
    _keep_words_of_the_standard(source)
    _require_referable(source, name)
    for keyword in _PATIENT_AND_STUDY:
        if keyword not in source:
            setattr(source, keyword, "")
    return source


def _keep_words_of_the_standard(source: Dataset) -> None:
    """Drop what is told of the picture and is no word of the standard: it may be a name."""
    if source.get("BurnedInAnnotation") not in ("YES", "NO"):
        source.pop("BurnedInAnnotation", None)
    if source.get("Modality") not in KNOWN_MODALITIES:
        source.Modality = "OT"
    said = source.get("PatientOrientation") or ()
    directions = [said] if isinstance(said, str) else [str(one) for one in said]
    if not all(_DIRECTION.fullmatch(one) for one in directions):
        source.pop("PatientOrientation", None)


def _require_referable(source: Dataset, name: str) -> None:
    missing = [keyword for keyword in _REFERRED_BY if not _is_one(source.get(keyword))]
    if missing:
        raise InputError(
            f"{name} has no {', '.join(missing)}, so a DICOM answer could not refer to it; take "
            "the file as the archive gave it, or answer by --csv or --fhir"
        )
    kind = source.SOPClassUID
    if kind.type != "SOP Class" or kind.is_retired:
        raise InputError(
            f"{name} is of a kind (SOP class) that is not in the DICOM standard, so a DICOM answer "
            "could not refer to it; answer by --csv or --fhir"
        )


def _is_one(uid: object) -> bool:
    return isinstance(uid, str) and uid != ""


def uid_of(*parts: str) -> str:
    """Return a DICOM UID made of texts: the same texts, the same UID.

    References:
        DICOM PS3.5, B.2: "2.25." and the number of a UUID; here of the texts' sha256.

    >>> uid_of("a film", "a classifier") == uid_of("a film", "a classifier")
    True
    """
    number = int.from_bytes(sha256("\n".join(parts).encode()).digest()[:16], "big")
    number = number & ~(0xF << 76) & ~(0x3 << 62) | _VERSION | _VARIANT
    return f"2.25.{uuid.UUID(int=number).int}"
