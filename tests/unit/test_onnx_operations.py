"""The operations of heads: forwards as ONNX Runtime computes them, backwards as slopes."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from carina.inference.explain.operations import OPERATIONS

RNG = np.random.default_rng(1)


def values(*shape):
    """Return numbers no two of which are close, none near 0 and none below -1."""
    n = int(np.prod(shape))
    return (RNG.permutation(n) - 0.4 * n + 0.3).reshape(shape).astype(np.float32) / (0.41 * n)


def whole(*numbers):
    return np.array(numbers, dtype=np.int64)


POOL = {"kernel_shape": [2, 3], "strides": [2, 1]}
# name -> attributes, the inputs that a gradient passes to, and the others.
CASES = {
    "Identity": ({}, [values(2, 3)], []),
    "Dropout": ({}, [values(2, 3)], []),
    "Relu": ({}, [values(2, 3)], []),
    "Sigmoid": ({}, [values(2, 3)], []),
    "Tanh": ({}, [values(2, 3)], []),
    "Exp": ({}, [values(2, 3)], []),
    "Log": ({}, [values(2, 3) + 2], []),
    "Sqrt": ({}, [values(2, 3) + 2], []),
    "Neg": ({}, [values(2, 3)], []),
    "Softplus": ({}, [values(2, 3)], []),
    "LeakyRelu": ({"alpha": 0.2}, [values(2, 3)], []),
    "Clip": ({}, [values(4, 5)], [np.float32(-0.5), np.float32(0.7)]),
    "Add": ({}, [values(2, 3), values(3)], []),
    "Sub": ({}, [values(2, 3), values(2, 1)], []),
    "Mul": ({}, [values(2, 3), values(1, 3)], []),
    "Div": ({}, [values(2, 3), values(3) + 2], []),
    "Sum": ({}, [values(2, 3), values(3), values(2, 1)], []),
    "Gemm": ({"transB": 1, "alpha": 0.5, "beta": 2.0}, [values(2, 3), values(4, 3), values(4)], []),
    "MatMul": ({}, [values(2, 3), values(3, 4)], []),
    "BatchNormalization": (
        {"epsilon": 0.01},
        [values(2, 3, 2, 2)],
        [values(3) + 2, values(3), values(3), values(3) + 2],
    ),
    "Softmax": ({"axis": 1}, [values(2, 4)], []),
    "LogSoftmax": ({}, [values(2, 4)], []),
    "GlobalAveragePool": ({}, [values(2, 3, 4, 5)], []),
    "GlobalMaxPool": ({}, [values(2, 3, 4, 5)], []),
    "ReduceMean": ({"keepdims": 0}, [values(2, 3, 4)], [whole(-1, 1)]),
    "ReduceSum": ({}, [values(2, 3, 4)], [whole(0, 2)]),
    "MaxPool": ({**POOL, "pads": [1, 1, 0, 1], "dilations": [2, 1]}, [values(2, 2, 6, 7)], []),
    "AveragePool": ({**POOL, "pads": [1, 1, 0, 1]}, [values(2, 2, 5, 6)], []),
    "Flatten": ({"axis": 2}, [values(2, 3, 4)], []),
    "Reshape": ({}, [values(2, 3, 4)], [whole(0, -1, 2)]),
    "Squeeze": ({}, [values(2, 1, 3, 1)], [whole(1)]),
    "Unsqueeze": ({}, [values(2, 3)], [whole(0, -1)]),
    "Transpose": ({"perm": [2, 0, 1]}, [values(2, 3, 4)], []),
    "Concat": ({"axis": 1}, [values(2, 3), values(2, 1)], []),
    "Gather": ({"axis": 1}, [values(2, 4)], [whole(3, 1, 3)]),
    "Slice": ({}, [values(4, 5)], [whole(1, -4), whole(9, -1), whole(0, 1), whole(2, 1)]),
    "Expand": ({}, [values(2, 1)], [whole(3, 1, 4)]),
    "Cast": ({"to": TensorProto.FLOAT}, [values(2, 3)], []),
}
MORE = {
    "a maximum in windows that reach over the edge": (
        "MaxPool",
        {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1},
        [values(1, 2, 6, 6)],
        [],
    ),
    "a mean that counts the padding": (
        "AveragePool",
        {**POOL, "pads": [1, 1, 0, 1], "count_include_pad": 1},
        [values(1, 2, 5, 6)],
        [],
    ),
    "windows padded as Keras does it": (
        "MaxPool",
        {"kernel_shape": [2, 2], "strides": [2, 2], "auto_pad": "SAME_UPPER"},
        [values(1, 2, 5, 7)],
        [],
    ),
    "turned matrices": ("Gemm", {"transA": 1}, [values(3, 2), values(3, 4)], []),
    "one place taken": ("Gather", {"axis": 1}, [values(2, 4)], [np.array(2)]),
    "a mean of everything": ("ReduceMean", {}, [values(2, 3)], []),
}
CONSTANTS = {"Shape", "Constant", "ConstantOfShape"}
every_case = pytest.mark.parametrize(
    ("name", "attributes", "moving", "fixed"),
    [
        *(pytest.param(name, *case, id=name) for name, case in CASES.items()),
        *(pytest.param(*case, id=words) for words, case in MORE.items()),
    ],
)


def ours(name, attributes, inputs):
    """Return what an operation gives, with its attributes as a file holds them."""
    node = helper.make_node(name, [f"in_{i}" for i in range(len(inputs))], ["out"], **attributes)
    read = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    return OPERATIONS.get(name)(read, inputs)


def runtimes(name, attributes, inputs):
    node = helper.make_node(name, [f"in_{i}" for i in range(len(inputs))], ["out"], **attributes)
    arrays = {f"in_{i}": np.asarray(value) for i, value in enumerate(inputs)}
    graph = helper.make_graph(
        [node],
        "one",
        [
            helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
            for n, a in arrays.items()
        ],
        [onnx.ValueInfoProto(name="out")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return onnxruntime.InferenceSession(model.SerializeToString()).run(["out"], arrays)[0]


@every_case
def test_forwards_it_is_onnx_runtimes(name, attributes, moving, fixed):
    found, _ = ours(name, attributes, [*moving, *fixed])
    wanted = runtimes(name, attributes, [*moving, *fixed])
    assert found.shape == wanted.shape
    assert found.dtype == wanted.dtype
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


@every_case
def test_backwards_it_is_the_slope(name, attributes, moving, fixed):
    if name == "Cast":
        attributes = {"to": TensorProto.DOUBLE}
    moving = [value.astype(np.float64) for value in moving]
    after, pull = ours(name, attributes, [*moving, *fixed])
    arrived = np.random.default_rng(2).normal(size=after.shape)
    for index, value in enumerate(moving):
        wanted = np.zeros_like(value)
        for place in np.ndindex(value.shape):
            moved = [[other.copy() for other in moving] for _ in (0, 1)]
            moved[0][index][place] -= 1e-5
            moved[1][index][place] += 1e-5
            below, above = (ours(name, attributes, [*m, *fixed])[0] for m in moved)
            wanted[place] = ((above - below) / 2e-5 * arrived).sum()
        found = pull(arrived, index)
        assert found.shape == value.shape
        # 1e-6: float32 constants such as alpha
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_every_operation_is_tried():
    assert set(OPERATIONS.names()) == set(CASES) | CONSTANTS


def test_what_is_made_of_shapes_has_no_slope():
    film = values(2, 3, 4)
    assert [part.tolist() for part in (ours("Shape", {}, [film])[0],)] == [[2, 3, 4]]
    assert ours("Shape", {"start": 1, "end": -1}, [film])[0].tolist() == [3]
    filled = numpy_helper.from_array(np.array([2.5], dtype=np.float32))
    assert ours("ConstantOfShape", {"value": filled}, [whole(2)])[0].tolist() == [2.5, 2.5]
    assert ours("Constant", {"value_ints": [1, 2]}, [])[0].tolist() == [1, 2]
    assert ours("Cast", {"to": TensorProto.INT64}, [film])[1] is None
    assert all(
        pull is None
        for _, pull in (
            ours("Shape", {}, [film]),
            ours("Constant", {"value_float": 1.0}, []),
            ours("ConstantOfShape", {}, [whole(2)]),
        )
    )


def test_of_equal_values_the_first_is_the_maximum():
    same = np.ones((1, 1, 2, 2), dtype=np.float32)
    for name, attributes in (("MaxPool", {"kernel_shape": [2, 2]}), ("GlobalMaxPool", {})):
        _, pull = ours(name, attributes, [same])
        found = pull(np.ones((1, 1, 1, 1), dtype=np.float32), 0)
        assert found.ravel().tolist() == [1, 0, 0, 0]


def test_a_relu_at_its_corner_has_no_slope():
    _, pull = ours("Relu", {}, [np.zeros(2, dtype=np.float32)])
    assert pull(np.ones(2, dtype=np.float32), 0).tolist() == [0, 0]
