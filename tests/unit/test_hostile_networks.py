"""Networks whose digests are right and that do more, or need more, than a network should."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from carina.errors import ClassifierError
from carina.inference.bundle import load_classifier
from carina.inference.foreign.contract import contract_files
from carina.inference.onnx_safety import require_harmless
from carina.inference.onnx_sizes import FILMS_AT_ONCE, NetworkSizes
from making.changed_classifiers import change_network, replace_file
from making.classifiers import N_MAPS, SIDE, write_tiny_classifier

node = helper.make_node


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = write_tiny_classifier(tmp_path_factory.mktemp("tiny") / "classifier")
    return (folder / "network.onnx").read_bytes()


def weight(model, name="kernel"):
    return next(tensor for tensor in model.graph.initializer if tensor.name == name)


def constant(name, values):
    return numpy_helper.from_array(np.asarray(values), name)


def adding(*nodes, weights=()):
    """Put nodes before the others, which make `extra` [...]; it is added to the answer."""

    def change(model):
        graph = model.graph
        last = graph.node[-1]
        last.output[0] = "plain"
        old = list(graph.node)
        del graph.node[:]
        graph.node.extend([*nodes, *old, node("ReduceMax", ["extra"], ["one"], keepdims=0),
                           node("Add", ["plain", "one"], ["logits"])])  # fmt: skip
        graph.initializer.extend(weights)

    return change


def external(tensor):
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    tensor.ClearField("raw_data")


def hidden_in_an_attribute(model):
    tensor = constant("v", np.zeros(2, np.float32))
    external(tensor)
    adding(node("Constant", [], ["extra"], value=tensor))(model)


def hidden_in_a_body(model):
    tensor = constant("deep", np.zeros(2, np.float32))
    external(tensor)
    scanning(model, body_weights=[tensor])


def scanning(model, *, body_nodes=None, body_weights=()):
    """Look at the rows of the image one by one."""
    row = [1, SIDE, SIDE]
    nodes = body_nodes or [node("Relu", ["row"], ["out"])]
    body = helper.make_graph(
        nodes,
        "body",
        [helper.make_tensor_value_info("row", TensorProto.FLOAT, row)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, row)],
        list(body_weights),
    )
    scan = node("Scan", ["image"], ["extra"], body=body, num_scan_inputs=1)
    adding(scan)(model)


def sparse(model):
    values = constant("s", np.ones(1, np.float32))
    indices = constant("i", np.zeros(1, np.int64))
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [4]))


def shaped(*dims):
    def change(model):
        tensor = weight(model)
        del tensor.dims[:]
        tensor.dims.extend(dims)

    return change


def with_kind(kind):
    def change(model):
        weight(model).data_type = kind

    return change


def said_twice(model):
    weight(model).float_data.extend([1.0] * (N_MAPS * 9))


def as_part(model):
    weight(model).segment.begin = 1


def calling_a_function(model):
    opset = helper.make_opsetid("", 18)
    inner = node("Relu", ["x"], ["y"])
    model.functions.append(helper.make_function("", "Mine", ["x"], ["y"], [inner], [opset]))


def of_domain(domain):
    def change(model):
        model.opset_import.append(helper.make_opsetid(domain, 1))
        adding(node("Gelu", ["image"], ["extra"], domain=domain))(model)

    return change


def looping(model):
    body = helper.make_graph(
        [node("Identity", ["going"], ["still"]), node("Relu", ["held"], ["next"])],
        "body",
        [helper.make_tensor_value_info("step", TensorProto.INT64, []),
         helper.make_tensor_value_info("going", TensorProto.BOOL, []),
         helper.make_tensor_value_info("held", TensorProto.FLOAT, ["n", 1, SIDE, SIDE])],
        [helper.make_tensor_value_info("still", TensorProto.BOOL, []),
         helper.make_tensor_value_info("next", TensorProto.FLOAT, ["n", 1, SIDE, SIDE])],
    )  # fmt: skip
    loop = node("Loop", ["often", "yes", "image"], ["extra"], body=body)
    adding(loop, weights=[constant("often", 2**62), constant("yes", np.bool_(True))])(model)


def choosing(model):
    branch = helper.make_graph(
        [node("Relu", ["image"], ["out"])], "branch", [],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
    )  # fmt: skip
    either = node("If", ["yes"], ["extra"], then_branch=branch, else_branch=branch)
    adding(either, weights=[constant("yes", np.bool_(True))])(model)


def scanning_in_a_scan(model):
    inner = helper.make_graph(
        [node("Relu", ["line"], ["line_out"])], "inner",
        [helper.make_tensor_value_info("line", TensorProto.FLOAT, [SIDE, SIDE])],
        [helper.make_tensor_value_info("line_out", TensorProto.FLOAT, [SIDE, SIDE])],
    )  # fmt: skip
    scan = node("Scan", ["row"], ["out"], body=inner, num_scan_inputs=1)
    scanning(model, body_nodes=[scan])


def twice(field):
    def change(model):
        getattr(model.graph, field).append(getattr(model.graph, field)[0])

    return change


def set_to(attribute, value):
    def change(model):
        conv = next(one for one in model.graph.node if one.op_type == "Conv")
        conv.attribute.append(helper.make_attribute(attribute, value))

    return change


def setting_twice(model):
    model.graph.node[0].attribute.append(model.graph.node[0].attribute[0])


def setting_of_two_kinds(model):
    model.graph.node[0].attribute[0].i = 5


def dividing(divisor, kind=np.int64):
    weights = [constant("top", np.array([np.iinfo(kind).min], kind)),
               constant("divisor", np.array([divisor], kind))]  # fmt: skip
    return adding(
        node("Div", ["top", "divisor"], ["whole"]),
        node("Cast", ["whole"], ["extra"], to=TensorProto.FLOAT),
        weights=weights,
    )


def dividing_by_what_is_computed(model):
    adding(
        node("Sub", ["top", "top"], ["nothing"]),
        node("Div", ["top", "nothing"], ["whole"]),
        node("Cast", ["whole"], ["extra"], to=TensorProto.FLOAT),
        weights=[constant("top", np.array([3], np.int64))],
    )(model)


def filling(*sizes):
    return adding(node("ConstantOfShape", ["sizes"], ["extra"]), weights=[constant("sizes", sizes)])


def holding_many(model):
    """Each value is small enough; all together are not."""
    names = [f"big_{place}" for place in range(12)]
    fills = [node("ConstantOfShape", ["sizes"], [name]) for name in names]
    adding(*fills, node("Sum", names, ["extra"]), weights=[constant("sizes", [2**30])])(model)


def multiplying_much(model):
    adding(
        node("ConstantOfShape", ["sizes"], ["left"]),
        node("MatMul", ["left", "left"], ["first"]),
        node("MatMul", ["first", "left"], ["extra"]),
        weights=[constant("sizes", [40_000, 40_000])],
    )(model)


def of_a_size_that_is_not_told(model):
    adding(node("NonZero", ["image"], ["places"]),
           node("Cast", ["places"], ["extra"], to=TensorProto.FLOAT))(model)  # fmt: skip


def of_axes_that_are_not_told(model):
    adding(node("NonZero", ["image"], ["places"]),
           node("Slice", ["places", "first", "second", "second"], ["row"]),
           node("Reshape", ["row", "minus"], ["sizes"]),
           node("ConstantOfShape", ["sizes"], ["extra"]),
           weights=[constant("first", np.array([0], np.int64)),
                    constant("second", np.array([1], np.int64)),
                    constant("minus", np.array([-1], np.int64))])(model)  # fmt: skip


def without_type(model):
    model.graph.output[0].ClearField("type")


def of_text(model):
    adding(node("Cast", ["image"], ["text"], to=TensorProto.STRING),
           node("Cast", ["text"], ["extra"], to=TensorProto.FLOAT))(model)  # fmt: skip


def with_two_inputs(model):
    extra = helper.make_tensor_value_info("age", TensorProto.FLOAT, ["n", 1])
    model.graph.input.append(extra)
    adding(node("Relu", ["age"], ["extra"]))(model)


CHANGES = {
    "external data": (lambda m: external(weight(m)), "weights in other files (kernel)"),
    "external data in an attribute": (hidden_in_an_attribute, "weights in other files (v)"),
    "external data in a body": (hidden_in_a_body, "weights in other files (deep)"),
    "sparse weights": (sparse, "sparse weights"),
    "a weight that is smaller than it says": (
        shaped(2**14, 2**15), "holds 144"),
    "a weight that is larger than it says": (shaped(1, 1, 3, 3), "36 bytes, and holds 144"),
    "a weight of a negative size": (shaped(-4, 1, 3, 3), "impossible shape [-4, 1, 3, 3]"),
    "a weight whose size overflows": (shaped(2**33, 2**33), "impossible shape"),
    "a weight of 2**62 empty rows": (shaped(0, 2**62), "holds 144"),
    "a weight of many axes": (shaped(*[1] * 40), "impossible shape"),
    "a weight of another kind": (with_kind(TensorProto.DOUBLE), "288 bytes, and holds 144"),
    "a weight of text": (with_kind(TensorProto.STRING), "data type 8, which is not read"),
    "a weight of an unknown kind": (with_kind(77), "data type 77"),
    "a weight said twice": (said_twice, "says its values twice"),
    "a part of a weight": (as_part, "a part of another tensor"),
    "a function": (calling_a_function, "functions of its own"),
    "operators of the runtime's own": (of_domain("com.microsoft"), "'com.microsoft'"),
    "operators of somebody": (of_domain("evil"), "'evil'"),
    "a loop": (looping, "'Loop'"),
    "a choice": (choosing, "'If'"),
    "a scan in a scan": (scanning_in_a_scan, "control flow 'Scan'"),
    "a weight twice": (twice("initializer"), "'kernel' twice"),
    "an operator twice": (twice("node"), "'conv' twice"),
    "steps of 0": (set_to("strides", [0, 0]), "strides = 0"),
    "0 groups": (set_to("group", 0), "group = 0"),
    "gaps of 2**62": (set_to("dilations", [2**62, 1]), "dilations = 4611686018427387904"),
    "a setting twice": (setting_twice, "one setting twice"),
    "a setting of two kinds": (setting_of_two_kinds, "of a kind that is not read"),
    "the least number by -1": (dividing(-1), "divides whole numbers"),
    "the least short number by -1": (dividing(-1, np.int32), "divides whole numbers"),
    "a computed divisor": (dividing_by_what_is_computed, "divides whole numbers"),
    "10**12 values": (filling(2**20, 2**20), "values of one film at one time"),
    "many large values": (holding_many, "values of one film at one time"),
    "10**13 multiplications": (multiplying_much, "values of one film|multiplications"),
    "a value of no size": (filling(0, 4), "impossible shape [0, 4]"),
    "a size that is not told": (of_a_size_that_is_not_told, "how large its value 'places' is"),
    "axes that are not told": (of_axes_that_are_not_told, "how large its value"),
    "chance": (
        adding(node("RandomNormalLike", ["image"], ["extra"])), "'RandomNormalLike'"),
    "an output without a type": (without_type, "no tensor"),
    "text": (of_text, "of the kind tensor(string)"),
    "two inputs": (with_two_inputs, "'age' beside 'image'"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_a_network_is_refused_by_name(name, tmp_path):
    change, words = CHANGES[name]
    folder = write_tiny_classifier(tmp_path / "c")
    change_network(folder, change)
    with pytest.raises(ClassifierError) as caught:
        load_classifier(folder)
    assert any(word in str(caught.value) for word in words.split("|")), str(caught.value)


def tagged(field, value):
    """Return a field of bytes as protobuf writes it."""
    return onnx.TensorProto(raw_data=value).SerializeToString().replace(b"\x4a", field, 1)


def test_bytes_that_readers_understand_in_two_ways_are_refused(tiny):
    deep = b""
    for _ in range(150):  # a body in a body in a body
        attribute = tagged(b"\x32", deep)
        deep = tagged(b"\x0a", tagged(b"\x2a", attribute))
    model = onnx.load_model_from_string(tiny)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch size"
    named = model.SerializeToString()
    cases = {
        named.replace(b"batch size", b"\xad" * 10): "a text in it is none",
        tiny + tagged(b"\x3a", b""): "the field 'graph' twice",
        tiny + b"\xf8\x3f\x01": "does not know (field 1023 of Model); update Carina",
        tiny + tagged(b"\xa2\x01", b""): "a training of its own",
        tiny + b"\x3b\x3c": "a field of a kind that ONNX does not use",
        tiny + b"\x3a\xff\xff\xff\xff\x0f": "ends behind its message",
        tiny + b"\x3a" + b"\xff" * 10: "number of more than 64 bits",
        tiny[:-3]: "no ONNX file",
        tiny + tagged(b"\x3a", deep): "no ONNX file",
        tiny.replace(b"kernel", b"\xff\xfe\xfd\xfc\xfb\xfa"): "a name in it is no text",
    }  # fmt: skip
    for data, words in cases.items():
        with pytest.raises(ClassifierError) as caught:
            require_harmless(data)
        assert words in str(caught.value)


def test_a_large_weight_that_lies_is_told_without_being_copied():
    rows = 3_000
    large = numpy_helper.from_array(np.ones((rows, 4), np.float32), "large")
    small = numpy_helper.from_array(np.ones((4, 2), np.float32), "small")
    nodes = [node("MatMul", ["x", "large"], ["y"]), node("MatMul", ["y", "small"], ["z"])]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes, "g", [value("x", TensorProto.FLOAT, ["n", rows])],
        [value("z", TensorProto.FLOAT, ["n", 2])], [small, large],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    sizes = require_harmless(model.SerializeToString())
    assert sizes.work >= rows * 4
    assert sizes.films_at_once == FILMS_AT_ONCE
    model.graph.initializer[1].dims[0] = rows + 1
    with pytest.raises(ClassifierError, match=r"'large' says that it has the shape \[3001, 4\]"):
        require_harmless(model.SerializeToString())


def test_a_network_for_one_film_is_let_pass_and_its_body_is_looked_into(tiny):
    model = onnx.load_from_string(tiny)
    scanning(model)
    assert require_harmless(model.SerializeToString()).work > SIDE * SIDE
    body = next(one for one in model.graph.node if one.op_type == "Scan").attribute[0].g
    body.initializer.append(constant("sizes", [2**20, 2**20]))
    body.node.insert(0, node("ConstantOfShape", ["sizes"], ["huge"]))
    with pytest.raises(ClassifierError, match="values of one film at one time"):
        require_harmless(model.SerializeToString())


def test_many_films_are_given_at_once_only_where_there_is_room():
    assert NetworkSizes(values=2**20, work=0).films_at_once == FILMS_AT_ONCE
    assert NetworkSizes(values=2**32, work=0).films_at_once == 8
    assert NetworkSizes(values=2**50, work=0).films_at_once == 1


def test_a_head_is_looked_at_before_it_is_run(tmp_path):
    folder = write_tiny_classifier(tmp_path / "c")
    model = onnx.load_from_string((folder / "head.onnx").read_bytes())
    model.graph.node[-1].op_type = "Loop"
    replace_file(folder, "head.onnx", model.SerializeToString())
    loaded = load_classifier(folder)
    with pytest.raises(ClassifierError, match="'Loop'"):
        loaded.in_network(np.zeros((1, SIDE, SIDE), np.float32), "Normal")


def test_what_the_runtime_cannot_compute_is_told_in_words(tmp_path):
    folder = write_tiny_classifier(tmp_path / "c")
    places = constant("places", np.array([2**40], np.int64))
    change_network(folder, adding(node("Gather", ["image", "places"], ["extra"], axis=3),
                                  weights=[places]))  # fmt: skip
    loaded = load_classifier(folder)
    with pytest.raises(ClassifierError, match="cannot be run by ONNX Runtime"):
        loaded.logits(np.zeros((1, 1, SIDE, SIDE), np.float32))


def test_without_the_check_such_a_network_would_end_the_process(tmp_path):
    """Why whole numbers are not divided by -1: the processor stops the program."""
    folder = write_tiny_classifier(tmp_path / "c")
    change_network(folder, dividing(-1))
    code = "import sys, onnxruntime; onnxruntime.InferenceSession(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", code, str(Path(folder) / "network.onnx")],
        capture_output=True,
        check=False,
    )
    if done.returncode == 0:
        pytest.skip("this processor or this ONNX Runtime does not stop at it")
    with pytest.raises(ClassifierError, match="divides whole numbers"):
        load_classifier(folder)


def test_an_imported_network_that_runs_film_by_film_is_a_classifier(tmp_path):
    from carina.domain.pixel_scaling import PIXEL_SCALINGS
    from carina.inference.foreign.image_input import Declared
    from carina.inference.foreign.opening import open_foreign
    from making.foreign_models import Foreign, foreign_model

    model = foreign_model(Foreign(layout="nchw", batch=1))
    taken = next(one for one in model.graph.node if one.op_type == "Conv")
    total = node("ReduceMax", [taken.input[0]], ["over_films"], axes=[0], keepdims=1)
    taken.input[0] = "over_films"
    model.graph.node.insert(1, total)
    foreign = open_foreign(model.SerializeToString(), declared=Declared())
    files = contract_files(foreign, PIXEL_SCALINGS["0..1"])
    assert foreign.is_one_by_one
    assert require_harmless(files.network).films_at_once == FILMS_AT_ONCE
