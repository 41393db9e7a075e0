"""Whatever a power cut leaves: what is read is whole, and what was promised is there."""

import random
import sys

import numpy as np
import pytest

from carina.data.cache import FactsStore, LevelsStore
from carina.domain.film_facts import FilmFacts
from carina.domain.input_spec import InputSpec
from carina.files.atomic import write_text
from carina.files.generations import Generations
from carina.files.row_store import DiskStore
from making.disk_faults import cut_at_every_moment

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs fork and /proc")

SPEC = InputSpec(height=32, width=32)
ROUNDS = 1


def state(number):
    return bytes([number]) * 9000


def row(number, n_values=9000, dtype=np.uint8):
    return np.full(n_values, number, dtype=dtype)


def digest(number):
    return f"{number:02x}" * 32


def facts(number):
    return FilmFacts(digest(number), "pixels", "likeness", 32, 32, "PNG", "L", 8, number / 100)


def cuts(work, folder):
    for number in range(ROUNDS):
        top = folder / str(number)
        top.mkdir()
        yield from cut_at_every_moment(work, top, random.Random(number))


def test_a_file_is_the_old_one_or_the_new_one(tmp_path):
    def work(place, tell):
        for number in range(1, 3):
            write_text(place / "deep" / "card.json", str(number) * 9000)
            tell(str(number))

    n_cuts = 0
    for place, promised in cuts(work, tmp_path):
        n_cuts += 1
        file = place / "deep" / "card.json"
        found = file.read_text() if file.exists() else ""
        assert found in {"", *(str(number) * 9000 for number in range(1, 3))}
        assert not promised or found[0] >= promised
    assert n_cuts > 10


@pytest.mark.slow
def test_the_newest_state_that_was_written_is_found_and_whole(tmp_path):
    def work(place, tell):
        kept = Generations(place / "checkpoints", "training", ending="bin")
        for number in range(1, 4):
            kept.write(state(number), {"number": number})
            tell(str(number))

    for place, promised in cuts(work, tmp_path):
        kept = Generations(place / "checkpoints", "training", ending="bin")
        found, _ = kept.newest(lambda one: (one.content, one.facts["number"]))
        assert found is not None or not promised
        if found is not None:
            assert found[0] == state(found[1])
            assert found[1] >= int(promised or 0)
        kept.write(state(9), {"number": 9})  # and it goes on from there
        assert kept.newest(lambda one: one.content)[0] == state(9)


def test_rows_that_are_known_are_what_was_kept(tmp_path):
    def work(place, tell):
        for number in (1, 2):
            DiskStore(place / "rows", 9000).append({bytes([number]) * 32: row(number)})
            tell(str(number))

    for place, promised in cuts(work, tmp_path):
        for last in (4, 5):
            store = DiskStore(place / "rows", 9000)
            keys = [bytes([number]) * 32 for number in range(1, last)]
            missing = store.missing(keys)
            assert not set(missing) & set(range(int(promised or 0)))
            known = [at for at in range(len(keys)) if at not in missing]
            np.testing.assert_array_equal(
                store.read([keys[at] for at in known]),
                np.array([row(at + 1) for at in known], np.uint8).reshape(-1, 9000),
            )
            store.append({bytes([4]) * 32: row(4)})
        assert store.missing([bytes([4]) * 32]) == []


@pytest.mark.slow
def test_prepared_pixels_that_are_known_are_those_of_their_film(tmp_path):
    def levels(number):
        return row(number, 32 * 32, np.uint16).reshape(32, 32)

    films = {digest(number) for number in range(1, 6)}

    def work(place, tell):
        for number in (1, 2):
            LevelsStore(place, SPEC).append({digest(number): levels(number)})
            tell(str(number))

    for place, promised in cuts(work, tmp_path):
        for _ in range(2):
            store = LevelsStore(place, SPEC)
            known = {one: at for one, at in store.index().items() if one in films}
            assert set(known) >= {digest(n) for n in range(1, int(promised or 0) + 1)}
            for sha256, at in known.items():
                np.testing.assert_array_equal(store.rows()[at], levels(int(sha256[:2], 16)))
            store.append({digest(4): levels(4), digest(5): levels(5)})


def test_facts_that_are_known_are_those_of_their_film(tmp_path):
    def work(place, tell):
        for number in (1, 2):
            FactsStore(place).append([facts(number)])
            tell(str(number))

    for place, promised in cuts(work, tmp_path):
        for _ in range(2):
            known = FactsStore(place).load()
            assert set(known) >= {digest(n) for n in range(1, int(promised or 0) + 1)}
            for sha256, found in known.items():
                assert found == facts(int(sha256[:2], 16))
            FactsStore(place).append([facts(4)])
        assert digest(4) in FactsStore(place).load()
