"""Classes may be called anything that a folder can be called."""

import pytest

from carina.data import open_dataset
from carina.data.predictions import read_predictions, write_predictions
from carina.domain.prediction import Prediction
from carina.reporting.short_names import short_names
from making.datasets import TEST_KEY, write_film

NAMES = (
    ("nan", "1", "None"), ("1.0", "1"), ("True", "False"), ("p_a", "a", "logit_a"), ("-", "--"),
    ("=1+1", "@x", "p_"), ("__", "%s"), ("{x}", "[bold]b"), ("<script>", "&amp;"),
    ('COVID,19 "severe"', "label"), ("胸部", "صورة", "😀"), ("x" * 200, "y" * 200),
)  # fmt: skip


@pytest.mark.parametrize("names", NAMES, ids=lambda names: names[0][:10])
def test_a_folders_name_is_the_class_in_every_table(tmp_path, names):
    for number, name in enumerate(names):
        write_film(tmp_path / "films" / name / "film.png", number)
    dataset = open_dataset([tmp_path / "films"], patient_key=TEST_KEY)
    labels = dataset.labels.names
    assert set(labels) == set(names)
    share = dict.fromkeys(labels, 1 / len(labels))
    made = [
        Prediction(
            path=r.path, source=r.source, part="test", label=r.label, predicted=r.label,
            probabilities=share, logits=share,
        )
        for r in dataset.records
    ]  # fmt: skip
    write_predictions(tmp_path / "test.csv", labels, made)
    found, read = read_predictions(tmp_path / "test.csv")
    assert found == labels
    assert [(film.label, film.probabilities) for film in read] == [
        (film.label, pytest.approx(share)) for film in made
    ]


def test_classes_that_differ_in_case_alone_are_one_and_that_is_said(tmp_path):
    for number, name in enumerate(("Normal", "normal", "COVID-19")):
        write_film(tmp_path / name / f"{number}.png", number)
    dataset = open_dataset([tmp_path], patient_key=TEST_KEY)
    assert dataset.labels.names == ("COVID-19", "Normal")
    assert any("'normal' taken as 'Normal'" in note for note in dataset.notes)


def test_short_names_of_classes_stay_apart():
    long = ["word " * 39 + "a", "word " * 39 + "b", "a" * 99 + "1" + "a" * 100]
    long += ["a" * 99 + "2" + "a" * 100, "_hidden", "Normal"]
    short = short_names(long, most=18)
    assert len(set(short)) == len(long)
    assert max(map(len, short)) <= 18
    assert not any(name.startswith("_") for name in short)
    assert short[-1] == "Normal"
