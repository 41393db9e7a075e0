"""Films that are deleted or changed after they were scanned."""

import errno
import os
import shutil

import pytest

from carina.data import scan
from carina.domain.recipe import Recipe
from carina.domain.record import PARTS
from carina.files import film_bytes
from carina.files.recipes import with_settings
from carina.imaging.phantom import write_phantoms
from carina.runs import Run
from carina.workflows.changed_films import ChangedFilms
from carina.workflows.films import open_films
from carina.workflows.log import Log

SMALL = ["input.height=32", "input.width=32"]


@pytest.fixture
def opened(settings, tmp_path):
    films = _opened(settings, tmp_path / "data")
    return ChangedFilms(films), films.of("test"), films.scan.facts


@pytest.fixture
def changed_before(settings, tmp_path):
    """What two trainings of one run find, and the film that was changed before."""
    films = _opened(settings, tmp_path / "data")
    film, other, *_ = films.of("test")
    film.file.write_bytes(b"other bytes")
    named = set()
    return (ChangedFilms(films, named), ChangedFilms(films, named)), film, other


def told(changed, folder):
    """Return what is drawn, and what the log keeps."""
    drawn = []
    folder.mkdir(exist_ok=True)
    changed.tell(Run(folder), Log(folder / "log.txt", lambda step: drawn.append(step.message)))
    log = folder / "log.txt"
    return " ".join(drawn), log.read_text(encoding="utf-8") if log.exists() else ""


def test_films_that_stay_as_they_were_are_read_and_nothing_is_told(opened, tmp_path):
    changed, (film, *_), facts = opened
    os.utime(film.file, ns=(1, 1))  # another time, the same bytes
    read = changed.read(film)
    assert read is not None
    assert read.sha256 == facts[film.key].sha256
    changed.look_at_all()
    assert told(changed, tmp_path / "run") == ("", "")


def test_a_film_is_read_again_only_where_its_folder_tells_of_a_change(opened, monkeypatch):
    changed, films, _ = opened
    read = []
    monkeypatch.setattr(scan, "read_film_bytes", lambda file: read.append(file) or b"other")
    os.utime(films[0].file, ns=(1, 1))
    changed.look_at_all()
    assert read == [films[0].file]


def test_deleted_and_changed_films_are_named_but_for_the_log(opened, tmp_path):
    changed, (gone, other, *_, last), facts = opened
    gone.file.unlink()
    shutil.copyfile(last.file, other.file)
    assert changed.read(other) is None
    changed.look_at_all()
    drawn, kept = told(changed, tmp_path / "run")
    assert f"1 film was deleted since the run began: {gone.path}" in drawn
    assert f"1 film was changed since the run began: {other.path}" in drawn
    for film in (gone, other):
        assert film.path not in kept
        assert facts[film.key].sha256[:12] in kept


def test_a_film_that_several_trainings_find_changed_is_named_once_and_kept_by_each(
    changed_before, tmp_path
):
    (first, second), film, other = changed_before
    first.look_at_all()
    drawn, kept = told(first, tmp_path / "seed-0")
    assert film.path in drawn
    other.file.unlink()
    second.look_at_all()
    drawn, kept_too = told(second, tmp_path / "seed-1")
    assert f"1 film was deleted since the run began: {other.path}" in drawn
    assert film.path not in drawn
    said = "1 film was changed since the run began"
    assert said in kept
    assert said in kept_too


def test_a_share_that_went_away_is_named_film_by_film_up_to_a_few(opened, tmp_path, monkeypatch):
    changed, films, _ = opened

    def gone(*_args, **_words):
        raise OSError(errno.ESTALE, "Stale file handle")

    monkeypatch.setattr(film_bytes.os, "stat", gone)
    monkeypatch.setattr(film_bytes.os, "open", gone)
    assert changed.read(films[0]) is None
    changed.look_at_all()
    monkeypatch.undo()
    drawn, _ = told(changed, tmp_path / "run")
    assert "12 films can no longer be read" in drawn
    assert "and 7 more" in drawn


def _opened(settings, folder):
    counts = {part: dict.fromkeys(("COVID-19", "Normal"), 2) for part in PARTS}
    write_phantoms(folder, counts=counts, seed=3)
    return open_films([folder], with_settings(Recipe(), SMALL), settings, lambda step: None)
