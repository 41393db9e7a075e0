"""The rule that takes a noise filter needs a gain that is sure, large enough and harmless."""

import pytest

from carina.evaluation.denoise_choice import recommend
from making.denoise_studies import figures, trainings

NONE = {"none": figures("None")}


def verdict_on(found):
    return found.verdicts["median"]


def test_a_filter_that_surely_helps_and_harms_nothing_is_taken():
    found = recommend({**NONE, "median": figures()}, trainings({"median": (0.05, 0.01, 0.09)}))
    assert found.filter == "median"
    assert verdict_on(found).recommended
    assert "+0.050 (+0.010 to +0.090)" in found.reasons[0]


@pytest.mark.parametrize("change", [(0.05, 0.0, 0.1), (0.05, -0.01, 0.1), (-0.05, -0.1, -0.01)])
def test_a_gain_that_may_be_none_is_not_enough(change):
    found = recommend({**NONE, "median": figures()}, trainings({"median": change}))
    assert found.filter == "none"
    assert "not above 0" in verdict_on(found).against[0]


@pytest.mark.parametrize("by_chance", [0.05, 0.06, -0.06])
def test_a_gain_that_another_seed_brings_too_is_not_enough(by_chance):
    found = recommend(
        {**NONE, "median": figures()},
        trainings({"median": (0.05, 0.01, 0.09)}, reseeded=by_chance),
    )
    assert found.filter == "none"
    assert verdict_on(found).against == ("another seed alone changes the AUC as much",)


def test_without_the_other_seed_no_filter_is_taken():
    found = recommend(
        {**NONE, "median": figures()}, trainings({"median": (0.05, 0.01, 0.09)}, reseeded=None)
    )
    assert found.filter == "none"
    assert "not known" in verdict_on(found).against[0]


@pytest.mark.parametrize(
    ("costs", "said"),
    [({"edges": 0.905}, "90 % of the fine edges"), ({"contrast": 0.955}, "95 % of the lesions'")],
)
def test_a_filter_that_may_cost_too_much_is_not_taken(costs, said):
    found = recommend(
        {**NONE, "median": figures(**costs)}, trainings({"median": (0.05, 0.01, 0.09)})
    )
    assert found.filter == "none"
    assert said in verdict_on(found).against[0]


def test_of_several_the_one_that_helps_most_is_taken():
    found = recommend(
        {**NONE, "median": figures(), "wavelet": figures("Wavelet"), "gaussian": figures(edges=0)},
        trainings(
            {
                "median": (0.05, 0.01, 0.09),
                "wavelet": (0.06, 0.01, 0.09),
                "gaussian": (0.2, 0.1, 0.3),
            }
        ),
    )
    assert found.filter == "wavelet"


def test_without_trainings_no_filter_is_taken_and_the_reason_is_said():
    found = recommend({**NONE, "median": figures()}, None)
    assert found.filter == "none"
    assert "No classifier was trained" in found.reasons[0]


def test_a_training_that_did_not_work_out_is_no_gain():
    found = recommend({**NONE, "median": figures()}, trainings({}))
    assert verdict_on(found).against == ("no test AUC shows a gain",)


def test_where_no_filter_raises_the_auc_that_is_the_reason():
    found = recommend({**NONE, "median": figures()}, trainings({"median": (0.0, -0.1, 0.1)}))
    assert found.reasons[1].startswith("None raises the test AUC: the change is at best +0.000")


def test_the_best_change_and_that_of_chance_are_among_the_reasons():
    found = recommend(
        {**NONE, "median": figures(), "wavelet": figures("Wavelet")},
        trainings({"median": -0.05, "wavelet": 0.005}, reseeded=-0.02),
    )
    assert "wavelet: the change is +0.005" in found.reasons[1]
    assert "-0.020" in found.reasons[2]
