"""Heat maps of classifiers with known answers, scored over films."""

import hashlib
import math

import numpy as np
import pytest

from carina.domain.estimate import Estimate
from carina.domain.explanation_scores import (
    SCORE_NAMES,
    ExplanationScores,
    MethodScores,
    ScoredClassifier,
)
from carina.domain.record import Record
from carina.errors import InputError, UnknownNameError, UsageError
from carina.evaluation.heat_map_estimates import MapScores, heat_map_cautions, method_scores
from carina.files.documents import read_document
from carina.imaging.phantom import write_phantoms
from carina.inference.bundle import load_classifier
from carina.inference.explain import EXPLAINERS, ExplanationMethod
from carina.inference.network_work import multiply_adds
from carina.inference.shuffled_weights import WeightShuffler, weight_keys
from carina.workflows.explain_scores import explain_scores
from carina.workflows.explained_films import (
    BUDGET,
    LEAST_FILMS,
    MOST_FILMS,
    chosen_films,
    n_films_of_training,
)
from carina.workflows.explanation_scores import (
    IMAGES_PER_FILM,
    ExplainedFilm,
    score_explanations,
)
from making.classifiers import N_MAPS, SIDE, write_tiny_classifier
from making.marker_classifier import central_lungs, marked_film, write_marker_classifier

N_FILMS = 6


def scored(folder, films, *methods):
    methods = methods or ("grad-cam",)
    classifier = load_classifier(folder)
    return score_explanations(classifier, folder, films, methods=methods, data="made films")


@pytest.fixture(scope="module")
def marker(tmp_path_factory):
    """Scores of a classifier that looks at a marker in the corner, on films with it."""
    folder = write_marker_classifier(tmp_path_factory.mktemp("marker") / "c")
    films = [
        ExplainedFilm(
            marked_film(seed),
            "Marked",
            hashlib.sha256(bytes([seed])).hexdigest(),
            lungs=central_lungs(),
        )
        for seed in range(N_FILMS)
    ]
    return scored(folder, films, "grad-cam", "occlusion")


def tiny_films(n=N_FILMS):
    rng = np.random.default_rng(4)
    return [
        ExplainedFilm(
            rng.random((1, SIDE, SIDE), dtype=np.float32),
            "COVID-19",
            hashlib.sha256(bytes([number])).hexdigest(),
            patient=f"p{number // 2}",
        )
        for number in range(n)
    ]


def estimate(value, low=None, high=None, n=12):
    return Estimate(value=value, low=low, high=high, n=n, method="made")


def test_the_map_of_a_network_that_looks_at_a_marker_is_faithful_and_outside_the_lungs(marker):
    scores = marker.methods["grad-cam"].scores
    assert scores["probability"].value > 0.9
    assert scores["probability_blurred"].value < 0.2
    assert scores["deletion"].value < 0.2
    assert scores["deletion_random"].value > 0.3
    assert scores["insertion"].value > 0.9 > scores["insertion_random"].value
    assert scores["gain_over_random"].low > 0.3
    assert scores["heat_in_lungs"].value == 0
    assert scores["heat_above_even"].value == pytest.approx(-central_lungs().mean())
    assert scores["hottest_in_lungs"].value == 0
    assert 0.3 < scores["hottest_in_lungs"].high < 0.6  # six films cannot show that it never is
    assert scores["stability_noise"].value > 0.9


def test_heat_outside_the_lungs_is_told(marker):
    (caution,) = [one for one in marker.cautions if "(Grad-CAM)" in one]
    assert "outside the lungs" in caution
    assert "less than colour spread evenly over the film would put there" in caution
    assert "6 films" in caution


def test_every_method_is_scored_by_itself(marker):
    assert list(marker.methods) == ["grad-cam", "occlusion"]
    assert [one.n_films for one in marker.methods.values()] == [N_FILMS, N_FILMS]
    assert marker.methods["occlusion"].title == "Occlusion"
    assert marker.methods["occlusion"].scores["heat_in_lungs"].value < 0.2
    assert marker.methods["occlusion"].scores["gain_over_random"].value > 0


def test_scores_have_intervals_over_patients_or_say_why_they_are_missing(tmp_path):
    found = scored(write_tiny_classifier(tmp_path / "c"), tiny_films())
    method = found.methods["grad-cam"]
    assert set(method.scores) == set(SCORE_NAMES)
    for name, one in method.scores.items():
        if name in ("heat_in_lungs", "lungs_of_picture", "heat_above_even", "hottest_in_lungs"):
            assert (one.value, one.n) == (None, 0)
            assert one.undefined_because == "not scored: no lung masks"
        else:
            assert math.isfinite(one.value)
            assert one.low <= one.value <= one.high
            assert one.method.endswith("patients") or one.method == "all-alike"
    again = ExplanationScores.model_validate_json(found.model_dump_json())
    assert again == found
    assert scored(tmp_path / "c", tiny_films()) == found  # nothing is left to chance


def test_shuffled_weights_change_the_maps_of_a_network(tmp_path):
    scores = scored(write_tiny_classifier(tmp_path / "c"), tiny_films()).methods["grad-cam"].scores
    assert scores["likeness_network_shuffled"].high < 0.6
    assert scores["likeness_head_shuffled"].value < 0.99


def test_maps_that_are_edges_of_the_film_are_found_out(tmp_path, monkeypatch):
    """A "method" that never asks the network, as some published ones nearly do not."""

    def edges(film, *, class_index):
        rows, columns = np.gradient(film.image[0])
        return np.hypot(rows, columns).astype(np.float32)

    EXPLAINERS.names()  # all that are there are imported first
    monkeypatch.setitem(EXPLAINERS._parts, "occlusion", ExplanationMethod("Edges", edges, False))
    found = scored(write_tiny_classifier(tmp_path / "c"), tiny_films(), "occlusion")
    scores = found.methods["occlusion"].scores
    assert scores["likeness_network_shuffled"].value == pytest.approx(1)
    assert any("edges of the film" in caution for caution in found.cautions)


def test_a_constant_map_gains_nothing_over_random_ones_and_is_told(tmp_path, monkeypatch):
    def flat(film, *, class_index):
        return np.ones(film.image.shape[1:], dtype=np.float32)

    EXPLAINERS.names()
    monkeypatch.setitem(EXPLAINERS._parts, "occlusion", ExplanationMethod("Flat", flat, False))
    found = scored(write_tiny_classifier(tmp_path / "c"), tiny_films(), "occlusion")
    assert found.methods["occlusion"].scores["gain_over_random"].value == 0
    assert any("not shown to matter more" in caution for caution in found.cautions)


def test_films_without_heat_and_classes_without_a_head_are_counted(tmp_path):
    folder = write_marker_classifier(tmp_path / "c")
    plain = np.full((1, SIDE, SIDE), 0.2, dtype=np.float32)
    films = [ExplainedFilm(plain, "Marked", "ab" * 32)]  # nothing there speaks for "Marked"
    method = scored(folder, films).methods["grad-cam"]
    assert (method.n_films, method.n_without_heat) == (1, 1)
    assert {one.value for one in method.scores.values()} == {None}
    card = load_classifier(folder).card.model_copy(update={"explanations": {}})
    headless = load_classifier(folder).with_card(card, digest="")
    found = score_explanations(headless, folder, films, methods=("grad-cam",), data="made films")
    assert found.methods["grad-cam"].n_not_explained == 1


def test_one_patient_has_no_interval():
    maps = [MapScores("a", dict.fromkeys(SCORE_NAMES, value)) for value in (0.2, 0.4)]
    scores = method_scores(maps, title="M").scores
    for one in scores.values():
        assert (one.low, one.high, one.method) == (None, None, "one-patient")
        assert one.value == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("inside", "above", "told"),
    [
        (
            estimate(0.30, 0.22, 0.38),
            estimate(-0.05, -0.09, -0.01),
            "less than colour spread evenly",
        ),
        (estimate(0.30, 0.22, 0.38), estimate(0.02, -0.02, 0.06), "not shown to be more"),
        (estimate(0.40, 0.35, 0.45), estimate(0.10, 0.06, 0.14), "that is more than colour spread"),
        (estimate(0.45, 0.38, 0.52), estimate(0.15, 0.08, 0.22), ""),
        (estimate(0.30, n=1), estimate(0.0, n=1), ""),
    ],
)
def test_the_rule_for_heat_outside_the_lungs(inside, above, told):
    made = {"heat_in_lungs": inside, "heat_above_even": above, "lungs_of_picture": estimate(0.3)}
    cautions = cautions_with(made)
    assert len(cautions) == bool(told)
    assert told in "".join(cautions)


@pytest.mark.parametrize(
    ("gain", "told"),
    [
        (estimate(0.2, 0.1, 0.3), ""),
        (estimate(0.1, -0.1, 0.3), "not shown to matter more"),
        (estimate(-0.2, -0.3, -0.1), "matter less"),
        (estimate(0.2), "not shown to matter more"),
    ],
)
def test_the_rule_for_maps_no_better_than_random(gain, told):
    cautions = cautions_with({"gain_over_random": gain})
    assert len(cautions) == bool(told)
    assert told in "".join(cautions)


def cautions_with(scores):
    none = {name: Estimate.undefined("made", n=0) for name in SCORE_NAMES}
    return heat_map_cautions(MethodScores(title="Grad-CAM", scores={**none, **scores}))


def test_weights_are_shuffled_alike_in_network_and_head_and_nothing_else_changes(tmp_path):
    import onnx

    folder = write_tiny_classifier(tmp_path / "c")
    files = {name: (folder / name).read_bytes() for name in ("network.onnx", "head.onnx")}
    shuffler = WeightShuffler(files)
    shuffled = shuffler.shuffled(part="network", seed=1)
    assert weight_keys(shuffled["head.onnx"]) < weight_keys(shuffled["network.onnx"])
    assert not weight_keys(shuffled["network.onnx"]) & weight_keys(files["network.onnx"])
    assert shuffler.shuffled(part="network", seed=2) != shuffled
    assert shuffler.shuffled(part="network", seed=1) == shuffled
    for name, data in files.items():
        before, after = (onnx.load_model_from_string(one).graph for one in (data, shuffled[name]))
        assert [node.SerializeToString() for node in before.node] == [
            node.SerializeToString() for node in after.node
        ]
        for old, new in zip(before.initializer, after.initializer, strict=True):
            values = [np.sort(onnx.numpy_helper.to_array(one), axis=None) for one in (old, new)]
            np.testing.assert_array_equal(*values)


def test_shuffling_the_head_leaves_what_comes_before_it(tmp_path):
    folder = write_tiny_classifier(tmp_path / "c")
    files = {name: (folder / name).read_bytes() for name in ("network.onnx", "head.onnx")}
    shuffler = WeightShuffler(files)
    shuffler.shuffled(part="network", seed=1)  # leaves nothing behind
    shuffled = shuffler.shuffled(part="head", seed=1)
    kept = weight_keys(shuffled["network.onnx"]) & weight_keys(files["network.onnx"])
    assert len(kept) == 1  # the kernel of the convolution
    assert not weight_keys(shuffled["head.onnx"]) & weight_keys(files["head.onnx"])


def test_multiplications_are_counted_from_the_weights(tmp_path):
    data = (write_tiny_classifier(tmp_path / "c") / "network.onnx").read_bytes()
    assert multiply_adds(data) == N_MAPS * 9 * SIDE * SIDE + N_MAPS * 2


def test_a_training_scores_fewer_films_of_a_larger_network(tmp_path, monkeypatch):
    folder = write_tiny_classifier(tmp_path / "c")
    network, head = ((folder / name).read_bytes() for name in ("network.onnx", "head.onnx"))
    assert n_films_of_training(network, [head]) == MOST_FILMS
    for n_films, expected in ((6, 6), (1, LEAST_FILMS), (100, MOST_FILMS)):
        work = BUDGET // (n_films * IMAGES_PER_FILM)
        monkeypatch.setattr(
            "carina.workflows.explained_films.multiply_adds", lambda _, work=work: work
        )
        assert n_films_of_training(network, []) == expected
        assert n_films_of_training(network, [head]) <= expected


def test_films_are_chosen_of_all_classes_in_turn_each_patient_once_with_masks_first(tmp_path):
    def record(path, label, patient=None, mask=None):
        return Record(
            path=path, source="s", file=tmp_path / path, label=label, patient=patient,
            lung_mask=mask,
        )  # fmt: skip

    records = [
        record("a1", "A", "p1"),
        record("a2", "A", "p1"),
        record("a3", "A", "p2", "m"),
        record("a4", "A", "p3"),
        record("b1", "B", "p4"),
        record("b2", "B", "p4", "m"),
    ]
    assert [one.path for one in chosen_films(records, most=4)] == ["a3", "b2", "a1", "a4"]
    assert {one.path for one in chosen_films(records, most=99)} == {r.path for r in records}
    unknown = [record(f"u{n}", None) for n in range(3)]
    assert len(chosen_films(unknown, most=2)) == 2


def test_a_command_scores_the_maps_on_a_data_set_with_its_lung_masks(tmp_path, settings):
    folder = write_tiny_classifier(tmp_path / "c")
    counts = {"test": {"Normal": 2, "COVID-19": 2}}
    write_phantoms(tmp_path / "films", counts=counts, seed=5, lung_masks=True)
    found = explain_scores(
        folder, tmp_path / "films", methods=["grad-cam"], films=3, out=tmp_path / "o",
        settings=settings,
    )  # fmt: skip
    written = read_document(found.file, ScoredClassifier, error=InputError)
    assert written == found.found
    assert written.classifier == load_classifier(folder).digest
    scores = written.explanation_scores
    assert scores.data == "3 of 4 films, 3 of them with a lung mask"
    even = scores.methods["grad-cam"].scores["lungs_of_picture"]
    assert 0.15 < even.value < 0.45
    assert even.n == 3
    assert found.as_values()["explanation_scores"]["methods"]["grad-cam"]["n_films"] == 3


def test_a_command_scores_loose_films_and_refuses_what_it_cannot(tmp_path, settings):
    folder = write_tiny_classifier(tmp_path / "c")
    write_phantoms(tmp_path / "films", counts={"x": {"Normal": 2}}, seed=5)
    loose = tmp_path / "films" / "x" / "Normal"
    found = explain_scores(
        folder, loose, methods=["occlusion"], out=tmp_path / "o", settings=settings
    )
    assert found.found.explanation_scores.data == "2 of 2 films, none with a lung mask"
    for options, error in (
        ({"methods": ["grad-kam"]}, UnknownNameError),
        ({"films": 0}, UsageError),
        ({"label": "Covidd"}, UnknownNameError),
    ):
        with pytest.raises(error):
            explain_scores(folder, loose, out=tmp_path / "p", settings=settings, **options)
    assert not (tmp_path / "p").exists()
