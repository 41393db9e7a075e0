"""Any tool's predictions: from its file to numbers and a page."""

import json

import numpy as np
import pytest
from sklearn import metrics as sk

import carina
from carina.data.foreign_predictions import PredictionColumns, read_foreign_predictions
from carina.data.patients import PatientKey
from carina.errors import RecipeError, UsageError
from carina.evaluation.evaluate import all_metrics, scored_films
from carina.workflows.evaluate_predictions import evaluate_predictions
from conftest import settings_in
from making.foreign_tables import LABELS, answer_rows, foreign_rows, write_rows
from making.pages import assert_stands_alone

QUICK = ("evaluate.resamples=100",)
UNKNOWN_TRAINING = "not known what the tool was trained on"


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """Three classes, patients, and validation rows of other patients."""
    place = tmp_path_factory.mktemp("several")
    rows = foreign_rows(60, part="validation", first_patient=500)
    rows += foreign_rows(90, part="test", seed=1)
    file = write_rows(place / "tool.csv", rows)
    own = settings_in(place / "own")
    return rows, evaluate_predictions(file, set=QUICK, out=place / "out", settings=own)


def test_the_numbers_are_those_of_scikit_learn(several):
    rows, result = several
    tested = [row for row in rows if row["split"] == "test"]
    truths = [row["y_true"] for row in tested]
    shares = np.array([[float(row[f"p_{label}"]) for label in LABELS] for row in tested])
    answers = [LABELS[index] for index in shares.argmax(axis=1)]
    wanted = {
        "accuracy": sk.accuracy_score(truths, answers),
        "balanced_accuracy": sk.balanced_accuracy_score(truths, answers),
        "f1_macro": sk.f1_score(truths, answers, average="macro"),
        "precision_weighted": sk.precision_score(truths, answers, average="weighted"),
        "roc_auc_macro": sk.roc_auc_score(truths, shares, multi_class="ovr", labels=LABELS),
        "log_loss": sk.log_loss(truths, shares, labels=LABELS),
        "matthews_corrcoef": sk.matthews_corrcoef(truths, answers),
    }
    evaluation = result.evaluation
    found = {name: evaluation.metrics[name].value for name in wanted}
    assert found == pytest.approx(wanted, abs=1e-12)
    matrix = sk.confusion_matrix(truths, answers, labels=LABELS).tolist()
    assert [list(row) for row in evaluation.confusion_matrix.counts] == matrix


def test_validation_rows_fit_thresholds_and_prediction_sets_and_the_test_rows_are_tested(several):
    _, result = several
    evaluation = result.evaluation
    assert (evaluation.data.part, evaluation.data.n_images) == ("test", 90)
    assert (evaluation.data.n_patients, evaluation.data.unit) == (45, "patients")
    assert evaluation.data.external is None
    assert {point.chosen.n_validation for point in evaluation.operating_points} == {60}
    assert evaluation.abstention.sets
    assert evaluation.calibration.method == "as the file gives them"
    assert any(UNKNOWN_TRAINING in caution for caution in evaluation.cautions)


def test_the_page_is_whole_and_names_no_patient(several):
    _, result = several
    page = (result.folder / "report.html").read_text()
    assert_stands_alone(page)
    assert "tool.csv: Covid / Normal / Viral Pneumonia" in page
    for words in (
        UNKNOWN_TRAINING,
        "May be claimed",
        "How tool.csv was read",
        "The test results",
    ):
        assert words in page
    for file in result.folder.rglob("*"):
        assert not file.is_file() or b"SECRET" not in file.read_bytes()
    assert (result.folder / "figures" / "roc.png").is_file()


def test_scores_of_the_other_class_are_doubted_and_nothing_is_fitted_without_validation(
    tmp_path, settings
):
    rows = [
        {"label": LABELS[number % 2], "score": repr(0.9 - 0.8 * (number % 2 == 0) - number / 1e3)}
        for number in range(40)
    ]
    file = write_rows(tmp_path / "tool.csv", rows)
    evaluation = carina.evaluate_predictions(file, set=QUICK, settings=settings).evaluation
    assert (evaluation.data.part, evaluation.data.n_images) == ("all", 40)
    assert not evaluation.abstention.sets
    assert evaluation.abstention.rule == "every film gets an answer"  # a table has no gate
    for words in ("say so with --positive", "the file names no validation films"):
        assert any(words in caution for caution in evaluation.cautions)


def test_answers_without_scores_get_every_number_that_they_can(carina_command, tmp_path):
    rows = answer_rows(60, n_wrong=30)
    file = write_rows(tmp_path / "reader.csv", rows)
    code, out, _ = carina_command(
        "evaluate", "--predictions", file, "--json", "--set", QUICK[0], "--out", tmp_path / "out"
    )
    document = json.loads(out)
    assert code == 0
    assert document["metrics"]["accuracy"]["value"] == 0.5
    for name in ("roc_auc_macro", "log_loss", "average_precision_macro"):
        assert document["metrics"][name]["undefined_because"].startswith("only answers are known")
    assert document["curves"] == {"roc": {}, "precision_recall": {}}
    assert (document["calibration"], document["operating_points"]) == (None, [])
    assert "only answers are known" in (tmp_path / "out" / "report.html").read_text()


def test_the_page_can_be_built_again_from_the_folder(tmp_path, settings):
    rows = answer_rows(60, part="test") + answer_rows(20, part="train")
    file = write_rows(tmp_path / "tool.csv", rows)
    result = carina.evaluate_predictions(file, set=QUICK, settings=settings)
    assert not any(UNKNOWN_TRAINING in caution for caution in result.evaluation.cautions)
    page = result.folder / "report.html"
    before = page.read_text()
    assert "20 of 60 test films were known" in before
    page.unlink()
    assert carina.report(result.folder) == page
    assert page.read_text() == before


def test_what_does_not_fit_is_refused(tmp_path, settings):
    file = write_rows(tmp_path / "tool.csv", foreign_rows(10))
    with pytest.raises(RecipeError, match="did you mean 'Covid'"):
        carina.evaluate_predictions(file, positive="Covd", settings=settings)
    with pytest.raises(RecipeError, match="only the settings of evaluate"):
        carina.evaluate_predictions(file, set=["train.epochs=2"], settings=settings)
    answers = write_rows(tmp_path / "answers.csv", answer_rows(10))
    with pytest.raises(RecipeError, match="the tool's own answers"):
        carina.evaluate_predictions(answers, set=["evaluate.decide_by=youden"], settings=settings)
    with pytest.raises(UsageError, match="did you mean 'age'"):
        carina.evaluate_predictions(file, column={"agee": "x"}, settings=settings)
    assert not settings.runs_dir.exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "--predictions FILE"),
        (["classifier"], "name the DATA"),
        (["classifier", "--predictions", "a.csv"], "do not go with it"),
        (["classifier", "data", "--labels", "a,b"], "--labels: only for"),
        (["--predictions", "no-such.csv"], "no-such.csv does not exist"),
        (["--predictions", "a.csv", "--column", "age"], "expected MEANING=NAME"),
    ],
)
def test_wrong_usage_exits_2_and_says_what_would_be_right(carina_command, words, says):
    code, _, err = carina_command("evaluate", *words)
    assert code == 2
    assert says in err


def test_films_without_an_answer_are_counted_and_the_command_exits_3(carina_command, tmp_path):
    rows = answer_rows(40)
    rows[7]["predicted"] = ""
    file = write_rows(tmp_path / "tool.csv", rows)
    code, out, err = carina_command(
        "evaluate", "--predictions", file, "--set", QUICK[0], "--patient-column", "PatientID",
        "--label-column", "y_true", "--out", tmp_path / "out",
    )  # fmt: skip
    assert code == 3
    assert "39 films of tool.csv" in out
    assert "1 row without an answer of the tool" in err
    assert "1 film without an answer do not count" in (tmp_path / "out/report.html").read_text()


def test_a_runs_own_predictions_give_the_runs_own_numbers(trained_run):
    foreign = read_foreign_predictions(
        trained_run.predictions_file("test"),
        PredictionColumns(),
        patient_key=PatientKey(b"an example key, not for use"),
    )
    films = scored_films(foreign.labels, foreign.predictions)
    overall, per_class, confusion = all_metrics(films, trained_run.recipe.evaluate)
    evaluation = trained_run.evaluation
    assert overall == evaluation.metrics
    assert per_class == evaluation.per_class
    assert confusion == evaluation.confusion_matrix
