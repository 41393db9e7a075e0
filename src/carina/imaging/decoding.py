"""What is done with bytes from elsewhere, in a process of its own (`imaging.worker`).

Nothing else in Carina lets a decoder or a parser of image files near bytes that it did not make.
The functions may be called from any thread, notebook or script; the workers start with the first
call, or before it with `start_decoding`, and end with this process.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from carina.errors import ImageError
from carina.imaging.decoded import Decoded
from carina.imaging.dicom_patient import DicomPatient, patient_of
from carina.imaging.worker.answers import LONGEST_VALUE, MOST_VALUES, Answer, film_of
from carina.imaging.worker.messages import NonsenseError
from carina.imaging.worker.pool import the_pool
from carina.imaging.worker.process import IsWanted, NoLongerWantedError, Question

__all__ = [
    "BATCH",
    "FilmBytes",
    "IsWanted",
    "NoLongerWantedError",
    "colours_of",
    "decode_films",
    "dicom_elements_of",
    "dicom_patients",
    "start_decoding",
    "while_wanted",
]

BATCH = 8
"""Films that one thread gives to a worker in one go; then others have their turn."""
_IS_WANTED: ContextVar[IsWanted | None] = ContextVar("_IS_WANTED", default=None)
Taken = TypeVar("Taken")


class FilmBytes(NamedTuple):
    """A file's bytes.

    Attributes:
        data: all of them.
        name: what the file is called in messages.
    """

    data: bytes
    name: str


def start_decoding(n_workers: int = 1) -> None:
    """Have workers started, and do not wait for them: reading the first film is quicker then.

    Args:
        n_workers: as many as there are films; more than `reading_threads` are not started.
    """
    the_pool().start(n_workers)


@contextmanager
def while_wanted(is_wanted: IsWanted) -> Iterator[None]:
    """Have what is decoded inside of the block given up, if it is wanted no more before a worker
    is free for it, or while one takes seconds over it.

    Args:
        is_wanted: asked while all workers are busy with others, and of a slow film every 2 s.

    Raises:
        NoLongerWantedError: inside of the block, if it says no.
    """
    token = _IS_WANTED.set(is_wanted)
    try:
        yield
    finally:
        _IS_WANTED.reset(token)


def decode_films(films: Iterable[FilmBytes]) -> Generator[Decoded | ImageError, None, None]:
    """Yield the pictures in files' bytes in order, or why there is none.

    All go to one worker, which is this thread's until the last one is taken or the iterator
    closed: give it about `BATCH`. It decodes one film while the one before it is looked at.

    Args:
        films: the files; the next one is taken while the worker decodes.

    Raises:
        CouldNotError: if no worker can be started.
        NoLongerWantedError: inside of `while_wanted`.
    """
    yield from the_pool().answers(map(_film, films), is_wanted=_IS_WANTED.get())


def dicom_patients(heads: Iterable[bytes]) -> Iterator[DicomPatient | None]:
    """Yield whose films DICOM files are, as `imaging.dicom_patient` finds it in their first bytes.

    None for those that are no DICOM file, or with which the worker was lost.
    """
    questions = (Question(head, "a DICOM file", _patient, task="patient") for head in heads)
    for answer in the_pool().answers(questions):
        yield None if isinstance(answer, ImageError) else answer


def dicom_elements_of(
    data: bytes, keywords: Sequence[str], *, name: str
) -> dict[str, str | int | list[str]]:
    """Return elements of a DICOM file that are there, as `imaging.dicom_elements` reads them.

    Raises:
        ImageError: if it is no DICOM file, or damaged.
    """

    def take(answer: Answer) -> dict[str, str | int | list[str]]:
        elements = answer.facts.get("elements")
        if not isinstance(elements, dict) or not set(elements) <= set(keywords):
            raise NonsenseError("elements that were not asked for")
        if not all(map(_is_value, elements.values())):
            raise NonsenseError("elements of no known kind")
        return elements

    options = {"keywords": list(keywords)}
    return _one(Question(data, name, take, task="elements", options=options))


def colours_of(data: bytes, *, name: str, longer_side: int) -> NDArray[np.uint8]:
    """Return a raster file's picture in its colours, made smaller: uint8 `[height, width, 3]`.

    Transparent places stand on black.

    Raises:
        ImageError: if it cannot be read.
    """

    def take(answer: Answer) -> NDArray[np.uint8]:
        found = answer.pixels
        if found is None or found.dtype != np.uint8 or max(found.shape) > max(longer_side, 3):
            raise NonsenseError("no colours")
        return np.array(found, dtype=np.uint8)

    options = {"longer_side": longer_side}
    return _one(Question(data, name, take, task="colours", options=options))


def _film(film: FilmBytes) -> Question[Decoded]:
    return Question(film.data, film.name, film_of)


def _one(question: Question[Taken]) -> Taken:
    """Return the answer to one question.

    Raises:
        ImageError: if it is one.
    """
    (answer,) = the_pool().answers([question])
    if isinstance(answer, ImageError):
        raise answer
    return answer


def _patient(answer: Answer) -> DicomPatient | None:
    patient = patient_of(answer.facts) if answer.facts else None
    if answer.facts and patient is None:
        raise NonsenseError("no patient")
    return patient


def _is_value(value: object) -> bool:
    if isinstance(value, list):
        return len(value) <= MOST_VALUES and all(map(_is_text, value))
    return _is_text(value) or (type(value) is int and 0 <= value <= 65_535)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_VALUE
