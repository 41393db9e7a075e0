"""Whose film a DICOM file is: patient id, age and sex, and nothing else of the person."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from carina.errors import ImageError

if TYPE_CHECKING:
    from carina.imaging.dicom.elements import Element
    from carina.imaging.dicom.tags import Wanted

DICOM_HEAD_BYTES = 64 * 1024
"""How much of a file is looked at. The tags of the patient are group 0010 and elements stand
in rising order (DICOM PS3.5 7.1), so that group 0008 alone lies before them."""

# DICOM PS3.6: Patient ID, Issuer of Patient ID, Patient's Sex, Patient's Age.
_ID, _ISSUER, _SEX, _AGE = 0x00100020, 0x00100021, 0x00100040, 0x00101010
_WANTED: Wanted = {_ID: {}, _ISSUER: {}, _SEX: {}, _AGE: {}}
_NAMELESS = "a DICOM file"
# DICOM PS3.5 6.2, value representation AS.
_AGE_TEXT = re.compile(r"(\d{1,3})([YMWD])", re.ASCII)
_YEARS_IN = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}
_OLDEST_YEARS = 130
_LONGEST_TEXT = DICOM_HEAD_BYTES


@dataclass(frozen=True, slots=True)
class DicomPatient:
    """What a DICOM file says of the person on the film.

    Attributes:
        number: the patient id, or "" where the file has none; to be hashed at once
            (`data.patients`), and kept out of `repr`, so that no log shows it.
        issuer: who gave that id, or ""; kept out of `repr` too.
        sex: "F", "M", or None.
        age_years: age when the film was taken, or None.
    """

    number: str = field(default="", repr=False)
    issuer: str = field(default="", repr=False)
    sex: Literal["F", "M"] | None = None
    age_years: float | None = None


def patient_of(facts: Mapping[str, Any]) -> DicomPatient | None:
    """Return the patient that the fields of a `DicomPatient` say, None if they are none.

    Args:
        facts: field -> value, as they came from the worker.

    >>> patient_of({"number": "7", "issuer": "", "sex": "X", "age_years": None}) is None
    True
    """
    if set(facts) != {"number", "issuer", "sex", "age_years"}:
        return None
    texts, sex, age = (facts["number"], facts["issuer"]), facts["sex"], facts["age_years"]
    if not all(isinstance(text, str) and len(text) <= _LONGEST_TEXT for text in texts):
        return None
    has_age = age is None or (isinstance(age, float) and 0 <= age <= _OLDEST_YEARS)
    return DicomPatient(**facts) if sex in ("F", "M", None) and has_age else None


def read_dicom_patient(head: bytes) -> DicomPatient | None:
    """Return whose film a DICOM file is, from its first bytes.

    Nothing but the four elements is kept, whatever the file is made of, and of a deflated one
    1 MB at most is inflated. It runs in the worker: `imaging.decoding.dicom_patients`.

    Args:
        head: the first `DICOM_HEAD_BYTES` of a file, or all of a shorter one.

    Returns:
        None if the file is no DICOM file, or its tags cannot be read.

    >>> read_dicom_patient(b"no DICOM file") is None
    True
    """
    # The worker alone reads: the others wait for none of this.
    from carina.imaging.dicom import DAMAGE, is_dicom
    from carina.imaging.dicom.data_set import open_data_set

    if not is_dicom(head):
        return None
    try:
        data_set = open_data_set(head, name=_NAMELESS, head_only=True)
        elements = data_set.find(_WANTED, name=_NAMELESS, until=_AGE)
    except (ImageError, *DAMAGE):
        return None
    texts = {tag: _text(elements.get(tag)) for tag in _WANTED}
    sex = texts[_SEX].upper()
    return DicomPatient(
        number=texts[_ID],
        issuer=texts[_ISSUER],
        sex="F" if sex == "F" else "M" if sex == "M" else None,
        age_years=_age_years(texts[_AGE]),
    )


def _text(element: Element | None) -> str:
    """Return the bytes of an element as text, without padding.

    ISO 8859-1 keeps all bytes apart, whatever character set the file means.
    """
    return "" if element is None else bytes(element.value).decode("latin-1").strip(" \0")


def _age_years(text: str) -> float | None:
    """Return the years in an age string such as "045Y" or "018M", or None if it is none."""
    match = _AGE_TEXT.fullmatch(text)
    if match is None:
        return None
    age_years = int(match[1]) * _YEARS_IN[match[2]]
    return round(age_years, 2) if age_years <= _OLDEST_YEARS else None
