"""Digests tell films apart, and see that two files hold one."""

import hashlib

import numpy as np
import pytest
from PIL import Image

from carina.imaging import read_radiograph, read_radiograph_bytes
from carina.imaging.digests import (
    contrast,
    facts_and_sketch,
    film_facts,
    perceptual_hash,
    pixel_digest,
)
from carina.imaging.greys import greys_of
from carina.imaging.phantom import make_phantom
from carina.imaging.sketch import sketch
from making.films import film_of
from making.rasters import encoded, grey_ramp, png_8_bit
from making.real_films import REAL_FILMS, needs_real_films

RAMP = grey_ramp(40, 40)


@pytest.fixture(scope="module")
def phantoms():
    """Twelve films of twelve patients."""
    return [
        make_phantom("normal", rng=np.random.default_rng(seed), height=120, width=108).pixels
        for seed in range(12)
    ]


def differing_bits(one, other):
    return (int(one, 16) ^ int(other, 16)).bit_count()


def test_one_picture_has_one_digest_in_every_lossless_container_and_colour_mode():
    grey = Image.fromarray(RAMP.astype(np.uint8))
    files = [
        png_8_bit(RAMP),
        encoded(grey, "TIFF"),
        encoded(grey, "BMP"),
        encoded(grey, "PNG", mode="RGB"),
        encoded(grey, "PNG", mode="RGBA"),
        encoded((RAMP * 257).astype(np.uint16), "PNG"),
    ]
    facts = [film_facts(read_radiograph_bytes(data, name="film")) for data in files]
    assert len({f.pixel_digest for f in facts}) == 1
    assert len({f.perceptual_hash for f in facts}) == 1
    assert len({f.sha256 for f in facts}) == len(files)


def test_the_pixel_digest_is_of_size_and_8_bit_values():
    content = b"40x40:" + RAMP.astype(np.uint8).tobytes()
    assert pixel_digest((RAMP / 255).astype(np.float32)) == hashlib.sha256(content).hexdigest()


def test_one_grey_level_or_another_shape_changes_the_digest():
    pixels = (RAMP / 255).astype(np.float32)
    changed = pixels.copy()
    changed[3, 3] += 1 / 255
    assert pixel_digest(changed) != pixel_digest(pixels)
    assert pixel_digest(pixels.reshape(20, 80)) != pixel_digest(pixels)


def test_a_hash_stays_near_when_a_film_is_saved_again_smaller_or_darker(phantoms):
    for pixels in phantoms:
        image = Image.fromarray(np.rint(pixels * 255).astype(np.uint8))
        jpeg = read_radiograph_bytes(encoded(image, "JPEG", quality=60), name="film").pixels
        small = np.asarray(image.resize((60, 64)), dtype=np.float32) / 255
        for changed in (jpeg, small, pixels * np.float32(0.9)):
            assert differing_bits(perceptual_hash(changed), perceptual_hash(pixels)) <= 6


def test_the_hashes_of_different_patients_differ(phantoms):
    hashes = [perceptual_hash(pixels) for pixels in phantoms]
    assert len(set(hashes)) == len(hashes)
    assert all(len(h) == 16 and int(h, 16) >= 0 for h in hashes)


def test_an_even_film_has_a_hash_too():
    assert len(perceptual_hash(np.full((30, 30), 0.5, dtype=np.float32))) == 16


def test_contrast_is_the_95th_minus_the_5th_percentile():
    pixels = np.random.default_rng(0).random((100, 90), dtype=np.float32)
    exact = np.percentile(pixels, 95) - np.percentile(pixels, 5)
    # the grid of 4,096 levels, and the ranks between two pixels
    assert contrast(pixels) == pytest.approx(exact, abs=1e-3)
    assert contrast(np.full((20, 20), 0.3, dtype=np.float32)) == 0


def test_facts_repeat_what_the_radiograph_says():
    film = film_of(
        RAMP / 255, file_format="DICOM", colour_mode="MONOCHROME1", bits=12, view="PA",
        cautions=("a sentence",),
    )  # fmt: skip
    facts = film_facts(film)
    assert (facts.height, facts.width, facts.file_format) == (40, 40, "DICOM")
    assert (facts.colour_mode, facts.bits, facts.view) == ("MONOCHROME1", 12, "PA")
    assert facts.cautions == ("a sentence",)
    assert facts.contrast == contrast(film.pixels)


@pytest.mark.parametrize("top", [255, 1, 4095, 65535])
def test_facts_made_in_one_go_are_those_made_one_by_one(top):
    stored = np.random.default_rng(top).integers(0, top + 1, (90, 70))
    pixels = (stored / top).astype(np.float32) ** (1 if top == 255 else 2)
    facts, own_sketch = facts_and_sketch(film_of(pixels))
    assert facts == film_facts(film_of(pixels))
    assert facts.contrast == contrast(pixels)
    assert facts.pixel_digest == pixel_digest(pixels)
    assert facts.perceptual_hash == perceptual_hash(pixels)
    assert own_sketch.tobytes() == sketch(pixels).tobytes()


def test_greys_are_the_nearest_levels_and_say_whether_they_are_all():
    eight = np.arange(256, dtype=np.float32).reshape(16, 16) / np.float32(255)
    greys = greys_of(eight)
    assert greys.is_exact
    np.testing.assert_array_equal(greys.values.ravel(), np.arange(256))
    np.testing.assert_array_equal(greys.counts, np.ones(256))
    between = eight.copy()
    between[3, 3] += 0.4 / 255
    assert not greys_of(between).is_exact
    np.testing.assert_array_equal(greys_of(between).values, greys.values)


def test_a_large_film_is_told_the_same_in_blocks():
    pixels = np.random.default_rng(0).random((701, 640), dtype=np.float32)
    greys = greys_of(pixels)
    np.testing.assert_array_equal(greys.values, np.rint(pixels * np.float32(255)))
    np.testing.assert_array_equal(greys.counts, np.bincount(greys.values.ravel(), minlength=256))
    low, high = np.quantile(pixels, [0.05, 0.95])
    assert contrast(pixels) == pytest.approx(high - low, abs=2 / 4095)
    last_row = np.full((701, 640), 0.5, dtype=np.float32)
    assert not greys_of(last_row).is_exact
    last_row[:700] = 0
    assert not greys_of(last_row).is_exact


def test_a_film_of_few_low_grey_values_keeps_its_contrast_at_full_depth():
    stored = np.random.default_rng(0).integers(0, 100, (80, 80))
    pixels = (stored / 65535).astype(np.float32)
    assert film_facts(film_of(pixels)).contrast == contrast(pixels) < 1 / 255


@needs_real_films
def test_real_films_of_different_patients_have_hashes_far_apart():
    paths = sorted((REAL_FILMS / "kermany" / "Normal").iterdir())[:6]
    hashes = [perceptual_hash(read_radiograph(path).pixels) for path in paths]
    pairs = [(a, b) for i, a in enumerate(hashes) for b in hashes[:i]]
    assert min(differing_bits(a, b) for a, b in pairs) > 6
