"""A reader's decisions and another tool's predictions beside runs."""

import csv
import json
import shutil

import numpy as np
import pytest

from carina.data.predictions import read_predictions
from carina.domain.comparison import Comparison
from carina.errors import EvaluationError, RunError, UsageError
from carina.evaluation.paired_tests import exact_mcnemar
from carina.files.documents import read_document
from carina.files.tables import read_table, write_table
from carina.runs import Run
from carina.workflows.compare import compare
from conftest import settings_in
from making.runs import ExampleRun, write_example_run

FILMS = (("train", (8, 8)), ("validation", (6, 6)), ("test", (22, 18)))
LABELS = ("COVID", "Normal")
BASE = ExampleRun(
    labels=LABELS, films=FILMS, resamples=100, pictures=False, separation=1.0, films_per_patient=2
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_example_run(tmp_path_factory.mktemp("runs") / "base", BASE)


@pytest.fixture(scope="module")
def films(run):
    """The run's predictions on its test part."""
    return run.predictions("test")[1]


@pytest.fixture
def table(tmp_path):
    """Return a function that writes a CSV file and returns its path."""

    def write(columns, rows, name="readers.csv"):
        with (tmp_path / name).open("w", newline="") as stream:
            csv.writer(stream).writerows([columns, *rows])
        return tmp_path / name

    return write


def other(label):
    return LABELS[1 - LABELS.index(label)]


def read_by(films, *, wrong=4):
    """Return the answers of a reader who errs on the first films of each class."""
    return [other(film.label) if int(film.path[-8:-4]) < wrong else film.label for film in films]


def test_a_readers_column_is_compared_like_a_classifier(run, films, table, tmp_path, settings):
    answers = read_by(films)
    path = table(["path", "ada"], zip([film.path for film in films], answers, strict=True))
    result = compare([run], readers=[str(path)], out=tmp_path / "out", settings=settings)
    (reader,), (pair,) = result.comparison.others, result.comparison.pairs
    assert (reader.name, reader.kind, reader.n_rows, reader.n_elsewhere) == ("ada", "reader", 40, 0)
    figures = reader.parts["test"]
    assert figures.metrics["accuracy"].value == pytest.approx(32 / 40)
    assert figures.per_class["COVID"]["recall"].value == pytest.approx(18 / 22)
    assert figures.per_class["COVID"]["specificity"].value == pytest.approx(14 / 18)
    # the truth and the patients are the run's
    assert (figures.data.unit, pair.test.unit) == ("patients", "patients")
    right = [film.predicted == film.label for film in films]
    theirs = [answer == film.label for answer, film in zip(answers, films, strict=True)]
    only = [
        sum(a > b for a, b in zip(*two, strict=True)) for two in ((right, theirs), (theirs, right))
    ]
    assert pair.test.p_value_films == pytest.approx(exact_mcnemar(*only))
    apart = pair.test.per_class["COVID"]["recall"]
    own = np.mean([film.predicted == "COVID" for film in films if film.label == "COVID"])
    assert apart.value == pytest.approx(own - 18 / 22)
    assert apart.n == 22
    assert read_document(result.folder / "comparison.json", Comparison, error=EvaluationError) == (
        result.comparison
    )


def test_a_decision_has_no_score_and_the_page_says_so(run, films, table, tmp_path, settings):
    path = table(["path", "ada"], zip([film.path for film in films], read_by(films), strict=True))
    result = compare([run], readers=[str(path)], out=tmp_path / "out", settings=settings)
    (reader,), (pair,) = result.comparison.others, result.comparison.pairs
    for name in ("roc_auc_macro", "average_precision_macro", "log_loss", "brier_score"):
        assert reader.parts["test"].metrics[name].value is None
    assert pair.test.areas == ()
    assert pair.test.first["roc_auc_macro"].value is not None
    assert "a decision has no score, so that there is no ROC AUC" in pair.sentence
    page = (result.folder / "comparison.html").read_text()
    assert "ada gave decisions: a decision has no score" in page
    assert "DeLong" not in page
    json.loads((result.folder / "comparison.json").read_text(), parse_constant=pytest.fail)


def test_two_readers_and_a_run_are_three_pairs_corrected_together(
    run, films, table, tmp_path, settings
):
    rows = zip([film.path for film in films], read_by(films), read_by(films, wrong=1), strict=True)
    path = table(["path", "ada", "bo"], rows)
    found = compare(
        [run], readers=[f"{path}:ada", f"{path}:bo"], out=tmp_path / "out", settings=settings
    ).comparison
    assert [(pair.first, pair.second) for pair in found.pairs] == [
        ("base", "ada"), ("base", "bo"), ("ada", "bo")
    ]  # fmt: skip
    assert {pair.part for pair in found.pairs} == {"test"}
    assert {pair.test.n_tests for pair in found.pairs} == {3}
    counts = found.pairs[2].test.counts
    assert (counts.only_first_right, counts.only_second_right) == (0, 6)


def test_films_by_digest_blanks_and_films_of_no_run_are_counted(
    run, films, table, tmp_path, settings
):
    digests = {row.path: row.sha256 for row in run.manifest}
    rows = [[digests[film.path].upper(), film.label.lower()] for film in films]
    rows[3][1] = ""
    rows.append(["f" * 64, "Normal"])
    path = table(["sha256", "ada"], rows)
    found = compare([run], readers=[str(path)], out=tmp_path / "out", settings=settings).comparison
    (reader,), (pair,) = found.others, found.pairs
    assert (reader.n_rows, reader.n_blank, reader.n_elsewhere) == (40, 1, 1)
    assert reader.parts["test"].data.n_images == pair.n_shared == 39
    assert reader.parts["test"].metrics["accuracy"].value == 1
    told = " ".join(reader.cautions)
    assert "1 row was left blank" in told
    assert "1 row is of films that are in no run's test part" in told


@pytest.mark.parametrize(
    ("film", "answer", "told"),
    [
        ("x.png", "COVID", r"none of the 1 films .* names 'x\.png', and a run names"),
        (
            "films/test/COVID/0000.png",
            "Fracture",
            r"column 'ada': 'Fracture' is no class of base .*COVID, Normal",
        ),
    ],
)
def test_answers_that_fit_no_run_are_refused(run, table, tmp_path, film, answer, told):
    path, settings = table(["path", "ada"], [[film, answer]]), settings_in(tmp_path / "own")
    with pytest.raises(EvaluationError, match=told):
        compare([run], readers=[str(path)], out=tmp_path / "out", settings=settings)
    assert not (tmp_path / "out").exists()


def test_a_path_that_stands_for_two_films_is_refused_with_what_to_do(
    run, films, table, tmp_path, settings
):
    again = Run(shutil.copytree(run.folder, tmp_path / "again"))
    rows = read_table(again.manifest_file, error=RunError)
    changed = next(row for row in rows if row["path"] == films[0].path)
    changed["sha256"] = "e" * 64
    write_table(again.manifest_file, list(rows[0]), rows)
    path = table(["path", "ada"], [[films[0].path, "COVID"]])
    with pytest.raises(EvaluationError, match=r"stands for 2 different films .* sha256"):
        compare([run, again], readers=[str(path)], out=tmp_path / "out", settings=settings)


def test_readers_alone_are_refused_since_the_truth_is_a_runs(table, settings):
    path = table(["path", "ada", "bo"], [["a.png", "COVID", "Normal"]])
    with pytest.raises(UsageError, match="needs a run at least"):
        compare([], readers=[f"{path}:ada", f"{path}:bo"], settings=settings)


def test_another_tools_predictions_are_tested_with_areas_too(run, films, table, tmp_path, settings):
    rng = np.random.default_rng(1)
    rows = []
    for film in films:
        share = 1 / (1 + np.exp(-rng.normal(1.5 if film.label == "COVID" else -1.5, 1.5)))
        rows.append([film.path, film.label, share, 1 - share])
    path = table(["file", "truth", "p_COVID", "p_Normal"], rows, name="tool.csv")
    found = compare([run, path], out=tmp_path / "out", settings=settings).comparison
    (tool,), (pair,) = found.others, found.pairs
    assert (tool.name, tool.kind, tool.n_rows) == ("tool", "predictions", 40)
    assert (pair.n_shared, pair.n_relabelled) == (40, 0)
    (area,) = pair.test.areas
    assert area.difference.method == "delong-patients"
    assert area.bootstrap.value == pytest.approx(area.difference.value)
    assert area.p_value == area.p_value_holm
    assert "DeLong's test" in pair.sentence
    assert "DeLong" in (tmp_path / "out" / "comparison.html").read_text()


def test_films_that_the_tool_calls_otherwise_are_not_compared(
    run, films, table, tmp_path, settings
):
    rows = [[film.path, film.label, *film.probabilities.values()] for film in films]
    rows[0][1] = other(films[0].label)
    path = table(["path", "label", "p_COVID", "p_Normal"], rows, name="tool.csv")
    (pair,) = compare([run, path], out=tmp_path / "out", settings=settings).comparison.pairs
    assert (pair.n_shared, pair.n_relabelled) == (39, 1)


def test_a_runs_own_predictions_file_is_any_tools(run, films, tmp_path, settings):
    found = compare([run, run.predictions_file("test")], out=tmp_path / "out", settings=settings)
    (pair,) = found.comparison.pairs
    assert pair.test.identical
    assert read_predictions(run.predictions_file("test"))[1] == list(films)
