"""DATA that cannot be trained on: a sentence that helps, exit 2, nothing half-written."""

import os
import shutil
import sys

import pytest

import carina
from carina.errors import CarinaError, StorageError
from conftest import QUICK


def empty(folder, films):
    folder.mkdir()


def absent(folder, films):
    pass


def one_class(folder, films):
    shutil.copytree(films / "train" / "Normal", folder / "train" / "Normal")


def one_film_in_a_class(folder, films):
    shutil.copytree(films / "train" / "Normal", folder / "Normal")
    (folder / "COVID").mkdir()
    shutil.copy(next((films / "train" / "COVID-19").iterdir()), folder / "COVID")


def many_unreadable(folder, films):
    shutil.copytree(films, folder)
    for number in range(10):
        (folder / "train" / "Normal" / f"broken-{number}.png").write_bytes(b"\x89PNG")


REFUSED = {
    empty: "holds no film|no film|empty",
    absent: "does not exist",
    one_class: "one class|only class|at least two",
    one_film_in_a_class: "one film|1 film",
    many_unreadable: "10 of 142.*unreadable|cannot be read",
}


@pytest.mark.parametrize("make", REFUSED, ids=lambda make: make.__name__)
def test_training_refuses_and_leaves_nothing_behind(make, phantom_films, tmp_path, settings):
    make(tmp_path / "films", phantom_films)
    with pytest.raises(CarinaError, match=REFUSED[make]) as caught:
        carina.train(tmp_path / "films", set=QUICK, out=tmp_path / "run", settings=settings)
    assert caught.value.exit_code == 2
    assert not (tmp_path / "run").exists()


def test_labels_that_the_recipe_does_not_name_are_listed(phantom_films, tmp_path, settings):
    words = [*QUICK, "labels.classes=['Normal', 'COVID-19']"]
    with pytest.raises(CarinaError, match="Pneumonia") as caught:
        carina.train(phantom_films, set=words, out=tmp_path / "run", settings=settings)
    assert caught.value.exit_code == 2
    assert not (tmp_path / "run").exists()


def test_an_unknown_recipe_key_names_the_nearest(phantom_films, tmp_path, settings):
    with pytest.raises(CarinaError, match="did you mean 'epochs'") as caught:
        carina.train(phantom_films, set=["train.epoch=1"], out=tmp_path / "r", settings=settings)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("setting", "hint"),
    [
        ("network.architecture=two-cnov", "did you mean 'two-conv'"),
        ("network.options={dens = 3}", "dense"),
        ("train.choose_by=luck", "choose_by"),
        ("split.mode=random", "split.mode"),
    ],
)
def test_a_recipe_that_does_not_fit_is_refused_before_anything_is_written(
    phantom_films, tmp_path, settings, setting, hint
):
    with pytest.raises(CarinaError, match=hint) as caught:
        carina.train(phantom_films, set=[*QUICK, setting], out=tmp_path / "r", settings=settings)
    assert caught.value.exit_code == 2
    assert not (tmp_path / "r").exists()


@pytest.mark.slow
def test_a_recipes_name_cannot_lead_out_of_the_runs(phantom_films, settings):
    run = carina.train(phantom_films, set=[*QUICK, "name=../a/b"], settings=settings)
    assert run.folder.parent == settings.runs_dir


def test_a_folder_with_something_in_it_is_not_written_to(phantom_films, tmp_path, settings):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").write_text("keep")
    with pytest.raises(CarinaError, match="not empty") as caught:
        carina.train(phantom_films, set=QUICK, out=tmp_path / "run", settings=settings)
    assert caught.value.exit_code == 2
    assert [f.name for f in (tmp_path / "run").iterdir()] == ["mine.txt"]


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere"
)
def test_a_place_without_permission_is_refused_before_any_work(phantom_films, tmp_path, settings):
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(StorageError, match="not permitted"):
        carina.train(phantom_films, out=tmp_path / "locked" / "run", settings=settings)


def test_a_place_below_a_file_is_refused_before_any_work(phantom_films, tmp_path, settings):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError) as caught:
        carina.train(phantom_films, out=tmp_path / "file" / "run", settings=settings)
    assert caught.value.exit_code == 1
    assert not settings.cache_dir.exists()


def test_a_disk_without_room_is_refused_before_any_work(
    phantom_films, tmp_path, settings, monkeypatch
):
    monkeypatch.setattr("carina.workflows.train._ROOM", 10**18)
    with pytest.raises(StorageError, match="MB are needed") as caught:
        carina.train(phantom_films, out=tmp_path / "run", settings=settings)
    assert caught.value.exit_code == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_few_unreadable_films_are_listed_and_the_training_goes_on(
    phantom_films, tmp_path, settings
):
    films = shutil.copytree(phantom_films, tmp_path / "films")
    (films / "train" / "Normal" / "broken.png").write_bytes(b"\x89PNG")
    run = carina.train(films, set=QUICK, out=tmp_path / "run", settings=settings)
    assert [file.path for file in run.audit.unreadable] == ["train/Normal/broken.png"]
