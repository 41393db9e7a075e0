"""`carina predict`, `--watch` and `explain` as typed: what they print, and how they stop."""

import json
import shutil
import signal
import subprocess
import sys

import pytest

from carina.data.answer_rows import read_answers
from making.classifiers import write_tiny_classifier
from making.datasets import write_film

COMMAND = [sys.executable, "-c", "from carina.cli import main; main()", "predict"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_a_watch_prints_a_line_for_each_film_and_a_signal_ends_it_cleanly(tmp_path, number):
    tiny = write_tiny_classifier(tmp_path / "classifier")
    folder, csv = tmp_path / "in", tmp_path / "answers.csv"
    first = write_film(folder / "two\nlines.png", 1)
    second = write_film(tmp_path / "second.png", 2)
    bad = tmp_path / "in" / "bad.png"
    bad.write_bytes(b"no picture")
    shutil.copystat("/", bad)  # long ago, so that it is no longer on its way
    words = [tiny, "--watch", folder, "--csv", csv, "--json"]
    with subprocess.Popen(
        [*COMMAND, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        told = [json.loads(process.stdout.readline()) for _ in range(2)]
        second.rename(folder / "second.png")
        told.append(json.loads(process.stdout.readline()))
        process.send_signal(number)
        rest, said = process.communicate(timeout=60)
    assert (process.returncode, rest) == (0, ""), said
    by_name = {document["path"].rpartition("/")[2]: document for document in told}
    assert by_name["two\\nlines.png"]["decision"] in ("COVID-19", "Normal")
    assert by_name["bad.png"]["error"]["code"] == "unknown-format"
    assert "diagnosis" in by_name["second.png"]["caveat"]
    assert "unknown-format: " in said
    assert "the watch has ended" in said
    assert len(csv.read_text().splitlines()) == 4
    assert not first.with_name(".answers.csv.lock").exists()


def test_a_watch_takes_no_films_beside_its_folder(carina_command, tmp_path):
    for words in (["run", "a.png", "--watch", tmp_path], ["run"]):
        code, _, err = carina_command("predict", *words)
        assert code == 2
        assert "--watch DIR" in err


def test_many_answers_in_a_file_are_counted_on_the_terminal(carina_command, tmp_path):
    tiny = write_tiny_classifier(tmp_path / "classifier")
    for n in range(45):
        write_film(tmp_path / "in" / f"{n:02d}.png", n)
    write_film(tmp_path / "in" / "small.png", 99, side=20)
    (tmp_path / "in" / "bad.png").write_bytes(b"no picture")
    words = ("predict", tiny, tmp_path / "in", "--csv", tmp_path / "a.csv")
    for _ in range(2):
        code, out, err = carina_command(*words)
        assert code == 3
        assert "00.png" not in out
        assert "gate/too-small: too small to judge" in out
        assert str(tmp_path / "a.csv") in out
        assert "could not be read: 1" in err
    assert "46 of 47" not in err
    assert "47 films of 47 answered before" in err
    code, out, _ = carina_command(*words, "--json")
    document = json.loads(out)
    assert sum(document["counts"]["answers"].values()) == 45
    assert document["counts"]["abstained"] == {"gate/too-small": 1}
    assert (len(document["predictions"]), document["answered_before"]) == (46, 47)


def test_a_full_disk_keeps_the_rows_so_far_and_exits_1(carina_command, tmp_path):
    resource = pytest.importorskip("resource", reason="limits of a process are a thing of Unix")
    tiny = write_tiny_classifier(tmp_path / "classifier")
    for n in range(40):
        write_film(tmp_path / "in" / f"{n:02d}.png", n)
    csv = tmp_path / "a.csv"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, limits[1]))
    try:
        code, _, err = carina_command("predict", tiny, tmp_path / "in", "--csv", csv)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert code == 1
    assert "rows so far (16) stay" in err
    assert len(csv.read_text().splitlines()) == 17
    code, _, err = carina_command("predict", tiny, tmp_path / "in", "--csv", csv)
    assert (code, len(csv.read_text().splitlines())) == (0, 41)
    assert "16 films of 40 answered before" in err


def test_heat_maps_are_drawn_by_the_method_and_of_the_class_that_are_asked_for(
    carina_command, tmp_path
):
    tiny = write_tiny_classifier(tmp_path / "classifier")
    film = write_film(tmp_path / "a.png", 1)
    asked = ("explain", tiny, film, "--class", "Normal", "--method", "occlusion")
    code, out, err = carina_command(*asked, "--out", tmp_path / "maps", "--json")
    assert code == 0, err
    (answer,) = json.loads(out)["predictions"]
    assert answer["heat_map"].endswith("a.png.Normal.png")
    code, _, err = carina_command("explain", tiny, film, "--method", "gradcam")
    assert (code, "grad-cam" in err) == (2, True)


def test_heat_maps_are_scored_on_the_terminal(carina_command, tmp_path):
    pytest.importorskip("scipy", reason="scores need the extra 'study'")
    tiny = write_tiny_classifier(tmp_path / "classifier")
    for n in range(3):
        write_film(tmp_path / "in" / f"{n}.png", n)
    words = ("explain", tiny, tmp_path / "in", "--scores", "--films", 2, "--method", "grad-cam")
    code, out, err = carina_command(*words, "--out", tmp_path / "scores")
    assert code == 0, err
    assert "Faithfulness above random maps" in out
    assert "no lung masks" in err
    assert "not for diagnosis" in err
    assert (tmp_path / "scores" / "explanation_scores.json").is_file()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("n_lines", [1, 17, 40])
def test_a_killed_process_is_gone_on_with_and_no_film_is_answered_twice(
    carina_command, tmp_path, n_lines
):
    tiny = write_tiny_classifier(tmp_path / "classifier")
    for n in range(100):
        write_film(tmp_path / "in" / f"{n:03d}.png", n)
        shutil.copystat("/", tmp_path / "in" / f"{n:03d}.png")
    csv = tmp_path / "a.csv"
    words = [*COMMAND, str(tiny), "--watch", str(tmp_path / "in"), "--csv", str(csv), "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        printed = [json.loads(process.stdout.readline()) for _ in range(n_lines)]
        process.kill()
    code, _, err = carina_command("predict", tiny, tmp_path / "in", "--csv", csv)
    assert code == 0, err
    rows = [row.prediction for row in read_answers(csv)]
    assert len(csv.read_text().splitlines()) == 101
    assert sorted(row.path for row in rows) == sorted(map(str, (tmp_path / "in").iterdir()))
    assert {d["path"]: d["probabilities"] for d in printed}.items() <= {
        row.path: row.probabilities for row in rows
    }.items()
