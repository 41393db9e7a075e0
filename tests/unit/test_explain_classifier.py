"""A classifier's explanations: by every method, from its files alone, or a sentence why not."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import helper

from carina.errors import ClassifierError, UnknownNameError
from carina.inference.bundle import load_classifier
from carina.inference.explain import EXPLAINERS
from carina.inference.explain.head_gradient import head_gradient
from carina.inference.explain.occlusion import occlusion
from making.classifiers import SIDE, write_tiny_classifier
from making.films import film_of
from making.heads import film_in, head_of

LABELS = ("COVID-19", "Normal", "Pneumonia")


def film(height=60, width=50):
    return film_of(np.random.default_rng(0).random((height, width), dtype=np.float32))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tiny_classifier(tmp_path_factory.mktemp("explained") / "c", labels=LABELS)


@pytest.fixture(scope="module")
def classifier(folder):
    return load_classifier(folder)


@pytest.fixture
def without_heads(folder, tmp_path):
    """A classifier as it is imported: a network, and no head for its classes."""
    own = load_classifier(folder)
    own.card = own.card.model_copy(update={"explanations": {}})
    return own


@pytest.mark.parametrize("method", EXPLAINERS.names())
def test_every_method_explains_the_class_that_is_asked_for(classifier, method):
    heats = []
    for label in LABELS:
        explanation = classifier.explain(film(), label, method=method)
        assert (explanation.method, explanation.label) == (method, label)
        assert explanation.heat.shape == (60, 50)
        assert explanation.heat.dtype == np.float32
        assert explanation.heat.min() >= 0
        assert explanation.heat.max() in (0, pytest.approx(1))
        heats.append(explanation.heat)
    assert sum(bool(heat.any()) for heat in heats) >= 2
    assert not np.array_equal(heats[0], heats[1])


@pytest.mark.parametrize("method", EXPLAINERS.names())
def test_a_black_film_is_explained_by_nothing(classifier, method):
    black = film_of(np.zeros((50, 50), dtype=np.float32))
    assert not classifier.explain(black, "Normal", method=method).heat.any()


def test_a_class_without_a_head_is_explained_by_occlusion_alone(without_heads):
    assert without_heads.card.explained_by("Normal") == ("occlusion",)
    assert without_heads.explain(film(), "Normal", method="occlusion").heat.shape == (60, 50)
    with pytest.raises(ClassifierError, match=r"'Normal' by grad-cam.*what works is occlusion"):
        without_heads.explain(film(), "Normal")


def test_a_class_with_a_head_is_explained_by_every_method(classifier):
    assert sorted(classifier.card.explained_by("Normal")) == sorted(EXPLAINERS.names())
    assert classifier.card.explained_by("Normal")[0] == "grad-cam"


def test_a_prepared_film_is_the_same_in_the_network_as_the_film(classifier):
    whole = classifier.in_network(film(), "Normal")
    prepared = classifier.in_network(classifier.prepare(film()), "Normal")
    for one in (whole, prepared):
        np.testing.assert_array_equal(one.image, classifier.prepare(film()))
        np.testing.assert_allclose(one.head(one.maps[None]), one.network(one.image[None]), 1e-5)
    np.testing.assert_array_equal(whole.maps, prepared.maps)
    with pytest.raises(UnknownNameError, match="did you mean 'Normal'"):
        classifier.in_network(film(), "normal")


def test_a_film_without_maps_is_refused_by_a_method_that_needs_them(without_heads):
    alone = without_heads.in_network(film(), "Normal")
    with pytest.raises(ValueError, match="without them"):
        EXPLAINERS.get("ablation-cam").explain(alone, class_index=0)


@pytest.mark.parametrize(
    ("nodes", "named"),
    [
        ([helper.make_node("Erf", ["maps"], ["bent"])], "Erf"),
        ([helper.make_node("Relu", ["maps"], ["bent"], domain="made.up")], "Relu"),
        ([helper.make_node("Gather", ["maps", "places"], ["bent"], axis=0)], None),
    ],
)
def test_an_operation_without_a_known_slope_is_named_with_the_methods_that_work(nodes, named):
    rest = [
        helper.make_node("GlobalAveragePool", ["bent"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["logits"]),
    ]
    head = head_of([*nodes, *rest], {"places": np.zeros(1, dtype=np.int64)})
    onnx.load_model_from_string(head)
    maps = np.ones((2, 3, 3), dtype=np.float32)
    if named is None:
        found = head_gradient(head, maps, class_index=1, needed_by="grad-cam++")
        assert found[1].sum() == pytest.approx(1)
        return
    with pytest.raises(ClassifierError, match=f"'{named}'.*grad-cam, ablation-cam, occlusion"):
        head_gradient(head, maps, class_index=1, needed_by="grad-cam++")


def test_grad_cam_is_exact_and_takes_small_steps_where_a_slope_is_not_known():
    maps = np.random.default_rng(5).random((4, 6, 6), dtype=np.float32)
    film = film_in(maps, np.array([[0.0, 2.0], [1.0, 0.5], [0.0, -1.0], [1.0, 1.5]]))
    unasked = replace(film, head=lambda maps: pytest.fail("the slopes are known"))
    exact = EXPLAINERS.get("grad-cam").explain(unasked, class_index=1)
    assert exact.any()
    no_slope = head_of([helper.make_node("Round", ["maps"], ["logits"])], {})
    stepped = EXPLAINERS.get("grad-cam").explain(replace(film, head_file=no_slope), class_index=1)
    np.testing.assert_allclose(stepped, exact, atol=1e-4 * exact.max())


def test_a_logit_that_no_map_moves_has_no_slope():
    head = head_of(
        [
            helper.make_node("Shape", ["maps"], ["sizes"]),
            helper.make_node("Cast", ["sizes"], ["floats"], to=1),
            helper.make_node("Unsqueeze", ["floats", "first"], ["logits"]),
        ],
        {"first": np.array([0], dtype=np.int64)},
    )
    maps = np.ones((2, 3, 3), dtype=np.float32)
    assert not head_gradient(head, maps, class_index=1, needed_by="grad-cam++").any()


def test_ablation_weighs_a_map_by_what_the_logit_loses_without_it():
    rng = np.random.default_rng(3)
    maps, weights = rng.random((4, 5, 6), dtype=np.float32), rng.normal(size=(4, 2))
    heat = EXPLAINERS.get("ablation-cam").explain(film_in(maps, weights), class_index=1)
    lost = maps.mean(axis=(1, 2)) * weights[:, 1]
    np.testing.assert_allclose(heat, np.maximum(np.tensordot(lost, maps, axes=1), 0), rtol=1e-4)


@pytest.mark.parametrize("side", [5, 12, SIDE, 47])
def test_occlusion_finds_a_bright_place_wherever_it_lies(side):
    weights = np.array([[5.0, -5.0]])
    for row, column in ((0, 0), (side // 2, side - 1), (side - 1, side // 3)):
        image = np.zeros((1, side, side), dtype=np.float32)
        image[0, row, column] = 1
        heat = occlusion(film_in(image, weights), class_index=0)
        cells = np.array(heat.shape)
        assert (cells == min(side, 12)).all()
        hottest = np.unravel_index(heat.argmax(), heat.shape)
        place = (np.array((row, column)) + 0.5) / side * cells
        assert (np.abs(np.array(hottest) + 0.5 - place) <= 1).all()


def test_occlusion_takes_log_odds_that_do_not_stop_where_the_probability_is_all_but_one():
    """A network so sure that 1 - p is below what a float can tell from 1."""
    image = np.zeros((1, 24, 24), dtype=np.float32)
    image[0, 4:8, 4:8] = 1
    heat = occlusion(film_in(image, np.array([[4000.0, 0.0]])), class_index=0)
    assert np.unravel_index(heat.argmax(), heat.shape)[0] in (2, 3)
    assert heat.max() > 1
