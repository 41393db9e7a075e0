"""Films read, hashed and decoded a few at a time, by whichever process is asked to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from carina.data.answer_rows import FileState
from carina.data.film_state import film_state
from carina.domain.film_facts import FilmFacts
from carina.domain.input_spec import InputSpec
from carina.domain.radiograph import Radiograph
from carina.domain.record import Record
from carina.errors import ImageCode, ImageError
from carina.files.digests import sha256_bytes
from carina.files.film_bytes import read_film_bytes
from carina.imaging.decoding import BATCH, FilmBytes
from carina.imaging.digests import facts_and_sketch
from carina.imaging.medmnist_films import is_medmnist_film
from carina.imaging.prepare import prepare_levels
from carina.imaging.read import read_radiograph, read_radiographs_bytes, require_bytes

_DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True, eq=False)
class SeenFilm:
    """What reading one film told; it can be sent to another process.

    Attributes:
        sha256: of its bytes; "" if they could not be read.
        facts: what it told; None where the film was known, or could not be read.
        sketch: what an audit compares, `[]` of the type `imaging.sketch.SKETCH`; with the facts.
        levels: uint16 `[height, width]`, prepared, with the facts where a spec was given.
        error: why it could not be read: the sentence and its code.
        state: of its file, before it was read.
    """

    sha256: str = ""
    facts: FilmFacts | None = None
    sketch: NDArray[np.void] | None = None
    levels: NDArray[np.uint16] | None = None
    error: tuple[str, ImageCode] | None = None
    state: FileState | None = None


FilmName = tuple[str, str]
"""The file of a film, and its name in messages."""
SeeFilms = Callable[[Sequence[FilmName]], list[SeenFilm]]
MapSeen = Callable[[Iterable[Sequence[FilmName]], "Seeing"], Iterator[list[SeenFilm]]]
"""Yields for each few films, in their order, what `Seeing` tells of them, wherever that is done."""


@dataclass(frozen=True, slots=True, eq=False)
class Seeing:
    """Reads films; what it holds can be sent to another process.

    Attributes:
        spec: what they are prepared for, or None.
        known: uint8 `[n, 32]`, the sha256 of films that need not be decoded.
    """

    spec: InputSpec | None
    known: NDArray[np.uint8]

    @classmethod
    def of(cls, spec: InputSpec | None, known: Iterable[str]) -> Seeing:
        """Return what reads films of which some are known by their hex sha256."""
        raw = b"".join(bytes.fromhex(one) for one in known)
        return cls(spec, np.frombuffer(raw, np.uint8).reshape(-1, _DIGEST_BYTES))

    def __call__(self) -> SeeFilms:
        """Return what reads films, in the process that calls this."""
        known = {row.tobytes() for row in self.known}
        return lambda films: _seen(films, self.spec, known)


def in_turns(records: Sequence[Record]) -> Iterator[Sequence[Record]]:
    """Yield runs of films that one thread or process reads with one worker."""
    for start in range(0, len(records), BATCH):
        yield records[start : start + BATCH]


def _seen(films: Sequence[FilmName], spec: InputSpec | None, known: set[bytes]) -> list[SeenFilm]:
    found: dict[int, SeenFilm] = {}
    states = [film_state(Path(file)) for file, _ in films]  # before: what comes after it shows
    waiting: list[tuple[int, FilmBytes, str]] = []
    for place, (file, name) in enumerate(films):
        try:
            outcome = _looked_at(Path(file), name, known)
        except ImageError as error:
            found[place] = SeenFilm(error=(str(error), error.image_code))
            continue
        if isinstance(outcome, Radiograph):
            found[place] = _told(outcome, spec)
        elif isinstance(outcome, str):
            found[place] = SeenFilm(outcome)
        else:
            waiting.append((place, outcome, sha256_bytes(outcome.data)))
    decoded = read_radiographs_bytes([(film, sha256) for _, film, sha256 in waiting])
    with closing(decoded):
        for (place, _, sha256), radiograph in zip(waiting, decoded, strict=True):
            if isinstance(radiograph, ImageError):
                found[place] = SeenFilm(sha256, error=(str(radiograph), radiograph.image_code))
            else:
                found[place] = _told(radiograph, spec)
    return [replace(found[place], state=state) for place, state in enumerate(states)]


def _looked_at(file: Path, name: str, known: set[bytes]) -> FilmBytes | Radiograph | str:
    """Return a film's bytes, the film itself where it is in no file, or its sha256 if known."""
    if is_medmnist_film(file):
        return read_radiograph(file)
    data = read_film_bytes(file)
    require_bytes(data, name=name)
    sha256 = sha256_bytes(data)
    return sha256 if bytes.fromhex(sha256) in known else FilmBytes(data, name)


def _told(radiograph: Radiograph, spec: InputSpec | None) -> SeenFilm:
    facts, sketch = facts_and_sketch(radiograph)
    levels = None if spec is None else prepare_levels(radiograph, spec)
    return SeenFilm(radiograph.sha256, facts, sketch, levels)
