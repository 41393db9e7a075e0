"""The rule that says when not to answer: its reasons, its card, and what its users see."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from carina.domain.abstention import Abstention, ConformalRule
from carina.domain.card import Card
from carina.domain.rules import Rules
from carina.domain.thresholds import Thresholds
from carina.errors import UsageError
from carina.inference.bundle import load_classifier, write_card
from carina.workflows.predict import predict
from carina.workflows.train import train
from making.classifiers import write_tiny_classifier
from making.uploads import grey_levels

LABELS = ("Covid", "Normal", "Viral Pneumonia")


def unsure(limits, *, kind="per-class", labels=LABELS):
    rule = ConformalRule(kind=kind, error=0.05, limits=dict(zip(labels, limits, strict=True)))
    return Abstention(rule="conformal", labels=labels, conformal=rule)


def reason(shares, rule, answer=None):
    answers = None if answer is None else np.array([answer])
    return rule.apply(np.array([shares]), answers)[0]


def test_one_possible_class_is_an_answer_and_a_film_on_the_limit_still_belongs():
    rule = unsure((0.5, 0.5, 0.5))
    assert reason((0.6, 0.3, 0.1), rule) == ""
    assert reason((0.5, 0.3, 0.2), rule) == ""
    assert reason((0.5, 0.5, 0.0), rule) == "several classes are possible: Covid or Normal"


def test_the_reason_names_the_possible_classes_in_their_order():
    rule = unsure((0.9, 0.9, 0.9))
    assert reason((0.2, 0.45, 0.35), rule) == (
        "several classes are possible: Covid, Normal or Viral Pneumonia"
    )
    assert reason((0.35, 0.05, 0.6), rule) == (
        "several classes are possible: Covid or Viral Pneumonia"
    )


def test_a_film_that_fits_no_class_says_so():
    assert reason((0.4, 0.3, 0.3), unsure((0.2, 0.2, 0.2))) == (
        "no class fits: none is as probable as the true class nearly always is"
    )


def test_the_one_possible_class_is_no_answer_where_the_thresholds_choose_another():
    rule = unsure((0.5, 0.5, 0.5))
    assert reason((0.2, 0.8, 0.0), rule, answer=0) == (
        "the rules disagree: the answer would be Covid, but only Normal fits"
    )
    assert reason((0.2, 0.8, 0.0), rule, answer=1) == ""
    # Limits of their own can leave a class that is not the most probable one.
    assert "but only Covid fits" in reason((0.3, 0.7, 0.0), unsure((0.8, 0.2, 0.2)))


def test_without_a_rule_every_film_is_answered():
    assert Abstention().apply(np.full((3, 2), 0.5)) == ["", "", ""]


def test_a_rule_needs_a_limit_for_every_class():
    rule = ConformalRule(kind="marginal", error=0.1, limits={"Covid": 0.5})
    with pytest.raises(ValidationError, match="a limit for each of"):
        Abstention(rule="conformal", labels=LABELS, conformal=rule)
    with pytest.raises(ValidationError, match="needs its rule"):
        Abstention(rule="conformal", labels=LABELS)


def test_a_card_written_before_the_rule_existed_still_loads(tmp_path):
    card = load_classifier(write_tiny_classifier(tmp_path / "tiny")).card
    values = card.model_dump(mode="json", exclude={"abstention", "fitted"})
    assert Card.model_validate({**values, "abstention": {"rule": "never"}}) == card
    assert Card.model_validate(values).abstention == Abstention()


@pytest.fixture
def deployed(tmp_path):
    """A classifier of two classes that is never sure, as it comes from its folder."""
    folder = write_tiny_classifier(tmp_path / "tiny")
    loaded = load_classifier(folder)
    rule = unsure((0.99999, 0.99999), labels=loaded.labels.names)
    card = loaded.card.answering_by(Rules(abstention=rule))
    write_card(folder, card, readme="# tiny\n")
    return folder


def test_the_command_and_the_answer_give_the_reason(deployed, tmp_path, carina_command):
    film = tmp_path / "film.png"
    Image.fromarray(grey_levels()).save(film)
    answer = predict(deployed, [film]).answers[0]
    assert answer.abstained
    assert answer.decision is None
    assert answer.reason == "several classes are possible: COVID-19 or Normal"
    code, out, err = carina_command("predict", deployed, film)
    assert code == 0
    assert "abstains" in out
    assert "several classes are possible: COVID-19 or Normal" in err


def test_the_command_says_that_a_threshold_answers(tmp_path, carina_command):
    folder = write_tiny_classifier(tmp_path / "tiny")
    film = tmp_path / "film.png"
    Image.fromarray(grey_levels()).save(film)
    told = "The answers are given by the threshold (COVID-19 from 9.10 % on), and may be another"
    assert told not in carina_command("predict", folder, film)[2]
    rule = Thresholds(rule="at-least", positive=0, threshold=0.091)
    card = load_classifier(folder).card.answering_by(Rules(thresholds=rule))
    write_card(folder, card, readme="# tiny\n")
    _, _, err = carina_command("predict", folder, film)
    assert told in " ".join(err.split())
    assert "threshold (COVID-19" in predict(folder, [film])._repr_html_()
    assert predict(folder, [film]).as_values()["answered_by"] == card.answered_by


def test_a_film_that_the_gate_refuses_keeps_that_reason(deployed):
    classifier = load_classifier(deployed)
    raw = classifier.decided(
        [replace(_raw(classifier), abstained=True, reason="blank"), _raw(classifier)]
    )
    assert [film.reason for film in raw] == [
        "blank",
        "several classes are possible: COVID-19 or Normal",
    ]
    assert all(film.abstained for film in raw)


def test_thresholds_and_sets_meet_in_the_classifier(tmp_path):
    folder = write_tiny_classifier(tmp_path / "tiny")
    loaded = load_classifier(folder)
    names = loaded.labels.names
    rule = unsure((0.5, 0.5), labels=names)
    ruled = loaded.with_card(
        loaded.card.answering_by(Rules(thresholds=Thresholds(), abstention=rule)), digest=""
    )
    sure = ruled.decided([replace(_raw(loaded), logits=dict(zip(names, (0.0, 3.0), strict=True)))])
    assert sure[0].decision == names[1]


def _raw(classifier):
    from carina.domain.prediction import Prediction

    logits = dict(zip(classifier.labels.names, (0.1, 0.2), strict=True))
    return Prediction("film.png", {}, logits, "")


@pytest.mark.parametrize("share", [5, 0.5, -0.1])
def test_a_share_out_of_range_is_refused_before_anything_is_read(share, tmp_path):
    pytest.importorskip("torch", reason="training needs the extra 'train'")
    with pytest.raises(UsageError, match=r"as 0\.05 for 5 %, and got"):
        train(tmp_path / "nothing", abstain=share, out=tmp_path / "run")


@pytest.mark.slow
@pytest.mark.nightly
def test_a_training_stores_the_rule_and_its_run_says_what_it_changes(
    phantom_films, tmp_path, settings, carina_command
):
    pytest.importorskip("torch", reason="training needs the extra 'train'")
    words = ["train", phantom_films, "--abstain", "0.2", "--out", tmp_path / "run"]
    for setting in ("input.height=64", "input.width=64", "train.epochs=1", "train.precision=fp32"):
        words += ["--set", setting]
    words += ["--set", "evaluate.resamples=200", "--set", "evaluate.masked_probe=false"]
    code, _, err = carina_command(*words)
    assert code == 0, err
    classifier = load_classifier(tmp_path / "run")
    assert classifier.card.abstention.rule == "conformal"
    assert classifier.card.abstention.conformal.error == 0.2
    figures = classifier_figures(tmp_path / "run")
    without = [film for film in figures[1] if film.abstained]
    assert figures[0].metrics["abstained"].value == pytest.approx(len(without) / len(figures[1]))
    assert "When not to answer" in (tmp_path / "run" / "report.html").read_text()
    shutil.rmtree(tmp_path / "run")


def classifier_figures(folder):
    from carina.runs import Run

    run = Run.open(folder)
    return run.evaluation.abstention, run.predictions("test")[1]
