"""One recipe over folds, and with one source left out at a time."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import carina
from carina.data.predictions import read_predictions
from carina.domain.probes import MASKED_BALANCED_ACCURACY
from carina.errors import UsageError
from carina.evaluation.evaluate import scored_films
from carina.files.digest_list import write_digests
from carina.imaging.phantom import write_phantoms
from carina.inference.bundle import load_classifier
from carina.runs import Run
from conftest import QUICK, settings_in

pytest.importorskip("torch", reason="training needs the extra 'train'")
pytestmark = pytest.mark.slow

QUICK_FOLDS = (*QUICK, "train.epochs=1", "evaluate.worst_errors=1")


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    return settings_in(tmp_path_factory.mktemp("folds-own"))


@pytest.fixture(scope="module")
def folds_run(phantom_films, places, tmp_path_factory) -> Run:
    out = tmp_path_factory.mktemp("folds") / "run"
    return carina.train(phantom_films, folds=3, set=QUICK_FOLDS, out=out, settings=places)


@pytest.fixture(scope="module")
def sources_run(places, tmp_path_factory) -> Run:
    place = tmp_path_factory.mktemp("sources")
    counts = {"all": {"Normal": 16, "Pneumonia": 16}}
    for seed, name in ((7, "north"), (8, "south")):
        write_phantoms(place / name, counts=counts, seed=seed)
    # One film of the north stands in the south, too: it must not train without the south.
    film = next((place / "north" / "all" / "Normal").iterdir())
    shutil.copy(film, place / "south" / "all" / "Normal" / "again.png")
    data = [place / "north" / "all", place / "south" / "all"]
    for folder in data:
        folder.rename(folder.with_name(folder.parent.name))
    data = [place / name / name for name in ("north", "south")]
    return carina.train(data, folds="source", set=QUICK_FOLDS, out=place / "run", settings=places)


def test_every_film_is_answered_once_by_a_training_that_had_not_seen_it(folds_run):
    names, answers = read_predictions(folds_run.folds_file)
    manifest = {row.key: row for row in folds_run.manifest}
    keys = [f"{answer.source}/{answer.path}" for answer in answers]
    assert sorted(keys) == sorted(manifest)
    with folds_run.folds_file.open() as stream:
        fold_of = [row["fold"] for row in csv.DictReader(stream)]
    members = dict(
        zip(("fold 1 of 3", "fold 2 of 3", "fold 3 of 3"), folds_run.members, strict=True)
    )
    seen = {name: {row["sha256"] for row in load_classifier(run.folder).seen}
            for name, run in members.items()}  # fmt: skip
    for key, fold in zip(keys, fold_of, strict=True):
        assert manifest[key].sha256 not in seen[fold]
    figures = folds_run.evaluation.folds
    assert figures.n_images == len(keys)
    right = (scored_films(names, answers).predicted == scored_films(names, answers).y_true).mean()
    assert figures.pooled["accuracy"].value == pytest.approx(right)
    assert sum(map(sum, figures.pooled_confusion)) == len(keys)


def test_the_run_is_the_fold_best_on_validation_and_stays_whole(folds_run):
    evaluation = folds_run.evaluation
    figures = evaluation.folds
    losses = [fold.validation["loss"].value for fold in figures.folds]
    assert [fold.chosen for fold in figures.folds].index(True) == losses.index(min(losses))
    member = Run(folds_run.members_dir / figures.chosen.name)
    assert folds_run.manifest == member.manifest
    assert folds_run.audit == member.audit
    assert folds_run.history == member.history
    assert evaluation.metrics == member.evaluation.metrics == figures.chosen.metrics
    assert folds_run.predictions("test") == member.predictions("test")
    assert evaluation.classifier == load_classifier(folds_run.folder).digest
    assert figures.sentence in folds_run.card.tested_on
    assert "--folds 3" in folds_run.environment.command
    assert any("were passed over" in note for note in folds_run.environment.notes)


def test_mean_and_range_are_those_of_the_folds(folds_run):
    figures = folds_run.evaluation.folds
    values = [fold.metrics["roc_auc_macro"].value for fold in figures.folds]
    over = figures.over_folds["roc_auc_macro"]
    assert (over.low, over.high) == (min(values), max(values))
    assert over.value == pytest.approx(sum(values) / 3)


def test_the_first_fold_alone_has_a_masked_probe(folds_run):
    has_probe = [MASKED_BALANCED_ACCURACY in one.evaluation.probes for one in folds_run.members]
    assert has_probe == [True, False, False]
    assert folds_run.evaluation.probes == folds_run.members[0].evaluation.probes


def test_the_report_shows_the_folds(folds_run):
    page = folds_run.report_file.read_text()
    assert "Over 3 folds" in page
    assert "fold 3 of 3" in page
    assert "Bengio and Grandvalet" in page


@pytest.mark.nightly
def test_each_source_is_tested_by_a_training_without_it(sources_run):
    figures = sources_run.evaluation.folds
    assert figures.by == "source"
    assert [(fold.name, fold.n_images) for fold in figures.folds] == [
        ("without-north", 32),
        ("without-south", 33),
    ]
    for member, fold in zip(sources_run.members, figures.folds, strict=True):
        tested = {row.source for row in member.manifest if row.split == "test"}
        others = {row.source for row in member.manifest if row.split != "test"}
        assert (tested, others & tested) == ({fold.tested_on}, set())
        assert member.evaluation.data.external
        assert set(member.card.provenance.sources) == others
        assert member.evaluation.data.name == fold.tested_on
        assert not any("another source" in caution for caution in member.card.cautions)
    without_south = sources_run.members[1]
    assert len(without_south.manifest) == 33 + 31
    assert any("left out of the training without south" in c for c in without_south.card.cautions)
    assert "Leaving one source out" in sources_run.report_file.read_text()


def test_weights_that_have_seen_a_fold_are_refused(folds_run, phantom_films, places, tmp_path):
    with pytest.raises(UsageError, match=r"had seen \d+ of the films"):
        carina.train(
            phantom_films,
            folds=3,
            init=folds_run.folder,
            set=QUICK_FOLDS,
            out=tmp_path / "run",
            settings=places,
        )
    assert not (tmp_path / "run").exists()


def test_an_external_test_is_held_against_the_chosen_fold(folds_run, places, tmp_path):
    run = Run(shutil.copytree(folds_run.folder, tmp_path / "run"))
    write_phantoms(tmp_path / "far", counts={"all": {"Normal": 6, "Pneumonia": 6}}, seed=77)
    settings = replace(places, runs_dir=tmp_path / "runs")
    result = carina.evaluate(run.folder, tmp_path / "far" / "all", settings=settings)
    beside = result.evaluation.against_internal
    assert beside.internal == run.evaluation.metrics
    assert beside.absent == ("COVID-19",)
    assert "on the internal test part: only one of the two" in beside.sentence


def test_an_external_test_of_held_out_sources_is_held_against_one(sources_run, places, tmp_path):
    run = Run(shutil.copytree(sources_run.folder, tmp_path / "run"))
    write_phantoms(tmp_path / "far", counts={"all": {"Normal": 6, "Pneumonia": 6}}, seed=77)
    settings = replace(places, runs_dir=tmp_path / "runs")
    result = carina.evaluate(run.folder, tmp_path / "far" / "all", settings=settings)
    beside = result.evaluation.against_internal
    assert beside.name == f"the held-out source {run.evaluation.data.name}"
    assert f"on {beside.name} (" in beside.sentence


def test_folds_are_verified_each_with_the_classifier_that_answered(sources_run, places, tmp_path):
    found = carina.verify(sources_run.folder, settings=places)
    assert found.is_same, found.differences
    where = {one.where for one in found.checks if one.what == "answers"}
    member = sources_run.members[1].name
    assert {"predictions/folds.csv", f"members/{member}/predictions/test.csv"} <= where

    run = Run(Path(shutil.copytree(sources_run.folder, tmp_path / "run")))
    text = run.folds_file.read_text(encoding="utf-8")
    run.folds_file.write_text(text.replace(",south\n", ",north\n", 1), encoding="utf-8")
    values = json.loads(run.evaluation_file.read_text(encoding="utf-8"))
    values["folds"]["mean_of_folds"]["accuracy"]["value"] += 1e-4
    run.evaluation_file.write_text(json.dumps(values), encoding="utf-8")
    write_digests(run.folder)
    found = carina.verify(run.folder, "no-such-folder", settings=places)
    places_of = [one.where for one in found.differences]
    assert "evaluation.json: folds.mean_of_folds.accuracy.value" in places_of
    assert any(place.startswith("predictions/folds.csv: ") for place in places_of)
    assert len(places_of) == 2
