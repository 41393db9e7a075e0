"""ONNX files are read without the package `onnx`, as that package reads them."""

import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from carina.domain.explanation import METHODS_WITH_MAPS
from carina.errors import ClassifierError
from carina.inference.bundle import load_classifier
from carina.inference.onnx_files import array_of, attributes_of, dtype_of, read_graph
from carina.inference.onnx_safety import require_whole
from making.classifiers import write_tiny_classifier
from making.films import film_of
from making.uploads import grey_levels

KINDS = ("FLOAT", "UINT8", "INT8", "UINT16", "INT16", "INT32", "INT64", "BOOL", "FLOAT16", "DOUBLE")


def model_bytes(*nodes, tensors=()):
    graph = helper.make_graph(list(nodes), "made", [], [], list(tensors))
    return helper.make_model(graph, ir_version=10).SerializeToString()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("raw", [True, False])
def test_a_tensor_has_the_values_that_onnx_reads(kind, raw):
    data_type = getattr(TensorProto, kind)
    values = np.array([[0, 1, 5], [2, 3, 1]]).astype(helper.tensor_dtype_to_np_dtype(data_type))
    if raw:
        tensor = numpy_helper.from_array(values, "t")
    else:
        tensor = helper.make_tensor("t", data_type, values.shape, values.ravel().tolist())
    (found,) = read_graph(model_bytes(tensors=[tensor])).initializer
    assert (found.name, array_of(found).dtype) == ("t", values.dtype)
    np.testing.assert_array_equal(array_of(found), numpy_helper.to_array(tensor))
    assert dtype_of(data_type) == values.dtype


def test_nodes_and_attributes_are_those_that_onnx_reads():
    given = {"f": 0.5, "i": -3, "s": b"word", "floats": [1.5, 2.5], "ints": [1, -1]}
    tensor = numpy_helper.from_array(np.arange(3.0), "t")
    data = model_bytes(
        helper.make_node("Odd", ["a", "", "b"], ["c"], domain="own", t=tensor, **given)
    )
    (node,) = read_graph(data).node
    assert (node.op_type, node.domain) == ("Odd", "own")
    assert (list(node.input), list(node.output)) == (["a", "", "b"], ["c"])
    found = attributes_of(node)
    np.testing.assert_array_equal(array_of(found.pop("t")), np.arange(3.0))
    assert {n: list(v) if n.endswith("ts") else v for n, v in found.items()} == given


@pytest.mark.parametrize("data", [b"no network", b"\x3a\xff"])
def test_bytes_that_are_no_onnx_file_are_refused(data):
    with pytest.raises(ClassifierError, match="no ONNX file"):
        require_whole(data)
    with pytest.raises(ClassifierError, match="no ONNX file"):
        read_graph(b"")


def test_a_kind_that_is_not_read_is_refused():
    tensor = TensorProto(name="t", data_type=TensorProto.BFLOAT16, dims=[0])
    (found,) = read_graph(model_bytes(tensors=[tensor])).initializer
    with pytest.raises(NotImplementedError, match="data type 16"):
        array_of(found)
    text = TensorProto(name="t", data_type=TensorProto.STRING, dims=[0])
    with pytest.raises(ClassifierError, match="data type 8, which is not read"):
        read_graph(model_bytes(tensors=[text]))


def test_films_are_answered_and_explained_without_the_package_onnx(tmp_path, monkeypatch):
    folder = write_tiny_classifier(tmp_path / "c")
    film = film_of(grey_levels().astype(np.float32) / 255)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError):
        __import__("onnx")
    classifier = load_classifier(folder)
    answer = classifier.predict(film)
    for method in METHODS_WITH_MAPS:
        assert classifier.explain(film, answer.predicted, method=method).heat.shape == (96, 80)
    assert onnx.__version__
