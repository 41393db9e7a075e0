"""Data sets inside of archives: the same films as on disk, named by the archive."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from carina.data import open_dataset
from carina.data.lung_masks import lung_mask_file
from carina.data.scan import scan_films
from carina.domain.recipe import LabelsSection
from carina.errors import DatasetError, InputError
from carina.imaging import read_radiograph
from carina.imaging.lung_masks import read_lung_mask
from carina.workflows.film_files import find_films, state_of
from making.archives import archive_of, write_zip
from making.datasets import (
    TEST_KEY,
    write_class_folders,
    write_covid_chestxray,
    write_film,
    write_manifest_csv,
)


def opened(*paths, **labels):
    return open_dataset(paths, labels=LabelsSection(**labels), patient_key=TEST_KEY)


def parts(root):
    return write_class_folders(root, {"Train/A": 2, "Train/B": 1, "test/A": 1, "test/B": 1})


def classes(root):
    write_class_folders(root, {"COVID 19/deep": 1, "normal": 2})
    write_film(root / "lung-masks" / "normal" / "film000.png", 7)
    return root


def kermany(root):
    write_film(root / "PNEUMONIA" / "person1_virus_6.png", 1)
    write_film(root / "NORMAL" / "IM-0115-0001.png", 2)
    return root


def nih(root):
    for number in range(4):
        write_film(root / "AB"[number % 2] / f"0000000{number // 2}_00{number}.png", number)
    return root


def covid(root):
    rows = [
        {"filename": "a.png"},
        {"filename": "b.png", "finding": "No Finding"},
        {"filename": "../secret.png", "absent": "yes"},
    ]
    return write_covid_chestxray(root, rows, masks=1)


LAYOUTS = {
    "class-folders": parts,
    "class-folders alone": classes,
    "kermany": kermany,
    "nih": nih,
    "covid-chestxray": covid,
}


@pytest.mark.parametrize("top", ["", "one more"])
@pytest.mark.parametrize("suffix", [".zip", ".tar"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_is_the_same_in_an_archive(tmp_path, layout, suffix, top):
    on_disk = LAYOUTS[layout](tmp_path / "disk" / (top or "set"))
    archive = archive_of(tmp_path / "disk" if top else on_disk, tmp_path / f"set{suffix}")
    ours, theirs = opened(archive), opened(on_disk)
    assert ours.sources[0].layout == theirs.sources[0].layout == layout.split()[0]
    assert ours.sources[0].name == "set"
    above = f"set{suffix}!/{top}/" if top else f"set{suffix}!/"
    for one, other in zip(ours.records, theirs.records, strict=True):
        assert one.path == above + other.path
        assert one.file == tmp_path / one.path
        assert (one.label, one.part, one.patient) == (other.label, other.part, other.patient)
        assert read_radiograph(one.file).sha256 == read_radiograph(other.file).sha256
        assert one.lung_mask == (other.lung_mask and above + other.lung_mask)
    assert [item.reason for item in ours.left_out] == [item.reason for item in theirs.left_out]


def test_masks_in_an_archive_are_found_and_read(tmp_path):
    archive = archive_of(classes(tmp_path / "disk"), tmp_path / "x.zip")
    record = next(r for r in opened(archive).records if r.lung_mask)
    assert lung_mask_file(record) == tmp_path / "x.zip!" / "lung-masks" / "normal" / "film000.png"
    assert read_lung_mask(lung_mask_file(record), height=32, width=32).any()


def manifest(root, name="films.csv", **extra):
    write_class_folders(root, {"films": 3})
    write_film(root / "masks" / "m.png", 1)
    rows = [
        {"path": f"films/film00{n}.png", "label": "AB"[n % 2], "lung_mask": ""} for n in range(3)
    ]
    rows[0] |= {"lung_mask": "masks/m.png"}
    rows[0] |= extra
    write_manifest_csv(root / name, rows)
    return root


@pytest.mark.parametrize("top", ["", "top/"])
def test_a_manifest_in_an_archive_is_read(tmp_path, top):
    manifest(tmp_path / "disk" / top)
    write_manifest_csv(tmp_path / "disk" / top / "notes.csv", [{"film": "a", "said": "b"}])
    archive = archive_of(tmp_path / "disk", tmp_path / "x.zip")
    for given in (archive, Path(f"{archive}!/{top}films.csv")):
        dataset = opened(given)
        assert dataset.sources[0].layout == "csv"
        assert [r.path for r in dataset.records] == [
            f"x.zip!/{top}films/film00{n}.png" for n in range(3)
        ]
        assert [r.label for r in dataset.records] == ["A", "B", "A"]
        assert dataset.records[0].lung_mask == f"x.zip!/{top}masks/m.png"
        assert read_radiograph(lung_mask_file(dataset.records[0])).height == 32


def test_a_row_in_an_archive_names_nothing_outside_of_it(tmp_path):
    write_film(tmp_path / "secret.png", 1)
    for path in ("../secret.png", str(tmp_path / "secret.png"), "C:\\secret.png", "films/../../s"):
        archive = archive_of(manifest(tmp_path / "disk", path=path), tmp_path / "x.zip")
        with pytest.raises(DatasetError, match="1 films outside of the archive: line 2: "):
            opened(archive)
    outside = archive_of(manifest(tmp_path / "disk", lung_mask="../secret.png"), tmp_path / "x.zip")
    assert opened(outside).records[0].lung_mask is None


def test_several_manifests_in_an_archive_are_named(tmp_path):
    manifest(tmp_path / "disk")
    archive = archive_of(manifest(tmp_path / "disk", name="more.csv"), tmp_path / "x.zip")
    with pytest.raises(DatasetError, match=r"holds 2 manifests \(films.csv, more.csv\); name one"):
        opened(archive)
    assert len(opened(Path(f"{archive}!/more.csv")).records) == 3


def test_a_manifest_on_disk_names_members_of_archives(tmp_path):
    films = write_class_folders(tmp_path / "disk", {"a": 2})
    (tmp_path / "data").mkdir()
    archive_of(films, tmp_path / "data" / "x.zip")
    rows = [
        {"path": "x.zip!/a/film000.png", "label": "A"},
        {"path": "x.zip!\\a\\film001.png", "label": "B"},
        {"path": f"{tmp_path / 'data' / 'x.zip'}!/a/film000.png", "label": "A"},
        {"path": "x.zip!/a/nothing.png", "label": "A"},
    ]
    dataset = opened(write_manifest_csv(tmp_path / "data" / "m.csv", rows))
    assert [r.path for r in dataset.records] == [
        f"x.zip!/a/{name}.png" for name in ("film000", "film001", "nothing")
    ]
    assert "1 film not there: line 5: x.zip!/a/nothing.png" in dataset.notes
    away = write_manifest_csv(tmp_path / "else" / "m.csv", [rows[2]])
    assert [r.path for r in opened(away).records] == ["x.zip!/a/film000.png"]


def test_a_folder_in_an_archive_is_data_of_its_own(tmp_path):
    archive = archive_of(parts(tmp_path / "disk"), tmp_path / "x.zip")
    dataset = opened(Path(f"{archive}!/Train"))
    assert {r.path for r in dataset.records} == {
        "x.zip!/Train/A/film000.png", "x.zip!/Train/A/film001.png", "x.zip!/Train/B/film000.png"
    }  # fmt: skip
    assert dataset.sources[0].name == "Train"
    with pytest.raises(DatasetError, match="does not exist in the archive"):
        opened(Path(f"{archive}!/Nothing"))


def test_what_systems_leave_is_counted(tmp_path):
    root = parts(tmp_path / "disk")
    for name in ("__MACOSX/Train/A/._film000.png", "Train/.DS_Store", "test/A/Thumbs.db"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"litter")
    dataset = opened(archive_of(root, tmp_path / "x.zip"))
    assert len(dataset.records) == 5
    note = "3 files that operating systems left passed over (.DS_Store 1, __MACOSX 1, Thumbs.db 1)"
    assert [n for n in dataset.notes if n.startswith("3")] == [note]


@pytest.mark.parametrize("name", ["x.tar.gz", "x.tgz", "x.7z", "x.zip"])
def test_an_archive_that_is_not_read_says_what_to_do(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"7z\xbc\xaf\x27\x1c" if name.endswith("7z") else b"\x1f\x8b" + bytes(50))
    with pytest.raises(DatasetError, match="unpack it and name the folder"):
        opened(path)
    with pytest.raises(InputError, match="unpack it and name the folder"):
        find_films(path)


def test_an_archive_in_a_folder_is_passed_over_and_counted(tmp_path):
    root = parts(tmp_path / "disk")
    write_zip(root / "Train" / "A" / "more.zip", {"a.png": b""})
    assert "1 file passed over, being no films (.zip 1)" in opened(root).notes
    assert len(find_films(root).films) == 5


def test_films_in_archives_are_found_like_those_in_folders(tmp_path):
    root = parts(tmp_path / "disk")
    (root / "IM1").write_bytes(bytes(128) + b"DICM" + bytes(100))
    (root / "README").write_bytes(b"no film")
    archive = archive_of(root, tmp_path / "x.tar")
    films = find_films(archive).films
    on_disk = find_films(root).films
    assert [film.file for film in films] == [
        f"{archive}!/{film.inside.replace(os.sep, '/')}" for film in on_disk
    ]
    assert [film.inside for film in films] == [film.inside for film in on_disk]
    again = find_films([f"{archive}!/Train/A/film000.png", f"{archive}!/test", archive]).films
    assert {film.file for film in again} == {film.file for film in films}
    assert state_of(films[0]).n_bytes == archive.stat().st_size
    with pytest.raises(InputError, match="does not exist"):
        find_films(f"{archive}!/nothing.png")


def test_films_in_an_archive_are_scanned_as_on_disk(tmp_path):
    root = parts(tmp_path / "disk")
    (root / "Train" / "A" / "broken.png").write_bytes(b"no film")
    ours = opened(archive_of(root, tmp_path / "x.zip"))
    scan = scan_films(ours, spec=None, cache_dir=tmp_path / "cache")
    assert len(scan.facts) == 5
    assert [(one.path, one.code) for one in scan.unreadable] == [
        ("x.zip!/Train/A/broken.png", "unknown-format")
    ]
    theirs = scan_films(opened(root), spec=None, cache_dir=tmp_path / "cache")
    assert {f.sha256 for f in theirs.facts.values()} == {f.sha256 for f in scan.facts.values()}


def test_the_terms_of_a_fetched_data_set_are_known_in_its_archive(tmp_path):
    from carina.data.fetched import FetchedFrom, write_fetched

    fetched = FetchedFrom(
        name="x", title="x", address="x", page="x", licence="CC BY 4.0", citation="Somebody",
        caution="", fetched="2026-01-01", archive_sha256="", content_sha256="", n_files=1,
    )  # fmt: skip
    root = parts(tmp_path / "disk" / "top")
    write_fetched(root, fetched)
    dataset = opened(archive_of(tmp_path / "disk", tmp_path / "x.zip"))
    assert dataset.sources[0].licence == "CC BY 4.0"


@pytest.mark.slow
def test_an_archive_of_100_000_films_is_listed_in_seconds(tmp_path):
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((8, 8), dtype=np.uint8)).save(buffer, format="PNG")
    files = {f"{'AB'[n % 2]}/{n:06d}.png": buffer.getvalue() for n in range(100_000)}
    dataset = opened(write_zip(tmp_path / "x.zip", files))
    assert len(dataset.records) == 100_000
