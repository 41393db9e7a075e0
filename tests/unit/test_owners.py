"""A folder that one process at a time writes to."""

import json
import platform
import re
import shutil

import pytest

from carina.domain.recipe import recipe_from_values
from carina.errors import UsageError
from carina.files.owners import added_to, owned, require_unowned, was_left_by_owner
from carina.files.recipes import write_recipe
from carina.workflows.evaluate import evaluate
from carina.workflows.places import claimed
from carina.workflows.report import report
from carina.workflows.train import train
from making.runs import ExampleRun, write_example_run


def left_by(folder, *, computer):
    """What a process that was killed leaves behind."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".lock").touch()
    owner = {"process": 7, "computer": computer, "since": "2026-11-22T03:00:00+00:00"}
    (folder / ".owner").write_text(json.dumps(owner), encoding="utf-8")
    (folder / ".recipe.toml.abcdefgh.unfinished").write_bytes(b"half a rec")


def test_a_second_owner_is_refused_and_told_who_the_first_is(tmp_path):
    with owned(tmp_path) as remark:
        assert remark == ""
        for second in (owned(tmp_path), claimed_at(tmp_path)):
            with (
                pytest.raises(UsageError, match=rf"process \d+ on {platform.node()} since"),
                second,
            ):
                pass
    assert list(tmp_path.iterdir()) == []
    require_unowned(tmp_path)


def test_a_dead_owners_lock_is_taken_over_and_what_it_left_half_written_goes(tmp_path):
    left_by(tmp_path, computer=platform.node())
    assert was_left_by_owner(tmp_path)
    with owned(tmp_path) as remark:
        assert remark == ""
        assert sorted(file.name for file in tmp_path.iterdir()) == [".lock", ".owner"]
    assert list(tmp_path.iterdir()) == []


def test_of_an_owner_on_another_computer_it_is_told_what_is_known(tmp_path):
    left_by(tmp_path, computer="node-17")
    with owned(tmp_path) as remark:
        assert "process 7 on node-17 since 2026-11-22T03:00:00+00:00" in remark
        assert "does not share locks" in remark


def test_what_adds_to_a_folder_is_refused_by_its_owner_and_leaves_what_a_dead_one_left(tmp_path):
    with owned(tmp_path), pytest.raises(UsageError, match="by process"), added_to(tmp_path):
        pass
    with added_to(tmp_path), pytest.raises(UsageError, match="by process"), owned(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []
    left_by(tmp_path, computer="node-17")
    with added_to(tmp_path):
        assert json.loads((tmp_path / ".owner").read_text())["computer"] == platform.node()
    assert was_left_by_owner(tmp_path)
    assert len(list(tmp_path.glob("*.unfinished"))) == 1
    with owned(tmp_path) as remark:
        assert "node-17" in remark


@pytest.mark.parametrize("place", ["", "members/seed-1"])
def test_a_run_that_another_process_writes_to_gets_no_page_and_no_test(place, tmp_path):
    pytest.importorskip("matplotlib", reason="a page needs the extra 'study'")
    whole = tmp_path / "run"
    run = write_example_run(whole / place, ExampleRun(pictures=False, resamples=100))
    if place:
        shutil.copy(run.recipe_file, whole)
    with owned(whole):
        for work in (report, lambda folder: evaluate(folder, "no such films")):
            with pytest.raises(
                UsageError, match=rf"{re.escape(str(whole))} is being .* by process"
            ):
                work(run.folder)
    assert not run.report_file.exists()
    assert not list(tmp_path.rglob(".owner"))


def test_a_member_of_a_run_that_another_process_writes_to_does_not_go_on(tmp_path):
    pytest.importorskip("torch", reason="going on needs the extra 'train'")
    whole = tmp_path / "run"
    run = write_example_run(whole / "members" / "seed-1", ExampleRun(resamples=100))
    shutil.copy(run.recipe_file, whole)
    left_by(run.folder, computer="node-17")
    with owned(whole), pytest.raises(UsageError, match=rf"{re.escape(str(whole))} is being"):
        train(resume=run.folder)
    assert was_left_by_owner(run.folder)


def claimed_at(folder):
    from carina.settings import Settings

    return claimed(
        folder,
        settings=Settings.from_environment(),
        name="train",
        n_bytes=1,
    )


def test_a_folder_with_nothing_but_a_killed_beginning_is_as_good_as_empty(tmp_path):
    folder = tmp_path / "run"
    left_by(folder, computer=platform.node())
    with claimed_at(folder) as place:
        assert place == folder
    write_recipe(
        folder / "recipe.toml",
        recipe_from_values({"name": "r", "network": {"architecture": "two-conv"}}, origin="test"),
    )
    with claimed_at(folder):
        pass
    (folder / ".owner").unlink()
    (folder / ".lock").unlink()
    (folder / ".recipe.toml.abcdefgh.unfinished").unlink()
    with pytest.raises(UsageError, match="not empty"), claimed_at(folder):  # a user's own recipe
        pass


def test_a_half_made_run_is_not_begun_anew_but_gone_on_with(own_run):
    environment = json.loads(own_run.environment_file.read_text(encoding="utf-8"))
    with pytest.raises(UsageError, match="name another place"), claimed_at(own_run.folder):
        pass
    own_run.environment_file.write_text(json.dumps({**environment, "status": "stopped"}))
    with (
        pytest.raises(UsageError, match=f"carina train --resume {own_run.folder}"),
        claimed_at(own_run.folder),
    ):
        pass
