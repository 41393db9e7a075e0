"""A noise study: what it writes, what it refuses, and when it goes without a training."""

import html
import json
import re
import sys

import pytest

pytest.importorskip("skimage", reason="carina denoise needs the extra 'denoise'")
pytest.importorskip("matplotlib", reason="carina denoise needs the extra 'study'")

from carina.domain.denoise_study import DenoiseStudy
from carina.domain.prediction import CAVEAT
from carina.errors import DatasetError, MissingExtraError, RecipeError, UsageError
from carina.files.documents import read_document
from carina.imaging.phantom import write_phantoms
from carina.workflows.denoise import denoise
from conftest import QUICK, settings_in

SMALL = {"films": 5, "phantoms": 3, "training": False}
FILTERS = ["none", "median", "gaussian", "bilateral", "nl-means", "wavelet"]


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Eight films of two classes."""
    folder = tmp_path_factory.mktemp("films")
    write_phantoms(folder, counts={"train": {"Normal": 4, "COVID-19": 4}}, seed=2)
    return folder


@pytest.fixture(scope="module")
def made(films, tmp_path_factory):
    """A study without trainings."""
    own = tmp_path_factory.mktemp("own")
    return denoise(films, set=QUICK, out=own / "study", settings=settings_in(own), **SMALL)


def test_the_study_is_a_document_that_can_be_read_again(made):
    read = read_document(made.folder / "denoise.json", DenoiseStudy, error=DatasetError)
    assert read == made.study
    assert list(read.filters) == FILTERS
    assert (read.n_films, read.n_available, read.n_phantoms) == (5, 8, 3)


def test_without_a_filter_nothing_changes(made):
    none = made.study.filters["none"]
    assert none.psnr_db.value is None
    assert none.ssim.value == pytest.approx(1)
    assert none.fine_edges_kept.value == 1
    assert none.contrast_kept.value == 1
    assert none.noise_removed_db.value == 0


def test_every_filter_costs_something_and_removes_noise(made):
    for name in FILTERS[1:]:
        own = made.study.filters[name]
        assert 20 < own.psnr_db.value < 100
        assert own.ssim.value < 1
        assert own.noise_removed_db.low < own.noise_removed_db.value < own.noise_removed_db.high
        assert own.noisy_cnr.value > made.study.filters["none"].noisy_cnr.value
        assert own.milliseconds.value > 0
        assert own.contrast_kept.value == pytest.approx(1, abs=0.1)
    # a blur costs most of all
    kept = {name: made.study.filters[name].fine_edges_kept.value for name in FILTERS}
    assert min(kept, key=kept.get) == "gaussian"


def test_a_study_repeats_but_for_its_times(made, films, tmp_path, settings):
    again = denoise(films, set=QUICK, out=tmp_path / "again", settings=settings, **SMALL)
    timed = re.compile(r'"milliseconds":\{[^}]*\}')
    texts = [timed.sub("", one.study.model_dump_json()) for one in (made, again)]
    assert texts[0] == texts[1]


def test_the_page_stands_alone_and_shows_crops_beside_their_differences(made):
    page = (made.folder / "denoise.html").read_text()
    assert html.escape(CAVEAT, quote=False) in html.unescape(page)
    # a real film of each class, a phantom as drawn and with noise: six crops, six differences
    assert page.count('<img src="data:image/png') == 4 * 12
    assert page.count("http") == page.count("http-equiv")
    assert ">none</dd>" in page
    for sentence in ("No classifier was trained: it was switched off.", "Known lesions", "SSIM"):
        assert sentence in page


def test_trainings_are_left_out_with_the_reason_where_the_films_do_not_do(tmp_path, settings):
    pytest.importorskip("torch", reason="training needs the extra 'train'")
    write_phantoms(tmp_path / "one", counts={"train": {"Normal": 3}}, seed=0)
    options = {**SMALL, "training": True}
    found = denoise(
        tmp_path / "one", set=QUICK, out=tmp_path / "study", settings=settings, **options
    )
    assert found.study.trainings is None
    assert "two classes or more" in found.study.trainings_left_out
    assert "two classes or more" in (found.folder / "denoise.html").read_text()
    assert not (found.folder / "training").exists()


def test_a_file_that_is_no_film_is_named_and_does_not_count(films, tmp_path, settings):
    write_phantoms(tmp_path / "two", counts={"train": {"Normal": 2, "COVID-19": 1}}, seed=0)
    (tmp_path / "two" / "train" / "Normal" / "broken.png").write_bytes(b"no film")
    found = denoise(tmp_path / "two", set=QUICK, out=tmp_path / "s", settings=settings, **SMALL)
    assert [file.path for file in found.unreadable] == ["train/Normal/broken.png"]
    assert found.study.n_films == 3


def test_no_film_at_all_is_an_error(tmp_path, settings):
    folder = tmp_path / "two" / "train" / "Normal"
    folder.mkdir(parents=True)
    (folder / "broken.png").write_bytes(b"no film")
    with pytest.raises(DatasetError, match="none of the 1 files"):
        denoise(tmp_path / "two", out=tmp_path / "s", settings=settings, **SMALL)
    assert not (tmp_path / "s").exists()


def test_a_setting_of_the_filter_that_the_study_varies_is_refused(films, tmp_path, settings):
    with pytest.raises(RecipeError, match="compares every noise filter"):
        denoise(films, set=["input.denoise=median"], out=tmp_path / "s", settings=settings)
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("option", ["films", "phantoms"])
def test_a_number_of_films_that_makes_no_sense_is_refused(films, settings, option):
    with pytest.raises(UsageError, match=f"--{option} takes a number from 1"):
        denoise(films, settings=settings, **{option: 0})


def test_without_scikit_image_the_command_says_what_to_install(films, settings, monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(MissingExtraError, match=r"carina denoise.*carina\[denoise\]"):
        denoise(films, settings=settings)


def test_the_command_prints_the_study_as_one_document(films, tmp_path, carina_command):
    words = ["denoise", films, "--films", 2, "--phantoms", 2, "--no-training", "--json"]
    words += ["--out", tmp_path / "s", *(word for one in QUICK for word in ("--set", one))]
    code, out, _ = carina_command(*words)
    assert code == 0
    printed = json.loads(out)
    assert printed == json.loads((tmp_path / "s" / "denoise.json").read_text())


@pytest.mark.slow
@pytest.mark.nightly
def test_trainings_differ_in_the_filter_alone(tmp_path, settings, monkeypatch):
    pytest.importorskip("torch", reason="training needs the extra 'train'")
    # three trainings take long enough
    trained = ("none", "gaussian")
    monkeypatch.setattr("carina.workflows.denoise_training.FILTER_NAMES", trained)
    counts = {"train": 6, "validation": 3, "test": 4}
    write_phantoms(
        tmp_path / "split",
        counts={part: {"Normal": n, "COVID-19": n} for part, n in counts.items()},
        seed=4,
    )
    found = denoise(
        tmp_path / "split",
        set=[*QUICK, "train.epochs=1"],
        films=3,
        phantoms=2,
        out=tmp_path / "study",
        settings=settings,
    )
    trainings = found.study.trainings
    assert tuple(trainings.filters) == trained
    assert (trainings.n_train, trainings.n_validation, trainings.n_test) == (12, 6, 8)
    assert trainings.filters["none"].change is None
    plain = trainings.filters["none"].auc.value
    for own in (trainings.filters["gaussian"], trainings.reseeded):
        assert own.change.value == pytest.approx(own.auc.value - plain)
        assert own.change.low <= own.change.value <= own.change.high
    kept = {file.stem for file in (found.folder / "predictions").iterdir()}
    assert kept == {*trained, "another-seed"}
    answers = [(found.folder / "predictions" / f"{name}.csv").read_text() for name in kept]
    assert len(set(answers)) == 3
    assert not (found.folder / "training").exists()
    assert found.study.recommendation.filter in FILTERS
