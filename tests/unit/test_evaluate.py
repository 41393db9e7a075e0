"""The evaluation of a classifier: what counts, what resamples, what is undefined."""

import time
from dataclasses import replace

import numpy as np
import pytest

from carina.domain.evaluation import EvaluatedData, Evaluation
from carina.domain.prediction import Prediction
from carina.domain.recipe import EvaluateSection
from carina.errors import EvaluationError
from carina.evaluation.bootstrap import draw_weights
from carina.evaluation.curves import MOST_POINTS, roc_curve
from carina.evaluation.estimating import estimate_metrics
from carina.evaluation.evaluate import (
    evaluate,
    evaluated_data,
    loss_and_accuracy,
    overall_metrics,
    scored_films,
)
from carina.evaluation.intervals import newcombe, open_ended, wilson
from carina.evaluation.metrics import METRICS
from carina.evaluation.metrics.auroc import auroc
from carina.evaluation.subgroups import age_band
from making.scored import constant_films, drawn_films, perfect_films, scored

QUICK = EvaluateSection(resamples=200)
DATA = EvaluatedData(name="made", part="test", n_images=0)


def evaluated(films, section=QUICK):
    return evaluate(films, data=DATA, classifier="none", section=section)


def film(label="Normal", predicted="Normal", **more):
    shares = (
        {"Covid": 0.2, "Normal": 0.8} if predicted == "Normal" else {"Covid": 0.7, "Normal": 0.3}
    )
    return Prediction("a.png", shares, {}, predicted, label=label, **more)


def test_each_kind_of_number_says_how_its_interval_is_made():
    found = evaluated(drawn_films(60))
    assert found.data.unit == "films"
    assert found.data.n_patients is None
    assert found.metrics["accuracy"].method == "wilson"
    assert found.per_class["Covid"]["recall"].method == "wilson"
    assert found.per_class["Covid"]["f1"].method == "wilson-f1"
    assert found.per_class["Covid"]["roc_auc"].method == "newcombe-delong-films"
    assert found.per_class["Covid"]["average_precision"].method == "wilson-ranks-films"
    assert found.metrics["f1_macro"].method == "square-and-add-films"
    assert found.metrics["f1_weighted"].method == "wilson-scaled-films"
    assert found.metrics["log_loss"].method == "hall-films"


def test_patients_with_several_films_count_as_wholes():
    films = drawn_films(60, patients=[f"p{i // 4}" for i in range(60)])
    found = evaluated(films)
    assert found.data.unit == "patients"
    assert found.data.n_patients == 15
    assert found.metrics["accuracy"].method == "wilson-effective-n"
    assert found.per_class["Covid"]["roc_auc"].method == "newcombe-delong-patients"


def test_one_film_a_patient_is_as_good_as_independent_films():
    films = drawn_films(60, patients=[f"p{i}" for i in range(60)])
    assert evaluated(films).metrics["accuracy"].method == "wilson"


def test_films_of_an_unknown_patient_are_units_of_their_own_beside_whole_patients():
    films = drawn_films(6, patients=["b", "a", None, "b", None, "a"])
    assert films.units.tolist() == [0, 1, 2, 0, 3, 1]
    data = evaluated(films).data
    assert (data.unit, data.n_patients) == ("patients where known", 2)


def test_one_unknown_patient_does_not_turn_the_others_into_independent_films():
    right = np.repeat([True, False], [160, 40])  # 10 patients of 20 films, 8 of them all right
    y_true = np.arange(200) % 2
    shares = np.eye(2)[np.where(right, y_true, 1 - y_true)]
    patients = [f"p{i // 20}" for i in range(200)]
    known = evaluated(scored(y_true, shares, labels=("A", "B"), patients=patients))
    patients[0] = None
    one_unknown = evaluated(scored(y_true, shares, labels=("A", "B"), patients=patients))
    whole, mixed = known.metrics["accuracy"], one_unknown.metrics["accuracy"]
    assert mixed.high - mixed.low > 0.9 * (whole.high - whole.low) > 0.3
    assert whole.method == mixed.method == "wilson-effective-n"
    assert one_unknown.metrics["log_loss"].method == "hall-patients-where-known"
    assert one_unknown.data.n_patients == 10


def test_a_mixture_with_one_film_a_patient_is_as_good_as_independent_films():
    films = drawn_films(60, patients=[f"p{i}" if i % 3 else None for i in range(60)])
    assert evaluated(films).metrics["accuracy"].method == "wilson"


def test_intervals_do_not_depend_on_how_patients_are_called():
    one, other = (
        evaluated(drawn_films(60, patients=[f"p{sign * (i // 4):+03}" for i in range(60)]))
        for sign in (1, -1)
    )
    assert one == other


def test_films_of_one_patient_that_agree_widen_the_interval():
    once = drawn_films(40, seed=3, separation=1.0)
    copies = scored(
        np.repeat(once.y_true, 5),
        np.repeat(once.probabilities, 5, axis=0),
        patients=np.repeat([f"p{i}" for i in range(40)], 5),
    )
    single, cluster = (evaluated(f).metrics["accuracy"] for f in (once, copies))
    naive = evaluated(scored(copies.y_true, copies.probabilities)).metrics["accuracy"]
    assert cluster.high - cluster.low == pytest.approx(single.high - single.low, rel=0.25)
    assert cluster.high - cluster.low > 1.6 * (naive.high - naive.low)


def test_all_right_with_few_patients_counts_patients_not_films():
    films = perfect_films(20)
    few = scored(films.y_true, films.probabilities, patients=[f"p{i // 10}" for i in range(60)])
    found = evaluated(few).metrics["accuracy"]
    assert found.method == "wilson-effective-n"
    # Wilson for 6 of 6 with Student's quantile of 5 degrees of freedom
    assert found.low == pytest.approx(6 / (6 + 2.570582**2), abs=1e-4)
    recall = evaluated(few).per_class["Covid"]["recall"]
    assert recall.low == pytest.approx(2 / (2 + 12.706205**2), abs=1e-4)


def test_a_perfect_area_never_has_the_interval_one_to_one():
    found = evaluated(perfect_films(20))
    of_class, mean = found.per_class["Covid"]["roc_auc"], found.metrics["roc_auc_macro"]
    # nothing varies, so that variances are those of independent films
    assert of_class.low == pytest.approx(newcombe(1.0, n_positive=20, n_negative=40)[0])
    assert mean.low == pytest.approx(of_class.low)
    assert of_class.low < 0.97
    # patients of ten films each count for more than a tenth of them, and for less than all
    grouped = perfect_films(20)
    patients = [f"p{i // 10}" for i in range(60)]
    wider = evaluated(scored(grouped.y_true, grouped.probabilities, patients=patients))
    assert 0.025 ** (1 / 2) < wider.per_class["Covid"]["roc_auc"].low < of_class.low - 0.1


def test_one_answer_to_every_film_has_intervals_of_the_means_over_classes():
    found = evaluated(constant_films(20, 2)).metrics
    # recalls of 20 of 20 and 0 of 20: nothing varies, and the mean has the mean of Wilson's ends
    reach = 1.959964**2 / (20 + 1.959964**2)
    for name in ("balanced_accuracy", "recall_macro"):
        assert (found[name].value, found[name].method) == (0.5, "square-and-add-films")
        assert (found[name].low, found[name].high) == pytest.approx(
            ((1 - reach) / 2, (1 + reach) / 2), abs=1e-6
        )
    area = found["roc_auc_macro"]
    assert (area.low, area.high) == pytest.approx(newcombe(0.5, n_positive=20, n_negative=20))
    # both average precisions are the classes' shares, which add up to 1 in every draw
    precision = found["average_precision_macro"]
    assert precision.low < 0.45
    assert precision.high > 0.55
    # every film costs log 2: what an unseen kind of film might cost is all that is open
    loss = found["log_loss"]
    assert (loss.low, loss.high) == open_ended(
        loss.value, n_units=40, highest=-np.log(np.finfo(np.float64).eps)
    )


def test_one_answer_to_films_of_patients_all_alike_counts_patients_not_films():
    films = constant_films(50, 2, patients=[f"p{i // 10}" for i in range(100)])
    found = evaluated(films)
    accuracy, precision = found.metrics["accuracy"], found.metrics["precision_macro"]
    # every patient has five films of each class: between patients nothing differs, so that
    # the films are worth as much as independent ones, but Student's quantile is that of ten
    assert accuracy.method == "wilson-effective-n"
    assert (accuracy.low, accuracy.high) == pytest.approx(wilson(50, 100, quantile=2.262157))
    area = found.per_class["Covid"]["roc_auc"]
    # two patients' worth of doubt remain: films that are half alike, five of a class each
    narrow = newcombe(0.5, n_positive=50, n_negative=50)
    assert area.high - area.low > 1.5 * (narrow[1] - narrow[0])
    # the mean counts the class that was never answered as 0; its precision may be anything
    assert found.per_class["Normal"]["precision"].value is None
    assert precision.low < precision.value == 0.25
    assert precision.high > 0.7


def test_classes_with_too_few_films_for_draws_still_get_means_with_an_interval():
    films = scored([0] * 20 + [1], np.eye(2)[[0] * 15 + [1] * 6], labels=("A", "B"))
    found = evaluated(films)
    recalls = [found.per_class[label]["recall"] for label in ("A", "B")]
    mean = found.metrics["recall_macro"]
    assert mean.method == "square-and-add-films"
    # the one film of B was found: its recall is anything from 0.2 on, and half of that is left
    below = np.hypot(*(recall.value - recall.low for recall in recalls)) / 2
    assert mean.low == pytest.approx(mean.value - below)


def test_patients_who_differ_as_wholes_count_as_patients():
    # two patients of class B with ten films each: one is found, the other is not
    films = scored(
        [0] * 40 + [1] * 20,
        np.eye(2)[[0] * 40 + [1] * 10 + [0] * 10],
        labels=("A", "B"),
        patients=[f"a{i}" for i in range(40)] + ["b"] * 10 + ["c"] * 10,
    )
    recall = evaluated(films).per_class["B"]["recall"]
    assert recall.method == "wilson-effective-n"
    assert recall.low <= wilson(1, 2)[0]
    assert recall.high >= wilson(1, 2)[1]


def test_a_class_without_films_is_undefined_and_says_why():
    films = scored([0, 0, 1, 1], np.eye(3)[[0, 1, 1, 1]])
    found = evaluated(films)
    missing = found.per_class["Viral Pneumonia"]
    assert missing["recall"].undefined_because == "there is no film of Viral Pneumonia"
    assert "was answered with" in missing["precision"].undefined_because
    assert missing["roc_auc"].value is None
    assert found.metrics["recall_macro"].undefined_because == "a class has no film"
    assert found.metrics["roc_auc_macro"].value is None
    assert found.metrics["balanced_accuracy"].value == 0.75
    assert "Viral Pneumonia" not in found.curves.roc
    assert "No film of Viral Pneumonia was tested." in found.cautions


def test_one_film_is_enough_to_evaluate_without_a_warning():
    found = evaluated(scored([0], [[0.7, 0.2, 0.1]]))
    assert found.metrics["accuracy"].value == 1
    assert found.metrics["accuracy"].low < 0.3
    assert found.metrics["log_loss"].high > 30  # one film tells next to nothing


def test_no_film_is_refused():
    with pytest.raises(EvaluationError, match="no film to evaluate"):
        overall_metrics(scored([], np.zeros((0, 3))), QUICK)
    with pytest.raises(EvaluationError, match="none of 1 films can be evaluated"):
        scored_films(("Covid", "Normal"), [film(label=None)])


def test_unreadable_and_unlabelled_films_are_left_out_and_counted():
    unreadable = Prediction("b.png", {}, {}, "", label="Covid")
    answers = [
        film(),
        film("Covid"),
        unreadable,
        film(None),
        film("Fracture"),
        film(abstained=True),
    ]
    films = scored_films(("Covid", "Normal"), answers)
    data = evaluated_data(("Covid", "Normal"), answers, name="made", part="test", test_opened=1)
    assert len(films) == data.n_images == 3
    assert (data.n_unreadable, data.n_unlabelled, data.n_abstained) == (1, 2, 1)
    assert (data.unit, data.n_patients) == ("films", None)
    mixed = [film(patient="a"), film("Covid"), film(patient="a"), film(None, patient="b")]
    part = evaluated_data(("Covid", "Normal"), mixed, name="made", part="test")
    assert (part.unit, part.n_patients) == ("patients where known", 1)
    found = evaluate(films, data=data, classifier="none", section=QUICK)
    asked = {"resamples": QUICK.resamples, "seed": QUICK.seed}
    assert found.data == data.model_copy(update=asked)
    assert found.metrics["accuracy"].value == pytest.approx(2 / 3)


def test_answers_that_are_not_classes_are_refused():
    with pytest.raises(EvaluationError, match="answers that are not classes: Fracture"):
        scored_films(("Covid", "Normal"), [film(predicted="Fracture")])
    with pytest.raises(EvaluationError, match=r"a\.png has no probability for Fracture"):
        scored_films(("Covid", "Normal", "Fracture"), [film()])


def test_several_sources_are_told_apart_and_small_groups_claim_nothing():
    films = drawn_films(60)
    films = scored(
        films.y_true,
        films.probabilities,
        sources=["big"] * 45 + ["small"] * 15,
        subgroups={"sex": ["F"] * 30 + [None] * 30, "view": [None] * 60},
    )
    found = evaluated(films)
    assert found.per_source["big"]["accuracy"].n == 45
    assert found.per_source["small"]["support"].value == 15
    assert found.per_source["small"]["accuracy"].undefined_because == (
        "only 15 films; nothing is claimed below 30"
    )
    assert sorted(found.per_subgroup["sex"]) == ["F", "unknown"]
    assert "view" not in found.per_subgroup
    assert evaluated(drawn_films(60)).per_source == {}


def test_the_same_seed_gives_the_same_intervals_and_another_other_ones():
    films = drawn_films(60)
    measured = {"mean": replace(METRICS.get("f1_macro"), mean_of=None)}  # of no known kind
    one, same, other = (
        estimate_metrics(films, measured, EvaluateSection(resamples=200, seed=seed))[0]["mean"]
        for seed in (0, 0, 1)
    )
    assert one == same != other
    assert one.method == "bootstrap-bca-films"
    assert evaluated(films) == evaluated(films)


def test_the_draws_do_not_depend_on_how_many_are_made_at_once(monkeypatch):
    units = np.arange(9) // 2
    at_once = np.concatenate(list(draw_weights(units, resamples=40, seed=5)))
    monkeypatch.setattr("carina.evaluation.bootstrap._CHUNK", 27)
    by_three = list(draw_weights(units, resamples=40, seed=5))
    assert len(by_three) > 10
    assert np.array_equal(np.concatenate(by_three), at_once)
    assert (at_once[:, 0] == at_once[:, 1]).all()


def test_an_evaluation_survives_its_file():
    found = evaluated(drawn_films(60))
    assert Evaluation.model_validate_json(found.model_dump_json()) == found


def test_cautions_name_what_weakens_the_numbers():
    cautions = " ".join(evaluated(drawn_films(60)).cautions)
    assert "The test is small: 60 films." in cautions
    assert "Covid (20), Normal (20) and Viral Pneumonia (20)" in cautions
    assert "Patients are not known" in cautions
    known = drawn_films(120, patients=[f"p{i}" for i in range(120)])
    assert evaluated(known).cautions == ()


@pytest.mark.parametrize(
    ("n_unknown", "sentence"),
    [
        (50, "The patient of 50 of 120 films is not known: each of them counts as independent"),
        (1, "The patient of 1 of 120 films is not known: it counts as independent"),
    ],
)
def test_a_caution_says_of_how_many_films_the_patient_is_not_known(n_unknown, sentence):
    patients = [None] * n_unknown + [f"p{i}" for i in range(120 - n_unknown)]
    (caution,) = evaluated(drawn_films(120, patients=patients)).cautions
    assert caution.startswith(sentence)


def test_loss_needs_a_logit_for_every_film_and_class():
    with pytest.raises(ValueError, match=r"logits \(2, 3\)"):
        loss_and_accuracy(drawn_films(60), np.zeros((2, 3)))


def test_large_logits_do_not_overflow():
    films = perfect_films(10)
    found = loss_and_accuracy(films, 5000.0 * films.probabilities, QUICK)
    assert str(found["loss"].value) == "0.0"  # not -0.0
    assert 0.0 == found["loss"].low < found["loss"].high
    wrong = loss_and_accuracy(films, -5000.0 * films.probabilities, QUICK)["loss"]
    assert wrong.low < wrong.value == wrong.high  # beyond what log loss holds films to


def test_auroc_refuses_one_class_and_halves_ties():
    with pytest.raises(EvaluationError, match="got 2 positive and 0 negative of 2 images"):
        auroc(np.array([True, True]), np.array([0.1, 0.2]))
    assert auroc(np.array([True, False, True, False]), np.full(4, 0.3)) == 0.5


def test_long_curves_are_thinned_without_changing_their_area():
    rng = np.random.default_rng(0)
    y_true = rng.random(20_000) < 0.4
    y_score = rng.normal(size=20_000) + y_true
    curve = roc_curve(y_true, y_score)
    assert len(curve.x) <= MOST_POINTS
    assert (curve.x[0], curve.y[0], curve.x[-1], curve.y[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(curve.y, curve.x) == pytest.approx(auroc(y_true, y_score), abs=1e-4)
    assert curve.thresholds[0] is None
    assert all(np.diff(curve.thresholds[1:]) < 0)


@pytest.mark.parametrize(
    ("age", "band"), [(0, "under 5"), (5, "5 to 17"), (39.9, "18 to 39"), (65, "65 and over")]
)
def test_an_age_has_one_band(age, band):
    assert age_band(age) == band


@pytest.mark.slow
def test_a_thousand_films_with_two_thousand_resamples_take_a_few_seconds():
    films = drawn_films(1000)
    start = time.process_time()
    evaluated(films, EvaluateSection())
    assert time.process_time() - start < 10  # 0.8 s where it was written; machines differ
