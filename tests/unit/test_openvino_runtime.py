"""OpenVINO as a runtime: exact unless bf16 is asked for, and nothing but the bytes is read."""

import builtins
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx.external_data_helper import set_external_data

from carina.domain.input_spec import InputSpec
from carina.errors import ClassifierError, MissingExtraError
from carina.inference.runtimes import RUNTIMES
from carina.inference.runtimes.openvino import compile_with_openvino
from carina.models.export import export_network
from making.classifiers import write_tiny_classifier
from making.training_films import small_network

SPEC = InputSpec(height=40, width=32)
FILMS = np.random.default_rng(0).random((5, 1, 40, 32), dtype=np.float32)


@pytest.fixture(scope="module")
def exported():
    pytest.importorskip("openvino")
    return export_network(small_network(3, spec=SPEC, filters=(16, 32)), SPEC)


def test_a_trained_network_answers_as_under_onnx_runtime(exported):
    own, reference = (
        RUNTIMES.get(name)(exported.network, threads=1) for name in ("openvino", "onnxruntime")
    )
    names = ["logits", "features", "maps"]
    wanted = reference.run(names, {"image": FILMS})
    for found, exact in zip(own.run(names, {"image": FILMS}), wanted, strict=True):
        np.testing.assert_allclose(found, exact, atol=1e-5)
    head = RUNTIMES.get("openvino")(exported.heads["head.onnx"], threads=1)
    (again,) = head.run(["logits"], {"maps": wanted[2]})
    np.testing.assert_allclose(again, wanted[0], atol=1e-5)


def test_float32_is_said_and_bf16_only_where_it_is_asked_for(exported):
    for precision in ("f32", "bf16"):
        network = compile_with_openvino(exported.network, threads=1, precision=precision)
        network.run(["logits"], {"image": FILMS})
        compiled = network._compiled["logits",]
        hint = compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
        # A CPU without bf16 instructions computes in f32 whatever is asked for.
        assert hint in {"f32": {"f32"}, "bf16": {"bf16", "f32"}}[precision]
        assert compiled.get_property("INFERENCE_NUM_THREADS") == 1


ENDING_IN_TURN = """
import signal, sys
from carina.inference.runtimes.openvino import compile_with_openvino
data, heard = open(sys.argv[1], "rb").read(), []
signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
networks = [compile_with_openvino(data, threads=1) for _ in range(3)]
for network in networks:
    network._compile(("logits",))
while networks:
    del networks[0], network
    network = None
signal.raise_signal(signal.SIGTERM)
assert heard
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_signal_is_heard_after_networks_have_ended_in_any_order(exported, tmp_path):
    file = tmp_path / "network.onnx"
    file.write_bytes(exported.network)
    ended = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", ENDING_IN_TURN, file],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_only_what_the_named_outputs_need_is_computed(exported):
    network = compile_with_openvino(exported.network, threads=1)
    network.run(["maps"], {"image": FILMS})
    kinds = [
        op.get_friendly_name() for op in network._compiled["maps",].get_runtime_model().get_ops()
    ]
    network.run(["logits"], {"image": FILMS})
    more = network._compiled["logits",].get_runtime_model().get_ops()
    assert len(kinds) < len(more)


def test_what_is_compiled_serves_whoever_asks_for_no_more_without_waiting(exported):
    network = compile_with_openvino(exported.network, threads=1)
    (_, logits) = network.run(["features", "logits"], {"image": FILMS})
    with network._compiling:  # as while another thread compiles something
        (again,) = network.run(["logits"], {"image": FILMS})
    np.testing.assert_array_equal(again, logits)
    assert list(network._compiled) == [("features", "logits")]


def test_an_answer_is_not_changed_by_the_next_one(exported):
    network = compile_with_openvino(exported.network, threads=1)
    (first,) = network.run(["logits"], {"image": FILMS})
    before = first.copy()
    network.run(["logits"], {"image": FILMS[::-1]})
    np.testing.assert_array_equal(first, before)


def moved_out(tensor, folder):
    data = tensor.raw_data or np.ones(4, dtype=np.float32).tobytes()
    (folder / "weights.bin").write_bytes(data)
    set_external_data(tensor, "weights.bin", offset=0, length=len(data))
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL


@pytest.mark.parametrize("place", ["weight", "constant"])
def test_weights_in_another_file_are_not_read(place, tmp_path, monkeypatch):
    pytest.importorskip("openvino")
    monkeypatch.chdir(tmp_path)
    model = onnx.load_model_from_string(
        (write_tiny_classifier(tmp_path / "c") / "network.onnx").read_bytes()
    )
    if place == "weight":
        moved_out(model.graph.initializer[0], tmp_path)
    else:
        constant = helper.make_node(
            "Constant",
            [],
            ["odd"],
            value=helper.make_tensor("odd", TensorProto.FLOAT, [4], [1.0] * 4),
        )
        model.graph.node.append(constant)
        tensor = model.graph.node[-1].attribute[0].t
        tensor.raw_data = np.ones(4, dtype=np.float32).tobytes()
        tensor.ClearField("float_data")
        moved_out(tensor, tmp_path)
    with pytest.raises(ClassifierError, match="in other files"):
        RUNTIMES.get("openvino")(model.SerializeToString(), threads=1)


def test_where_openvino_is_missing_the_extra_is_named(monkeypatch):
    whole = builtins.__import__

    def without(name, *rest, **kwargs):
        if name == "openvino":
            raise ImportError(name)
        return whole(name, *rest, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"carina\[openvino\]"):
        compile_with_openvino(b"")
