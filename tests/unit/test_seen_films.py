"""Films of a test that the classifier was made with are found and named."""

import io
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from carina.data.cache import open_sketches
from carina.domain.prediction import Prediction
from carina.domain.progress import silent
from carina.domain.radiograph import Radiograph
from carina.errors import RunError
from carina.files.tables import read_table
from carina.imaging.digests import facts_and_sketch
from carina.workflows.seen_films import (
    AnsweredFilm,
    SeenFilms,
    find_known,
    known_in_words,
    write_known,
)
from making.sketched import phantom_pixels


def film(name, pixels, *, content=None, patient=None):
    """Return an answered film of the test; `content` names its bytes."""
    digest = sha256((content or name).encode()).hexdigest()
    radiograph = Radiograph(
        pixels=pixels, path=Path(name), sha256=digest, file_format="PNG", colour_mode="L"
    )
    answer = Prediction(
        path=name, source="new", probabilities={}, logits={}, predicted="A", patient=patient
    )
    return AnsweredFilm(answer, *facts_and_sketch(radiograph))


def seen(training, *, files=(), patients=()):
    """Return what a classifier trained on some films knows; the manifest names the first."""
    facts = [one.facts for one in training]
    return SeenFilms(
        pixels={one.pixel_digest: one.sha256 for one in facts},
        hashes={one.sha256: one.perceptual_hash for one in facts},
        pixels_of={one.sha256: one.pixel_digest for one in facts},
        files=frozenset([*(one.sha256 for one in facts), *files]),
        patients=frozenset(patients),
        names={facts[0].sha256: "old/train/0.png"},
    )


def compressed_again(pixels):
    stream = io.BytesIO()
    Image.fromarray((pixels * 255).astype(np.uint8)).save(stream, "JPEG", quality=97)
    return np.asarray(Image.open(stream), dtype=np.float32) / 255


def cropped(pixels):
    height, width = pixels.shape
    return pixels[height // 14 : -height // 20, width // 16 : -width // 18].copy()


@pytest.fixture(scope="module")
def training():
    return [film(f"{n}.png", phantom_pixels(n), content=f"trained {n}") for n in range(8)]


@pytest.fixture(scope="module")
def tested():
    """Films of each kind of copy, then different ones."""
    return [
        film("copied.png", phantom_pixels(0), content="trained 0"),
        film("saved.png", phantom_pixels(1)),
        film("compressed.png", compressed_again(phantom_pixels(2))),
        film("cropped.png", cropped(phantom_pixels(3))),
        film("same-patient.png", phantom_pixels(20), patient="p"),
        *(film(f"new-{n}.png", phantom_pixels(n), patient="q") for n in range(21, 27)),
    ]


def with_sketches(cache_dir, films):
    store = open_sketches(cache_dir)
    store.append(
        {
            bytes.fromhex(one.facts.sha256): np.frombuffer(one.sketch.tobytes(), np.uint8)
            for one in films
        }
    )
    return cache_dir


def test_every_kind_of_known_film_is_named_with_what_it_is_known_by(training, tested, tmp_path):
    cache = with_sketches(tmp_path / "cache", training)
    known, unchecked = find_known(
        tested, seen(training, patients=["p"]), cache_dir=cache, progress=silent
    )
    assert [(one.path, one.why) for one in known] == [
        ("copied.png", "identical-bytes"),
        ("saved.png", "identical-pixels"),
        ("compressed.png", "near-duplicate"),
        ("cropped.png", "near-duplicate"),
        ("same-patient.png", "same-patient"),
    ]
    assert known[0].known_film == "old/train/0.png"
    assert [one.known_film for one in known[1:4]] == [
        training[n].facts.sha256[:12] for n in (1, 2, 3)
    ]
    assert known[4].known_film == ""
    assert unchecked == ()
    assert known_in_words(known).startswith("1 the same file, 1 the same pixels in another file, 2")


def test_without_sketches_the_hash_finds_what_it_can_and_that_is_said(training, tested, tmp_path):
    known, unchecked = find_known(
        tested, seen(training), cache_dir=tmp_path / "none", progress=silent
    )
    assert [one.path for one in known] == ["copied.png", "saved.png", "compressed.png"]
    (sentence,) = unchecked
    assert "of 8 training films were looked for by a hash alone" in sentence


def test_training_films_without_a_sketch_are_counted_beside_those_that_have_one(
    training, tested, tmp_path
):
    cache = with_sketches(tmp_path / "cache", training[3:])
    known, (sentence,) = find_known(tested, seen(training), cache_dir=cache, progress=silent)
    near = [one.path for one in known if one.why == "near-duplicate"]
    assert near == ["compressed.png", "cropped.png"]
    assert "of 3 training films" in sentence


def test_a_test_film_of_the_run_is_known_by_its_file_alone(training, tested, tmp_path):
    file = tested[-1].facts.sha256
    known, _ = find_known(
        tested[-3:], seen(training, files=[file]), cache_dir=tmp_path, progress=silent
    )
    assert [(one.path, one.why) for one in known] == [("new-26.png", "identical-bytes")]


def test_known_films_are_written_without_their_patients(training, tested, tmp_path):
    known, _ = find_known(
        tested, seen(training, patients=["p"]), cache_dir=tmp_path, progress=silent
    )
    write_known(tmp_path / "known.csv", known)
    rows = read_table(tmp_path / "known.csv", error=RunError)
    assert rows[-1] == {
        "path": "same-patient.png",
        "source": "new",
        "why": "same-patient",
        "known_film": "",
    }
