import re
from pathlib import Path

import numpy as np
import pytest

from carina.domain.input_spec import InputSpec
from carina.domain.radiograph import Radiograph
from carina.errors import UnknownNameError
from carina.inference.bundle import load_classifier
from making.classifiers import N_MAPS, SIDE, tiny_weights, write_tiny_classifier

LABELS = ("COVID-19", "Normal", "Pneumonia")


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    return load_classifier(write_tiny_classifier(tmp_path_factory.mktemp("c") / "c", labels=LABELS))


def film(pixels=None, *, cautions=()):
    if pixels is None:
        pixels = np.random.default_rng(1).random((60, 50), dtype=np.float32)
    return Radiograph(pixels, Path("film.png"), "ab" * 32, "PNG", "L", cautions=cautions)


def maps_of(prepared):
    """The tiny network's maps, by numpy: a 3x3 convolution with padding, and ReLU."""
    kernel, _ = tiny_weights(len(LABELS))
    padded = np.pad(prepared[0], 1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
    return np.maximum(np.einsum("hwij,mij->mhw", windows, kernel[:, 0]), 0)


def test_an_answer_is_the_softmax_of_the_networks_logits(classifier):
    answer = classifier.predict(film())
    _, dense = tiny_weights(len(LABELS))
    logits = maps_of(classifier.prepare(film())).mean(axis=(1, 2)) @ dense
    wanted = np.exp(logits) / np.exp(logits).sum()
    assert list(answer.probabilities) == list(LABELS)
    np.testing.assert_allclose(list(answer.probabilities.values()), wanted, atol=1e-5)
    np.testing.assert_allclose(list(answer.logits.values()), logits, atol=1e-4)
    assert answer.predicted == LABELS[int(wanted.argmax())]
    assert answer.decision == answer.predicted


def test_films_together_get_the_answers_they_get_alone(classifier):
    rng = np.random.default_rng(2)
    films = [film(rng.random((40 + n, 50), dtype=np.float32)) for n in range(40)]
    for one, together in zip(films, classifier.answers(films), strict=True):
        alone = classifier.predict(one)
        for name in LABELS:
            assert together.probabilities[name] == pytest.approx(
                alone.probabilities[name], abs=1e-6
            )


def test_no_film_gets_no_answer(classifier):
    assert classifier.answers([]) == []


def test_what_was_noticed_while_reading_stands_in_the_answer(classifier):
    answer = classifier.predict(film(cautions=("16 bit colour, read at 8 bits",)))
    assert answer.cautions == ("16 bit colour, read at 8 bits",)
    assert answer.sha256 == "ab" * 32


@pytest.mark.parametrize(
    ("pixels", "reason"),
    [
        (np.full((200, 200), 0.5, dtype=np.float32), "blank"),
        (np.random.default_rng(0).random((20, 20), dtype=np.float32), "too small"),
        (np.random.default_rng(0).random((40, 400), dtype=np.float32), "not the shape"),
    ],
)
def test_what_cannot_be_a_film_gets_an_abstention_with_its_reason(classifier, pixels, reason):
    answer = classifier.predict(film(pixels))
    assert answer.abstained
    assert answer.decision is None
    assert reason in answer.reason


@pytest.mark.parametrize("label", LABELS)
def test_grad_cam_is_the_known_one_of_the_tiny_network(classifier, label):
    _, dense = tiny_weights(len(LABELS))
    maps = maps_of(classifier.prepare(film()))
    weights = dense[:, LABELS.index(label)] / maps[0].size ** 1
    wanted = np.maximum(np.tensordot(weights / maps[0].size, maps, axes=1), 0)
    heat = classifier.explain(film(), label).heat
    assert heat.shape == (60, 50)
    if wanted.max() == 0:
        assert not heat.any()
    else:
        assert heat.max() == pytest.approx(1)
        from carina.imaging.prepare import back_to_film

        spread = back_to_film(wanted.astype(np.float32), classifier.card.input, height=60, width=50)
        np.testing.assert_allclose(heat, spread / spread.max(), atol=2e-3)


def test_without_a_class_the_predicted_one_is_explained(classifier):
    assert classifier.explain(film()).label == classifier.predict(film()).predicted


def test_a_class_can_be_explained_by_its_alias(tmp_path):
    folder = write_tiny_classifier(tmp_path / "c", labels=LABELS)
    card = (folder / "card.json").read_text()
    (folder / "card.json").write_text(
        re.sub(r'"aliases": ?{}', '"aliases":{"healthy":"Normal"}', card)
    )
    loaded = load_classifier(folder)
    by_alias, by_name = loaded.explain(film(), "healthy"), loaded.explain(film(), "Normal")
    assert by_alias.label == "Normal"
    np.testing.assert_array_equal(by_alias.heat, by_name.heat)


def test_a_black_film_explains_nothing_and_does_not_fail(classifier):
    assert not classifier.explain(film(np.zeros((50, 50), dtype=np.float32))).heat.any()


def test_an_unknown_class_or_method_names_the_nearest(classifier):
    with pytest.raises(UnknownNameError, match="did you mean 'Normal'"):
        classifier.explain(film(), "normal")
    with pytest.raises(UnknownNameError, match="did you mean 'grad-cam'"):
        classifier.explain(film(), method="gradcam")


def test_features_are_the_networks(classifier):
    prepared = classifier.prepare(film())
    np.testing.assert_allclose(
        classifier.features(prepared[None])[0], maps_of(prepared).mean(axis=(1, 2)), atol=1e-5
    )
    assert classifier.features(prepared[None]).shape == (1, N_MAPS)


def test_a_network_of_three_channels_gets_three(tmp_path):
    spec = InputSpec(height=SIDE, width=SIDE, channels=3)
    loaded = load_classifier(write_tiny_classifier(tmp_path / "c", spec=spec))
    assert loaded.prepare(film()).shape == (3, SIDE, SIDE)
    assert sum(loaded.predict(film()).probabilities.values()) == pytest.approx(1)


def test_a_letterboxed_film_has_heat_only_where_the_film_is(tmp_path):
    spec = InputSpec(height=SIDE, width=SIDE, fit="letterbox")
    loaded = load_classifier(write_tiny_classifier(tmp_path / "c", spec=spec))
    explanation = loaded.explain(film(), "Normal")
    assert explanation.heat.shape == (60, 50)
    assert 0 <= explanation.heat.min() <= explanation.heat.max() <= 1
