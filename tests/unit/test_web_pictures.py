"""The pictures beside an answer keep what a reader needs, and say why one is missing."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="the server needs the extra 'web'")

from carina.inference.bundle import load_classifier
from carina.web.pictures import LEVELS_SIDE, AskedPictures, answer_pictures, levels_png
from making.classifiers import write_tiny_classifier
from making.films import film_of


def opened(content):
    return Image.open(io.BytesIO(content))


def ramp(height, width):
    return np.linspace(0, 1, height * width, dtype=np.float32).reshape(height, width)


def film_for_the_network():
    rows, columns = np.mgrid[-1:1:48j, -1:1:40j]
    return film_of(0.2 + 0.7 * np.exp(-3 * (rows**2 + columns**2)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tiny_classifier(tmp_path_factory.mktemp("pictures") / "tiny")


def test_a_deep_film_keeps_sixteen_bits():
    film = film_of(ramp(90, 60), bits=12)
    levels = np.asarray(opened(levels_png(film)))
    assert levels.dtype == np.uint16
    assert np.array_equal(levels, np.rint(film.pixels * 65535))


def test_a_film_of_eight_bits_is_sent_in_eight_and_loses_nothing():
    stored = np.arange(256, dtype=np.float32).reshape(16, 16)
    levels = np.asarray(opened(levels_png(film_of(stored / 255))))
    assert levels.dtype == np.uint8
    assert np.array_equal(levels, stored)


def test_a_large_film_is_made_smaller_by_averaging_and_keeps_its_shape():
    pixels = np.zeros((300, 200), np.float32)
    pixels[::2] = 0.5
    picture = opened(levels_png(film_of(pixels), longer_side=150))
    assert picture.size == (100, 150)
    assert set(np.unique(np.asarray(picture))) == {round(0.25 * 65535)}
    assert opened(levels_png(film_of(ramp(8, LEVELS_SIDE + 9)))).size == (LEVELS_SIDE, 8)


@pytest.mark.parametrize(
    ("asked", "fields"),
    [
        (AskedPictures(), set()),
        (AskedPictures(film="thumbnail"), {"thumbnail_png"}),
        (AskedPictures(film="levels"), {"levels_png", "thumbnail_png"}),
        (AskedPictures(explain=True), {"film_png", "heat_map_png", "explained", "method"}),
        (AskedPictures(explain=True, film="none"), {"heat_map_png", "explained", "method"}),
    ],
)
def test_an_answer_brings_the_pictures_that_were_asked_for(folder, asked, fields):
    classifier = load_classifier(folder)
    found = answer_pictures(classifier, film_for_the_network(), predicted="Normal", asked=asked)
    assert set(found) == fields
    for name in fields - {"explained", "method"}:
        assert opened(base64.b64decode(found[name])).format == "PNG"
    if asked.explain:
        assert (found["explained"], found["method"]) == ("Normal", "grad-cam")


def test_a_map_that_cannot_be_made_says_which_method_can(folder):
    classifier = load_classifier(folder)
    card = classifier.card.model_copy(update={"explanations": {}})
    headless = classifier.with_card(card, digest=classifier.digest)
    asked = AskedPictures(explain=True, method="grad-cam", film="none")
    found = answer_pictures(headless, film_for_the_network(), predicted="Normal", asked=asked)
    assert found["heat_map_note"] == (
        "grad-cam cannot explain Normal of this classifier; occlusion can"
    )
    assert "heat_map_png" not in found
