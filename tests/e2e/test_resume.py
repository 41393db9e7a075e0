"""A training that is stopped goes on, and ends as one that was left alone."""

import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from carina.runs import FINISHED, STOPPED, Run
from making.real_films import REAL_FILMS, needs_real_films
from making.resumed import SMALL, ended, killed_at, outcome, started, told_until, words

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
]
SETTINGS = words(SMALL)
UNPROBED = words([*SMALL, "evaluate.masked_probe=false"])
FIRST = "members/seed-0"


@pytest.fixture(scope="module")
def whole(phantom_films, tmp_path_factory):
    """A training with two seeds that nobody stopped; the first of them is the plain training."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    with pytest.MonkeyPatch.context() as patch:
        for place in ("CACHE", "CONFIG", "RUNS"):
            patch.setenv(f"CARINA_{place}_DIR", str(folder.with_name(place)))
        ended(phantom_films, *SETTINGS, "--seeds", 2, "--out", folder)
    return folder


@pytest.mark.nightly
def test_killed_at_every_stage_and_resumed_on_one_core_a_training_ends_with_the_same_bits(
    phantom_films, whole, tmp_path
):
    folder = tmp_path / "run"
    known = [phantom_films, *SETTINGS, "--seeds", 2, "--out", folder]
    assert killed_at("reading films", *known) == ""
    assert killed_at("epoch 2 ", *known) == ""
    # The rest of the training computes on one core, with the threads that were recorded.
    assert killed_at("masked probe: epoch", "--resume", folder, on_one_core=True) == ""
    assert killed_at("seed 1: 2 of 2", "--resume", folder) == ""
    first = Run(folder / FIRST).environment
    assert (first.status, first.threads) == (FINISHED, Run(whole).environment.threads)
    ended("--resume", folder)
    assert Run(folder / FIRST).environment == first
    assert outcome(folder) == outcome(whole)
    assert not list(folder.rglob(".*"))


def test_sigterm_in_a_training_leaves_a_checkpoint_and_the_line_that_goes_on(
    carina_command, phantom_films, whole, tmp_path
):
    folder = tmp_path / "run with a space"
    with started(phantom_films, *SETTINGS, "--out", folder) as training:
        assert told_until(training, "epoch 2 ")
        assert stopped(training, signal.SIGTERM) == (
            143, f"go on with: carina train --resume '{folder}'"
        )  # fmt: skip
    assert Run(folder).environment.status == STOPPED
    assert list((folder / "checkpoints").glob("training-*.safetensors"))
    assert "the training goes on in epoch 3 of 4" in ended("--resume", folder)
    assert outcome(folder) == outcome(whole / FIRST)
    assert "there is nothing to go on with" in carina_command("train", "--resume", folder)[2]


@pytest.mark.parametrize(
    ("beginning", "advice"),
    [
        ("reading films", "nothing was trained yet: begin again with the same command"),
        ("the exported network ", "go on with: carina train --resume {folder}"),
    ],
)
def test_ctrl_c_beside_the_training_ends_in_time_with_a_line_too(
    phantom_films, tmp_path, beginning, advice
):
    folder = tmp_path / "run"
    with started(phantom_films, *SETTINGS, "--out", folder) as training:
        assert told_until(training, beginning)
        assert stopped(training, signal.SIGINT) == (130, advice.format(folder=folder))


def stopped(training, number):
    """The exit code of a training that gets a signal, and the advice in its last line."""
    training.send_signal(number)
    began = time.monotonic()
    last = training.stderr.read().splitlines()[-1]
    code = training.wait(timeout=60)
    assert time.monotonic() - began < 10
    return code, last.partition("; ")[2]


def test_one_folder_has_one_owner_and_other_films_are_refused(
    carina_command, phantom_films, tmp_path
):
    folder = tmp_path / "run"
    settings = words([*SMALL, "train.epochs=500"])
    with started(phantom_films, *settings, "--out", folder) as training:
        assert told_until(training, "epoch 1 ")
        for arguments in (("--resume", folder), (phantom_films, "--out", folder)):
            code, _, said = carina_command("train", *arguments)
            assert code == 2
            assert f"process {training.pid} on " in said
        training.kill()
        training.communicate()
    code, _, said = carina_command("train", phantom_films, "--out", folder)
    assert code == 2
    assert f"go on with: carina train --resume {folder}" in said
    manifest = folder / "manifest.csv"
    first, *rows = manifest.read_text(encoding="utf-8").splitlines()
    manifest.write_text("\n".join([first, *rows[1:]]) + "\n", encoding="utf-8")
    code, _, said = carina_command("train", "--resume", folder)
    assert code == 2, said
    assert "1 film is new" in said


def few_real_films(folder, *, n):
    """Some films of each class of a public set, as they are."""
    for label in ("Covid", "Normal"):
        (folder / label).mkdir(parents=True)
        for film in sorted((REAL_FILMS / "covid-dataset" / "Train" / label).iterdir())[:n]:
            shutil.copyfile(film, folder / label / film.name)
    return folder


@needs_real_films
def test_ten_kills_at_random_moments_change_no_bit(tmp_path):
    known = [few_real_films(tmp_path / "films", n=20), *UNPROBED]
    began = time.monotonic()
    ended(*known, "--out", tmp_path / "whole")
    longest_s = time.monotonic() - began
    expected = outcome(tmp_path / "whole")
    rng, n_kills, n_runs, arguments = random.Random(8), 0, 0, []
    while n_kills < 10 or arguments:
        folder, began = tmp_path / f"run-{n_runs}", time.monotonic()
        with started(*(arguments or [*known, "--out", folder])) as training:
            limit_s = rng.uniform(0.1, longest_s) if n_kills < 10 else None
            try:
                _, said = training.communicate(timeout=limit_s)
            except subprocess.TimeoutExpired:
                training.kill()
                training.communicate()
                n_kills += 1
                is_begun = (folder / "environment.json").is_file()
                arguments = ["--resume", folder] if is_begun else []
                continue
        assert training.returncode == 0, said
        assert outcome(folder) == expected
        longest_s = min(longest_s, time.monotonic() - began)  # the machine may be quieter now
        n_runs, arguments = n_runs + 1, []
