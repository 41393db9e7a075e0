"""Near hashes, found without comparing all with all."""

import numpy as np
import pytest

from carina.auditing.hash_index import FramedHashes, near_hashes


def framed(bits, films=None):
    films = np.arange(len(bits)) if films is None else films
    frames = np.zeros((len(bits), 4), dtype=np.float32)
    return FramedHashes(np.asarray(films, dtype=np.int32), frames, bits)


def random_bits(n, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 2**64, (n, 2), dtype=np.uint64)


def flipped(bits, n_flips, rng):
    """Return hashes with so many of each one's bits turned over."""
    changed = bits.copy()
    for one in changed:
        for bit in rng.choice(128, n_flips, replace=False).tolist():
            one[bit // 64] ^= np.uint64(1) << np.uint64(bit % 64)
    return changed


def named(asked, kept, **options):
    """Return the pairs of films that are near, as a set of sorted pairs."""
    options = {"n_films": len(kept.film), "most_bits": 34, "most_per_film": 8, **options}
    places, others = near_hashes(asked, kept, **options)
    pairs = [
        tuple(sorted(p))
        for p in zip(asked.film[places].tolist(), kept.film[others].tolist(), strict=True)
    ]
    assert len(pairs) == len(set(pairs)), "two films are named twice"
    return set(pairs)


def test_hashes_with_few_different_bits_are_found_among_thousands():
    bits = random_bits(4000)
    copies = flipped(bits[:200], 16, np.random.default_rng(1))
    films = framed(np.concatenate([bits, copies]))
    found = named(films, films, most_bits=26)
    planted = {(number, 4000 + number) for number in range(200)}
    assert len(found & planted) >= 198
    assert not found - planted


@pytest.mark.slow
def test_both_words_of_a_hash_tell_films_apart():
    for word in (0, 1):
        bits = random_bits(3000)
        bits[:, word] = 5
        copies = flipped(bits[:100], 6, np.random.default_rng(1))
        films = framed(np.concatenate([bits, copies]))
        found = named(films, films, most_per_film=2)
        assert len(found & {(number, 3000 + number) for number in range(100)}) >= 98


def test_hashes_that_differ_in_more_bits_are_not_named():
    bits = random_bits(300)
    copies = flipped(bits[:100], 12, np.random.default_rng(2))
    films = framed(np.concatenate([bits, copies]))
    assert len(named(films, films, most_bits=12)) >= 99
    assert named(films, films, most_bits=11) == set()


def test_a_film_is_found_under_any_frame_that_was_asked_for_and_never_near_itself():
    bits = random_bits(50)
    asked = framed(np.concatenate([bits, random_bits(50, 1)]), [*range(50), *range(50)])
    kept = framed(np.concatenate([bits[:49], asked.bits[50:51]]))
    assert named(asked, kept) == {(0, 49)}


def test_of_a_thousand_equal_hashes_every_film_has_some_partners_and_all_are_joined():
    films = framed(np.repeat(random_bits(1), 1000, axis=0))
    found = named(films, films)
    assert len(found) <= 8 * 1000
    root = list(range(1000))
    for a, b in sorted(found):
        old, new = root[b], root[a]
        root = [new if one == old else one for one in root]
    assert len(set(root)) == 1


def test_a_film_keeps_its_nearest_films():
    base = random_bits(1)
    rng = np.random.default_rng(3)
    near = np.concatenate([flipped(base, n_flips, rng) for n_flips in range(1, 13)])
    films = framed(np.concatenate([base, near]))
    found = named(films, films, most_per_film=3)
    assert {(0, 1), (0, 2), (0, 3)} <= found


def test_no_films_have_no_near_hashes():
    none = framed(np.empty((0, 2), dtype=np.uint64))
    assert named(none, none) == set()
