"""`carina compare` as a user types it."""

import json

import pytest

import carina
from carina.runs import Run
from making.runs import ExampleRun, write_example_run

SMALL = ExampleRun(
    labels=("COVID", "Normal"),
    films=(("train", (8, 8)), ("validation", (6, 6)), ("test", (15, 15))),
    resamples=100,
    pictures=False,
    separation=1.0,
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    place = tmp_path_factory.mktemp("runs")
    described = ExampleRun(
        labels=("COVID", "Pneumonia"), films=SMALL.films, resamples=100, pictures=False
    )
    return [
        write_example_run(place / name, example).folder
        for name, example in (("custom-cnn", SMALL), ("vgg16", described))
    ]


def test_the_described_comparison_is_printed_and_says_that_it_is_no_ranking(
    carina_command, folders, settings
):
    code, out, err = carina_command("compare", *folders)
    assert code == 0
    assert "on validation" in out
    assert "on test" in out
    assert "Do not rank custom-cnn and vgg16" in out
    assert "Not tested on another source" in err
    (written,) = settings.runs_dir.iterdir()
    assert written.name.endswith("-compare")
    assert sorted(file.name for file in written.iterdir()) == [
        "comparison.html",
        "comparison.json",
    ]


def test_json_is_the_document_that_was_written_and_nothing_else(carina_command, folders, tmp_path):
    code, out, _ = carina_command("compare", *folders, "--out", tmp_path / "out", "--json")
    assert code == 0
    assert json.loads(out) == json.loads((tmp_path / "out" / "comparison.json").read_text())


def test_a_reader_is_named_with_an_option_and_printed_beside_the_run(
    carina_command, folders, tmp_path
):
    films = Run(folders[0]).predictions("test")[1]
    rows = "".join(f"{film.path},{film.label}\n" for film in films)
    (tmp_path / "readers.csv").write_text(f"path,ada\n{rows}")
    code, out, err = carina_command(
        "compare", folders[0], "--reader", tmp_path / "readers.csv:ada", "--out", tmp_path / "out"
    )
    assert code == 0
    assert "100.0 %" in out
    assert "a decision has no score" in out
    assert "ada" in err


@pytest.mark.parametrize(
    ("words", "hint"),
    [(["one"], "two runs or more"), (["no-such-run", "nor-this"], "no-such-run does not exist")],
)
def test_wrong_usage_exits_2_and_says_what_would_be_right(carina_command, words, hint):
    code, _, err = carina_command("compare", *words)
    assert code == 2
    assert hint in err


def test_an_out_that_is_not_empty_is_not_touched(carina_command, folders, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    code, _, err = carina_command("compare", *folders, "--out", tmp_path)
    assert code == 2
    assert "not empty" in err
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.slow
@pytest.mark.nightly
def test_two_real_trainings_that_differ_in_their_seed_are_tested_on_the_same_films(
    trained_run, phantom_films, tmp_path, settings
):
    from conftest import QUICK

    again = carina.train(
        phantom_films, set=[*QUICK, "train.seed=1"], out=tmp_path / "seed-1", settings=settings
    )
    result = carina.compare([trained_run, again], out=tmp_path / "out", settings=settings)
    test = result.comparison.pairs[0]
    assert test.n_shared == test.n_first == test.n_second == 36
    assert [run.seed for run in result.comparison.runs] == [0, 1]
    own = result.comparison.runs[1].parts["test"].metrics["accuracy"]
    assert own == again.evaluation.metrics["accuracy"]
