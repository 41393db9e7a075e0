"""What every registered explanation method and runtime must do."""

import numpy as np
import pytest

from carina.inference.bundle import load_classifier
from carina.inference.explain import EXPLAINERS
from carina.inference.runtimes import RUNTIMES
from making.classifiers import SIDE, write_tiny_classifier


def linear_head(weights):
    """Return a head whose logits are sums of the maps' means, times weights."""
    return lambda maps: maps.astype(np.float64).mean(axis=(2, 3)) @ weights


@pytest.mark.parametrize("method", EXPLAINERS.names())
def test_heat_has_the_maps_size_and_is_never_below_zero(method):
    rng = np.random.default_rng(0)
    maps = rng.random((5, 7, 9), dtype=np.float32)
    heat = EXPLAINERS.get(method)(maps, linear_head(rng.normal(size=(5, 3))), class_index=1)
    assert heat.shape == (7, 9)
    assert heat.dtype == np.float32
    assert heat.min() >= 0


@pytest.mark.parametrize("method", EXPLAINERS.names())
def test_heat_lies_where_the_map_that_speaks_for_the_class_does(method):
    maps = np.zeros((2, 6, 6), dtype=np.float32)
    maps[0, 1, 1] = 1
    maps[1, 4, 4] = 1
    head = linear_head(np.array([[1.0, -1.0], [-1.0, 1.0]]))
    explain = EXPLAINERS.get(method)
    assert np.unravel_index(explain(maps, head, class_index=0).argmax(), (6, 6)) == (1, 1)
    assert np.unravel_index(explain(maps, head, class_index=1).argmax(), (6, 6)) == (4, 4)


@pytest.mark.parametrize("method", EXPLAINERS.names())
def test_maps_without_a_value_give_no_heat(method):
    maps = np.zeros((2, 6, 6), dtype=np.float32)
    assert not EXPLAINERS.get(method)(maps, linear_head(np.ones((2, 2))), class_index=0).any()


@pytest.mark.parametrize("runtime", RUNTIMES.names())
def test_a_runtime_answers_in_float32_and_gives_the_outputs_that_are_asked_for(runtime, tmp_path):
    folder = write_tiny_classifier(tmp_path / "c")
    network = RUNTIMES.get(runtime)((folder / "network.onnx").read_bytes(), threads=1)
    image = np.random.default_rng(0).random((3, 1, SIDE, SIDE), dtype=np.float32)
    maps, logits = network.run(["maps", "logits"], {"image": image})
    assert maps.dtype == logits.dtype == np.float32
    assert (len(maps), logits.shape) == (3, (3, 2))


@pytest.mark.parametrize("runtime", RUNTIMES.names())
def test_every_runtime_gives_the_same_answers(runtime, tmp_path):
    folder = write_tiny_classifier(tmp_path / "c")
    image = np.random.default_rng(0).random((3, 1, SIDE, SIDE), dtype=np.float32)
    own = load_classifier(folder, runtime=runtime).logits(image)
    reference = load_classifier(folder, runtime="onnxruntime").logits(image)
    np.testing.assert_allclose(own, reference, atol=1e-5)
