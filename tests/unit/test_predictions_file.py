import pytest

from carina.data.predictions import prediction_columns, read_predictions, write_predictions
from carina.domain.prediction import Prediction
from carina.errors import EvaluationError

LABELS = ("COVID", "Normal")
ANSWER = Prediction(
    path="test/COVID/a, b.png",
    source="films",
    part="test",
    patient="00ff",
    label="COVID",
    predicted="Normal",
    probabilities={"COVID": 0.1 + 0.2, "Normal": 1 - (0.1 + 0.2)},
    logits={"COVID": -0.8472978603872036, "Normal": 1e-300},
    abstained=True,
    reason="blank",
    cautions=("first", "second"),
)


def test_predictions_are_read_bit_for_bit_as_they_were_written(tmp_path):
    write_predictions(tmp_path / "test.csv", LABELS, [ANSWER, ANSWER])
    assert read_predictions(tmp_path / "test.csv") == (LABELS, [ANSWER, ANSWER])


def test_the_columns_are_those_of_the_design():
    assert ",".join(prediction_columns(["x"])) == (
        "path,source,part,patient,label,predicted,p_x,logit_x,abstained,reason,cautions"
    )


def test_a_file_without_probabilities_is_refused_with_its_columns(tmp_path):
    (tmp_path / "other.csv").write_text("path,label\na,b\n")
    with pytest.raises(EvaluationError, match=r"found: path, label"):
        read_predictions(tmp_path / "other.csv")


def test_a_row_of_another_length_names_its_line(tmp_path):
    write_predictions(tmp_path / "test.csv", LABELS, [ANSWER])
    with (tmp_path / "test.csv").open("a") as stream:
        stream.write("one,two\n")
    with pytest.raises(EvaluationError, match="line 3: 2 cells"):
        read_predictions(tmp_path / "test.csv")


def test_a_cell_that_is_no_number_names_its_row(tmp_path):
    write_predictions(tmp_path / "test.csv", LABELS, [ANSWER])
    text = (tmp_path / "test.csv").read_text().replace("1e-300", "high")
    (tmp_path / "test.csv").write_text(text)
    with pytest.raises(EvaluationError, match="row 1"):
        read_predictions(tmp_path / "test.csv")
