"""Two runs that should be the same: what differs is found, sized and put into proportion."""

import json
import math
import shutil
from pathlib import Path

import pytest

from carina.domain.reproduction import ComparedMetric, ComparedRun, Difference, Reproduction
from carina.evaluation.compared_numbers import compare_columns, compare_numbers, numbers_in
from carina.reporting.reproduction_wording import reproduction_sentence
from carina.workflows.reproducing.compared_again import compared_runs
from making.runs import ExampleRun, write_example_run

EXAMPLE = ExampleRun(pictures=False, resamples=100)


@pytest.fixture
def two_runs(tmp_path):
    return tuple(write_example_run(tmp_path / name, EXAMPLE) for name in ("first", "second"))


def found(runs, **fields):
    return Reproduction(
        run="first", again="second", identical=runs[0].is_identical, sentence="", runs=runs,
        **fields,
    )  # fmt: skip


def changed(file, change):
    values = json.loads(file.read_text(encoding="utf-8"))
    change(values)
    file.write_text(json.dumps(values), encoding="utf-8")


def test_the_same_files_are_identical_whatever_their_seconds(two_runs):
    first, second = two_runs
    text = second.history_file.read_text(encoding="utf-8")
    second.history_file.write_text(text.replace(",1.2\n", ",7.5\n"), encoding="utf-8")
    assert second.history != first.history
    (whole,) = compared_runs(first, second)
    assert whole.is_identical
    assert whole.numbers == ()
    assert whole.n_numbers > 300
    told = reproduction_sentence(found((whole,), differences=(
        Difference(what="torch", recorded="1", here="2"),)))  # fmt: skip
    assert told.startswith("Identical: ")
    assert told.endswith("to the last digit; otherwise than recorded: torch.")


@pytest.mark.parametrize("gone_from", [0, 1])
def test_a_file_that_one_of_the_runs_lost_is_not_the_same(two_runs, gone_from):
    two_runs[gone_from].predictions_file("test").unlink()
    (whole,) = compared_runs(*two_runs)
    assert not whole.is_identical
    assert whole.other_files == ("predictions/test.csv",)


def test_what_differs_is_named_with_its_size_and_its_place(two_runs):
    first, second = two_runs

    def change(values):
        values["metrics"]["accuracy"]["value"] += 0.01

    changed(second.evaluation_file, change)
    rows = second.history_file.read_text(encoding="utf-8").splitlines()
    cells = rows[3].split(",")
    cells[5] = repr(float(cells[5]) + 0.25)
    second.history_file.write_text("\n".join([*rows[:3], ",".join(cells), *rows[4:]]) + "\n")
    answers = second.predictions_file("test").read_text(encoding="utf-8").splitlines()
    column = answers[0].split(",").index("predicted")
    one = answers[1].split(",")
    one[column] = "Normal" if one[column] != "Normal" else "Covid"
    one[column + 1] = repr(float(one[column + 1]) - 0.125)
    text = "\n".join([answers[0], ",".join(one), *answers[2:]]) + "\n"
    second.predictions_file("test").write_text(text, encoding="utf-8")
    (whole,) = compared_runs(first, second)
    assert not whole.is_identical
    assert whole.other_files == ("predictions/test.csv",)
    tables = {table.what: table for table in whole.numbers}
    assert set(tables) == {"history.csv, val_loss", "evaluation.json, metrics"}
    loss = tables["history.csv, val_loss"]
    assert (loss.n_values, loss.n_differing, loss.where) == (5, 1, "row 3")
    assert loss.largest_difference == pytest.approx(0.25, rel=1e-12)  # it went through a text
    assert tables["evaluation.json, metrics"].where == "metrics.accuracy.value"
    test = whole.predictions[1]
    assert (test.n_differing, test.changed_decisions, test.only_one) == (1, 1, 0)
    assert test.largest_difference == pytest.approx(0.125)
    (metric,) = whole.metrics
    assert metric.name == "accuracy"
    assert metric.is_inside
    told = reproduction_sentence(found((whole,)))
    assert "apart by 1.0 points, within its interval of" in told
    assert "1 of 66 test films are decided otherwise" in told


def test_a_film_or_a_member_that_one_run_alone_has_differs(two_runs):
    first, second = two_runs
    rows = second.predictions_file("test").read_text(encoding="utf-8").splitlines()
    second.predictions_file("test").write_text("\n".join(rows[:-1]) + "\n", encoding="utf-8")
    write_example_run(first.members_dir / "seed-0", EXAMPLE)
    whole, member = compared_runs(first, second)
    assert whole.predictions[1].only_one == 1
    assert (member.name, member.is_identical) == ("seed-0", False)
    assert "manifest.csv" in member.other_files


def test_numbers_are_the_same_to_the_last_bit_and_undefined_ones_stand_for_themselves():
    nan = float("nan")
    assert compare_numbers("x", {"a": nan, "b": None}, {"a": nan, "b": None}).n_differing == 0
    last_bit = compare_numbers("x", {"a": 0.3, "b": 1.0}, {"a": math.nextafter(0.3, 1), "b": 1.0})
    assert (last_bit.n_differing, last_bit.where) == (1, "a")
    assert last_bit.largest_difference == math.nextafter(0.3, 1) - 0.3
    lost = compare_numbers("x", {"a": 0.3, "b": 5.0}, {"a": None, "b": 1.0})
    assert (lost.n_differing, lost.largest_difference, lost.where) == (2, None, "a")
    (short,) = compare_columns("t", [{"a": 1.0}, {"a": 2.0}], [{"a": 1.0}])
    assert (short.what, short.n_differing, short.where) == ("t, a", 1, "row 2")
    assert dict(numbers_in({"a": True, "b": "1", "c": [{"d": 2}]})) == {"c.0.d": 2}


def test_a_difference_beyond_the_interval_says_so():
    metric = ComparedMetric(name="accuracy", recorded=0.8, here=0.5, low=0.7, high=0.9)
    run = ComparedRun(metrics=(metric,), other_files=("classifier/network.onnx",))
    told = reproduction_sentence(found((run,)))
    assert "apart by 30.0 points, outside of its interval of 70.0 to 90.0 %" in told


def test_the_answer_says_where_the_second_run_lies(two_runs, tmp_path, carina_command, monkeypatch):
    pytest.importorskip("torch", reason="training needs the extra 'train'")
    first, second = two_runs

    def train(*, resume, **_):
        """What a training leaves, without one."""
        shutil.copytree(second.folder, resume, dirs_exist_ok=True)

    monkeypatch.setattr("carina.workflows.reproduce.train", train)
    code, out, said = carina_command("reproduce", first.folder, tmp_path, "--json")
    assert code == 0, said
    folder = Path(json.loads(out)["folder"])
    assert folder.parent == tmp_path / "own" / "runs"
    assert (folder / "reproduction.json").is_file()
    assert str(tmp_path) not in (folder / "reproduction.json").read_text(encoding="utf-8")
