"""bf16 is offered only where it changes no decision that was clear."""

from dataclasses import replace

import numpy as np
import pytest

from carina.domain.abstention import Abstention, ConformalRule
from carina.domain.prediction import Prediction
from carina.domain.rules import Rules
from carina.domain.serving import LARGEST_DIFFERENCE, LARGEST_MARGIN, ServingAgreement
from carina.domain.thresholds import Thresholds
from carina.evaluation.serving_agreement import distance_from_threshold, serving_agreement

AT_LEAST = Rules(thresholds=Thresholds(rule="at-least", positive=0, threshold=0.3))


def answered(*shares, rules=AT_LEAST, **changes):
    """Return the answers to films with these probabilities of "COVID-19"."""
    probabilities = np.array([[share, 1 - share] for share in shares])
    chosen = rules.thresholds.apply(probabilities)
    return [
        Prediction(
            path=f"{number}.png",
            probabilities={"COVID-19": row[0], "Normal": row[1]},
            logits={},
            predicted=("COVID-19", "Normal")[index],
            **changes,
        )
        for number, (row, index) in enumerate(zip(probabilities.tolist(), chosen, strict=True))
    ]


def agreement(exact, quick, rules=AT_LEAST):
    return serving_agreement(exact, quick, rules, runtime="OpenVINO 1")


def test_answers_that_hardly_differ_are_offered():
    found = agreement(answered(0.1, 0.8), answered(0.105, 0.79))
    assert found.offered
    assert (found.n_films, found.n_changed, found.largest_margin) == (2, 0, 0)
    assert found.max_probability_difference == pytest.approx(0.01)
    assert "is offered: on 2 validation films it changed no decision" in found.sentence


@pytest.mark.parametrize(
    ("share", "moved", "offered"),
    [
        (0.3 - 0.9 * LARGEST_MARGIN, 0.301, True),
        (0.3 - 1.5 * LARGEST_MARGIN, 0.301, False),
        (0.3 + 0.9 * LARGEST_MARGIN, 0.299, True),
        (0.6, 0.6 + 1.5 * LARGEST_DIFFERENCE, False),
    ],
)
def test_a_decision_may_change_only_near_its_threshold(share, moved, offered):
    found = agreement(answered(0.9, share), answered(0.9, moved))
    assert found.offered is offered
    changed = moved < 0.6
    assert found.n_changed == changed
    assert found.largest_margin == pytest.approx(abs(share - 0.3) if changed else 0)


def test_an_answer_that_the_gate_takes_back_far_from_the_threshold_is_a_changed_decision():
    exact = answered(0.9, 0.9)
    quick = [exact[0], replace(exact[1], abstained=True, reason="not a chest film")]
    found = agreement(exact, quick)
    assert (found.n_changed, found.offered) == (1, False)
    assert found.largest_margin == pytest.approx(0.6)


def test_the_distance_is_that_of_the_nearest_rule():
    films = np.array([[0.5, 0.3, 0.2], [0.9, 0.06, 0.04]])
    assert distance_from_threshold(films, Thresholds(), Abstention()) == pytest.approx([0.1, 0.42])
    limits = {"A": 0.55, "B": 0.9, "C": 1.0}  # C always belongs to the set
    rule = ConformalRule(kind="per-class", error=0.1, limits=limits)
    unsure = Abstention(rule="conformal", labels=tuple(limits), conformal=rule)
    assert distance_from_threshold(films, Thresholds(), unsure) == pytest.approx([0.05, 0.04])


def test_answers_to_other_films_are_not_compared():
    with pytest.raises(ValueError, match="same films"):
        agreement(answered(0.1, 0.2), answered(0.1))


def test_a_trained_classifier_says_on_its_card_and_page_whether_bf16_is_offered(trained_run):
    serving = trained_run.card.serving
    assert isinstance(serving, ServingAgreement)
    assert serving.because or serving.n_films == len(trained_run.predictions("validation")[1])
    words = serving.sentence.split(":")[0]
    assert words in (trained_run.classifier_dir / "README.md").read_text(encoding="utf-8")
    assert words in trained_run.report_file.read_text(encoding="utf-8")
    assert words in trained_run.log_file.read_text(encoding="utf-8")
