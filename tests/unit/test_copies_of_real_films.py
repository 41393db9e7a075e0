"""Copies of real films are found, and no film of another person is taken for one."""

import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from carina.auditing.near_duplicates import find_near_duplicates
from carina.data.cache import Sketches
from carina.files.row_store import MemoryStore
from carina.imaging import read_radiograph
from carina.imaging.sketch import SKETCH, sketch
from making.real_films import REAL_FILMS, needs_real_films

N_FILMS = 60
MEDIUM = 1


def edits():
    """Return the kinds of edit that `benchmarks/copies.py` makes."""
    path = Path(__file__).parents[2] / "benchmarks" / "film_copies.py"
    spec = importlib.util.spec_from_file_location("film_copies", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {**module.KINDS, **module.UNSEEN_KINDS}


def sketches_of(pictures):
    store = MemoryStore(SKETCH.itemsize)
    digests = {key: hashlib.sha256(key.encode()).digest() for key in pictures}
    for key, one in pictures.items():
        store.append({digests[key]: np.frombuffer(one.tobytes(), np.uint8)})
    return Sketches(store, digests)


@pytest.mark.slow
@needs_real_films
def test_nearly_all_medium_copies_of_nih_films_are_found_and_no_other_persons_film():
    paths = sorted((REAL_FILMS / "nih").rglob("*.jpg"))[::8][:N_FILMS]
    films = {f"film {path.stem}": read_radiograph(path).pixels for path in paths}
    sketched = {key: sketch(pixels) for key, pixels in films.items()}
    n_found, n_copies = 0, 0
    for kind, edit in edits().items():
        copies = {
            f"copy of {key}": sketch(edit(pixels, MEDIUM, np.random.default_rng([n, 9])))
            for n, (key, pixels) in enumerate(films.items())
        }
        together = {**sketched, **copies}
        found = {(p.a, p.b) for p in find_near_duplicates(sketches_of(together), list(together))}
        planted = {(f"copy of {key}", key) for key in films}
        assert found <= planted, f"{kind}: films of different people"
        n_found, n_copies = n_found + len(found), n_copies + len(planted)
    assert n_found >= 0.98 * n_copies
