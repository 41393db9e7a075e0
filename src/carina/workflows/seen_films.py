"""Which films of a test the classifier was made or tested with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from carina.auditing.seen_films import alike_by_hash, alike_by_pixels
from carina.data.cache import Sketches, open_sketches, read_sketches
from carina.domain.audit import LeakKind
from carina.domain.film_facts import FilmFacts
from carina.domain.prediction import Prediction
from carina.domain.progress import Progress
from carina.domain.sentences import counted, listed
from carina.errors import StorageError
from carina.files.row_store import RowStore
from carina.files.tables import write_table
from carina.inference.classifier import Classifier
from carina.runs import Run

KNOWN_COLUMNS = ("path", "source", "why", "known_film")
_IN_WORDS: Mapping[LeakKind, str] = {
    "identical-bytes": "the same file",
    "identical-pixels": "the same pixels in another file",
    "near-duplicate": "nearly identical to a known film",
    "same-patient": "of the same patient",
}


@dataclass(frozen=True, slots=True)
class AnsweredFilm:
    """A film of a test.

    Attributes:
        prediction: the answer.
        facts: what its decoding told.
        sketch: one of the type `imaging.sketch.SKETCH`.
    """

    prediction: Prediction
    facts: FilmFacts
    sketch: NDArray[np.void]

    @property
    def key(self) -> str:
        """`source/path`, as a record's key."""
        return f"{self.prediction.source}/{self.prediction.path}"


@dataclass(frozen=True, slots=True)
class KnownFilm:
    """A film of a test that the classifier was made or tested with.

    Attributes:
        path, source: the film.
        why: how it is known; the first that holds.
        known_film: the film that it is known by: its path in the run's manifest, or the
            first 12 digits of its sha256 where there is no run; "" for a patient.
    """

    path: str
    source: str
    why: LeakKind
    known_film: str

    @property
    def key(self) -> str:
        """`source/path`, as a record's key."""
        return f"{self.source}/{self.path}"


@dataclass(frozen=True, slots=True)
class SeenFilms:
    """What a classifier and its run tell of the films that they know.

    Attributes:
        pixels: pixel digest -> sha256, of the films that trained or chose the network.
        hashes: sha256 -> perceptual hash, of the same.
        pixels_of: sha256 -> pixel digest, of the same.
        files: sha256 of these and of the run's test films.
        patients: keyed hashes; none where the test's were made with another key.
        names: sha256 -> path in the run's manifest.
    """

    pixels: Mapping[str, str]
    hashes: Mapping[str, str]
    pixels_of: Mapping[str, str]
    files: frozenset[str]
    patients: frozenset[str]
    names: Mapping[str, str]

    def name_of(self, sha256: str) -> str:
        """Return what a known film is called."""
        return self.names.get(sha256, sha256[:12])


def seen_films(classifier: Classifier, run: Run | None, *, same_key: bool) -> SeenFilms:
    """Return the films that a classifier knows.

    Args:
        classifier: its `seen.csv` is read.
        run: its manifest names the test films, too; None if there is none.
        same_key: whether the patients of the test were hashed with the classifier's key.
    """
    rows = classifier.seen
    manifest = run.manifest if run is not None else ()
    patients = {row["patient"] for row in rows} | {row.patient or "" for row in manifest}
    return SeenFilms(
        pixels={row["pixel_digest"]: row["sha256"] for row in rows},
        hashes={row["sha256"]: row["perceptual_hash"] for row in rows},
        pixels_of={row["sha256"]: row["pixel_digest"] for row in rows},
        files=frozenset([*(row["sha256"] for row in rows), *(row.sha256 for row in manifest)]),
        patients=frozenset(patients - {""} if same_key else ()),
        names={row.sha256: row.key for row in manifest},
    )


def find_known(
    films: Sequence[AnsweredFilm], seen: SeenFilms, *, cache_dir: Path, progress: Progress
) -> tuple[tuple[KnownFilm, ...], tuple[str, ...]]:
    """Return the films that are known, in their order, and what the search could not look at.

    Nearly identical films are looked for by a hash, and as an audit does it where the sketches
    of the training films are in this machine's cache.

    Args:
        films: of the test.
        seen: what is known.
        cache_dir: where sketches may be.
        progress: told as the search goes on.

    Returns:
        The known films, and sentences.
    """
    unlike = {film.facts.pixel_digest: film for film in films if not _is_copy(film, seen)}
    near, cautions = _near(unlike, seen, cache_dir=cache_dir, progress=progress)
    known = []
    for film in films:
        ways: dict[LeakKind, str | None] = {
            "identical-bytes": _named(film.facts.sha256, seen, known_as=seen.files),
            "identical-pixels": _named(seen.pixels.get(film.facts.pixel_digest), seen),
            "near-duplicate": _named(near.get(film.facts.pixel_digest), seen),
            "same-patient": "" if film.prediction.patient in seen.patients else None,
        }
        for kind, name in ways.items():
            if name is not None:
                own = film.prediction
                known.append(KnownFilm(own.path, own.source, kind, name))
                break
    return tuple(known), cautions


def write_known(path: Path, known: Iterable[KnownFilm]) -> None:
    """Write `known.csv`: which films are known, and by what.

    Raises:
        StorageError: if there is no room or no permission.
    """
    rows = (
        {"path": f.path, "source": f.source, "why": f.why, "known_film": f.known_film}
        for f in known
    )
    write_table(path, KNOWN_COLUMNS, rows)


def known_in_words(known: Sequence[KnownFilm]) -> str:
    """Return how many films are known in which way.

    >>> known_in_words([KnownFilm("a.png", "s", "same-patient", "")])
    '1 of the same patient'
    """
    counts = Counter(film.why for film in known)
    kinds: tuple[LeakKind, ...] = get_args(LeakKind)
    return listed([f"{counts[kind]} {_IN_WORDS[kind]}" for kind in kinds if counts[kind]])


def _is_copy(film: AnsweredFilm, seen: SeenFilms) -> bool:
    return film.facts.sha256 in seen.files or film.facts.pixel_digest in seen.pixels


def _named(
    sha256: str | None, seen: SeenFilms, *, known_as: frozenset[str] | None = None
) -> str | None:
    if sha256 is None or (known_as is not None and sha256 not in known_as):
        return None
    return seen.name_of(sha256)


def _near(
    films: Mapping[str, AnsweredFilm], seen: SeenFilms, *, cache_dir: Path, progress: Progress
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return pixel digest -> sha256 of a nearly identical seen film, and what was not looked at."""
    one_of_each = {digest: sha256 for sha256, digest in seen.pixels_of.items()}
    hashes = {sha256: seen.hashes[sha256] for sha256 in one_of_each.values()}
    near = alike_by_hash({d: f.facts.perceptual_hash for d, f in films.items()}, hashes)
    sketches = _sketches_of(hashes, cache_dir)
    sketched = {} if sketches is None else sketches.digest_of
    if sketches is not None and sketched and films:
        own = {digest: film.sketch for digest, film in films.items()}
        near |= alike_by_pixels(own, sketches, progress=progress)
    n_unsketched = len(hashes) - len(sketched)
    if not n_unsketched:
        return near, ()
    caution = (
        f"nearly identical films of {counted(n_unsketched, 'training film')} were looked for by a "
        "hash alone, which misses copies that were cropped, marked or changed in contrast: their "
        "sketches are not in this machine's cache; carina audit --against compares the films "
        "themselves"
    )
    return near, (caution,)


def _sketches_of(digests: Iterable[str], cache_dir: Path) -> Sketches | None:
    """Return the sketches that the cache has of some films, or None if it cannot be read."""
    if not cache_dir.is_dir():
        return None
    try:
        store: RowStore = open_sketches(cache_dir)
    except StorageError:  # a cache that this user may not write to
        return None
    keys = {sha256: bytes.fromhex(sha256) for sha256 in digests}
    missing = set(store.missing(list(keys.values())))
    there = {sha256: key for n, (sha256, key) in enumerate(keys.items()) if n not in missing}
    return read_sketches(store, there)
