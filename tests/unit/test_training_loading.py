import threading

import numpy as np
import pytest

from carina.domain.recipe import AugmentSection
from carina.training.loading import epoch_batches
from making.training_films import easy_part, film_part

AUGMENT = AugmentSection(rotation_degrees=20, zoom=0.2, horizontal_flip=True, noise_std=0.05)
PART = easy_part(21)


def images_by_film(order, *, batch_size, seed=0, epoch=1, part=PART):
    found = {}
    with epoch_batches(
        part, order, batch_size=batch_size, augment=AUGMENT, seed=seed, epoch=epoch
    ) as batches:
        images = np.concatenate([batch.images.numpy() for batch in batches])
    for film, image in zip(order, images, strict=True):
        found.setdefault(int(film), []).append(image)
    return found


def same(one, other):
    return all(np.array_equal(one[film], other[film]) for film in one)


def loader_threads():
    return [t for t in threading.enumerate() if t.name.startswith("carina-loader")]


def test_batches_come_in_the_order_asked_for():
    order = np.random.default_rng(0).permutation(21)
    with epoch_batches(
        PART, order, batch_size=4, augment=AugmentSection(), seed=0, epoch=1
    ) as coming:
        batches = list(coming)
    assert [len(batch.labels) for batch in batches] == [4, 4, 4, 4, 4, 1]
    labels = np.concatenate([batch.labels.numpy() for batch in batches])
    assert labels.tolist() == PART.labels[order].tolist()
    levels = PART.read_levels([PART.keys[film] for film in order])
    images = np.concatenate([batch.images.numpy() for batch in batches])
    assert images.dtype == np.float32
    np.testing.assert_array_equal(images[:, 0], levels.astype(np.float32) / np.float32(65535))


def test_a_films_changes_depend_on_neither_batch_nor_order():
    order = np.arange(21)
    whole = images_by_film(order, batch_size=7)
    assert same(whole, images_by_film(order[::-1], batch_size=2))
    alone = film_part(PART.read_levels(PART.keys)[5:6], [0])
    renamed = type(PART)(keys=PART.keys[5:6], labels=alone.labels, read_levels=PART.read_levels)
    assert np.array_equal(images_by_film(np.array([0]), batch_size=1, part=renamed)[0], whole[5])


@pytest.mark.parametrize("other", [{"seed": 1}, {"epoch": 2}])
def test_another_seed_or_epoch_changes_films_otherwise(other):
    order = np.arange(21)
    assert not same(
        images_by_film(order, batch_size=7), images_by_film(order, batch_size=7, **other)
    )


def test_films_that_look_alike_are_changed_in_ways_of_their_own():
    alike = film_part(np.repeat(PART.read_levels(PART.keys[:1]), 6, axis=0), [0] * 6)
    found = images_by_film(np.arange(6), batch_size=6, part=alike)
    assert len({images[0].tobytes() for images in found.values()}) == 6


def test_a_film_drawn_twice_is_changed_in_two_ways():
    first, second = images_by_film(np.array([3, 3]), batch_size=1)[3]
    assert not np.array_equal(first, second)


def test_the_thread_has_ended_after_the_last_batch():
    images_by_film(np.arange(21), batch_size=2)
    assert not loader_threads()


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_the_thread_has_ended_after_an_interruption(error):
    def interrupted():
        with epoch_batches(
            PART, np.arange(21), batch_size=1, augment=AUGMENT, seed=0, epoch=1
        ) as batches:
            next(batches)
            raise error

    with pytest.raises(error):
        interrupted()
    assert not loader_threads()


def test_a_film_that_cannot_be_read_stops_the_epoch_with_its_own_error():
    def refuse(keys):
        if PART.keys[9] in keys:
            raise OSError("film-0-9 is gone")
        return PART.read_levels(keys)

    broken = type(PART)(keys=PART.keys, labels=PART.labels, read_levels=refuse)
    with pytest.raises(OSError, match="film-0-9 is gone"):
        images_by_film(np.arange(21), batch_size=4, part=broken)
    assert not loader_threads()


def test_keys_and_labels_of_different_number_are_a_wrong_call():
    with pytest.raises(ValueError, match="21 keys and 1 labels"):
        type(PART)(keys=PART.keys, labels=PART.labels[:1], read_levels=PART.read_levels)
