"""The mutated films: the same again for a seed and a number, and of every kind."""

import hashlib
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from carina.errors import ImageError
from making.hostile.messages import messages
from making.hostile.mutations import mutant, mutants
from making.hostile.seeds import corpus, seeds, shipped

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))


def test_a_film_is_named_by_its_seed_and_number_and_made_again_from_them():
    films = list(mutants(0, 300))
    assert [mutant(film.seed, film.number) for film in films] == films
    assert len({film.name for film in films}) == 300
    later = list(mutants(len(seeds()) * 7, len(seeds()) * 7 + 3))
    assert [film.number for film in later] == [7, 7, 7]


def test_films_of_every_kind_are_changed_and_no_two_are_alike():
    films = list(mutants(0, 2 * len(seeds())))
    assert Counter(film.seed for film in films) == Counter(dict.fromkeys(seeds(), 2))
    changed = sum(film.data != seeds()[film.seed] for film in films)
    assert changed > 0.9 * len(films)
    kinds = {name.split("-")[0] for name in seeds()}
    assert {"png", "jpeg", "tiff", "bmp", "gif", "dicom", "bomb"} <= kinds
    assert len(shipped()) > 50
    assert set(corpus()) <= set(seeds())
    digests = {hashlib.sha256(film.data).digest() for film in films}
    assert len(digests) > 0.9 * len(films)


def test_messages_are_the_same_for_their_number_and_hold_films_forms_and_heads():
    found = messages(0, 200)
    assert found == messages(0, 200)
    kinds = Counter(message.name.split(":")[0].split("#")[0] for message in found)
    assert set(kinds) == {"form", "raw", "head"}
    assert all(message.content for message in found)


@pytest.mark.parametrize("what", ["crash", "unknown code", "no numbers", "beyond the range"])
def test_what_must_not_happen_is_noticed(monkeypatch, what):
    from hostile import through_worker

    real = through_worker.read_radiograph_bytes

    class Film:
        pixels = np.full((8, 8), np.nan if what == "no numbers" else 1.5)

    def broken(data, *, name):
        if not name.startswith("png-8#"):
            return real(data, name=name)
        if what == "crash":
            raise BaseException("a panic in a codec")
        if what == "unknown code":
            raise ImageError("odd", image_code="odd")
        return Film

    monkeypatch.setattr(through_worker, "read_radiograph_bytes", broken)
    found = through_worker.read_through_worker(0, len(seeds()))
    (wrong,) = found.wrong
    assert wrong[:2] == ("crash" if what == "crash" else "outside the list", "png-8#0")
    assert found.n == len(seeds())
