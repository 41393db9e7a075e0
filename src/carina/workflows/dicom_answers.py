"""An answer to a film that came as DICOM, as DICOM files."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from carina.domain.explanation import Explanation
from carina.domain.prediction import Prediction
from carina.domain.radiograph import Radiograph
from carina.errors import ImageError, InputError
from carina.files.digests import sha256_bytes
from carina.files.film_bytes import read_film_bytes
from carina.inference.classifier import Classifier
from carina.workflows.film_files import STANDARD_INPUT, FilmFile


def dicom_answers(
    film: FilmFile,
    answer: Prediction,
    *,
    radiograph: Radiograph,
    explanation: Explanation,
    classifier: Classifier,
    with_patient: bool,
) -> dict[str, bytes]:
    """Return the ending of each DICOM file -> its bytes: a heat map and a structured report.

    Args:
        film: the film's file.
        answer: its answer.
        radiograph: the film, as it was read.
        explanation: the heat map.
        classifier: what answered.
        with_patient: whether the files name the patient.

    Raises:
        InputError: if the film has no DICOM file to refer to.
        MissingExtraError: if highdicom is not installed.
    """
    from carina.inference.answers.secondary_capture import secondary_capture
    from carina.inference.answers.structured_report import structured_report

    source = _source(film, radiograph)
    made_at = datetime.now().astimezone()
    # pydicom quotes what it finds odd, which may be a name, and highdicom logs the film's UID.
    with warnings.catch_warnings(), _silenced("highdicom"):
        warnings.simplefilter("ignore")
        capture = secondary_capture(
            explanation,
            radiograph,
            source=source,
            classifier=classifier,
            made_at=made_at,
            no_answer=answer.reason if answer.abstained else "",
            with_patient=with_patient,
        )
        report = structured_report(
            answer, source=source, classifier=classifier, made_at=made_at, with_patient=with_patient
        )
    return {".sc.dcm": capture, ".sr.dcm": report}


@contextmanager
def _silenced(name: str) -> Iterator[None]:
    """Let a library log nothing."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)


def _source(film: FilmFile, radiograph: Radiograph) -> bytes:
    """Return the bytes of the DICOM file that a film was read from.

    Raises:
        InputError: if there is none, or it changed since it was read.
    """
    if radiograph.file_format != "DICOM" or film.file == STANDARD_INPUT:
        raise InputError(f"{film.name} is no DICOM file that an answer could refer to")
    try:
        data = read_film_bytes(Path(film.file))
    except ImageError as error:
        raise InputError(f"{film.name} cannot be read again: {error}") from error
    if sha256_bytes(data) != radiograph.sha256:
        raise InputError(f"{film.name} changed while it was answered")
    return data
