import os
import shutil
import threading
from pathlib import Path

import pytest

from carina.data.answer_rows import read_answers
from carina.errors import InputError, UsageError
from carina.workflows.answer_files import WantedFiles
from carina.workflows.watch import Clock, open_watch, watch
from making.classifiers import write_tiny_classifier
from making.datasets import write_film

START_NS = 1_700_000_000 * 10**9


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return write_tiny_classifier(tmp_path_factory.mktemp("tiny") / "classifier")


class Script:
    """A clock on which each pause lets time pass and then does the next thing; the watch is
    stopped after the last one."""

    def __init__(self, *acts):
        self.stop = threading.Event()
        self.seconds = 0.0
        self.told = []
        self._acts = list(acts)

    def clock(self):
        return Clock(
            pause=self._pause,
            wall_ns=lambda: START_NS + int(self.seconds * 1e9),
            steady_s=lambda: self.seconds,
        )

    def _pause(self, seconds):
        self.seconds += seconds
        if not self._acts:
            self.stop.set()
            return
        act = self._acts.pop(0)
        if act is not None:
            act()

    def run(self, classifier, folder, **options):
        watched = open_watch(
            classifier,
            folder,
            stop=self.stop,
            clock=self.clock(),
            progress=lambda step: self.told.append(step.message),
            **options,
        )
        return [(row.prediction.path.rpartition("/")[2], row) for row in watched.rows()]


def names(rows):
    return [name for name, _ in rows]


def put(folder, name, number=1, *, written_s=-100.0):
    """Put a film into the folder that was last written to at a time of the script."""
    film = write_film(folder / name, number)
    moment = START_NS + int(written_s * 1e9)
    os.utime(film, ns=(moment, moment))
    return film


def test_films_are_answered_as_they_arrive_those_that_are_there_first(tiny, tmp_path):
    put(tmp_path, "first.png")
    script = Script(
        None, lambda: put(tmp_path, "ward/second.png", 2), lambda: put(tmp_path, "third.dcm.png", 3)
    )
    rows = script.run(tiny, tmp_path)
    assert names(rows) == ["first.png", "second.png", "third.dcm.png"]
    assert all(row.prediction.decision for _, row in rows)


def test_a_film_that_is_being_written_is_left_alone_until_it_stands_still(tiny, tmp_path):
    whole = write_film(tmp_path / "elsewhere" / "a.png", 1).read_bytes()
    folder = tmp_path / "in"
    folder.mkdir()
    script = Script()

    def write(n_bytes):
        def act():
            (folder / "a.png").write_bytes(whole[:n_bytes])
            moment = START_NS + int(script.seconds * 1e9)
            os.utime(folder / "a.png", ns=(moment, moment))

        return act

    half = len(whole) // 2
    script._acts = [write(half), None, write(half + 5), write(len(whole)), None, None, None]
    (row,) = script.run(tiny, folder)
    assert row[1].is_read


def test_half_a_film_that_stood_still_for_a_moment_is_tried_again(tiny, tmp_path):
    whole = write_film(tmp_path / "elsewhere" / "a.png", 1).read_bytes()
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.png").write_bytes(whole[: len(whole) // 2])
    os.utime(folder / "a.png", ns=(START_NS - 2 * 10**9,) * 2)
    script = Script(None, None, lambda: put(folder, "a.png", 1, written_s=-1), None, None)
    rows = script.run(tiny, folder, csv=tmp_path / "a.csv")
    assert [row.is_read for _, row in rows] == [True]
    assert len(list(read_answers(tmp_path / "a.csv"))) == 1


def test_a_file_that_is_no_film_is_told_once_with_its_code(tiny, tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    os.utime(tmp_path / "a.png", ns=(START_NS - 100 * 10**9,) * 2)
    rows = Script(None, None, None).run(tiny, tmp_path)
    assert [row.prediction.reason_code for _, row in rows] == ["file/unknown-format"]


def test_after_a_restart_only_what_is_new_or_changed_is_answered(tiny, tmp_path):
    folder, csv = tmp_path / "in", tmp_path / "a.csv"
    put(folder, "a.png", 1)
    put(folder, "b.png", 2)
    assert names(Script().run(tiny, folder, csv=csv)) == ["a.png", "b.png"]
    put(folder, "b.png", 3, written_s=-50)
    put(folder, "c.png", 4)
    os.utime(folder / "a.png", (5, 5))
    assert sorted(names(Script().run(tiny, folder, csv=csv))) == ["b.png", "c.png"]
    assert names(Script(None).run(tiny, folder, csv=csv)) == []
    assert len(csv.read_text().splitlines()) == 5


def test_without_a_table_a_restart_answers_what_is_there(tiny, tmp_path):
    put(tmp_path, "a.png")
    for _ in range(2):
        assert names(Script(None, None).run(tiny, tmp_path)) == ["a.png"]


def test_a_folder_may_vanish_for_a_while(tiny, tmp_path):
    folder = tmp_path / "in"
    put(folder, "a.png", 1)
    script = Script(
        lambda: folder.rename(tmp_path / "away"),
        None,
        None,
        lambda: (tmp_path / "away").rename(folder),
        lambda: put(folder, "b.png", 2),
    )
    assert names(script.run(tiny, folder)) == ["a.png", "b.png"]
    assert [message.split("in ")[1][:9] for message in script.told] == ["cannot be", "can be re"]


def test_a_film_of_the_same_name_that_changed_is_answered_again(tiny, tmp_path):
    put(tmp_path, "image.png", 1)
    script = Script(lambda: put(tmp_path, "image.png", 2, written_s=-50), None)
    rows = script.run(tiny, tmp_path)
    assert len({row.prediction.sha256 for _, row in rows}) == 2


def test_a_flood_is_answered_in_the_order_of_writing_and_the_stop_ends_it_early(tiny, tmp_path):
    for number in range(60):
        put(tmp_path / "in", f"{59 - number:02d}.png", number, written_s=-100 + number)
    script = Script()
    watched = open_watch(tiny, tmp_path / "in", stop=script.stop, clock=script.clock())
    found = []
    for row in watched.rows():
        found.append(row.prediction.path[-6:-4])
        script.stop.set()
    assert found == [f"{59 - number:02d}" for number in range(16)]


def test_the_classifier_and_heat_maps_inside_the_folder_are_not_watched(tiny, tmp_path):
    run = tmp_path / "in" / "run"
    shutil.copytree(tiny, run / "classifier")
    (run / "recipe.toml").touch()
    put(run, "thumbnails/t.png")
    put(tmp_path / "in", "a.png")
    script = Script(None, None, None)
    wanted = WantedFiles.of(explain=tmp_path / "in" / "maps")
    rows = script.run(run, tmp_path / "in", wanted=wanted)
    assert names(rows) == ["a.png"]
    (file,) = rows[0][1].files
    assert Path(file).is_file()


def test_heat_maps_are_not_written_where_films_arrive(tiny, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(UsageError, match="name another folder"):
        watch(tiny, tmp_path, explain=tmp_path / "link")


def test_a_folder_that_is_not_there_at_the_start_is_refused(tiny, tmp_path):
    with pytest.raises(InputError, match="no folder"):
        watch(tiny, tmp_path / "no-such")
