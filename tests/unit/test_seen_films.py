"""What a worker tells of films is what a scan finds itself; here without another process."""

import pickle

import numpy as np
import pytest

from carina.data import cache, open_dataset
from carina.data.scan import scan_films
from carina.domain.input_spec import InputSpec
from carina.files import row_store
from making.datasets import TEST_KEY, write_class_folders, write_film

SPEC = InputSpec(height=24, width=16)


@pytest.fixture
def dataset(tmp_path):
    root = write_class_folders(tmp_path / "films", {"A": 12, "B": 3})
    write_film(root / "A" / "copy of film000.png", 0)
    (root / "B" / "broken.png").write_bytes(b"no film")
    return open_dataset([root], patient_key=TEST_KEY)


def sent(films, seeing):
    """Do what another process would, with what can be sent to one."""
    look = pickle.loads(pickle.dumps(seeing))()
    for few in films:
        yield pickle.loads(pickle.dumps(look(few)))


@pytest.mark.parametrize("spec", [SPEC, None])
def test_a_scan_in_other_processes_finds_what_one_in_this_process_does(dataset, tmp_path, spec):
    one = scan_films(dataset, spec=spec, cache_dir=tmp_path / "one")
    two = scan_films(dataset, spec=spec, cache_dir=tmp_path / "two", elsewhere=sent)
    assert two.facts == one.facts
    assert two.unreadable == one.unreadable
    assert two.states == one.states
    keys = list(one.facts)
    assert np.array_equal(two.sketches.of(keys), one.sketches.of(keys))
    if spec is not None:
        assert np.array_equal(two.pixels.levels(keys), one.pixels.levels(keys))


def test_films_that_the_cache_knows_are_hashed_and_not_decoded_again(dataset, tmp_path):
    told = []

    def listened(films, seeing):
        for seen in sent(films, seeing):
            told.extend(seen)
            yield seen

    first = scan_films(dataset, spec=SPEC, cache_dir=tmp_path / "c", elsewhere=listened)
    n_decoded = sum(film.facts is not None for film in told)
    told.clear()
    again = scan_films(dataset, spec=SPEC, cache_dir=tmp_path / "c", elsewhere=listened)
    assert n_decoded == 16
    assert not any(film.facts for film in told)
    assert again.facts == first.facts
    assert [film.error[1] for film in told if film.error] == ["unknown-format"]


def test_of_the_cache_only_what_is_met_is_read(dataset, tmp_path, monkeypatch):
    scan_films(dataset, spec=SPEC, cache_dir=tmp_path / "c")
    other = write_class_folders(tmp_path / "other", {"A": 1})
    write_film(other / "A" / "met before.png", 3)
    read = []
    for module in (cache, row_store):
        monkeypatch.setattr(module, "_check", _noting(module._check, read))
    few = open_dataset([other], patient_key=TEST_KEY)
    scan_films(few, spec=SPEC, cache_dir=tmp_path / "c", elsewhere=sent)
    # Levels and sketch, of as many films at the most.
    assert 0 < len(read) <= 2 * len(few.records)


def test_a_damaged_row_of_a_film_that_is_met_is_made_again(dataset, tmp_path):
    whole = scan_films(dataset, spec=SPEC, cache_dir=tmp_path / "c")
    keys = list(whole.facts)
    wanted = whole.pixels.levels(keys).copy()
    (rows,) = (tmp_path / "c").rglob("rows.u16")
    data = bytearray(rows.read_bytes())
    data[0] ^= 1
    rows.write_bytes(data)
    again = scan_films(dataset, spec=SPEC, cache_dir=tmp_path / "c", elsewhere=sent)
    assert np.array_equal(again.pixels.levels(keys), wanted)


def _noting(check, read):
    def noted(row):
        read.append(row)
        return check(row)

    return noted
