"""What every registered explanation method and runtime must do."""

from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

import numpy as np
import pytest

from carina.errors import ClassifierError
from carina.inference.bundle import load_classifier
from carina.inference.explain import EXPLAINERS
from carina.inference.runtimes import RUNTIMES
from making.classifiers import N_MAPS, SIDE, write_tiny_classifier

# A runtime has the name of the module that it needs.
every_runtime = pytest.mark.parametrize(
    "runtime",
    [
        pytest.param(
            name,
            marks=pytest.mark.skipif(find_spec(name) is None, reason=f"{name} is not installed"),
        )
        for name in RUNTIMES.names()
    ],
)


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


@every_runtime
def test_a_runtime_answers_in_float32_and_gives_the_outputs_that_are_asked_for(runtime, tmp_path):
    folder = write_tiny_classifier(tmp_path / "c")
    network = RUNTIMES.get(runtime)((folder / "network.onnx").read_bytes(), threads=1)
    image = np.random.default_rng(0).random((3, 1, SIDE, SIDE), dtype=np.float32)
    maps, logits = network.run(["maps", "logits"], {"image": image})
    assert maps.dtype == logits.dtype == np.float32
    assert (len(maps), logits.shape) == (3, (3, 2))


@every_runtime
def test_every_runtime_gives_the_same_answers(runtime, tmp_path):
    folder = write_tiny_classifier(tmp_path / "c")
    image = np.random.default_rng(0).random((3, 1, SIDE, SIDE), dtype=np.float32)
    own = load_classifier(folder, runtime=runtime).logits(image)
    reference = load_classifier(folder, runtime="onnxruntime").logits(image)
    np.testing.assert_allclose(own, reference, atol=1e-5)


@every_runtime
def test_a_runtime_names_its_inputs_and_outputs_with_their_shapes(runtime, tmp_path):
    data = (write_tiny_classifier(tmp_path / "c") / "network.onnx").read_bytes()
    network = RUNTIMES.get(runtime)(data, threads=1)
    assert dict(network.inputs) == {"image": (None, 1, SIDE, SIDE)}
    assert network.outputs["logits"] == (None, 2)
    assert network.outputs["maps"][:2] == (None, N_MAPS)


@every_runtime
def test_threads_may_share_a_network(runtime, tmp_path):
    data = (write_tiny_classifier(tmp_path / "c") / "network.onnx").read_bytes()
    network = RUNTIMES.get(runtime)(data, threads=1)
    films = np.random.default_rng(0).random((40, 2, 1, SIDE, SIDE), dtype=np.float32)
    alone = [network.run(["logits"], {"image": pair})[0] for pair in films]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda pair: network.run(["logits"], {"image": pair})[0], films))
    np.testing.assert_array_equal(together, alone)


@every_runtime
@pytest.mark.parametrize("data", [b"", b"no network", b"\x08\x07"])
def test_bytes_that_are_no_network_are_refused_by_a_runtime(runtime, data):
    with pytest.raises(ClassifierError, match=r"cannot be run|no ONNX file"):
        RUNTIMES.get(runtime)(data, threads=1)
