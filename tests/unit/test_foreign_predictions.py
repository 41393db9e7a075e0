"""What is read from the tables of other tools, and what is refused with a way out."""

import re
from collections import Counter
from pathlib import Path

import pytest

from carina.data.foreign_predictions import PredictionColumns, read_foreign_predictions
from carina.data.patients import PatientKey
from carina.data.predictions import prediction_columns, write_predictions
from carina.errors import EvaluationError, UsageError

KEY = PatientKey(b"an example key, not for use")


@pytest.fixture
def read(tmp_path):
    """Return a function that reads a table of this text."""

    def read_text(text, *, name="tool.csv", **asked):
        file = tmp_path / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_foreign_predictions(file, PredictionColumns(**asked), patient_key=KEY)

    return read_text


def answers(foreign):
    return [(film.label, film.predicted) for film in foreign.predictions]


def probabilities(foreign, label):
    return [film.probabilities[label] for film in foreign.predictions]


BINARY = ("Normal", "Covid")
TABLES = {
    "a column for each class": ("label,p_Normal,p_Covid\nNormal,0.8,0.2\nCovid,0.4,0.6\n", {}),
    "behind the class": ("y_true,Normal_prob,Covid_prob\nNormal,.8,.2\nCovid,.4,.6\n", {}),
    "the class itself": ("truth,Normal,Covid\nNormal,.8,.2\nCovid,.4,.6\n", {}),
    "one score": ("class,score\nNormal,0.2\nCovid,0.6\n", {}),
    "one score of the other class": ("class,score\nNormal,.8\nCovid,.4\n", {"positive": "normal"}),
    "one column of one class": ("target,prob_Covid\nNormal,.2\nCovid,.6\n", {}),
    "tabs": ("label\tscore\nNormal\t0.2\nCovid\t0.6\n", {}),
    "semicolons and decimal commas": ("label;score\nNormal;0,2\nCovid;0,6\n", {}),
    "the sign %": ("label,score\nNormal,20 %\nCovid,60%\n", {}),
    "percentages": ("label,p_Normal,p_Covid\nNormal,80,20\nCovid,40,60\n", {}),
    "one percentage": ("label,score\nNormal,20\nCovid,60\n", {}),
    "other spellings": ("label,p_normal,p_COVID\nNormal,.8,.2\nCovid,.4,.6\n", {}),
    "numbers for classes": ("y,p_0,p_1\n0.0,.8,.2\n1.0,.4,.6\n", {"labels": BINARY}),
    "a mark, quotes and blank lines": (
        "\ufeff\"label\",\"score\"\r\n\r\nNormal,0.2\r\n,\r\n\"Covid\",0.6\r\n", {}
    ),
    "UTF-16 of a spreadsheet": ("label\tscore\nNormal\t0.2\nCovid\t0.6\n".encode("utf-16"), {}),
    "an index of pandas": (",label,score\n0,Normal,0.2\n1,Covid,0.6\n", {}),
    "a frame of pandas": (",0,1,y\n0,.8,.2,0\n1,.4,.6,1\n", {"labels": BINARY}),
    "columns that the user names": (
        "a,b,c\nNormal,.8,.2\nCovid,.4,.6\n",
        {"named": {"label": "A"}, "scores": ("Normal=b", "Covid=c")},
    ),
    "named columns in the order of the labels": (
        "a,b,c\n0,.8,.2\n1,.4,.6\n",
        {"named": {"label": "a"}, "scores": ("b", "c"), "labels": BINARY},
    ),
    "odds": ("label,Normal,Covid\nNormal,4,1\nCovid,2,3\n", {"normalise": True}),
}  # fmt: skip


@pytest.mark.parametrize("kind", TABLES)
def test_one_answer_is_read_from_every_way_to_write_it(read, kind):
    text, asked = TABLES[kind]
    foreign = read(text, **asked)
    assert set(foreign.labels) == set(BINARY)
    assert answers(foreign) == [("Normal", "Normal"), ("Covid", "Covid")]
    assert probabilities(foreign, "Covid") == pytest.approx([0.2, 0.6])
    assert probabilities(foreign, "Normal") == pytest.approx([0.8, 0.4])
    assert foreign.has_scores
    assert not foreign.decided


def test_logits_become_probabilities_and_are_kept(read):
    foreign = read("label,score\n0,0\n1,2\n", logits=True)
    assert probabilities(foreign, "1") == pytest.approx([0.5, 0.8807970779778823])
    assert foreign.predictions[1].logits == {"0": -1.0, "1": 1.0}
    several = read("label,logit_a,logit_b,logit_c\na,3,1,-2\nb,-1,0,0\nc,0,0,0\n")
    assert several.from_logits
    assert sum(several.predictions[0].probabilities.values()) == pytest.approx(1)


def test_answers_alone_are_predictions_without_probabilities(read):
    foreign = read("truth,pred\na,a\nb,a\nc,c\nc,uncertain\n")
    assert not foreign.has_scores
    assert answers(foreign) == [("a", "a"), ("b", "a"), ("c", "c"), ("c", "")]
    assert all(not film.probabilities for film in foreign.predictions)
    assert "1 row without an answer of the tool not evaluated" in foreign.notes


def test_the_tools_own_answer_counts_and_one_it_withheld_is_an_abstention(read):
    foreign = read("label,predicted,score\n0,1,.4\n1,1,.6\n1,,.3\n")
    assert foreign.decided
    assert [film.predicted for film in foreign.predictions] == ["1", "1", "0"]
    assert [film.abstained for film in foreign.predictions] == [False, False, True]
    assert any(note.startswith("in 1 row the tool's own answer is not") for note in foreign.notes)


def test_every_guess_is_told(read):
    foreign = read("Image;Diagnosis;prob;junk\na.png;Normal;0,1;x\nb.png;Covid;0,9;y\n")
    assert foreign.notes == (
        "columns taken by their names: 'Diagnosis' as the label; 'Image' as the path; 'prob' as "
        "the probabilities",
        "cells are separated by semicolons",
        "the column 'prob' is taken as the score of 'Covid'",
        "the comma in scores is taken as the decimal point",
        "no column holds answers: 'Covid' is answered where its probability is 0.5 or more",
        "columns that were not used: junk",
    )


def test_patients_are_hashed_and_the_rest_of_a_row_is_kept(read):
    foreign = read(
        "path,label,score,PatientID,hospital,split,sex,view,age\n"
        "C:\\films\\a.png,0,.1,SECRET7,North,test,Female,PA,061Y\n"
        "C:\\films\\b.png,1,.9,,South,Validation,,,old\n",
    )
    first, second = foreign.records
    assert (first.path, first.source, first.part) == ("a.png", "North", "test")
    assert (first.sex, first.view, first.age_years) == ("F", "PA", 61.0)
    assert first.patient == KEY.hash("manifest/North", "SECRET7")
    assert (second.patient, second.part, second.age_years) == (None, "validation", None)
    assert "SECRET7" not in repr(foreign)
    assert any("1 cell of the column 'age'" in note for note in foreign.notes)


def test_rows_of_one_film_count_as_one_patients_and_repeated_rows_count_once(read):
    foreign = read("path,label,score\na,0,.1\na,0,.3\nb,1,.8\nb,1,.8\n")
    assert [film.path for film in foreign.predictions] == ["a", "a", "b"]
    first, again, other = (film.patient for film in foreign.predictions)
    assert first == again is not None
    assert other is None
    assert any("1 row passed over" in note for note in foreign.notes)
    assert any("name one film, in 1 case" in note for note in foreign.notes)


def test_patients_are_read_from_the_file_names_of_public_sets(read):
    foreign = read("file,label,score\n00000150_002.png,0,.1\n00000150_003.png,1,.8\n")
    first, second = (film.patient for film in foreign.predictions)
    assert first == second == KEY.hash("nih", "00000150")


def test_labels_that_the_user_does_not_name_are_counted(read):
    foreign = read("y,score\n0,.1\n1,.8\n-1,.5\n,.3\n", labels=BINARY)
    assert [film.label for film in foreign.predictions] == ["Normal", "Covid", None, None]
    assert any(note.startswith("1 row with the label '-1' not evaluated") for note in foreign.notes)
    assert "1 row without a label not evaluated" in foreign.notes


def test_rounded_probabilities_stay_as_they_are(read):
    foreign = read("label,p_a,p_b,p_c\na,.34,.33,.34\nb,.33,.33,.33\nc,.1,.2,.7\n")
    assert probabilities(foreign, "a") == [0.34, 0.33, 0.1]
    assert any("by rounding" in note for note in foreign.notes)


def test_carinas_own_file_is_read_as_it_was_written(read, tmp_path):
    text = ",".join(prediction_columns(["a", "b"])) + (
        "\nx.png,films,test,,a,b,0.25,0.75,-1.0,0.5,true,blank,\n"
        "y.png,films,test,00ff,b,b,0.1,0.9,-2.0,2.0,false,,one | two\n"
    )
    foreign = read(text)
    first, second = foreign.predictions
    assert not foreign.from_logits
    assert first.probabilities == {"a": 0.25, "b": 0.75}
    assert first.logits == {"a": -1.0, "b": 0.5}
    assert (first.abstained, first.reason, second.abstained) == (True, "blank", False)
    write_predictions(tmp_path / "again.csv", foreign.labels, foreign.predictions)
    again = read((tmp_path / "again.csv").read_text())
    assert answers(again) == answers(foreign)


def test_a_table_without_scores_can_be_written_and_read_again(read, tmp_path):
    foreign = read("truth,pred\na,a\nb,a\n")
    write_predictions(tmp_path / "again.csv", foreign.labels, foreign.predictions)
    again = read((tmp_path / "again.csv").read_text())
    assert not again.has_scores
    assert answers(again) == answers(foreign)


REFUSED = {
    "nothing": ("", {}, "is empty"),
    "no row": ("label,score\n", {}, "has column names but no row"),
    "no truth": ("a,score\n0,.1\n", {}, "no column with the truth (found: a, score)"),
    "blank truths": ("label,score\n,.1\n", {}, "every cell is blank"),
    "neither scores nor answers": ("label,a\n0,1\n1,2\n", {}, "--score-column or --prediction"),
    "a column that is not there": (
        "label,score\n0,.1\n", {"named": {"label": "lable"}}, "did you mean 'label'"
    ),
    "a short row": ("label,score\n0,.1\n1\n", {}, "line 3: 1 cells, and the header has 2"),
    "a word for a score": ("label,score\n0,.1\n1,high\n", {}, "line 3, column 'score': 'high'"),
    "an infinite score": ("label,score\n0,.1\n1,inf\n", {}, "'inf' is no finite number"),
    "half of the scores": ("label,p_a,p_b\na,.1,.9\nb,.2,\n", {}, "line 3: the column 'p_b' is"),
    "a negative score": ("label,score\n0,.1\n1,-2\n", {}, "say so with --logits"),
    "a large score": ("label,score\n0,.1\n1,250\n", {}, "250 is no probability"),
    "independent findings": ("label,a,b\na,.9,.8\nb,.1,.1\n", {}, "line 2: the scores a and b"),
    "one score, three classes": ("label,score\na,.1\nb,.2\nc,.3\n", {}, "tells two classes"),
    "one class": ("label,pred\na,a\n", {}, "one class only (a)"),
    "an unclear class": ("label,score\na,.1\nb,.2\n", {}, "--positive CLASS"),
    "a foreign positive": ("label,score\n0,.1\n1,.2\n", {"positive": "x"}, "is to be 'x'"),
    "numbers and names": ("label,p_a,p_b\n0,.1,.9\n1,.4,.6\n", {}, "as in --labels a,b"),
    "names and numbers": ("label,p_0,p_1\na,.1,.9\nb,.4,.6\n", {}, "as in --labels a,b"),
    "a class without a column": (
        "label,p_a,p_b\na,.1,.9\nb,.4,.6\nc,.5,.5\n", {}, "there is none for c"
    ),
    "a label beside the named columns": (
        "label,u,v\na,.1,.9\nb,.4,.6\nc,.5,.5\n", {"scores": ("a=u", "b=v")},
        "line 4, column 'label': 'c' has no column of scores"
    ),
    "a strange answer": ("label,pred,score\n0,2,.1\n1,1,.6\n", {"labels": ("no", "yes")},
                         "line 2, column 'pred': '2' is none of the classes"),
    "an answer without scores": ("label,pred,score\n0,0,\n1,1,.6\n", {}, "without scores"),
    "the answer's own probability": (
        "label,pred,score\n0,0,.9\n1,1,.6\n1,0,.7\n", {}, "never below 0.5"
    ),
    "an unknown part": ("label,score,split\n0,.1,test\n1,.6,other\n", {}, "'other' is no part"),
    "two columns of one name": ("label,score,label\n0,.1,0\n", {}, "2 columns called 'label'"),
    "free text for truths": (
        "report,label,score\n" + "".join(f"x,case {n},.1\n" for n in range(200)), {},
        "200 different labels, and at most 100 are classes"
    ),
    "no text": (b"PK\x03\x04\xff\xfe\x00", {}, "save it as CSV in UTF-8"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_understood_is_refused_with_what_to_do(read, kind):
    text, asked, says = REFUSED[kind]
    with pytest.raises(EvaluationError, match=re.escape(says)):
        read(text, **asked)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"named": {"agee": "x"}}, "did you mean 'age'"),
        ({"labels": ("a",)}, "name all"),
        ({"labels": ("a", "a")}, "twice"),
        ({"logits": True, "normalise": True}, "cannot be divided"),
    ],
)
def test_options_that_contradict_each_other_are_refused(asked, says):
    with pytest.raises(UsageError, match=says):
        PredictionColumns(**asked)


def test_one_score_of_one_half_is_an_answer_for_the_positive_class(read):
    assert answers(read("label,score\n0,.5\n1,.49\n")) == [("0", "1"), ("1", "0")]


def test_a_score_that_the_user_names_is_believed(read):
    text = "label,pred,score\n0,0,.9\n1,1,.6\n1,0,.7\n"
    assert read(text, scores=("score",)).has_scores


def test_the_example_of_the_docs_is_read_by_its_names_alone():
    file = Path(__file__).parents[2] / "docs" / "how-to" / "another-tool.csv"
    foreign = read_foreign_predictions(file, PredictionColumns(), patient_key=KEY)
    assert Counter(film.part for film in foreign.predictions) == {"validation": 80, "test": 120}
    assert (foreign.labels, foreign.positive) == (("COVID-19", "Normal"), "COVID-19")
    assert all(film.patient for film in foreign.predictions)


def test_a_split_column_that_names_no_part_is_no_part(read):
    foreign = read("label,score,set\n0,.1,a\n1,.6,b\n")
    assert [film.part for film in foreign.predictions] == [None, None]
    assert any("'set' was not taken as the part" in note for note in foreign.notes)
