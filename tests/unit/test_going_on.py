"""What a training takes over from the run that it belongs to."""

import pytest

from carina.domain.recipe import recipe_from_values
from carina.errors import RunError
from carina.files.digest_list import write_digests
from carina.files.digests import file_digest
from carina.files.documents import write_document
from carina.files.recipes import write_recipe
from carina.runs import TRAINING, Environment, Run
from carina.workflows.going_on import require_same_recipe, threads_of_others
from carina.workflows.making import complete_end


def recipe(threads=0):
    values = {
        "name": "r",
        "network": {"architecture": "two-conv"},
        "train": {"threads": threads},
    }
    return recipe_from_values(values, origin="test")


def recorded(folder, *, asked, circumstances):
    folder.mkdir(parents=True)
    write_recipe(folder / "recipe.toml", recipe(asked))
    environment = Environment(
        started="", status=TRAINING, command="", versions={}, machine={}, sources={},
        circumstances=circumstances,
    )  # fmt: skip
    write_document(folder / "environment.json", environment)
    return folder


@pytest.mark.parametrize(
    ("place", "asked", "threads"),
    [
        ("members/seed-1", 0, 6),
        ("members/seed-1/members/stage", 0, 6),
        ("members/seed-1", 2, 0),
        (".", 0, 0),
    ],
)
def test_a_member_that_begins_late_gets_the_threads_that_the_others_have(
    tmp_path, place, asked, threads
):
    recorded(tmp_path / "run", asked=0, circumstances={})
    members = tmp_path / "run" / "members"
    recorded(members / "seed-0", asked=2, circumstances={"threads": 2})
    recorded(members / "seed-2", asked=0, circumstances={"threads": 6})
    assert threads_of_others(Run(tmp_path / "run" / place), recipe(asked)) == threads


def test_a_run_does_not_go_on_by_a_recipe_that_was_changed_since_it_began(tmp_path):
    run = Run(recorded(tmp_path / "run", asked=0, circumstances={}))
    assert not require_same_recipe(run)  # of a version that did not note it
    noted = run.environment.model_copy(update={"recipe_sha256": file_digest(run.recipe_file)})
    write_document(run.environment_file, noted)
    assert require_same_recipe(run)
    write_recipe(run.recipe_file, recipe(threads=3))
    with pytest.raises(RunError, match=r"recipe\.toml was changed since the run began"):
        require_same_recipe(run)


@pytest.mark.parametrize("lose", [False, True])
def test_a_finished_training_of_a_run_is_taken_up_only_as_it_was(tmp_path, lose):
    run = Run(recorded(tmp_path / "run" / "members" / "seed-0", asked=0, circumstances={}))
    run.evaluation_file.write_bytes(b"{}")
    write_digests(run.folder)
    complete_end(run)
    run.evaluation_file.write_bytes(b"{ }")
    if lose:
        run.evaluation_file.unlink()
    with pytest.raises(RunError, match=r"no longer as it was \(evaluation\.json\)"):
        complete_end(run)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("threads", 10**9),
        ("threads", "x"),
        ("precision", "x"),
        ("fixed layers", ""),
        ("films at once", 0),
        ("films at once", -1),
        ("workers", 0.5),
    ],
)
def test_circumstances_that_no_training_had_are_refused_as_they_are_read(tmp_path, name, value):
    run = Run(recorded(tmp_path / "run", asked=0, circumstances={}))
    absurd = run.environment.model_copy(update={"circumstances": {name: value}})
    write_document(run.environment_file, absurd)
    with pytest.raises(RunError, match=f"environment.json .*{name}"):
        _ = run.environment
