"""What every registered runtime must do."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from carina.errors import ClassifierError
from carina.inference.bundle import load_classifier
from carina.inference.runtimes import RUNTIMES
from making.classifiers import N_MAPS, SIDE, write_tiny_classifier

every_runtime = pytest.mark.parametrize(
    "runtime",
    [
        pytest.param(
            name,
            marks=pytest.mark.skipif(
                RUNTIMES.get(name).absence() is not None, reason=f"{name} is not there"
            ),
        )
        for name in RUNTIMES.names()
    ],
)


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
