import io
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from carina.data import cache as cache_module
from carina.data import open_dataset, scan
from carina.data.cache import FACTS_BYTES, FactsStore, LevelsStore
from carina.data.scan import FilmScan, scan_films, with_views
from carina.domain.input_spec import InputSpec
from carina.errors import StorageError
from carina.imaging.prepare import prepare_levels
from carina.imaging.read import read_radiograph
from carina.imaging.sketch import SKETCH
from making.datasets import (
    TEST_KEY,
    dataset_of,
    record_of,
    scan_of,
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
    real = scan.read_radiographs_bytes

    def counting(films):
        names.extend(film.name for film, _ in films)
        return real(films)

    monkeypatch.setattr(scan, "read_radiographs_bytes", counting)
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


def test_films_that_another_scan_kept_meanwhile_are_not_kept_again(dataset, tmp_path):
    scanned = scan_films(dataset, spec=SPEC, cache_dir=tmp_path / "here")
    facts = list({facts.sha256: facts for facts in scanned.facts.values()}.values())
    levels = {facts.sha256: np.full((16, 24), n, dtype=np.uint16) for n, facts in enumerate(facts)}
    # Both have looked before either of them writes.
    facts_stores = [FactsStore(tmp_path / "cache") for _ in range(2)]
    levels_stores = [LevelsStore(tmp_path / "cache", SPEC) for _ in range(2)]
    assert [store.load() for store in facts_stores] == [{}, {}]
    for facts_store, levels_store in zip(facts_stores, levels_stores, strict=True):
        facts_store.append(facts[:5])
        levels_store.append(levels)
        facts_store.append(facts)
    (lines,) = (tmp_path / "cache").glob("films-*/facts.jsonl")
    assert len(lines.read_text().splitlines()) == len(facts) == 7
    assert levels_stores[0].rows().shape == (7, 16, 24)
    assert all(
        np.array_equal(levels_stores[1].rows()[row], levels[sha256])
        for sha256, row in levels_stores[0].index().items()
    )
    assert facts_stores[0].load() == facts_stores[1].load()


def test_pixels_that_a_disk_lost_in_silence_are_prepared_again(dataset, tmp_path):
    first = scan_films(dataset, spec=SPEC, cache_dir=tmp_path / "here")
    keys = list(first.facts)
    wanted = first.pixels.levels(keys)
    (rows,) = (tmp_path / "here").glob("levels-*/*/rows.u16")
    rows.write_bytes(rows.read_bytes()[: 16 * 24 * 2] + bytes(6 * 16 * 24 * 2))
    for _ in range(2):
        again = scan_films(dataset, spec=SPEC, cache_dir=tmp_path / "here")
        assert np.array_equal(again.pixels.levels(keys), wanted)
    assert rows.stat().st_size == (7 + 6) * 16 * 24 * 2  # once for all


def test_processes_that_scan_at_once_keep_every_film_once(dataset, tmp_path):
    folder, store = dataset.sources[0].folder, tmp_path / "cache"
    code = (
        "import sys; from pathlib import Path\n"
        "from carina.data import open_dataset; from carina.data.patients import PatientKey\n"
        "from carina.data.scan import scan_films; from carina.domain.input_spec import InputSpec\n"
        "dataset = open_dataset([sys.argv[1]], patient_key=PatientKey(bytes(32)))\n"
        "spec = InputSpec(height=16, width=24)\n"
        "scan_films(dataset, spec=spec, cache_dir=Path(sys.argv[2]))\n"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, folder, str(store)]) for _ in range(3)
    ]
    assert [process.wait() for process in processes] == [0, 0, 0]
    (rows,) = store.glob("levels-*/*/rows.u16")
    (lines,) = store.glob("films-*/facts.jsonl")
    assert rows.stat().st_size == 7 * 16 * 24 * 2
    assert len(lines.read_text().splitlines()) == 7


@pytest.mark.parametrize("package", ["pillow", "pydicom"])
def test_another_version_of_a_decoder_decodes_anew(
    dataset, tmp_path, decodings, monkeypatch, package
):
    scan_films(dataset, spec=SPEC, cache_dir=tmp_path / "cache")
    real = cache_module.version
    monkeypatch.setattr(
        cache_module, "version", lambda name: "99.1" if name == package else real(name)
    )
    scan_films(dataset, spec=SPEC, cache_dir=tmp_path / "cache")
    assert len(decodings) == 14
    folders = sorted(entry.name for entry in (tmp_path / "cache").iterdir())
    assert len(folders) == 6
    assert sum(f"{package}99.1" in name for name in folders) == 3


def free_room(monkeypatch, n_bytes):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=n_bytes))


def test_a_disk_without_room_is_refused_before_a_film_is_decoded(
    dataset, tmp_path, decodings, monkeypatch
):
    free_room(monkeypatch, 7 * 16 * 24 * 2)
    with pytest.raises(StorageError, match=r"MB are needed.*CARINA_CACHE_DIR"):
        scan_films(dataset, spec=SPEC, cache_dir=tmp_path / "cache")
    assert decodings == []


def test_films_that_the_cache_knows_and_copies_need_no_room(
    dataset, tmp_path, decodings, monkeypatch
):
    one_film = 16 * 24 * 2 + SKETCH.itemsize + FACTS_BYTES
    free_room(monkeypatch, 7 * one_film)
    scan_films(dataset, spec=SPEC, cache_dir=tmp_path / "cache")
    free_room(monkeypatch, one_film)
    write_film(dataset.records[-1].file, 77)
    scan_films(dataset, spec=SPEC, cache_dir=tmp_path / "cache")
    free_room(monkeypatch, 0)
    scan_films(dataset, spec=SPEC, cache_dir=tmp_path / "cache")
    assert len(decodings) == 8


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no pinning on this system")
def test_a_process_pinned_to_one_core_reads_with_one_thread(dataset, tmp_path, monkeypatch):
    threads = set()
    real = scan.facts_and_sketch

    def noting(film):
        threads.add(threading.get_ident())
        return real(film)

    monkeypatch.setattr(scan, "facts_and_sketch", noting)
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        scan_films(dataset, spec=SPEC, cache_dir=tmp_path / "cache")
    finally:
        os.sched_setaffinity(0, cores)
    assert len(threads) == 1


def test_views_that_the_films_told_fill_the_gaps_of_the_data_set():
    records = [
        record_of("told.dcm", "A"),
        record_of("named.dcm", "A", view="AP"),
        record_of("silent.png", "A"),
        record_of("unreadable.dcm", "A"),
    ]
    facts = dict(scan_of(records[:3]).facts)
    for key in ("made/told.dcm", "made/named.dcm"):
        facts[key] = replace(facts[key], view="PA")
    dataset = dataset_of(records)
    filled = with_views(dataset, FilmScan(facts=facts))
    assert [record.view for record in filled.records] == ["PA", "AP", None, None]
    assert [replace(record, view=None) for record in filled.records] == [
        replace(record, view=None) for record in records
    ]


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


def test_what_is_said_of_an_unreadable_film_does_not_tell_where_the_films_lie(tmp_path):
    root = write_class_folders(tmp_path / "films", {"A": 2, "B": 2})
    (root / "A" / "folder.png").symlink_to(root / "gone.png")
    (root / "B" / "cut.png").write_bytes((root / "B" / "film000.png").read_bytes()[:60])
    made = shutil.make_archive(tmp_path / "packed", "zip", root, "B")
    for data in (root, made):
        opened = open_dataset([data], patient_key=TEST_KEY)
        result = scan_films(opened, spec=None, cache_dir=tmp_path / "cache")
        assert result.unreadable
        for film in result.unreadable:
            assert str(tmp_path) not in film.message
            assert film.path in film.message
