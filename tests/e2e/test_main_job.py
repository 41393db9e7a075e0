"""From a folder of films to a report: the files of a run, and what they say."""

import csv
import json
import math
import shutil

import numpy as np
import pytest

import carina
from carina.domain.probes import MASKED_BALANCED_ACCURACY, MASKED_EPOCHS
from carina.errors import ParityError
from carina.runs import HISTORY_COLUMNS, Run
from conftest import QUICK

FILES = (
    "recipe.toml",
    "environment.json",
    "manifest.csv",
    "audit.json",
    "history.csv",
    "evaluation.json",
    "report.html",
    "log.txt",
    "checkpoints/best.safetensors",
    "checkpoints/last.safetensors",
    "classifier/card.json",
    "classifier/network.onnx",
    "classifier/head.onnx",
    "classifier/seen.csv",
    "classifier/README.md",
    "predictions/validation.csv",
    "predictions/test.csv",
)


@pytest.mark.parametrize("name", FILES)
def test_a_run_holds_every_file_of_the_design(trained_run, name):
    assert (trained_run.folder / name).stat().st_size > 0


def test_a_run_that_ended_says_so_and_how_it_was_made(trained_run):
    environment = trained_run.environment
    assert environment.status == "finished"
    assert environment.images_per_second > 0
    assert environment.precision["chosen"] in ("fp32", "bf16")
    assert {"torch", "carina", "python"} <= set(environment.versions)
    assert environment.test_opened == 1


def test_the_history_has_the_columns_of_the_design_and_a_row_an_epoch(trained_run):
    with trained_run.history_file.open() as stream:
        assert next(csv.reader(stream)) == list(HISTORY_COLUMNS)
    history = trained_run.history
    assert [row["epoch"] for row in history] == [1, 2]
    assert all(math.isfinite(row["val_auc_macro"]) for row in history)


def test_the_described_split_is_kept_and_every_film_is_in_the_manifest(trained_run):
    rows = trained_run.manifest
    assert len(rows) == 3 * (24 + 8 + 12)
    assert all(row.path.split("/")[0] == row.split for row in rows)


def test_loss_and_accuracy_stand_for_every_part_with_their_intervals(trained_run):
    parts = trained_run.evaluation.parts
    assert {part: figures["accuracy"].n for part, figures in parts.items()} == {
        "train": 72,
        "validation": 24,
        "test": 36,
    }
    for figures in parts.values():
        for estimate in figures.values():
            assert estimate.low <= estimate.value <= estimate.high


def test_the_metrics_are_those_of_the_predictions_that_were_written(trained_run):
    from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, roc_auc_score

    labels, answers = trained_run.predictions("test")
    evaluation = trained_run.evaluation
    truth = [answer.label for answer in answers]
    given = [answer.predicted for answer in answers]
    scores = np.array([[answer.probabilities[name] for name in labels] for answer in answers])
    metrics = evaluation.metrics
    assert metrics["accuracy"].value == pytest.approx(accuracy_score(truth, given))
    f1 = f1_score(truth, given, average="macro", zero_division=0)
    if metrics["f1_macro"].value is not None:
        assert metrics["f1_macro"].value == pytest.approx(f1)
    auc = roc_auc_score(truth, scores, multi_class="ovr", labels=list(labels))
    assert metrics["roc_auc_macro"].value == pytest.approx(auc)
    matrix = confusion_matrix(truth, given, labels=list(labels))
    assert evaluation.confusion_matrix.counts == tuple(tuple(row) for row in matrix.tolist())


def test_probabilities_in_the_file_are_the_calibrated_logits(trained_run):
    labels, answers = trained_run.predictions("validation")
    logits = np.array([[answer.logits[name] for name in labels] for answer in answers])
    wanted = trained_run.card.calibration.apply(logits)
    found = np.array([[answer.probabilities[name] for name in labels] for answer in answers])
    np.testing.assert_allclose(found, wanted, atol=1e-12)


def test_last_and_best_epoch_are_both_reported_and_best_is_the_lowest_validation_loss(trained_run):
    last = trained_run.evaluation.last_epoch
    losses = [row["val_loss"] for row in trained_run.history]
    assert last.epoch == 2
    assert last.best_epoch == 1 + losses.index(min(losses))
    assert "accuracy" in last.metrics


@pytest.mark.slow
@pytest.mark.nightly
def test_the_classifier_holds_the_best_epochs_weights_not_the_last(
    phantom_films, tmp_path, settings
):
    # Steps so large that the network collapses: every epoch is right as often, the first wins.
    words = [*QUICK, "train.epochs=3", "train.learning_rate=0.05", "train.choose_by=val_accuracy"]
    run = carina.train(phantom_films, set=words, out=tmp_path / "run", settings=settings)
    accuracies = [row["val_accuracy"] for row in run.history]
    best = 1 + accuracies.index(max(accuracies))
    assert best < 3
    assert run.evaluation.last_epoch.best_epoch == run.card.provenance.epoch == best
    loss = run.evaluation.parts["validation"]["loss"].value
    assert loss == pytest.approx(run.history[best - 1]["val_loss"], rel=1e-4)
    assert loss != pytest.approx(run.history[-1]["val_loss"], rel=1e-2)


def test_the_classifier_answers_a_film_as_the_run_recorded_it(trained_run, phantom_films):
    """Files -> pixels -> network -> probabilities: training's cache and serving agree."""
    _, recorded = trained_run.predictions("test")
    chosen = recorded[::5]
    found = carina.predict(trained_run.folder, [phantom_films / film.path for film in chosen])
    for before, now in zip(chosen, found.answers, strict=True):
        for name, probability in before.probabilities.items():
            assert now.probabilities[name] == pytest.approx(probability, abs=1e-6)


def test_the_exported_network_was_held_against_the_trained_one(trained_run):
    parity = trained_run.card.parity
    assert parity["n_films"] == 24
    assert 0 <= parity["max_probability_difference"] <= 1e-5


@pytest.mark.slow
def test_no_classifier_is_made_when_the_export_answers_otherwise(
    phantom_films, tmp_path, settings, monkeypatch
):
    from carina.models import export

    monkeypatch.setattr(export, "parity", lambda *films: 2e-5)
    with pytest.raises(ParityError, match=r"2\.0e-05"):
        carina.train(phantom_films, set=QUICK, out=tmp_path / "run", settings=settings)
    assert not (tmp_path / "run" / "classifier").exists()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights_and_the_same_network_file(
    trained_run, phantom_films, tmp_path, settings
):
    again = carina.train(phantom_films, set=QUICK, out=tmp_path / "again", settings=settings)
    for name in ("checkpoints/best.safetensors", "classifier/network.onnx"):
        assert (again.folder / name).read_bytes() == (trained_run.folder / name).read_bytes()
    for first, second in zip(trained_run.history, again.history, strict=True):
        assert {**first, "seconds": 0} == {**second, "seconds": 0}
    assert again.evaluation.metrics == trained_run.evaluation.metrics


def test_a_masked_probe_stands_beside_the_accuracy(trained_run):
    evaluation, environment = trained_run.evaluation, trained_run.environment
    assert evaluation.probes[MASKED_BALANCED_ACCURACY].n == evaluation.data.n_images
    assert evaluation.probes[MASKED_EPOCHS].value < 2
    assert environment.seconds["masked probe"] > 0
    assert evaluation.data.test_opened == environment.test_opened == 1
    assert "Without the lungs" in trained_run.report_file.read_text()


@pytest.mark.slow
def test_a_run_is_the_same_with_the_masked_probe_and_without(
    trained_run, phantom_films, tmp_path, settings
):
    words = [*QUICK, "evaluate.masked_probe=false"]
    without = carina.train(phantom_films, set=words, out=tmp_path / "run", settings=settings)
    assert MASKED_BALANCED_ACCURACY not in without.evaluation.probes
    assert "masked probe" not in without.environment.seconds
    for name in (
        "checkpoints/best.safetensors",
        "checkpoints/last.safetensors",
        "classifier/network.onnx",
        "predictions/test.csv",
    ):
        assert (without.folder / name).read_bytes() == (trained_run.folder / name).read_bytes()
    for first, second in zip(trained_run.history, without.history, strict=True):
        assert {**first, "seconds": 0} == {**second, "seconds": 0}
    # The card of another user's run names another patient key.
    same = {"probes": {}, "classifier": "", "explanation_scores": None}
    assert without.evaluation.model_copy(update=same) == (
        trained_run.evaluation.model_copy(update=same)
    )


def test_the_report_can_be_built_again_from_the_files_alone(own_run):
    before = own_run.report_file.read_text()
    own_run.report_file.unlink()
    carina.report(own_run.folder)
    assert own_run.report_file.read_text() == before


def test_explanations_lie_over_the_films_and_are_png(trained_run, phantom_films, tmp_path):
    film = phantom_films / "test" / "Normal"
    result = carina.explain(trained_run.folder, film, out=tmp_path / "maps", label="Normal")
    assert len(result.overlays) == 12
    assert all(file.read_bytes()[:4] == b"\x89PNG" for file in result.overlays.values())


@pytest.mark.slow
@pytest.mark.nightly
def test_a_test_film_that_is_also_trained_on_is_counted_without(tmp_path, settings, phantom_films):
    """A described leak: the numbers stand twice."""
    films = shutil.copytree(phantom_films, tmp_path / "leaky")
    known = sorted((films / "train" / "Normal").iterdir())[:3]
    for film in known:
        shutil.copy(film, films / "test" / "Normal" / f"copy-{film.name}")
    run = carina.train(films, set=QUICK, out=tmp_path / "run", settings=settings)
    leaks = run.audit.leaks
    assert len(leaks) == 3
    assert {leak.kind for leak in leaks} == {"identical-bytes"}
    assert run.evaluation.metrics["accuracy"].n == 39
    assert run.evaluation.without_leaks.n_removed == 3
    assert run.evaluation.without_leaks.metrics["accuracy"].n == 36
    assert "critical" in {finding.severity for finding in run.audit.findings}


def test_no_path_of_this_machine_stands_in_a_classifier(trained_run):
    places = [str(trained_run.folder.parent), "/site-packages/", "/src/carina/"]
    for file in trained_run.classifier_dir.iterdir():
        data = file.read_bytes()
        assert not [place for place in places if place.encode() in data], file.name


def test_a_run_shows_itself_in_a_notebook(trained_run):
    page = Run(trained_run.folder)._repr_html_()
    assert "accuracy" in page
    assert json.dumps("data:image/png")[1:-1] in page


def test_the_heat_maps_of_a_training_are_scored(trained_run):
    scores, card = trained_run.evaluation.explanation_scores, trained_run.card
    assert card.explanation_scores == scores
    assert set(scores.cautions) <= set(card.cautions)
    method = scores.methods["grad-cam"]
    assert method.n_films == 8
    assert "8 of 36 films of the test part" in scores.data
    assert method.scores["gain_over_random"].n == method.n_films - method.n_without_heat
    assert method.scores["heat_in_lungs"].undefined_because == "not scored: no lung masks"
    assert set(scores.not_scored) == {"ablation-cam", "grad-cam++", "occlusion"}
    assert trained_run.environment.seconds["heat maps"] > 0
    assert 'id="heat-maps"' in trained_run.report_file.read_text()
