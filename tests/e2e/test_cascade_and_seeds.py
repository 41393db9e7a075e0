"""A cascade, several seeds, and a run that begins where another ended."""

import json
import shutil
from pathlib import Path

import pytest

from carina.domain.probes import MASKED_BALANCED_ACCURACY
from carina.domain.recipe import Recipe, recipe_from_values
from carina.errors import RecipeError, UsageError
from carina.files.digest_list import write_digests
from carina.files.recipes import with_settings
from carina.imaging import read_radiograph
from carina.inference.bundle import load_classifier
from carina.runs import Run
from carina.workflows.start import reseeded
from carina.workflows.train import train
from carina.workflows.verify import verify

pytestmark = pytest.mark.slow

pytest.importorskip("torch", reason="training needs the extra 'train'")

SMALL = {
    "input": {"height": 64, "width": 64},
    "evaluate": {"resamples": 200, "worst_errors": 2, "score_explanations": False},
}
STACK = {
    "architecture": "conv-stack",
    "options": {"filters": [8, 8, 16], "dense": [16], "dropout_dense": 0.0},
}
# A step size of 1e-9 moves nothing that can be seen.
STANDING_STILL = ("epochs=1", "learning_rate=1e-9")
EPOCHS = {"epochs": 2, "precision": "fp32", "learning_rate": 0.003}


def cascade_recipe() -> Recipe:
    stage = {"network": STACK, "train": EPOCHS}
    return recipe_from_values(
        {
            "name": "small-cascade",
            **SMALL,
            "stages": [
                {
                    "name": "abnormal",
                    "labels": {"classes": ["Normal", "Abnormal"], "rest": "Abnormal"},
                    **stage,
                },
                {"name": "which", "labels": {"drop": ["Normal"]}, **stage},
            ],
        },
        origin="test",
    )


def stack_recipe() -> Recipe:
    return recipe_from_values(
        {"name": "stack", **SMALL, "network": STACK, "train": EPOCHS}, origin="test"
    )


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    from conftest import settings_in

    return settings_in(tmp_path_factory.mktemp("cascade-own"))


@pytest.fixture(scope="module")
def cascade_run(phantom_films, places, tmp_path_factory) -> Run:
    out = tmp_path_factory.mktemp("cascade") / "run"
    return train(phantom_films, recipe=cascade_recipe(), out=out, settings=places)


@pytest.fixture(scope="module")
def seeds_run(phantom_films, places, tmp_path_factory) -> Run:
    out = tmp_path_factory.mktemp("seeds") / "run"
    return train(phantom_films, recipe=stack_recipe(), seeds=2, out=out, settings=places)


def a_film(run: Run, phantom_films):
    return read_radiograph(phantom_films / run.predictions("test")[1][0].path)


def test_a_cascade_answers_with_one_probability_for_each_of_the_three_classes(
    cascade_run, phantom_films
):
    classifier = load_classifier(cascade_run.folder)
    answer = classifier.predict(a_film(cascade_run, phantom_films))
    assert sorted(answer.probabilities) == ["COVID-19", "Normal", "Pneumonia"]
    assert sum(answer.probabilities.values()) == pytest.approx(1)


def test_every_class_of_a_cascade_is_explained_by_the_stage_that_answers_it(
    cascade_run, phantom_films
):
    classifier = load_classifier(cascade_run.folder)
    film = a_film(cascade_run, phantom_films)
    sources = classifier.card.explanations
    assert {name: source.head for name, source in sources.items()} == {
        "Normal": "head_0.onnx",
        "COVID-19": "head_1.onnx",
        "Pneumonia": "head_1.onnx",
    }
    for name in classifier.labels.names:
        assert classifier.explain(film, name).heat.shape == film.pixels.shape


def test_each_stage_is_a_run_tested_on_its_own_question(cascade_run):
    abnormal, which = cascade_run.stages
    assert abnormal.card.labels.names == ("Normal", "Abnormal")
    assert which.card.labels.names == ("COVID-19", "Pneumonia")
    n_test = cascade_run.evaluation.data.n_images
    assert abnormal.evaluation.data.n_images == n_test
    assert which.evaluation.data.n_images == n_test * 2 // 3
    assert abnormal.environment.status == which.environment.status == "finished"


def test_the_stages_and_the_cascade_share_one_split(cascade_run):
    parts = {row.path: row.split for row in cascade_run.manifest}
    for stage in cascade_run.stages:
        own = {row.path: row.split for row in stage.manifest if row.split}
        assert own.items() <= parts.items()


def test_each_stage_has_a_masked_probe_of_its_own_and_the_cascade_names_them(cascade_run):
    assert MASKED_BALANCED_ACCURACY not in cascade_run.evaluation.probes
    page = cascade_run.report_file.read_text()
    for stage in cascade_run.stages:
        assert stage.evaluation.probes[MASKED_BALANCED_ACCURACY].n == stage.evaluation.data.n_images
        assert stage.environment.seconds["masked probe"] > 0
        assert f">{stage.name}</th>" in page
    assert page.count("of the cascade: ") == 2
    assert "it has no masked probe of its own" in page


def test_the_report_of_a_cascade_shows_the_curves_of_each_stage(cascade_run):
    page = cascade_run.report_file.read_text()
    assert "Stage 1, abnormal: Normal and Abnormal." in page
    assert "Stage 2, which: COVID-19 and Pneumonia." in page
    assert {f.name for f in cascade_run.figures_dir.glob("curves*")} == {
        "curves_abnormal.png",
        "curves_which.png",
    }


def test_stages_that_do_not_fit_together_are_refused_before_anything_is_written(
    phantom_films, settings, tmp_path
):
    recipe = with_settings(cascade_recipe(), ["stages.1.labels.drop=[]"])
    with pytest.raises(RecipeError, match="every class"):
        train(phantom_films, recipe=recipe, out=tmp_path / "run", settings=settings)
    assert not (tmp_path / "run").exists()


def test_several_seeds_give_mean_and_range_and_the_best_on_validation(seeds_run):
    evaluation = seeds_run.evaluation
    assert [member.seed for member in evaluation.members] == [0, 1]
    losses = [member.validation["loss"].value for member in evaluation.members]
    chosen = [member.chosen for member in evaluation.members]
    assert chosen.index(True) == losses.index(min(losses))
    values = [member.metrics["accuracy"].value for member in evaluation.members]
    over = evaluation.over_members["accuracy"]
    assert (over.low, over.high) == (min(values), max(values))
    assert over.value == pytest.approx(sum(values) / 2)


def test_the_run_shows_the_chosen_member_and_keeps_the_others(seeds_run):
    chosen = next(m for m in seeds_run.evaluation.members if m.chosen)
    member = Run(seeds_run.members_dir / chosen.name)
    assert seeds_run.card == member.card
    assert seeds_run.history == member.history
    assert load_classifier(seeds_run.folder).digest == load_classifier(member.folder).digest
    assert [member.name for member in seeds_run.members] == ["seed-0", "seed-1"]
    assert "--seeds 2" in seeds_run.environment.command


def test_members_share_the_split_and_differ_in_their_weights(seeds_run):
    first, second = seeds_run.members
    assert first.manifest == second.manifest
    assert (first.checkpoints_dir / "last.safetensors").read_bytes() != (
        second.checkpoints_dir / "last.safetensors"
    ).read_bytes()


def test_of_several_seeds_the_first_alone_has_a_masked_probe(seeds_run):
    first, second = (member.evaluation.probes for member in seeds_run.members)
    assert seeds_run.evaluation.probes == first
    assert MASKED_BALANCED_ACCURACY in first
    assert MASKED_BALANCED_ACCURACY not in second
    assert [m.recipe.evaluate.masked_probe for m in seeds_run.members] == [True, False]
    assert "masked probe" not in seeds_run.members[1].environment.seconds


def test_the_report_shows_every_seed(seeds_run):
    page = seeds_run.report_file.read_text()
    assert "Several seeds" in page
    assert "Over the 2 seeds" in page


def test_a_number_of_seeds_that_is_none_is_refused(phantom_films, settings):
    with pytest.raises(UsageError, match="--seeds"):
        train(phantom_films, recipe=stack_recipe(), seeds=0, settings=settings)


@pytest.mark.nightly
def test_a_run_can_begin_where_another_ended(seeds_run, phantom_films, places, tmp_path):
    recipe = stack_recipe()
    again = train(
        phantom_films,
        recipe=recipe,
        set=[f"train.{setting}" for setting in STANDING_STILL],
        init=seeds_run.folder,
        out=tmp_path / "run",
        settings=places,
    )
    earlier = seeds_run.evaluation.parts["validation"]["loss"].value
    assert again.evaluation.parts["validation"]["loss"].value == pytest.approx(earlier, abs=1e-3)
    assert seeds_run.name in again.card.provenance.weights
    assert json.loads((again.classifier_dir / "card.json").read_text())["provenance"]["weights"]


@pytest.mark.slow
@pytest.mark.nightly
def test_a_cascade_begins_stage_by_stage_where_another_ended(
    cascade_run, phantom_films, places, tmp_path
):
    slow = [f"stages.{stage}.train.{setting}" for stage in (0, 1) for setting in STANDING_STILL]
    again = train(
        phantom_films,
        recipe=cascade_recipe(),
        set=slow,
        init=cascade_run.folder,
        out=tmp_path / "run",
        settings=places,
    )
    for stage, earlier in zip(again.stages, cascade_run.stages, strict=True):
        assert earlier.name in stage.card.provenance.weights
        loss, before = (
            one.evaluation.parts["validation"]["loss"].value for one in (stage, earlier)
        )
        assert loss == pytest.approx(before, abs=1e-3)


def test_a_cascade_cannot_begin_with_a_run_that_has_no_such_stages(
    seeds_run, phantom_films, settings
):
    with pytest.raises(RecipeError, match="no stage 'abnormal'"):
        train(phantom_films, recipe=cascade_recipe(), init=seeds_run.folder, settings=settings)


def test_another_seed_moves_that_of_every_stage_by_as_much():
    recipe = with_settings(cascade_recipe(), ["stages.1.train.seed=5"])
    moved = reseeded(recipe, 2)
    assert moved.train.seed == 2
    assert [stage.train.seed for stage in moved.stages] == [2, 7]
    assert reseeded(recipe, 0) == recipe


@pytest.mark.slow
@pytest.mark.nightly
def test_films_that_the_earlier_run_had_trained_on_are_told_when_they_test_the_new_one(
    seeds_run, phantom_films, places, tmp_path
):
    again = train(
        phantom_films,
        recipe=stack_recipe(),
        set=["train.epochs=1", "split.mode=cut", "split.seed=5"],
        init=seeds_run.folder,
        out=tmp_path / "run",
        settings=places,
    )
    assert again.evaluation.without_leaks.n_removed > 0
    seen = load_classifier(again.folder).seen
    assert len({row["sha256"] for row in seen}) > sum(
        row.split in ("train", "validation") for row in again.manifest
    )


def test_an_earlier_run_of_another_network_is_refused(seeds_run, phantom_films, settings):
    with pytest.raises(RecipeError, match="conv-stack"):
        train(phantom_films, set=["input.height=64"], init=seeds_run.folder, settings=settings)


@pytest.mark.slow
@pytest.mark.nightly
def test_an_earlier_run_with_other_classes_keeps_all_but_its_output_layer(
    seeds_run, phantom_films, places, tmp_path
):
    two = train(
        phantom_films,
        recipe=stack_recipe(),
        set=["train.epochs=1", "labels.drop=['Normal']"],
        init=seeds_run.folder,
        out=tmp_path / "run",
        settings=places,
    )
    assert "output layer was drawn anew" in two.card.provenance.weights


def test_stages_and_seeds_are_verified_and_a_hidden_member_is_found(
    cascade_run, seeds_run, tmp_path, places
):
    found = verify(cascade_run.folder, "no-such-folder", settings=places)
    assert found.is_same, found.differences
    assert "members/which/predictions/test.csv" in {one.where for one in found.checks}
    run = Run(Path(shutil.copytree(seeds_run.folder, tmp_path / "run")))
    values = json.loads(run.evaluation_file.read_text(encoding="utf-8"))
    values["members"][0]["chosen"] = not values["members"][0]["chosen"]
    values["over_members"]["accuracy"]["high"] += 1e-4
    run.evaluation_file.write_text(json.dumps(values), encoding="utf-8")
    write_digests(run.folder)
    found = verify(run.folder, "no-such-folder", settings=places)
    assert [one.where for one in found.differences] == [
        "evaluation.json: members[0].chosen",
        "evaluation.json: over_members.accuracy.high",
    ]
