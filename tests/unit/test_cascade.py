"""Two networks joined: probabilities that multiply, maps of each, one exported file."""

import numpy as np
import pytest
import torch

from carina.domain.input_spec import InputSpec
from carina.domain.recipe import NetworkSection
from carina.errors import RecipeError
from carina.inference.explain.head_gradient import head_gradient
from carina.models.build import build_network
from carina.models.cascade import Cascade, Question, joined_answers
from carina.models.export import export_network, parity

SPEC = InputSpec(height=40, width=32, channels=3)
CLASSES = ("COVID-19", "Normal", "Pneumonia")
FIRST = Question("abnormal", ("Abnormal", "Normal"))
SECOND = Question("which", ("COVID-19", "Pneumonia"))


def stage(channels, seed):
    section = NetworkSection(
        architecture="conv-stack", options={"filters": (4, 6), "dense": (5,), "dropout_dense": 0.0}
    )
    spec = SPEC.model_copy(update={"channels": channels})
    return build_network(section, spec=spec, n_classes=2, seed=seed)


@pytest.fixture(scope="module")
def cascade():
    return Cascade([stage(1, 1), stage(3, 2)], joined_answers([FIRST, SECOND], CLASSES)).eval()


@pytest.fixture(scope="module")
def exported(cascade):
    return export_network(cascade, SPEC)


def films(n=5):
    grey = np.random.default_rng(0).random((n, 1, SPEC.height, SPEC.width), dtype=np.float32)
    return torch.from_numpy(np.repeat(grey, 3, axis=1))


def test_a_probability_is_the_product_of_the_answers_that_lead_to_it(cascade):
    with torch.no_grad():
        joined = cascade(films()).softmax(dim=1)
        first = cascade.networks[0](films()[:, :1]).softmax(dim=1)
        second = cascade.networks[1](films()).softmax(dim=1)
    torch.testing.assert_close(joined[:, 1], first[:, 1])
    torch.testing.assert_close(joined[:, 0], first[:, 0] * second[:, 0])
    torch.testing.assert_close(joined[:, 2], first[:, 0] * second[:, 1])


def test_the_logits_are_log_probabilities_that_sum_to_one(cascade):
    with torch.no_grad():
        torch.testing.assert_close(cascade(films()).exp().sum(dim=1), torch.ones(5))


def test_each_class_is_explained_by_the_stage_that_answers_it(cascade):
    assert cascade.maps_of_class == (1, 0, 1)


def test_the_slope_of_a_class_along_its_maps_is_the_whole_cascades(cascade):
    _, _, maps = cascade.outputs(films())
    own = [one.detach().requires_grad_() for one in maps]
    stages = cascade.networks
    answers = [s.classify(s.embed(m)) for s, m in zip(stages, own, strict=True)]
    whole = answers[0].log_softmax(1)[:, 0] + answers[1].log_softmax(1)[:, 1]
    (wanted,) = torch.autograd.grad(whole.sum(), own[1])
    again = maps[1].detach().requires_grad_()
    (found,) = torch.autograd.grad(cascade.logits_of_maps(1, again)[:, 2].sum(), again)
    torch.testing.assert_close(found, wanted)


def test_the_exported_cascade_answers_as_the_trained_one_with_a_head_for_each_stage(
    cascade, exported
):
    assert sorted(exported.heads) == ["head_0.onnx", "head_1.onnx"]
    assert exported.explanations == (
        ("maps_1", "head_1.onnx"),
        ("maps_0", "head_0.onnx"),
        ("maps_1", "head_1.onnx"),
    )
    assert parity(cascade, exported, films().numpy()) <= 1e-6


@pytest.mark.parametrize(("index", "answered"), [(0, [1]), (1, [0, 2])])
def test_the_slope_at_every_place_of_an_exported_stage_is_autograds(
    cascade, exported, index, answered
):
    head = exported.heads[f"head_{index}.onnx"]
    _, _, maps = cascade.outputs(films(1))
    for class_index in range(len(CLASSES)):
        own = maps[index].detach().requires_grad_()
        logit = cascade.logits_of_maps(index, own)[0, class_index]
        found = head_gradient(
            head, own[0].detach().numpy(), class_index=class_index, needed_by="test"
        )
        if class_index in answered:
            (wanted,) = torch.autograd.grad(logit, own)
            assert wanted.any()
            np.testing.assert_allclose(found, wanted[0].numpy(), rtol=1e-4, atol=1e-7)
        else:
            assert not found.any()


def test_the_summary_counts_every_value_of_both_networks(cascade):
    assert sum(row.parameters for row in cascade.summary()) == cascade.n_parameters


def test_three_questions_in_a_row_reach_every_class():
    questions = [Question("a", ("A", "rest")), Question("b", ("others", "B")), Question("c", "CD")]
    assert joined_answers(questions, "ABCD") == ((0, None), (None, 1), (2, 3))


@pytest.mark.parametrize(
    ("questions", "named"),
    [
        ([FIRST], "Abnormal"),
        ([SECOND, FIRST], "which"),
        ([FIRST, Question("which", ("COVID-19", "Flu"))], "no answer leads on"),
        ([FIRST, Question("which", ("COVID-19", "Normal"))], "every class"),
        ([Question("x", ("Abnormal", "Other")), SECOND], "one answer leads on"),
    ],
)
def test_stages_that_do_not_fit_together_are_refused(questions, named):
    with pytest.raises(RecipeError, match=named):
        joined_answers(questions, CLASSES)
