"""Grad-CAM from `head.onnx` alone is the Grad-CAM of torch's automatic differentiation."""

import numpy as np
import pytest

from carina.domain.input_spec import InputSpec
from carina.domain.radiograph import Radiograph
from carina.imaging import read_radiograph
from carina.imaging.prepare import back_to_film
from carina.inference.bundle import load_classifier, save_classifier
from making.classifiers import write_tiny_classifier
from making.real_films import REAL_FILMS, needs_real_films

pytest.importorskip("torch", reason="the reference needs the extra 'train'")

from carina.models.export import export_network
from carina.models.gradients import grad_cam
from making.training_films import small_network

LABELS = ("COVID-19", "Normal", "Pneumonia")
SPEC = InputSpec(height=48, width=40)
# design 4.3: the step of 1 % costs no more than this
LEAST_CORRELATION = 0.999


def classifier_of(network, folder, *, spec):
    """Return a trained network as the classifier that is deployed."""
    written = write_tiny_classifier(folder / "tiny", labels=LABELS, spec=spec)
    card = load_classifier(written).card
    exported = export_network(network, spec)
    save_classifier(
        folder / "classifier",
        card,
        network=exported.network,
        heads=exported.heads,
        seen=[],
        readme="",
    )
    return load_classifier(folder / "classifier")


@pytest.fixture(scope="module")
def network():
    return small_network(len(LABELS), spec=SPEC).eval()


@pytest.fixture(scope="module")
def classifier(network, tmp_path_factory):
    return classifier_of(network, tmp_path_factory.mktemp("exported"), spec=SPEC)


def correlation_with_autograd(classifier, network, film, label):
    index = classifier.labels.index(label)
    wanted = back_to_film(
        grad_cam(network, classifier.prepare(film), class_index=index),
        classifier.card.input,
        height=film.height,
        width=film.width,
    )
    found = classifier.explain(film, label).heat
    if not wanted.any():
        assert not found.any()
        return 1.0
    assert found.max() == pytest.approx(1)
    return float(np.corrcoef(found.ravel(), wanted.ravel())[0, 1])


@pytest.mark.parametrize("label", LABELS)
def test_on_made_films(classifier, network, tmp_path, label):
    from carina.imaging.phantom import make_phantom

    for seed, finding in enumerate(("normal", "pneumonia", "covid")):
        phantom = make_phantom(finding, rng=np.random.default_rng(seed), height=96, width=80)
        film = Radiograph(phantom.pixels, tmp_path / "film.png", "0" * 64, "PNG", "L")
        found = correlation_with_autograd(classifier, network, film, label)
        assert found >= LEAST_CORRELATION


@needs_real_films
@pytest.mark.parametrize("label", LABELS)
def test_on_real_films(classifier, network, label):
    folder = REAL_FILMS / "covid19-image-dataset"
    films = sorted(f for f in folder.rglob("*") if f.suffix.lower() in (".jpg", ".jpeg", ".png"))
    for path in films[:: max(len(films) // 6, 1)][:6]:
        found = correlation_with_autograd(classifier, network, read_radiograph(path), label)
        assert found >= LEAST_CORRELATION


def test_maps_in_many_chunks_give_the_heat_of_one(classifier, tmp_path, monkeypatch):
    pixels = np.random.default_rng(3).random((60, 50), dtype=np.float32)
    film = Radiograph(pixels, tmp_path / "film.png", "0" * 64, "PNG", "L")
    whole = classifier.explain(film, "Normal").heat
    monkeypatch.setattr("carina.inference.explain.grad_cam.CHUNK_BYTES", 1)
    np.testing.assert_allclose(classifier.explain(film, "Normal").heat, whole, atol=1e-4)
