"""Copies of films are found, and films that are none are not."""

import hashlib
from functools import lru_cache

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter
from PIL.Image import Resampling

from carina.auditing.near_duplicates import (
    LIKENESS_IN_CROWDS,
    LIKENESS_OF_COPIES,
    compare_nearest,
    find_near_duplicates,
)
from carina.data.cache import Sketches
from carina.files.row_store import MemoryStore
from carina.imaging.phantom import PHANTOM_FINDINGS, make_phantom
from carina.imaging.sketch import SKETCH, sketch

N_FILMS = 30


@lru_cache(maxsize=1)
def phantoms():
    """Return films of different people, float32 [height, width] by key."""
    return {
        f"made/film-{number:02d}": make_phantom(
            PHANTOM_FINDINGS[number % 3],
            rng=np.random.default_rng([17, number]),
            height=240,
            width=216,
        ).pixels
        for number in range(N_FILMS)
    }


def sketches_of(films):
    """Return sketches in memory of films, float32 [height, width] by key."""
    store = MemoryStore(SKETCH.itemsize)
    digests = {key: hashlib.sha256(key.encode()).digest() for key in films}
    store.append(
        {
            digests[key]: np.frombuffer(sketch(pixels).tobytes(), np.uint8)
            for key, pixels in films.items()
        }
    )
    return Sketches(store, digests)


def pairs_of(films):
    found = find_near_duplicates(sketches_of(films), list(films))
    return {(pair.a, pair.b) for pair in found}


def picture(pixels):
    return Image.fromarray((pixels * 255).astype(np.uint8))


def pixels_of(image):
    return np.asarray(image, dtype=np.float32) / 255


def marked(pixels):
    image = picture(pixels)
    pen = ImageDraw.Draw(image)
    for x, y in ((20, 20), (150, 30), (90, 200)):
        pen.text((x, y), "R4", fill=255, font_size=20)
        pen.line([(x, y + 30), (x + 40, y + 50)], fill=0, width=4)
    return pixels_of(image)


def equalised(pixels):
    return (np.argsort(np.argsort(pixels.ravel())) / pixels.size).reshape(pixels.shape).astype("f4")


EDITS = {
    "resized": lambda p: pixels_of(picture(p).resize((90, 110), Resampling.BICUBIC)),
    "darker": lambda p: p**1.7,
    "equalised": equalised,
    "cropped": lambda p: p[9:-4, 3:-11],
    "marked": marked,
    "padded": lambda p: np.pad(p, ((10, 20), (30, 5)), constant_values=1.0),
    "blurred": lambda p: pixels_of(picture(p).filter(ImageFilter.GaussianBlur(1.2))),
    "mirrored": lambda p: p[:, ::-1],
    "turned": lambda p: pixels_of(picture(p).rotate(2, Resampling.BILINEAR)),
    "noisy": lambda p: (p + np.random.default_rng(1).normal(0, 0.04, p.shape)).clip(0, 1),
}


@pytest.mark.parametrize("edit", EDITS)
def test_copies_are_found_and_nothing_else(edit):
    films = phantoms()
    copied = list(films)[::3]
    copies = {f"{key}-copy": np.float32(EDITS[edit](films[key])) for key in copied}
    assert pairs_of({**films, **copies}) == {(key, f"{key}-copy") for key in copied}


def test_the_order_of_the_films_does_not_matter():
    films = dict(list(phantoms().items())[:12])
    films |= {f"{key}-copy": EDITS["cropped"](pixels) for key, pixels in films.items()}
    sketches = sketches_of(films)
    first = find_near_duplicates(sketches, list(films))
    shuffled = np.random.default_rng(5).permutation(list(films)).tolist()
    assert find_near_duplicates(sketches, shuffled) == first
    assert list(first) == sorted(first, key=lambda pair: (pair.a, pair.b))
    assert len(first) == 12
    assert all(pair.a < pair.b and LIKENESS_OF_COPIES <= pair.likeness <= 1 for pair in first)


def test_twenty_copies_of_one_film_are_all_joined():
    films = dict(list(phantoms().items())[:5])
    original = films["made/film-00"]
    rng = np.random.default_rng(2)
    copies = [f"made/film-00-copy-{number:02d}" for number in range(20)]
    for key in copies:
        top, left = rng.integers(0, 8, 2)
        films[key] = original[top : 232 + top, left : 208 + left] ** rng.uniform(0.7, 1.4)
    joined = {"made/film-00"}
    found = pairs_of(films)
    for _ in copies:
        joined |= {key for pair in found if joined & set(pair) for key in pair}
    assert joined == {"made/film-00", *copies}


def test_blank_films_are_no_copies_of_one_another():
    rng = np.random.default_rng(3)
    blank = {f"blank/{k}": np.full((60, 60), 0.1 * k, dtype=np.float32) for k in range(1, 6)}
    noise = {f"noise/{k}": np.float32(0.5 + rng.normal(0, 0.01, (300, 300))) for k in range(5)}
    assert pairs_of({**blank, **noise, **dict(list(phantoms().items())[:3])}) == set()


def test_no_film_and_one_film_have_no_copies():
    assert find_near_duplicates(sketches_of({}), []) == ()
    one = dict(list(phantoms().items())[:1])
    assert find_near_duplicates(sketches_of(one), list(one)) == ()


def test_only_the_films_that_are_named_are_searched():
    films = dict(list(phantoms().items())[:3])
    films["made/copy"] = EDITS["darker"](films["made/film-00"])
    named = ["made/copy", "made/film-01", "made/film-02"]
    assert find_near_duplicates(sketches_of(films), named) == ()
    with pytest.raises(KeyError):
        find_near_duplicates(sketches_of(films), ["made/film-00", "made/other"])


def test_films_that_are_somewhat_alike_are_compared_with_their_likeness():
    films = phantoms()
    compared = compare_nearest(sketches_of(films), list(films))
    assert compared
    assert all(one.pair.likeness < one.least and not one.is_copy for one in compared)


def test_among_films_that_are_all_alike_it_takes_more_to_be_a_copy():
    crowd = phantoms()
    copy = EDITS["darker"](crowd["made/film-03"])
    few = {key: crowd[key] for key in ("made/film-03", "made/film-04")}
    for films, least in ((crowd, LIKENESS_IN_CROWDS), (few, LIKENESS_OF_COPIES)):
        together = {**films, "made/copy": copy}
        compared = compare_nearest(sketches_of(together), list(together))
        found = [one for one in compared if one.is_copy]
        assert [(one.pair.a, one.pair.b, one.least) for one in found] == [
            ("made/copy", "made/film-03", least)
        ]


def test_progress_is_told_to_the_end():
    films = dict(list(phantoms().items())[:6])
    films["made/copy"] = EDITS["marked"](films["made/film-00"])
    told = []
    find_near_duplicates(sketches_of(films), list(films), progress=told.append)
    last = {step.stage: (step.done, step.total) for step in told}
    assert last["hashing films"] == (7, 7)
    assert last["comparing films"][0] == last["comparing films"][1] > 0
