"""A training that has little memory, and one that diverges, as their users meet them."""

import json

import pytest

SMALL = (
    "--set", "input.height=64", "--set", "input.width=64", "--set", "train.epochs=1",
    "--set", "train.precision=fp32", "--set", "train.threads=1",
    "--set", "evaluate.masked_probe=false", "--set", "evaluate.score_explanations=false",
    "--set", "evaluate.resamples=100",
)  # fmt: skip


def record(folder):
    return json.loads((folder / "environment.json").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_a_diverged_run_says_what_to_try_and_is_not_taken_for_another(
    carina_command, phantom_films, tmp_path
):
    folder = tmp_path / "run"
    words = (*SMALL, "--set", "train.learning_rate=1e30")
    code, _, said = carina_command("train", phantom_films, "--out", folder, *words)
    assert code == 1
    assert "the training diverged: the loss is " in said
    assert "--set train.learning_rate=0.001" in said
    assert record(folder)["status"] == "diverged"
    assert "--set train.learning_rate=0.001" in record(folder)["diverged"]
    assert not list((folder / "checkpoints").glob("training-*"))
    code, _, said = carina_command("train", "--resume", folder)
    assert code == 2
    assert "diverged and cannot go on" in said
    code, _, said = carina_command("report", folder)
    assert code == 2
    assert "diverged and has nothing to report" in said
    code, _, said = carina_command("evaluate", folder, phantom_films)
    assert code == 2
    assert "is a run without a classifier: the training diverged" in said


@pytest.mark.slow
def test_little_memory_splits_the_batch_and_too_little_is_refused_before_the_start(
    carina_command, phantom_films, tmp_path, monkeypatch
):
    words = (*SMALL, "--recipe", "three-class-cnn", "--set", "train.batch_size=64")
    monkeypatch.setenv("CARINA_MEMORY_MB", "10")
    code, _, said = carina_command("train", phantom_films, "--out", tmp_path / "none", *words)
    assert code == 1
    assert "even for one film at a time, and 0.01 GB that CARINA_MEMORY_MB gives are free" in said
    monkeypatch.setenv("CARINA_MEMORY_MB", "185")
    folder = tmp_path / "parts"
    code, _, said = carina_command("train", phantom_films, "--out", folder, *words)
    assert code == 0, said
    kept = record(folder)
    at_once = kept["memory"]["films_at_once"]
    assert 64 % at_once == 0
    assert at_once < 64
    assert f"batch 64 is taken in {64 // at_once} parts of {at_once}: one of 64 needs" in said
    assert kept["circumstances"]["films at once"] == at_once
    assert kept["memory"]["needed_mb"] <= 185 < kept["memory"]["whole_batch_mb"]
    assert "dropout draws other values" in kept["memory"]["reason"]
