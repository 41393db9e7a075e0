"""Patient numbers that stand in the file names of public data sets.

Only patterns that can be defended are used; every other film's patient is unknown.

- NIH ChestX-ray14: `PPPPPPPP_NNN`, P is the patient and N the follow-up (Wang et al. 2017,
  README of the data set). Eight digits alone could be a date, so that the pattern
  counts only where nine in ten films of a class folder have it.
- Kermany et al. 2018, Kaggle's copy: `person12_bacteria_45`, `person12_virus_3`. The image
  numbers of the two kinds run on separately with the person, so that the person numbers
  are two numberings too; `person12` of both kinds is taken as two patients.
- The same set's normal films: `IM-0115-0001`, `NORMAL2-IM-0338-0001-0002`. The number after
  IM is the series that a DICOM viewer exported, so that films of one number are one visit of
  one child; one child may stand under two numbers, which no name can tell.
- The same set, Mendeley's version: `VIRUS-1234567-0002`, disease, random patient number,
  image number (its description).
- Case reports in the covid-chestxray-dataset and its many copies: `fig5-day0`, `fig5-day7`
  are the days of one patient's illness. In the metadata of that set every one of 24 such
  stems belongs to one patient; the letter of a panel (`Fig8a-day0`, `Fig8b-day5`) is not
  part of the stem.

Kaggle's copy of Kermany numbers the persons anew in no known way between train and test.
Mendeley's description says that the two hold independent patients. The same name in both
is read as the same patient all the same: for a cut of ours that is the safe reading, and in a
described split the audit lists the pair, so that the reader can judge it.
"""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from carina.data.found import PatientNumber

NIH_SHARE = 0.9

_NIH = re.compile(r"(\d{8})_\d{3}")
_KERMANY_PERSON = re.compile(r"person(\d+)_(bacteria|virus)_\d+", re.IGNORECASE)
_KERMANY_NORMAL = re.compile(r"((?:NORMAL2-)?IM-\d{4})-\d{4}(?:-\d{4})?", re.IGNORECASE)
_KERMANY_MENDELEY = re.compile(r"(?:NORMAL|BACTERIA|VIRUS)-(\d+)-\d{4}", re.IGNORECASE)
_DAY_OF_ILLNESS = re.compile(r"(.{4,}?)-day-?\d{1,3}(?:-?(?:PA|AP|APS))?", re.IGNORECASE)
_PANEL = re.compile(r"(fig(?:ure)?[-_ ]?\d+)[a-z]$", re.IGNORECASE)


def patients_of_names(paths: Sequence[str]) -> list[PatientNumber | None]:
    """Return the patient that each film's file name tells, or None.

    Args:
        paths: posix paths of the films of one class folder.

    >>> [p and p.number for p in patients_of_names(["person1_virus_6.jpeg", "7.jpeg"])]
    ['virus-1', None]
    """
    stems = [PurePosixPath(path).stem for path in paths]
    n_nih = sum(_NIH.fullmatch(stem) is not None for stem in stems)
    is_nih = n_nih >= NIH_SHARE * len(stems)
    return [_patient(stem, is_nih=is_nih) for stem in stems]


def is_nih_name(stem: str) -> bool:
    """Return whether a file name without its suffix is one of NIH ChestX-ray14.

    >>> is_nih_name("00000150_002")
    True
    """
    return _NIH.fullmatch(stem) is not None


def is_kermany_name(stem: str) -> bool:
    """Return whether a file name without its suffix is an original one of Kermany et al.

    >>> is_kermany_name("NORMAL2-IM-0338-0001"), is_kermany_name("12")
    (True, False)
    """
    return _kermany(stem) is not None


def patients_sentence(patients: Sequence[PatientNumber | None], *, rest_on: str) -> str:
    """Return what the patient numbers rest on, with a count where some are unknown."""
    n_known = sum(patient is not None for patient in patients)
    if n_known == 0:
        return "unknown"
    if n_known == len(patients):
        return rest_on
    return f"{rest_on} ({n_known} of {len(patients)} films)"


def _patient(stem: str, *, is_nih: bool) -> PatientNumber | None:
    if is_nih:
        match = _NIH.fullmatch(stem)
        return PatientNumber("nih", match[1]) if match else None
    return _kermany(stem) or _day_of_illness(stem)


def _kermany(stem: str) -> PatientNumber | None:
    if match := _KERMANY_PERSON.fullmatch(stem):
        return PatientNumber("kermany", f"{match[2].lower()}-{int(match[1])}")
    if match := _KERMANY_NORMAL.fullmatch(stem):
        return PatientNumber("kermany", match[1].upper())
    if match := _KERMANY_MENDELEY.fullmatch(stem):
        return PatientNumber("kermany-mendeley", str(int(match[1])))
    return None


def _day_of_illness(stem: str) -> PatientNumber | None:
    match = _DAY_OF_ILLNESS.fullmatch(stem)
    if match is None:
        return None
    return PatientNumber("case-report", _PANEL.sub(r"\1", match[1]).casefold())
