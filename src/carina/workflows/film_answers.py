"""Films, read in threads ahead of the network and answered in batches."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from carina.data.answer_rows import UNREADABLE, AnswerRow, FileState
from carina.domain.gate import GateMeasures
from carina.domain.prediction import Prediction
from carina.domain.radiograph import Radiograph
from carina.errors import ImageError
from carina.files.film_bytes import read_film_stream
from carina.files.machine import reading_threads
from carina.files.names import one_line
from carina.imaging.burned_in_text import film_cautions
from carina.imaging.read import read_radiograph, read_radiograph_bytes
from carina.inference.classifier import Classifier
from carina.inference.gate import measure
from carina.workflows.answer_files import AnswerFiles
from carina.workflows.film_files import STANDARD_INPUT, FilmFile, state_of
from carina.workflows.reading import read_ahead

ANSWERED_AT_ONCE = 16
"""Films that pass the network together."""


@dataclass(frozen=True, slots=True, eq=False)
class _ReadyFilm:
    """A film that is ready for the network.

    Attributes:
        film: its file.
        state: of the file, before it was read.
        prepared: float32 `[channels, height, width]`.
        measures: what the gate judges it by.
        cautions, sha256: as in `Radiograph`.
        radiograph: the film itself, where more than its answer is wanted.
    """

    film: FilmFile
    state: FileState | None
    prepared: NDArray[np.float32]
    measures: GateMeasures
    cautions: tuple[str, ...]
    sha256: str
    radiograph: Radiograph | None


def answered(
    classifier: Classifier, films: Iterable[FilmFile], *, files: AnswerFiles | None = None
) -> Generator[list[AnswerRow], None, None]:
    """Yield the answers on films in order, some at a time; every film has one.

    What is held is a few films as the network sees them, and the pixels of as many films as
    there are reading threads; where heat maps or documents are written, of one or two more.

    Args:
        classifier: what answers.
        films: the files, taken one after the other.
        files: what is written for each film, if anything.
    """
    keeps_film = files is not None and files.need_film
    n_threads = reading_threads()
    n_batch = 1 if keeps_film else ANSWERED_AT_ONCE
    ready = read_ahead(
        partial(_ready, classifier, keeps_film=keeps_film),
        films,
        n_threads=n_threads,
        n_ahead=n_threads if keeps_film else ANSWERED_AT_ONCE,
    )
    with closing(ready):
        while batch := list(islice(ready, n_batch)):
            yield _answer(classifier, batch, files)


def _answer(
    classifier: Classifier, batch: Sequence[_ReadyFilm | AnswerRow], files: AnswerFiles | None
) -> list[AnswerRow]:
    """Return the rows of a batch in order; those of unreadable films are there already."""
    ready = [film for film in batch if isinstance(film, _ReadyFilm)]
    answers = iter(_answers(classifier, ready))
    rows = []
    for film in batch:
        if isinstance(film, AnswerRow):
            rows.append(film)
            continue
        answer = next(answers)
        written = files.write(film.film, answer, film.radiograph) if files is not None else ()
        rows.append(AnswerRow(answer, film.state, written))
    return rows


def _answers(classifier: Classifier, ready: Sequence[_ReadyFilm]) -> list[Prediction]:
    if not ready:
        return []
    return classifier.answers_prepared(
        np.stack([film.prepared for film in ready]),
        measures=[film.measures for film in ready],
        paths=[film.film.name for film in ready],
        cautions=[film.cautions for film in ready],
        digests=[film.sha256 for film in ready],
    )


def _ready(classifier: Classifier, film: FilmFile, *, keeps_film: bool) -> _ReadyFilm | AnswerRow:
    """Return a film ready for the network, or the row of one that cannot be read."""
    state = state_of(film)
    try:
        radiograph = _radiograph(film)
    except ImageError as error:
        return AnswerRow(_unreadable(film, error), state)
    return _ReadyFilm(
        film=film,
        state=state,
        prepared=classifier.prepare(radiograph),
        measures=measure(radiograph),
        cautions=film_cautions(radiograph),
        sha256=radiograph.sha256,
        radiograph=radiograph if keeps_film else None,
    )


def _radiograph(film: FilmFile) -> Radiograph:
    if film == FilmFile(STANDARD_INPUT):
        return read_radiograph_bytes(read_film_stream(sys.stdin.buffer, name="-"), name="-")
    return read_radiograph(film.file)


def _unreadable(film: FilmFile, error: ImageError) -> Prediction:
    return Prediction(
        path=film.name,
        probabilities={},
        logits={},
        predicted="",
        abstained=True,
        reason=one_line(str(error)),
        reason_code=f"{UNREADABLE}{error.image_code}",
    )
