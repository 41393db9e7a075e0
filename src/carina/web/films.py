"""What is done with one film: read, prepared, answered. No HTTP, no queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carina.domain.gate import GateMeasures
from carina.domain.prediction import Prediction
from carina.domain.radiograph import Radiograph
from carina.errors import ImageError
from carina.files.digests import sha256_bytes
from carina.imaging.burned_in_text import film_cautions
from carina.imaging.read import read_radiograph_bytes
from carina.inference.classifier import Classifier
from carina.inference.gate import measure
from carina.web.schemas import FilmFile
from carina.web.uploads import UploadedFilm


@dataclass(frozen=True, slots=True, eq=False)
class PreparedFilm:
    """A film that was read, as far as the network and the answer need it.

    Attributes:
        name: of the file, without folders.
        sha256: of the file's bytes.
        file: what was found in it.
        cautions: what was noticed while reading.
        measures: what the gate judges it by.
        pixels: float32 `[channels, height, width]`, the network's input.
    """

    name: str
    sha256: str
    file: FilmFile
    cautions: tuple[str, ...]
    measures: GateMeasures
    pixels: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class AnsweredFilm:
    """A film with its answer.

    Attributes:
        film: the film; its pixels are let go of.
        prediction: the answer.
        measures: what the gate judged it by, complete.
    """

    film: PreparedFilm
    prediction: Prediction
    measures: GateMeasures


class UnreadableFilmError(Exception):
    """A file that is no readable film.

    Attributes:
        name: of the file, without folders.
        sha256: of its bytes.
        code: why, as a stable word.
    """

    def __init__(self, film: UploadedFilm, error: ImageError) -> None:
        super().__init__(str(error))
        self.name = film.name
        self.sha256 = sha256_bytes(film.content)
        self.code = f"image/{error.image_code}"


def radiograph_of(film: UploadedFilm) -> Radiograph:
    """Return the radiograph in the bytes of a file that was sent.

    This is the one place where the server decodes.

    Raises:
        UnreadableFilmError: if there is no readable film.
    """
    try:
        return read_radiograph_bytes(film.content, name=film.name)
    except ImageError as error:
        raise UnreadableFilmError(film, error) from error


def prepared_film(classifier: Classifier, film: UploadedFilm) -> PreparedFilm:
    """Return a film ready for the network.

    Raises:
        UnreadableFilmError: if there is no readable film.
    """
    return prepared_radiograph(classifier, radiograph_of(film), film.name)


def answered_films(classifier: Classifier, films: Sequence[PreparedFilm]) -> list[AnsweredFilm]:
    """Return the answers on some films, computed in one batch.

    Raises:
        ClassifierError: if the network answers with values that are no numbers.
    """
    answers, measures = classifier.answers_and_measures_prepared(
        np.stack([film.pixels for film in films]),
        measures=[film.measures for film in films],
        paths=[film.name for film in films],
        cautions=[film.cautions for film in films],
        digests=[film.sha256 for film in films],
    )
    return [
        AnsweredFilm(film, answer, measured)
        for film, answer, measured in zip(films, answers, measures, strict=True)
    ]


def prepared_radiograph(classifier: Classifier, radiograph: Radiograph, name: str) -> PreparedFilm:
    """Return a film that was read, ready for the network."""
    return PreparedFilm(
        name=name,
        sha256=radiograph.sha256,
        file=FilmFile(
            file_format=radiograph.file_format,
            width=radiograph.width,
            height=radiograph.height,
            bits=radiograph.bits,
            view=radiograph.view,
        ),
        cautions=film_cautions(radiograph),
        measures=measure(radiograph),
        pixels=classifier.prepare(radiograph),
    )
