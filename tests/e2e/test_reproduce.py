"""A run is made again from its own record, and every byte and number is compared."""

import importlib
import json
import shutil

import pytest

import carina
from carina.domain.reproduction import Reproduction
from carina.errors import RunError, UsageError
from carina.files.documents import read_document
from carina.files.owners import owned, require_unowned
from carina.files.recipes import read_recipe, write_recipe
from carina.runs import Run
from carina.workflows.reproducing.prepared_runs import prepare
from conftest import QUICK
from making.real_films import REAL_FILMS, needs_real_films

reproducing = importlib.import_module("carina.workflows.reproduce")
pytest.importorskip("torch", reason="training needs the extra 'train'")


def differing(found):
    return {table.what: table for run in found.runs for table in run.numbers}


@pytest.mark.slow
def test_from_moved_and_renamed_films_and_without_the_key_a_run_is_identical(
    carina_command, trained_run, phantom_films, tmp_path, monkeypatch
):
    moved, again = tmp_path / "a moved folder", tmp_path / "again"
    shutil.copytree(phantom_films, moved)
    film = next((moved / "test" / "Normal").iterdir())
    film.rename(film.with_name(f"renamed {film.name}"))
    monkeypatch.setenv("CARINA_PATIENT_KEY", "a key that is not the recorded one")
    code, out, said = carina_command("reproduce", trained_run.folder, moved, "--out", again)
    assert code == 0, said
    assert "Identical: " in out
    found = read_document(again / "reproduction.json", Reproduction, error=RunError)
    assert found.identical
    (whole,) = found.runs
    assert {"classifier/network.onnx", "predictions/test.csv", "manifest.csv"} <= {
        *whole.same_files
    }
    assert whole.n_numbers > 500
    assert whole.weights == 0.0
    assert [part.n_differing for part in whole.predictions] == [0, 0]
    before, now = trained_run.environment, Run(again).environment
    assert now.circumstances == before.circumstances
    assert now.masked_probe == before.masked_probe
    assert now.masked_probe["epochs"] >= 1
    assert now.precision["reason"] == "as the run's record says"
    # Once more it is only compared: nothing is trained.
    history = (again / "history.csv").stat().st_mtime_ns
    code, out, _ = carina_command("reproduce", trained_run.folder, "--out", again, "--json")
    assert code == 0
    assert json.loads(out)["identical"] is True
    assert (again / "history.csv").stat().st_mtime_ns == history


@pytest.mark.slow
@pytest.mark.nightly
def test_a_changed_record_is_told_and_what_comes_out_is_put_into_proportion(
    carina_command, own_run, tmp_path
):
    recipe = read_recipe(str(own_run.recipe_file))
    train = recipe.train.model_copy(update={"learning_rate": 0.01})
    write_recipe(own_run.recipe_file, recipe.model_copy(update={"train": train}))
    values = json.loads(own_run.environment_file.read_text(encoding="utf-8"))
    values["versions"]["torch"] = "2.12.0"
    own_run.environment_file.write_text(json.dumps(values), encoding="utf-8")
    again = tmp_path / "again"
    code, out, _ = carina_command("reproduce", own_run.folder, "--out", again)
    assert code == 4
    for word in ("recipe.toml", "environment.json", "torch", "2.12.0", "history.csv, val_loss",
                 "probabilities, test", "Not identical: ", "its interval of"):  # fmt: skip
        assert word in out
    found = read_document(again / "reproduction.json", Reproduction, error=RunError)
    (whole,) = found.runs
    assert "classifier/network.onnx" in whole.other_files
    assert whole.weights > 1e-3
    loss = differing(found)["history.csv, val_loss"]
    before, now = own_run.history, Run(again).history
    apart = [abs(a["val_loss"] - b["val_loss"]) for a, b in zip(before, now, strict=True)]
    assert loss.largest_difference == max(apart)
    metric = whole.metrics[0]
    assert metric.recorded == own_run.evaluation.metrics[metric.name].value
    assert metric.here == Run(again).evaluation.metrics[metric.name].value


@pytest.mark.slow
def test_what_cannot_be_repeated_is_refused_before_anything_is_written(
    own_run, phantom_films, tmp_path, settings
):
    films, again = tmp_path / "films", tmp_path / "again"
    shutil.copytree(phantom_films, films)
    film = next((films / "train" / "Normal").iterdir())
    film.write_bytes(film.read_bytes() + b" ")
    with pytest.raises(RunError, match=f"1 film not what was recorded: .*{film.name}"):
        carina.reproduce(own_run.folder, films, out=again, settings=settings)
    assert not again.exists()
    values = json.loads(own_run.environment_file.read_text(encoding="utf-8"))
    own_run.environment_file.write_text(
        json.dumps({**values, "data": [str(tmp_path / "gone")]}), encoding="utf-8"
    )
    with pytest.raises(RunError, match=r"no longer at .*gone; say where they are"):
        carina.reproduce(own_run.folder, out=again, settings=settings)
    own_run.environment_file.write_text(
        json.dumps({**values, "status": "training"}), encoding="utf-8"
    )
    with pytest.raises(RunError, match="is not finished"):
        carina.reproduce(own_run.folder, out=again, settings=settings)
    assert not again.exists()


@pytest.mark.parametrize("is_seen_at_once", [True, False])
def test_a_reproduction_under_way_is_left_alone_by_a_second(
    own_run, tmp_path, settings, monkeypatch, is_seen_at_once
):
    again = tmp_path / "again"
    again.mkdir()
    prepare(own_run, Run(again), ())
    written = {file: file.read_bytes() for file in again.iterdir()}
    looks = []

    def look(folder, **words):
        looks.append(folder)
        if is_seen_at_once or len(looks) > 1:  # else the first begins just after
            require_unowned(folder, **words)

    monkeypatch.setattr(reproducing, "require_unowned", look)
    with owned(again), pytest.raises(UsageError, match="is being written to by process"):
        carina.reproduce(own_run.folder, own_run.environment.data, out=again, settings=settings)
    assert {file: file.read_bytes() for file in again.iterdir()} == written


@pytest.mark.slow
@needs_real_films
def test_a_run_on_real_films_is_reproduced_to_the_last_digit(tmp_path, settings):
    films = tmp_path / "films"
    for folder in sorted((REAL_FILMS / "covid19-image-dataset").glob("*/*")):
        kept = films / folder.parent.name / folder.name
        kept.mkdir(parents=True)
        for film in sorted(folder.iterdir())[:12]:
            shutil.copy(film, kept)
    words = (*QUICK, "evaluate.masked_probe=false")
    run = carina.train(films, set=words, out=tmp_path / "run", settings=settings)
    found = carina.reproduce(run.folder, out=tmp_path / "again", settings=settings)
    assert found.identical, found.sentence
    assert not found.differences
    assert not found.unknown
