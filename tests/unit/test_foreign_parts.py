"""What the rows of a tool's predictions are good for: testing, fitting, or telling leaks."""

import numpy as np
import pytest

from carina.data.foreign_predictions import PredictionColumns, read_foreign_predictions
from carina.data.patients import PatientKey
from carina.domain.abstention import Abstention, ConformalRule
from carina.domain.recipe import EvaluateSection
from carina.domain.rules import Rules
from carina.domain.thresholds import Thresholds
from carina.errors import EvaluationError
from carina.workflows.foreign_parts import cautions_of, parts_of, ruled, rules_of, without_trained
from making.foreign_tables import answer_rows, foreign_rows, write_rows

KEY = PatientKey(b"an example key, not for use")
SECTION = EvaluateSection(resamples=100)


@pytest.fixture
def read(tmp_path):
    def read_rows(rows, **asked):
        file = write_rows(tmp_path / "tool.csv", rows)
        return read_foreign_predictions(file, PredictionColumns(**asked), patient_key=KEY)

    return read_rows


def test_test_rows_are_tested_and_the_others_kept_for_what_they_tell(read):
    rows = [*foreign_rows(4, part="train"), *foreign_rows(5, part="test")]
    parts = parts_of(read([*rows, *foreign_rows(6, part="validation")]))
    assert parts.name == "test"
    assert (len(parts.train), len(parts.validation), len(parts.tested)) == (4, 6, 5)


def test_rows_of_no_part_or_of_one_are_all_tested(read):
    assert parts_of(read(foreign_rows(4))).name == "all"
    alone = parts_of(read(foreign_rows(4, part="validation")))
    assert (alone.name, len(alone.tested), alone.validation) == ("validation", 4, ())


def test_training_and_validation_rows_alone_are_refused(read):
    foreign = read([*foreign_rows(4, part="train"), *foreign_rows(4, part="validation")])
    with pytest.raises(EvaluationError, match=r"none is of the test.*--column part="):
        parts_of(foreign)


def test_logits_are_calibrated_by_validation_rows_and_probabilities_stay(read):
    rows = []
    for row in [*foreign_rows(60, part="validation", n_classes=2), *foreign_rows(9, part="test")]:
        odds = float(row["p_Covid"]) / float(row["p_Normal"])
        rows.append({**row, "z": float(8 * np.log(odds)), "PatientID": ""})
    for row in rows:
        row.pop("p_Viral Pneumonia", None)
    kept = [row for row in rows if row["y_true"] in ("Covid", "Normal")]
    foreign = read([{k: v for k, v in r.items() if k[:2] != "p_"} for r in kept], logits=True)
    parts = parts_of(foreign)
    rules = rules_of(foreign, parts, SECTION)
    assert rules.calibration.temperature > 4
    before, after = parts.tested[0], ruled(parts.tested, foreign, rules)[0]
    assert before.predicted == after.predicted
    assert max(after.probabilities.values()) < max(before.probabilities.values())
    given = read([{k: v for k, v in r.items() if k != "z"} for r in kept], normalise=True)
    rules = rules_of(given, parts_of(given), SECTION)
    assert (rules.calibration.method, rules.calibration.unfitted_because) == ("identity", "")
    assert rules.fitted.thresholds
    assert rules.fitted.conformal


def test_a_fitted_threshold_decides_where_the_tool_does_not(read):
    rule = ConformalRule(kind="marginal", error=0.1, limits={"0": 0.5, "1": 0.5})
    rules = Rules(
        thresholds=Thresholds(rule="at-least", positive=1, threshold=0.3),
        abstention=Abstention(rule="conformal", labels=("0", "1"), conformal=rule),
    )
    rows = [{"label": truth, "score": score} for truth, score in ((0, 0.2), (1, 0.4), (1, 0.9))]
    foreign = read(rows)
    films = ruled(foreign.predictions, foreign, rules)
    assert [film.predicted for film in films] == ["0", "1", "1"]
    assert [film.abstained for film in films] == [False, True, False]
    decided = read([{**row, "predicted": 0} for row in rows])
    films = ruled(decided.predictions, decided, rules)
    assert [film.predicted for film in films] == ["0", "0", "0"]


def test_answers_alone_and_files_without_validation_fit_nothing_and_say_why(read):
    foreign = read([*answer_rows(20, part="validation"), *answer_rows(20, part="test")])
    rules = rules_of(foreign, parts_of(foreign), SECTION)
    assert "answers, no probabilities" in rules.fitted.unfitted_because
    alone = read(foreign_rows(12, part="validation"))
    rules = rules_of(alone, parts_of(alone), SECTION)
    assert "all films are validation films" in rules.fitted.unfitted_because
    foreign = read(foreign_rows(12))
    rules = rules_of(foreign, parts_of(foreign), SECTION)
    assert rules.fitted.unfitted_because == "the file names no validation films"
    assert any(
        "names no validation films" in c for c in cautions_of(foreign, parts_of(foreign), rules)
    )


def test_tested_films_that_training_rows_name_are_told_apart(read):
    foreign = read([*answer_rows(60, part="test"), *answer_rows(20, part="train")])
    parts = parts_of(foreign)
    without = without_trained(foreign.labels, parts, SECTION)
    assert (without.n_removed, without.metrics["accuracy"].value) == (20, 1.0)
    assert not any("not known what" in one for one in cautions_of(foreign, parts, Rules()))
    other = read([*answer_rows(60, part="test"), *answer_rows(20, part="train", first_patient=90)])
    assert without_trained(other.labels, parts_of(other), SECTION) is None


def test_patients_in_validation_and_test_rows_are_told(read):
    foreign = read([*answer_rows(60, part="test"), *answer_rows(20, part="validation")])
    cautions = cautions_of(foreign, parts_of(foreign), Rules())
    assert any("20 tested films, or their patients" in one for one in cautions)
