import errno
import hashlib
import io
import json
import sys
import types
import zipfile
from dataclasses import replace

import pytest
from PIL import Image

import carina
from carina.data import open_dataset
from carina.data.catalogue import KNOWN_DATASETS, known_dataset
from carina.data.fetched import read_fetched
from carina.errors import (
    DatasetError,
    DownloadError,
    MissingExtraError,
    StorageError,
    UnknownNameError,
    UsageError,
)
from carina.files.recipes import shipped_recipes
from carina.workflows.data import get_data
from making.datasets import TEST_KEY, tiny_pixels, write_medmnist
from making.file_server import serving

COUNTS = {"train/COVID19": 3, "train/NORMAL": 4, "test/COVID19": 2, "test/NORMAL": 2}


def png(number):
    stream = io.BytesIO()
    Image.fromarray(tiny_pixels(number)).save(stream, "PNG")
    return stream.getvalue()


def archive_of(top="", counts=COUNTS, first=0):
    stream = io.BytesIO()
    number = first
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(f"{top}README.md", "films")
        for folder, n_films in counts.items():
            for index in range(n_films):
                archive.writestr(f"{top}Data/{folder}/{index}.png", png(number))
                number += 1
    return stream.getvalue()


@pytest.fixture
def server():
    with serving({"master.zip": archive_of("datasets-master/")}) as running:
        yield running


@pytest.fixture
def known(server):
    return replace(
        known_dataset("education454-datasets"), address=server.url("master.zip"), n_films=11
    )


def get(known, tmp_path, settings, **options):
    return get_data(known, out=tmp_path / "films", settings=settings, **options)


def test_a_git_archive_becomes_a_folder_that_opens(known, tmp_path, settings):
    steps = []
    got = get(known, tmp_path, settings, progress=steps.append)
    assert got.opens == tmp_path / "films" / "Data"
    assert got.counts == {"train": {"COVID19": 3, "NORMAL": 4}, "test": {"COVID19": 2, "NORMAL": 2}}
    assert got.remarks == ()
    assert got.next_commands[1] == f"carina train {got.opens} --recipe two-conv"
    assert {step.stage.split()[0] for step in steps} == {"downloading", "unpacking", "checking"}


def test_source_json_says_where_it_came_from(known, tmp_path, settings, server):
    got = get(known, tmp_path, settings)
    fetched = read_fetched(got.opens)
    assert (fetched.name, fetched.address) == (known.name, known.address)
    assert fetched.archive_sha256 == hashlib.sha256(server.files["master.zip"]).hexdigest()
    assert fetched.n_files == 12


def test_the_archive_goes_and_its_digest_stays(known, tmp_path, settings):
    get(known, tmp_path, settings)
    kept = {path.name for path in (settings.cache_dir / "downloads").iterdir()}
    assert kept - {f"{known.file}.lock"} == {
        f"{known.file}.sha256",
        "education454-datasets.content.sha256",
    }


def test_the_terms_of_a_fetched_folder_are_its_sources_terms(known, tmp_path, settings):
    got = get(replace(known, licence="CC0", citation="Nobody (2020)"), tmp_path, settings)
    (source,) = open_dataset([got.opens], patient_key=TEST_KEY).sources
    assert (source.licence, source.citation) == ("CC0", "Nobody (2020)")


def test_source_json_is_no_file_to_wonder_about(known, tmp_path, settings):
    assert get(known, tmp_path, settings).dataset.notes == ()


def test_a_source_json_of_somebody_else_is_passed_over(known, tmp_path, settings):
    got = get(known, tmp_path, settings)
    (got.opens / "SOURCE.json").write_text('{"licence": 7}')
    assert open_dataset([got.opens], patient_key=TEST_KEY).sources[0].licence == ""


def test_what_is_there_is_not_fetched_again(known, tmp_path, settings, server):
    get(known, tmp_path, settings)
    got = get(known, tmp_path, settings)
    assert got.was_there
    assert len(server.asked) == 1


def test_a_folder_with_something_else_is_not_touched(known, tmp_path, settings, server):
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"is there already and is not education454-datasets"):
        get(known, tmp_path, settings)
    assert server.asked == []


def test_other_content_than_at_the_first_fetch_is_refused(known, tmp_path, settings, server):
    get(known, tmp_path, settings)
    server.files["master.zip"] = archive_of("datasets-master/", first=100)
    (settings.cache_dir / "downloads" / f"{known.file}.sha256").unlink()
    with pytest.raises(DownloadError, match=r"is not what it was when it was first fetched here"):
        get_data(known, out=tmp_path / "again", settings=settings)
    assert not (tmp_path / "again").exists()


def test_a_file_fetched_by_hand_needs_no_network(known, tmp_path, settings, server):
    (tmp_path / "mine.zip").write_bytes(server.files["master.zip"])
    got = get(known, tmp_path, settings, from_file=tmp_path / "mine.zip")
    assert len(got.dataset.records) == 11
    assert (tmp_path / "mine.zip").exists()
    assert server.asked == []


def test_a_file_that_is_not_there_is_named(known, tmp_path, settings):
    with pytest.raises(DatasetError, match=r"mine\.zip does not exist"):
        get(known, tmp_path, settings, from_file=tmp_path / "mine.zip")


def test_a_changed_layout_is_refused_and_leaves_nothing(known, tmp_path, settings, server):
    with pytest.raises(DatasetError, match=r"should hold the folder Films/ and holds Data, README"):
        get(replace(known, inside="Films"), tmp_path, settings)
    assert not (tmp_path / "films").exists()


def test_other_numbers_and_classes_than_published_are_said(known, tmp_path, settings):
    got = get(replace(known, n_films=2000, classes=("A", "NORMAL")), tmp_path, settings)
    assert got.remarks == (
        "11 films were found, and 2,000 are published",
        "no film of A was found; the classes are COVID19 and NORMAL",
    )


def test_a_network_that_is_not_there_is_said_with_every_way_out(known, tmp_path, settings, server):
    server.status = 404
    with pytest.raises(DownloadError) as caught:
        get(known, tmp_path, settings)
    sentence = str(caught.value)
    assert "has no such file any more (HTTP 404)" in sentence
    assert "carina data get education454-datasets --from FILE" in sentence
    assert known.page in sentence
    assert [path.name for path in tmp_path.iterdir()] == ["own"]


def test_an_npz_is_checked_and_opened(tmp_path, settings, server):
    content = write_medmnist(tmp_path / "made.npz").read_bytes()
    server.files["pneumoniamnist.npz"] = content
    known = replace(
        known_dataset("pneumoniamnist"),
        address=server.url("pneumoniamnist.npz"),
        md5=hashlib.md5(content).hexdigest(),
        n_films=12,
    )
    got = get_data(known, out=tmp_path / "films", settings=settings)
    assert got.opens == tmp_path / "films" / "pneumoniamnist.npz"
    assert got.dataset.labels.names == ("normal", "pneumonia")
    assert got.dataset.sources[0].citation.startswith("Yang")
    wrong = replace(known, md5="0" * 32)
    with pytest.raises(DatasetError, match=r"is not pneumoniamnist as published: its md5 is"):
        get_data(wrong, out=tmp_path / "x", settings=settings, from_file=tmp_path / "made.npz")


@pytest.fixture
def kaggle(monkeypatch, tmp_path):
    """A stand-in for the package kagglehub, with the call and the errors that it has."""

    class UnauthenticatedError(Exception):
        pass

    def dataset_download(handle, path=None, *, force_download=False, output_dir=None):
        if module.raises is not None:
            raise module.raises
        module.asked.append(handle)
        cached = tmp_path / "kaggle-cache"
        if not cached.exists():
            with zipfile.ZipFile(io.BytesIO(archive_of())) as archive:
                archive.extractall(cached)
        return str(cached)

    module = types.ModuleType("kagglehub")
    module.asked, module.raises, module.dataset_download = [], None, dataset_download
    module.exceptions = types.ModuleType("kagglehub.exceptions")
    module.exceptions.UnauthenticatedError = UnauthenticatedError
    module.__spec__ = types.SimpleNamespace(name="kagglehub")
    monkeypatch.setitem(sys.modules, "kagglehub", module)
    monkeypatch.setitem(sys.modules, "kagglehub.exceptions", module.exceptions)
    return module


@pytest.fixture
def on_kaggle(known):
    return replace(known, kind="kaggle", address="somebody/films")


def test_a_data_set_of_kaggle_comes_by_kagglehub(on_kaggle, kaggle, tmp_path, settings):
    got = get(on_kaggle, tmp_path, settings)
    assert kaggle.asked == ["somebody/films"]
    assert len(got.dataset.records) == 11
    assert read_fetched(got.opens).archive_sha256 == ""
    assert (tmp_path / "kaggle-cache").exists()


class Answer:
    def __init__(self, status):
        self.status_code = status


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (403, "Kaggle wants a login for somebody/films"),
        (404, "has no data set somebody/films"),
        (500, "did not give somebody/films .HTTP 500: it said no"),
        (None, "could not be reached for somebody/films .OSError.; connect this machine"),
    ],
)
def test_errors_of_kaggle_become_clear_words(on_kaggle, kaggle, tmp_path, settings, status, words):
    kaggle.raises = OSError("it said no")
    if status is not None:
        kaggle.raises.response = Answer(status)
    with pytest.raises(DownloadError, match=rf"{words}.*--from FILE"):
        get(on_kaggle, tmp_path, settings)


def test_a_full_disk_under_kagglehub_is_no_matter_of_the_network(
    on_kaggle, kaggle, tmp_path, settings
):
    kaggle.raises = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(StorageError, match=r"its own cache \(No space left on device\)"):
        get(on_kaggle, tmp_path, settings)


def test_errors_of_kagglehub_itself_become_clear_words(on_kaggle, kaggle, tmp_path, settings):
    kaggle.raises = kaggle.exceptions.UnauthenticatedError("User is not authenticated")
    with pytest.raises(DownloadError, match=r"did not give somebody/films \(User is not auth"):
        get(on_kaggle, tmp_path, settings)


def test_without_kagglehub_the_extra_and_the_way_by_hand_are_named(
    on_kaggle, tmp_path, settings, server, monkeypatch
):
    monkeypatch.setattr("carina.workflows.extras.find_spec", lambda module: None)
    with pytest.raises(MissingExtraError, match=r"without --from FILE .*needs the extra 'kaggle'"):
        get(on_kaggle, tmp_path, settings)
    (tmp_path / "mine.zip").write_bytes(archive_of())
    assert get(on_kaggle, tmp_path, settings, from_file=tmp_path / "mine.zip").opens.is_dir()


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match=r"did you mean 'pneumoniamnist' or"):
        get_data("pneumonia-mnist")


def test_the_catalogue_is_sorted_and_its_recipes_ship():
    names = [known.name for known in KNOWN_DATASETS]
    assert names == sorted(set(names))
    assert {known.recipe for known in KNOWN_DATASETS} - {""} <= set(shipped_recipes())
    assert carina.known_data() == KNOWN_DATASETS


@pytest.mark.parametrize("known", KNOWN_DATASETS, ids=lambda known: known.name)
def test_every_known_data_set_says_what_one_must_know(known):
    assert known.page.startswith("https://")
    assert known.caution.endswith((".", "%."))
    assert len(known.classes) >= 2
    assert known.licence
    if known.kind == "kaggle":
        assert known.page.endswith(known.address)
    else:
        assert known.address.startswith("https://")


def test_data_get_prints_counts_and_the_next_command(
    known, tmp_path, settings, monkeypatch, capsys
):
    from carina.cli import _run

    monkeypatch.setattr("carina.data.catalogue.KNOWN_DATASETS", (known,))
    words = ["carina", "data", "get", known.name, "--out", str(tmp_path / "films")]
    monkeypatch.setattr("sys.argv", words)
    assert _run() == 0
    out, err = capsys.readouterr()
    assert "COVID19" in out
    assert f"carina train {tmp_path / 'films' / 'Data'} --recipe two-conv" in out
    assert "caution: It has no validation folder" in err
    monkeypatch.setattr("sys.argv", [*words, "--json"])
    assert _run() == 0
    document = json.loads(capsys.readouterr().out)
    assert document["was_there"]
    assert document["images"]["test"] == {"COVID19": 2, "NORMAL": 2}


def test_data_list_prints_every_data_set(monkeypatch, capsys):
    from carina.cli import _run

    monkeypatch.setattr("sys.argv", ["carina", "data", "list"])
    assert _run() == 0
    out = capsys.readouterr().out
    assert all(known.name in out and known.caution in out for known in KNOWN_DATASETS)
    monkeypatch.setattr("sys.argv", ["carina", "data", "list", "--json"])
    assert _run() == 0
    assert json.loads(capsys.readouterr().out)[0]["name"] == KNOWN_DATASETS[0].name
