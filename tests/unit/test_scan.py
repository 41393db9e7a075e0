import io
import threading

import numpy as np
import pytest
from carina.imaging.prepare import prepare_levels
from carina.imaging.read import read_radiograph
from PIL import Image

from carina.data import open_dataset, scan
from carina.data.scan import scan_films
from carina.domain.input_spec import InputSpec
from carina.errors import StorageError
from making.datasets import (
    TEST_KEY,
    tiny_pixels,
    write_class_folders,
    write_film,
    write_medmnist,
)
from making.real_films import REAL_FILMS, needs_real_films

SPEC = InputSpec(height=16, width=24)


@pytest.fixture
def dataset(tmp_path):
    root = write_class_folders(tmp_path / "films", {"A": 4, "B": 3})
    write_film(root / "A" / "copy of film000.png", 0)
    return open_dataset([root], patient_key=TEST_KEY)


@pytest.fixture
def decodings(monkeypatch):
    """Count the films that are really decoded."""
    names = []
    real = scan.read_radiograph_bytes

    def counting(data, *, name):
        names.append(name)
        return real(data, name=name)

    monkeypatch.setattr(scan, "read_radiograph_bytes", counting)
    return names


def test_every_film_has_facts_and_the_pixels_that_prepare_makes(dataset, tmp_path):
    result = scan_films(dataset, spec=SPEC, cache_dir=tmp_path / "cache")
    keys = [record.key for record in dataset.records]
    assert set(result.facts) == set(keys)
    levels = result.pixels.levels(keys)
    assert levels.shape == (8, 16, 24)
    assert levels.dtype == np.uint16
    for record, own in zip(dataset.records, levels, strict=True):
        assert np.array_equal(own, prepare_levels(read_radiograph(record.file), SPEC))
        assert result.facts[record.key].height == 32


def test_levels_gather_any_order_and_repeats(dataset, tmp_path):
    pixels = scan_films(dataset, spec=SPEC, cache_dir=tmp_path / "cache").pixels
    a, b = dataset.records[0].key, dataset.records[3].key
    levels = pixels.levels([b, a, b])
    assert np.array_equal(levels[0], levels[2])
    assert np.array_equal(levels[1], pixels.levels([a])[0])
    assert pixels.levels([]).shape == (0, 16, 24)


def test_each_film_is_decoded_once_ever(dataset, tmp_path, decodings):
    first = scan_films(dataset, spec=SPEC, cache_dir=tmp_path / "cache")
    # Eight files, of which two have the same bytes.
    assert len(decodings) == 7
    again = scan_films(dataset, spec=SPEC, cache_dir=tmp_path / "cache")
    assert len(decodings) == 7
    assert again.facts == first.facts
    scan_films(dataset, spec=None, cache_dir=tmp_path / "cache")
    assert len(decodings) == 7
    scan_films(dataset, spec=InputSpec(height=20, width=20), cache_dir=tmp_path / "cache")
    assert len(decodings) == 14


def test_a_changed_film_is_decoded_again(dataset, tmp_path, decodings):
    scan_films(dataset, spec=SPEC, cache_dir=tmp_path / "cache")
    before = len(decodings)
    write_film(dataset.records[-1].file, 77)
    result = scan_films(dataset, spec=SPEC, cache_dir=tmp_path / "cache")
    assert len(decodings) == before + 1
    expected = prepare_levels(read_radiograph(dataset.records[-1].file), SPEC)
    assert np.array_equal(result.pixels.levels([dataset.records[-1].key])[0], expected)


def test_unreadable_films_are_listed_and_the_others_go_on(dataset, tmp_path):
    (tmp_path / "films" / "A" / "empty.png").write_bytes(b"")
    (tmp_path / "films" / "A" / "text.png").write_bytes(b"no picture")
    (tmp_path / "films" / "B" / "text too.png").write_bytes(b"no picture")
    dataset = open_dataset([tmp_path / "films"], patient_key=TEST_KEY)
    result = scan_films(dataset, spec=SPEC, cache_dir=tmp_path / "cache")
    assert [(one.path, one.code) for one in result.unreadable] == [
        ("A/empty.png", "empty-file"),
        ("A/text.png", "unknown-format"),
        ("B/text too.png", "unknown-format"),
    ]
    assert result.unreadable_keys == {f"films/{one.path}" for one in result.unreadable}
    assert len(result.facts) == 8
    for one in result.unreadable:
        assert one.path.split("/")[-1] in one.message


def test_a_film_that_vanished_is_unreadable(dataset, tmp_path):
    dataset.records[0].file.unlink()
    result = scan_films(dataset, spec=None, cache_dir=tmp_path / "cache")
    assert [one.code for one in result.unreadable] == ["not-found"]


def test_progress_counts_every_film(dataset, tmp_path):
    steps = []
    scan_films(dataset, spec=SPEC, cache_dir=tmp_path / "cache", progress=steps.append)
    assert [(step.done, step.total) for step in steps] == [(n, 8) for n in range(1, 9)]
    assert steps[-1].stage == "reading films"
    assert steps[-1].facts["films/s"] > 0


def test_the_order_of_the_films_does_not_matter(dataset, tmp_path):
    turned = dataset.with_records(reversed(dataset.records))
    first = scan_films(dataset, spec=SPEC, cache_dir=tmp_path / "one")
    second = scan_films(turned, spec=SPEC, cache_dir=tmp_path / "two")
    keys = [record.key for record in dataset.records]
    assert first.facts == second.facts
    assert np.array_equal(first.pixels.levels(keys), second.pixels.levels(keys))


@pytest.mark.parametrize("kept_bytes", [0, 1, 16 * 24 * 2 + 5])
def test_a_cut_off_store_is_made_good(dataset, tmp_path, kept_bytes):
    cache = tmp_path / "cache"
    before = scan_films(dataset, spec=SPEC, cache_dir=cache)
    keys = [record.key for record in dataset.records]
    expected = before.pixels.levels(keys)
    (rows,) = cache.glob("levels-*/*/rows.u16")
    rows.write_bytes(rows.read_bytes()[:kept_bytes])
    after = scan_films(dataset, spec=SPEC, cache_dir=cache)
    assert np.array_equal(after.pixels.levels(keys), expected)


@pytest.mark.parametrize("cut", [1, 31, 40])
def test_a_cut_off_index_is_made_good(dataset, tmp_path, cut):
    cache = tmp_path / "cache"
    keys = [record.key for record in dataset.records]
    expected = scan_films(dataset, spec=SPEC, cache_dir=cache).pixels.levels(keys)
    (index,) = cache.glob("levels-*/*/index.sha256")
    index.write_bytes(index.read_bytes()[:-cut])
    after = scan_films(dataset, spec=SPEC, cache_dir=cache)
    assert np.array_equal(after.pixels.levels(keys), expected)


def test_a_half_written_line_of_facts_is_passed_over(dataset, tmp_path, decodings):
    cache = tmp_path / "cache"
    first = scan_films(dataset, spec=None, cache_dir=cache)
    (facts,) = cache.glob("films-*/facts.jsonl")
    facts.write_bytes(facts.read_bytes()[:-20])
    assert scan_films(dataset, spec=None, cache_dir=cache).facts == first.facts
    assert len(decodings) == 8
    # The line that was cut off spoils nothing that came after it.
    assert scan_films(dataset, spec=None, cache_dir=cache).facts == first.facts
    assert len(decodings) == 8


def test_two_scans_at_once_agree(dataset, tmp_path):
    results = []

    def work():
        results.append(scan_films(dataset, spec=SPEC, cache_dir=tmp_path / "cache"))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    keys = [record.key for record in dataset.records]
    for record, own in zip(dataset.records, results[0].pixels.levels(keys), strict=True):
        assert np.array_equal(own, prepare_levels(read_radiograph(record.file), SPEC))
    assert all(
        np.array_equal(one.pixels.levels(keys), results[0].pixels.levels(keys)) for one in results
    )


def test_no_file_name_is_kept_in_the_cache(dataset, tmp_path):
    scan_films(dataset, spec=SPEC, cache_dir=tmp_path / "cache")
    for file in (tmp_path / "cache").rglob("*"):
        assert "film0" not in file.name
        assert file.is_dir() or b"film0" not in file.read_bytes()


def test_a_cache_that_cannot_be_written_is_a_storage_error(dataset, tmp_path):
    (tmp_path / "cache").write_text("a file, not a folder")
    with pytest.raises(StorageError, match="cannot write"):
        scan_films(dataset, spec=SPEC, cache_dir=tmp_path / "cache")


def test_medmnist_members_are_read_and_equal_their_png(tmp_path):
    write_medmnist(tmp_path / "m.npz")
    dataset = open_dataset([tmp_path / "m.npz"], patient_key=TEST_KEY)
    result = scan_films(dataset, spec=SPEC, cache_dir=tmp_path / "cache")
    assert len(result.facts) == 12
    assert result.unreadable == ()
    png = io.BytesIO()
    Image.fromarray(tiny_pixels(0, side=28)).save(png, "PNG")
    film = tmp_path / "same.png"
    film.write_bytes(png.getvalue())
    expected = prepare_levels(read_radiograph(film), SPEC)
    assert np.array_equal(result.pixels.levels(["m/m.npz!/train_images/0"])[0], expected)


@needs_real_films
def test_real_films_are_read_and_their_copies_found(tmp_path):
    dataset = open_dataset([REAL_FILMS / "covid-dataset"], patient_key=TEST_KEY)
    result = scan_films(dataset, spec=SPEC, cache_dir=tmp_path / "cache")
    assert result.unreadable == ()
    assert len(result.facts) == 346
    digests = {facts.pixel_digest for facts in result.facts.values()}
    assert len(digests) < 346
