"""The page's section on whether probabilities are honest."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from carina.domain.calibration import Calibration
from carina.domain.evaluation import EvaluatedData, Evaluation
from carina.domain.recipe import EvaluateSection
from carina.domain.report import Bullets, Figure, Paragraph, Table
from carina.domain.rules import Rules
from carina.domain.thresholds import Thresholds
from carina.evaluation.calibration import fit_calibration
from carina.evaluation.evaluate import evaluate
from carina.reporting.sections.calibration import calibration, how_made
from making.scored import LABELS, scored

QUICK = EvaluateSection(resamples=100)
DATA = EvaluatedData(name="made", part="test", n_images=0)


@dataclass(frozen=True)
class OneTest:
    """What a section sees of a test."""

    evaluation: Evaluation


def films(n, *, factor, seed, n_classes=3):
    rng = np.random.default_rng(seed)
    y_true = rng.integers(n_classes, size=n)
    seen = rng.normal(size=(n, n_classes))
    seen[np.arange(n), y_true] += 2.0
    logits = factor * 2.0 * seen
    raw = scored(y_true, Calibration().apply(logits), labels=LABELS[:n_classes])
    return replace(raw, logits=logits)


def section_of(n, rule, *, factor=3.0, n_classes=3):
    tested = films(n, factor=factor, seed=1, n_classes=n_classes).calibrated(rule)
    evaluation = evaluate(
        tested, data=DATA, classifier="none", section=QUICK, rules=Rules(calibration=rule)
    )
    return calibration(OneTest(evaluation))


def words_of(section):
    return " ".join(block.text for block in section.blocks if isinstance(block, Paragraph))


@pytest.fixture(scope="module")
def rule():
    return fit_calibration(films(300, factor=3.0, seed=0), QUICK)


def test_it_says_how_the_probabilities_were_calibrated_and_shows_both(rule):
    section = section_of(300, rule)
    words = words_of(section)
    assert f"divided by a temperature of {rule.temperature:.3g}, fitted on 300 validation" in words
    assert "less sure than the network was" in words
    assert "no larger than" in words
    tables = [block for block in section.blocks if isinstance(block, Table)]
    assert [row[0] for row in tables[0].rows] == ["As answered", "Before calibration"]
    assert [row[0] for row in tables[1].rows] == list(LABELS)
    assert len(tables[1].columns) == 5


def test_overstated_probabilities_are_called_so():
    section = section_of(300, Calibration(unfitted_because="validation has 5 films"))
    words = words_of(section)
    assert "They were not calibrated, because validation has 5 films." in words
    assert "it is surer than it may be" in words
    assert "the probabilities are not honest here" in words
    assert "those of Covid are too extreme" in words


def test_the_most_probable_class_is_not_taken_for_the_answer_of_a_threshold(rule):
    tested = films(200, factor=1.0, seed=1, n_classes=2)
    at_ten = Thresholds(rule="at-least", positive=0, threshold=0.1)
    said = [
        evaluate(
            replace(tested, predicted=one.apply(tested.probabilities)),
            data=DATA,
            classifier="none",
            section=QUICK,
            rules=Rules(thresholds=one),
        ).calibration.sentence
        for one in (Thresholds(), at_ten)
    ]
    added = (
        " The answers are given by the threshold (Covid from 10.0 % on), so that an answer may be "
        "another class than the most probable one."
    )
    assert said[1] == said[0] + added
    most = tested.probabilities.argmax(axis=1)
    assert f"it was the true class in {100 * (most == tested.y_true).mean():.0f} of 100" in said[0]
    assert "answer" not in said[0]


def test_the_diagram_can_be_read_without_seeing_it(rule):
    figure = next(b for b in section_of(300, rule).blocks if isinstance(b, Figure))
    assert "Covid: " in figure.alt
    assert "given, " in figure.alt
    assert not figure.whole
    assert next(b for b in section_of(60, rule, n_classes=2).blocks if isinstance(b, Figure)).whole


def test_few_films_have_numbers_but_no_diagram_and_no_claim():
    section = section_of(20, Calibration())
    assert "Nothing is said about whether" in words_of(section)
    assert not any(isinstance(block, Figure) for block in section.blocks)
    assert any(isinstance(block, Bullets) for block in section.blocks)


def test_a_vector_that_became_a_temperature_says_why(rule):
    tested = films(100, factor=1.0, seed=2)
    few = rule.model_copy(update={"unfitted_because": "too few are of Covid (3)"})
    evaluation = evaluate(
        tested, data=DATA, classifier="none", section=QUICK, rules=Rules(calibration=few)
    )
    assert "It is no vector scaling, because too few are of Covid (3)." in how_made(
        evaluation.calibration
    )
