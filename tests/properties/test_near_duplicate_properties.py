"""What holds for every film and every copy of it."""

import hashlib
from functools import lru_cache

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from carina.auditing.near_duplicates import find_near_duplicates
from carina.data.cache import Sketches
from carina.files.row_store import MemoryStore
from carina.imaging.phantom import make_phantom
from carina.imaging.sketch import SKETCH, sketch

N_FILMS = 8
shares = st.floats(0, 0.08)


@lru_cache(maxsize=1)
def films():
    """Return films of different people, float32 [height, width]."""
    return [
        make_phantom("covid", rng=np.random.default_rng([23, k]), height=192, width=160).pixels
        for k in range(N_FILMS)
    ]


def found_in(pictures):
    """Return the pairs among pictures by key."""
    store = MemoryStore(SKETCH.itemsize)
    digests = {key: hashlib.sha256(key.encode()).digest() for key in pictures}
    for key, pixels in pictures.items():
        store.append({digests[key]: np.frombuffer(sketch(pixels).tobytes(), np.uint8)})
    return {(p.a, p.b) for p in find_near_duplicates(Sketches(store, digests), list(pictures))}


@settings(max_examples=12, deadline=None)
@given(
    number=st.integers(0, N_FILMS - 1),
    sides=st.tuples(shares, shares, shares, shares),
    size=st.tuples(st.integers(90, 300), st.integers(90, 300)),
    gamma=st.floats(0.6, 1.7),
)
def test_a_cropped_stretched_and_redeveloped_film_is_found_and_no_other(number, sides, size, gamma):
    left, top, right, low = sides
    original = films()[number]
    height, width = original.shape
    box = (left * width, top * height, (1 - right) * width, (1 - low) * height)
    resized = Image.fromarray(original).resize(size, Image.Resampling.BICUBIC, box=box)
    copy = (np.asarray(resized).clip(0, 1) ** gamma).astype(np.float32)
    pictures = {f"film {k}": film for k, film in enumerate(films())}
    assert found_in({**pictures, "copy": copy}) == {("copy", f"film {number}")}


@settings(max_examples=5, deadline=None)
@given(order=st.permutations(range(N_FILMS)))
def test_names_and_order_decide_nothing(order):
    copy = films()[0][4:-2, 6:] ** 1.3
    named = {f"film {order[k]}": film for k, film in enumerate(films())}
    copied = f"film {order[0]}"
    assert found_in({**named, "x copy": copy}) == {(copied, "x copy")}
