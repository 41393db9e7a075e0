"""The patients that DICOM files name themselves, where the layout names none.

The patient id of a file is hashed as every patient number is (`data.patients`), and stays
nowhere as it was. Ids of one issuer are one numbering; where files name no issuer, those of
one hospital that a manifest's rows name are one, and all others are one too, so that a patient
whose films lie in two folders is found.

An id that stands for no one is taken as unknown: a word such as ANONYMOUS, one sign repeated
(0000), or the only id of all DICOM films of a class with ten films or more. The last is what
anonymised collections look like; were it one patient, the class could not be learned from them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from carina.data.found import Found, FoundFilm, PatientNumber
from carina.data.patient_names import patients_sentence
from carina.domain.sentences import counted
from carina.errors import ImageError
from carina.files.film_bytes import read_film_head
from carina.files.machine import reading_threads
from carina.imaging.decoding import dicom_patients
from carina.imaging.dicom import is_dicom
from carina.imaging.dicom_patient import DICOM_HEAD_BYTES, DicomPatient
from carina.imaging.medmnist_films import is_medmnist_film
from carina.imaging.read import RASTER_SUFFIXES

FEWEST_FILMS_OF_NO_ONE = 10
_RESTS_ON = "DICOM patient ids"
# What tools that anonymise write, and what people do; letters only.
_NO_ONE = frozenset(
    {
        "", "anon", "anonym", "anonymous", "anonymised", "anonymized", "deidentified", "removed",
        "unknown", "none", "null", "nil", "na", "nan", "noid", "nopatientid", "notavailable",
        "notapplicable", "notknown", "empty", "blank", "default", "dummy", "test", "patient",
        "patientid", "pid", "id", "noname", "redacted", "masked", "hidden", "deleted",
    }
)  # fmt: skip
_FEWEST_REPEATED = 5
_BATCH_FILMS = 64


def with_dicom_patients(found: Found) -> Found:
    """Return the same films with what their DICOM files say of the patient.

    Only what the layout leaves open is filled in: patient, sex and age. Files that the name
    says are PNG, JPEG, TIFF or BMP are not opened; of the others the first 64 KB are read.

    Args:
        found: films as a layout found them.
    """
    told = _told_by_files(found.films)
    if not told:
        return found
    no_ones = _ids_of_no_one(found.films, told)
    films = list(found.films)
    n_given, n_of_no_one = 0, 0
    for place, dicom in told.items():
        film = films[place]
        patient = film.patient
        if patient is None and dicom.number:
            patient = None if _number(film, dicom) in no_ones else _number(film, dicom)
            n_given += patient is not None
            n_of_no_one += patient is None
        films[place] = replace(
            film,
            patient=patient,
            sex=film.sex or dicom.sex,
            age_years=dicom.age_years if film.age_years is None else film.age_years,
        )
    return replace(
        found,
        films=tuple(films),
        patients=_patients_sentence(found, films, n_given),
        notes=(*found.notes, *_notes(n_of_no_one)),
    )


def _told_by_files(films: Sequence[FoundFilm]) -> dict[int, DicomPatient]:
    """Return place in `films` -> what the file says, for those that are DICOM."""
    places = [place for place, film in enumerate(films) if _may_be_dicom(film)]
    told: dict[int, DicomPatient] = {}
    turns = [places[start : start + _BATCH_FILMS] for start in range(0, len(places), _BATCH_FILMS)]
    with ThreadPoolExecutor(reading_threads()) as pool:
        looked = pool.map(lambda turn: _patients_of([films[place] for place in turn]), turns)
        for turn, patients in zip(turns, looked, strict=True):
            told |= {place: found for place, found in zip(turn, patients, strict=True) if found}
    return told


def _patients_of(films: Sequence[FoundFilm]) -> list[DicomPatient | None]:
    """Return what each file says; the worker looks at one while the next one is read."""
    told: list[DicomPatient | None] = [None] * len(films)
    places: list[int] = []

    def heads() -> Iterator[bytes]:
        for place, film in enumerate(films):
            head = _head_of(film)
            if is_dicom(head):
                places.append(place)
                yield head

    for number, patient in enumerate(dicom_patients(heads())):
        told[places[number]] = patient
    return told


def _may_be_dicom(film: FoundFilm) -> bool:
    return not is_medmnist_film(film.file) and film.file.suffix.lower() not in RASTER_SUFFIXES


def _head_of(film: FoundFilm) -> bytes:
    """Return a file's first bytes, or none where it cannot be read; reading it says why."""
    try:
        return read_film_head(film.file, DICOM_HEAD_BYTES)
    except ImageError:
        return b""


def _number(film: FoundFilm, dicom: DicomPatient) -> PatientNumber:
    issuer = dicom.issuer or film.hospital
    return PatientNumber(f"dicom/{issuer}" if issuer else "dicom", dicom.number)


def _ids_of_no_one(
    films: Sequence[FoundFilm], told: dict[int, DicomPatient]
) -> frozenset[PatientNumber]:
    """Return the ids that stand for no one."""
    by_class: dict[str | None, list[PatientNumber]] = defaultdict(list)
    for place, dicom in told.items():
        if dicom.number:
            by_class[films[place].label].append(_number(films[place], dicom))
    shared = {
        numbers[0]
        for numbers in by_class.values()
        if len(numbers) >= FEWEST_FILMS_OF_NO_ONE and len(set(numbers)) == 1
    }
    every = {number for numbers in by_class.values() for number in numbers}
    return frozenset(shared | {number for number in every if _is_placeholder(number.number)})


def _is_placeholder(number: str) -> bool:
    """Return whether an id is a word for no one, or one sign repeated.

    >>> [_is_placeholder(text) for text in ("ANON^", "0000", "xx", "P-0012", "77")]
    [True, True, True, False, False]
    """
    signs = "".join(sign for sign in number.casefold() if sign.isalnum())
    if len(signs) > 1 and len(set(signs)) == 1:
        # 11 and 22 may well be patients of a small collection.
        return signs[0] not in "123456789" or len(signs) >= _FEWEST_REPEATED
    return signs in _NO_ONE


def _patients_sentence(found: Found, films: Sequence[FoundFilm], n_given: int) -> str:
    """Return what the patient numbers rest on now."""
    if n_given == 0:
        return found.patients
    if found.patients == "unknown":
        return patients_sentence([film.patient for film in films], rest_on=_RESTS_ON)
    return f"{found.patients} and {_RESTS_ON} ({n_given} of {len(films)} films)"


def _notes(n_of_no_one: int) -> list[str]:
    if n_of_no_one == 0:
        return []
    films = counted(n_of_no_one, "DICOM film")
    return [f"{films} with a patient id that stands for no one; their patients are unknown"]
