import json
from pathlib import Path

import numpy as np
import pytest

from carina.domain.recipe import EvaluateSection
from carina.evaluation.decision_curve import decision_curves
from making.scored import LABELS, constant_films, drawn_films, perfect_films, scored

GOLDEN = Path(__file__).parents[1] / "golden" / "net_benefit_dcurves.json"
SECTION = EvaluateSection(resamples=200)


def golden_films():
    """Return the films of the golden file, with ties and with scores on thresholds."""
    golden = json.loads(GOLDEN.read_text("utf-8"))
    p = np.array(golden["scores"])
    films = scored(
        1 - np.array(golden["y_true"]), np.stack([p, 1 - p], axis=1), labels=("Covid", "Normal")
    )
    return golden, films


def test_net_benefit_equals_that_of_dcurves():
    golden, films = golden_films()
    curve = decision_curves(films, SECTION)["Covid"]
    reference = dict(
        zip(golden["thresholds"], zip(golden["model"], golden["all"], strict=True), strict=True)
    )
    assert len(curve.points) > 10
    for point in curve.points:
        model, everyone = reference[point.threshold]
        assert point.classifier.value == pytest.approx(model, abs=1e-9)
        assert point.treat_all == pytest.approx(everyone, abs=1e-9)
        assert point.over_treat_all.value == pytest.approx(model - everyone, abs=1e-9)


def test_the_points_left_out_lie_on_the_line():
    golden, films = golden_films()
    curve = decision_curves(films, SECTION)["Covid"]
    assert len(curve.points) < len(golden["thresholds"])
    floor = -curve.prevalence / 2
    kept = [point.threshold for point in curve.points]
    drawn = np.interp(
        golden["thresholds"], kept, np.clip([p.classifier.value for p in curve.points], floor, None)
    )
    assert np.abs(drawn - np.clip(golden["model"], floor, None)).max() <= 0.005 * curve.prevalence


def test_a_perfect_classifier_is_worth_acting_on_at_every_threshold():
    curve = decision_curves(perfect_films(40, n_classes=2), SECTION)["Covid"]
    assert curve.useful == (0.01, 0.99)
    assert all(point.classifier.value == pytest.approx(0.5) for point in curve.points)
    assert "from 1 % to 99 %" in curve.sentence


def test_a_constant_answer_is_worth_nothing():
    curve = decision_curves(constant_films(20, n_classes=2), SECTION)["Covid"]
    assert curve.useful is None
    assert curve.useful_beyond_chance is None
    assert "at no threshold probability" in curve.sentence


def test_a_few_films_may_help_but_not_by_more_than_chance():
    curve = decision_curves(drawn_films(8, n_classes=2, seed=1), SECTION)["Covid"]
    assert curve.useful is not None
    assert curve.useful_beyond_chance is None
    assert "nowhere by more than chance explains" in curve.sentence


def test_intervals_hold_the_net_benefit_and_stay_wide_where_nobody_was_called():
    for point in decision_curves(drawn_films(50, n_classes=2), SECTION)["Covid"].points:
        for one in (point.classifier, point.over_treat_all):
            assert one.low <= one.value <= one.high
            assert one.high - one.low > 0.001


def test_each_of_three_classes_has_a_curve_unless_no_film_is_of_it():
    films = drawn_films(60)
    assert tuple(decision_curves(films, SECTION)) == LABELS
    assert tuple(decision_curves(films.where(films.y_true != 0), SECTION)) == LABELS[1:]
