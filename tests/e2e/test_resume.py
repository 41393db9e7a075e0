"""A training that is killed goes on, and ends as one that was left alone."""

import hashlib
import json
import random
import signal
import subprocess
import sys
import time

import pytest

from carina.runs import Run

SETTINGS = ("--set", "train.epochs=6", "--set", "evaluate.masked_probe=false")
# A shell lets what it starts in the background ignore Ctrl-C; this one shall hear it.
COMMAND = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from carina.cli import main; main()"
)
FILES = (
    "classifier/network.onnx", "checkpoints/best.safetensors", "checkpoints/last.safetensors",
    "predictions/validation.csv", "predictions/test.csv",
)  # fmt: skip


def started(*words):
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, "train", *map(str, words)],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def told_until(training, beginning):
    for line in training.stderr:
        if line.startswith(beginning):
            return


def outcome(folder):
    """What must not depend on how often a training was stopped."""
    run = Run.open(folder)
    evaluation = json.loads(run.evaluation_file.read_text(encoding="utf-8"))
    return {
        "status": run.environment.status,
        "history": [{n: str(v) for n, v in row.items() if n != "seconds"} for row in run.history],
        "metrics": evaluation["metrics"],
        "parts": evaluation["parts"],
        **{name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES},
    }


@pytest.fixture(scope="module")
def whole(phantom_films, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "run"
    with started(phantom_films, *SETTINGS, "--out", folder) as training:
        said = training.stderr.read()
        assert training.wait() == 0, said
    return folder


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_a_checkpoint_and_the_line_that_goes_on(
    carina_command, phantom_films, whole, tmp_path, number, code
):
    folder = tmp_path / "run with a space"
    with started(phantom_films, *SETTINGS, "--out", folder) as training:
        told_until(training, "epoch 2 ")
        training.send_signal(number)
        began = time.monotonic()
        said = training.stderr.read()
        assert training.wait(timeout=60) == code
    assert time.monotonic() - began < 30
    assert f"go on with: carina train --resume '{folder}'" in said
    assert not (folder / "classifier").exists()
    assert list((folder / "checkpoints").glob("training-*.safetensors"))
    code, _, said = carina_command("train", "--resume", folder)
    assert code == 0, said
    assert "the training goes on in epoch" in said
    assert outcome(folder) == outcome(whole)
    assert not list((folder / "checkpoints").glob("training-*"))
    assert "finished" in carina_command("train", "--resume", folder)[2]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("seed", range(3))
def test_killed_at_random_moments_a_training_ends_with_the_same_bits(
    carina_command, phantom_films, whole, tmp_path, seed
):
    folder, rng = tmp_path / "run", random.Random(seed)
    words = [phantom_films, *SETTINGS, "--out", folder]
    for _ in range(4):
        with started(*words) as training:
            try:
                training.communicate(timeout=rng.uniform(1, 12))
            except subprocess.TimeoutExpired:
                training.kill()
        if (folder / "environment.json").is_file():
            words = ["--resume", folder]
    code, _, said = carina_command("train", *words)
    assert code == 0, said
    assert outcome(folder) == outcome(whole)
    assert not list(folder.rglob(".*"))


@pytest.mark.slow
def test_two_trainings_in_one_folder_and_other_films_are_refused(
    carina_command, phantom_films, tmp_path
):
    folder = tmp_path / "run"
    with started(phantom_films, "--set", "train.epochs=500", "--out", folder) as training:
        told_until(training, "epoch 1 ")
        code, _, said = carina_command("train", "--resume", folder)
        assert code == 2
        assert f"process {training.pid} on " in said
        training.kill()
    manifest = folder / "manifest.csv"
    first, *rows = manifest.read_text(encoding="utf-8").splitlines()
    manifest.write_text("\n".join([first, *rows[1:]]) + "\n", encoding="utf-8")
    code, _, said = carina_command("train", "--resume", folder)
    assert code == 2
    assert "1 film is new" in said
