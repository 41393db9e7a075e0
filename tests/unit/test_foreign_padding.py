"""Zeros around maps before a max-pooling: ONNX Runtime's optimiser takes them for nothing."""

import numpy as np
import onnx
import pytest

from carina.domain.pixel_scaling import PixelRule
from carina.errors import ParityError
from carina.inference.foreign import opening, running
from carina.inference.foreign.contract import contract_files
from carina.inference.foreign.image_input import Declared
from carina.inference.foreign.opening import open_foreign
from carina.inference.foreign.running import smooth_images
from carina.inference.runtimes import RUNTIMES
from carina.workflows.import_model import import_model
from making.foreign_models import N_MAPS, SIDE, Foreign, foreign_model

# All maps are negative, so that the largest value under a kernel at the edge is what lies around.
KERNEL = np.full((N_MAPS, 3, 3, 3), -0.1)
DENSE = np.arange(2 * N_MAPS).reshape(N_MAPS, 2) / 10 - 0.3


def asked_for(padded, **settings):
    return Foreign(padded=padded, ending="logits", layout="nchw", **settings)


ASKED = {
    "default": asked_for(""),
    "zero": asked_for(0.0),
    "an attribute": asked_for(0.0, opset=10),
    "a default attribute": asked_for("", opset=9),
    "with the channels last": asked_for(0.0, padded_last=True),
    "in 16 bits": asked_for(0.0, kind=onnx.TensorProto.FLOAT16),
    "minus infinity": asked_for(-np.inf),
    "below all": asked_for(-9.0),
}


def without_relu(asked):
    """Return a model with a convolution that changes nothing in its ReLU's place: negative maps
    are seen, and those of the first convolution are not its last."""
    model = foreign_model(asked, kernel=KERNEL, dense=DENSE)
    (relu,) = [node for node in model.graph.node if node.op_type == "Relu"]
    relu.op_type = "Conv"
    relu.input.append("same")
    number = np.float16 if asked.kind == onnx.TensorProto.FLOAT16 else np.float32
    same = np.eye(N_MAPS, dtype=number)[:, :, None, None]
    model.graph.initializer.append(onnx.numpy_helper.from_array(same, "same"))
    return model.SerializeToString()


def by_hand(films, around):
    """Return the logits: a sum of nine, the largest of nine, a mean, a product."""
    padded = np.pad(films, [(0, 0), (0, 0), (1, 1), (1, 1)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    maps = -0.1 * windows.sum(axis=(1, 4, 5))
    maps = np.pad(maps, [(0, 0), (1, 1), (1, 1)], constant_values=around)
    windows = np.lib.stride_tricks.sliding_window_view(maps, (3, 3), axis=(1, 2))[:, ::2, ::2]
    means = windows.max(axis=(3, 4)).mean(axis=(1, 2))
    return means[:, None] * DENSE.sum(axis=0)


@pytest.mark.parametrize("kind", ASKED)
@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_a_classifier_sees_what_lies_around_the_maps_that_it_pools(kind, runtime):
    if runtime == "openvino":
        pytest.importorskip("openvino")
    asked = ASKED[kind]
    films = 0.2 + smooth_images(3, channels=3, height=SIDE, width=SIDE, seed=5)
    foreign = open_foreign(without_relu(asked), declared=Declared())
    network = RUNTIMES.get(runtime)(
        contract_files(foreign, PixelRule()).network, threads=1, precision="f32"
    )
    (found,) = network.run(["logits"], {"image": films})
    wanted = by_hand(films, float(asked.padded or 0.0))
    close = 2e-3 if asked.kind == onnx.TensorProto.FLOAT16 else 1e-5
    assert np.abs(found - wanted).max() < close
    # What the model is compared with sees them, too.
    exponentials = np.exp(wanted - wanted.max(axis=1, keepdims=True))
    own = foreign.own_probabilities(films, PixelRule())
    assert np.abs(own - exponentials / exponentials.sum(axis=1, keepdims=True)).max() < close


def test_the_zeros_count_in_this_model():
    films = smooth_images(2, channels=3, height=SIDE, width=SIDE, seed=5)
    assert np.abs(by_hand(films, 0.0) - by_hand(films, -np.inf)).max() > 0.01


def test_what_an_optimiser_changes_is_refused(tmp_path, settings, monkeypatch):
    model = tmp_path / "model.onnx"
    model.write_bytes(without_relu(ASKED["zero"]))
    monkeypatch.setattr(opening, "with_kept_zeros", lambda graph: graph)
    monkeypatch.setattr(running, "_WRONG_STEPS", ())
    with pytest.raises(ParityError, match="the classifier answers otherwise than the model"):
        import_model(model, labels="a,b", out=tmp_path / "out", settings=settings)
    monkeypatch.undo()
    made = import_model(model, labels="a,b", out=tmp_path / "out", settings=settings)
    assert made.card.parity["max_probability_difference"] < 1e-6


def test_the_network_stays_as_it_was_where_nothing_is_dropped():
    def pads(kind):
        foreign = open_foreign(without_relu(ASKED[kind]), declared=Declared())
        graph = foreign.graph
        (pad,) = [node for node in graph.nodes if node.op_type == "Pad"]
        return float(graph.constant(pad.input[2]))

    assert pads("below all") == -9
    assert 0 < pads("zero") < 1e-37
