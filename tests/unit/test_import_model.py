"""Models of other tools become classifiers: what goes in, what comes out, what is refused."""

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from carina.domain.card import Card
from carina.domain.pixel_scaling import PIXEL_SCALINGS, scaling_called, scalings_to_try
from carina.domain.progress import silent
from carina.errors import CarinaError, ClassifierError, InputError, UsageError
from carina.inference.foreign.contract import contract_files
from carina.inference.foreign.image_input import Declared
from carina.inference.foreign.opening import open_foreign
from carina.inference.foreign.running import Session, smooth_images
from carina.workflows.evaluate import evaluate
from carina.workflows.import_model import import_model
from carina.workflows.scaling_check import CheckFilms, check_scaling
from making.foreign_models import Foreign, foreign_model


def bytes_of(asked=None, **weights) -> bytes:
    return foreign_model(asked or Foreign(), **weights).SerializeToString()


def classifier_answers(foreign, rule, films):
    logits = Session(contract_files(foreign, rule).network).run(["logits"], "image", films)[0]
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True), dtype=np.float64)
    return exponentials / exponentials.sum(axis=1, keepdims=True)


KINDS = {
    "channels last, softmax": Foreign(),
    "channels first, any batch": Foreign(layout="nchw", batch="n"),
    "one film, sizes written down": Foreign(flattened=True),
    "four films, sizes written down": Foreign(batch=4, flattened=True),
    "one sigmoid": Foreign(n_outputs=1, ending="sigmoid"),
    "one logit": Foreign(n_outputs=1, ending="logits"),
    "three logits": Foreign(n_outputs=3, ending="logits"),
    "log-softmax": Foreign(n_outputs=3, ending="log-softmax"),
    "probabilities": Foreign(n_outputs=3, ending="decomposed-softmax"),
    "bytes": Foreign(kind=TensorProto.UINT8, own_scaling=(1 / 255, 0.0)),
    "double": Foreign(kind=TensorProto.DOUBLE),
    "any size": Foreign(free=True, batch="n"),
    "grey": Foreign(channels=1, layout="nchw"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_classifier_answers_like_the_model_it_was_made_of(kind):
    asked = KINDS[kind]
    foreign = open_foreign(bytes_of(asked), declared=Declared(height=48, width=48)
                           if asked.free else Declared())  # fmt: skip
    rule = PIXEL_SCALINGS["0..255" if asked.kind == TensorProto.UINT8 else "-1..1"]
    side = foreign.image.height
    films = smooth_images(5, channels=asked.channels, height=side, width=side, seed=4)
    own = foreign.own_probabilities(films, rule)
    # float32 sums in another order; the uint8 model rounds pixels, and so does the classifier
    assert np.abs(classifier_answers(foreign, rule, films) - own).max() < 1e-6
    assert np.ptp(own, axis=0).max() > 1e-3  # the films are told apart at all


def test_a_network_of_16_bits_answers_within_what_these_hold():
    foreign = open_foreign(bytes_of(Foreign(kind=TensorProto.FLOAT16)), declared=Declared())
    films = smooth_images(3, channels=3, height=32, width=32)
    own = foreign.own_probabilities(films, PIXEL_SCALINGS["0..1"])
    found = classifier_answers(foreign, PIXEL_SCALINGS["0..1"], films)
    assert foreign.has_half_floats
    assert np.abs(found - own).max() < 1e-2


def test_a_network_whose_batch_cannot_be_freed_looks_at_films_one_by_one():
    """The sum over the first axis is the film's own only where one film goes in."""
    model = foreign_model(Foreign(layout="nchw", batch=1))
    nodes = model.graph.node
    taken = next(node for node in nodes if node.op_type == "Conv")
    total = helper.make_node("ReduceMax", [taken.input[0]], ["over_films"], axes=[0], keepdims=1)
    taken.input[0] = "over_films"
    model.graph.node.insert(1, total)
    foreign = open_foreign(model.SerializeToString(), declared=Declared())
    films = smooth_images(4, channels=3, height=32, width=32)
    own = foreign.own_probabilities(films, PIXEL_SCALINGS["0..1"])
    assert foreign.is_one_by_one
    assert np.abs(classifier_answers(foreign, PIXEL_SCALINGS["0..1"], films) - own).max() < 1e-6


def test_head_and_whole_agree_and_maps_are_those_before_a_last_pooling():
    foreign = open_foreign(bytes_of(Foreign(flattened=True)), declared=Declared())
    files = contract_files(foreign, PIXEL_SCALINGS["0..1"])
    films = smooth_images(3, channels=3, height=32, width=32)
    maps, logits = Session(files.network).run(["maps", "logits"], "image", films)
    assert maps.shape == (3, 4, 32, 32)
    found = Session(files.heads["head.onnx"]).run(["logits"], "maps", maps)[0]
    assert np.allclose(found, logits, atol=1e-4)


def test_attention_behind_the_maps_leaves_occlusion_alone():
    model = foreign_model(Foreign(layout="nchw", batch="n", n_outputs=2))
    place = next(n for n, node in enumerate(model.graph.node) if node.op_type == "MatMul")
    features = model.graph.node[place].input[0]
    attended = helper.make_node("Softmax", [features], ["attended"], axis=1)
    model.graph.node[place].input[0] = "attended"
    model.graph.node.insert(place, attended)
    assert open_foreign(model.SerializeToString(), declared=Declared()).maps is None


def test_the_same_file_gives_the_same_bytes_without_names_of_its_author():
    made = [
        contract_files(open_foreign(bytes_of(), declared=Declared()), PIXEL_SCALINGS["caffe"])
        for _ in range(2)
    ]
    assert made[0].network == made[1].network
    assert b"ann" not in made[0].network.lower()
    assert b"ann" not in made[0].heads["head.onnx"].lower()


@pytest.mark.parametrize(
    ("scale", "offset", "name"),
    [(1 / 127.5, -1.0, "0..255"), (1 / 255, 0.0, "0..255"), (2.0, -1.0, "0..1"),
     (1.0, -110.0, "0..255"), (1 / 0.25, -0.5 / 0.25, "0..1")],
)  # fmt: skip
def test_a_first_step_of_the_model_tells_which_pixels_it_expects(scale, offset, name):
    data = bytes_of(Foreign(own_scaling=(scale, offset)))
    assert open_foreign(data, declared=Declared()).scaling == name


def with_outputs(model, *names):
    model.graph.output.extend([onnx.ValueInfoProto(name=name) for name in names])
    return model


def external(model):
    model.graph.initializer[0].data_location = TensorProto.EXTERNAL
    return model


def with_node(*words, **settings):
    def changed(model):
        model.graph.node.insert(1, helper.make_node(*words, **settings))
        return model

    return changed


def looping(model):
    body = helper.make_graph([], "body", [], [])
    model.graph.node.append(helper.make_node("Loop", ["", ""], ["again"], body=body))
    return model


def calling_itself(model):
    inner = helper.make_node("Again", ["x"], ["y"], domain="ann")
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ann", 1)]
    model.functions.append(helper.make_function("ann", "Again", ["x"], ["y"], [inner], opsets))
    model.opset_import.append(opsets[1])
    model.graph.node.insert(1, helper.make_node("Again", ["taken"], ["again"], domain="ann"))
    return model


def two_inputs(model):
    model.graph.input.append(helper.make_tensor_value_info("age", TensorProto.FLOAT, [1, 2]))
    node = next(node for node in model.graph.node if node.op_type == "MatMul")
    node.op_type = "Sum"
    node.input[1] = "age"
    return model


def huge(model):
    sizes = numpy_helper.from_array(np.array([1 << 20, 1 << 20]), "huge_sizes")
    model.graph.initializer.append(sizes)
    model.graph.node.insert(1, helper.make_node("ConstantOfShape", ["huge_sizes"], ["huge"]))
    model.graph.node.insert(2, helper.make_node("ReduceMax", ["huge"], ["most"], keepdims=0))
    last = model.graph.node[-1]
    model.graph.node.insert(len(model.graph.node) - 1,
                            helper.make_node("Add", [last.input[0], "most"], ["sum"]))  # fmt: skip
    last.input[0] = "sum"
    return model


REFUSED = {
    "weights in other files": (external, "other files (kernel)", ClassifierError),
    "own operators": (with_node("Secret", ["taken"], ["s"], domain="my.ops"), "my.ops.Secret",
                      ClassifierError),
    "control flow": (looping, "'Loop'", ClassifierError),
    "chance": (with_node("RandomNormalLike", ["taken"], ["r"]), "'RandomNormalLike'",
               ClassifierError),
    "functions in a circle": (calling_itself, "'Again' of the network calls itself",
                              ClassifierError),
    "several outputs": (lambda m: with_outputs(m, "relu"), "'answers' and 'relu'", UsageError),
    "several inputs": (two_inputs, "2 inputs ('taken' [1, 32, 32, 3] and 'age' [1, 2])",
                       ClassifierError),
    "more memory than there is": (huge, "1.1e+12 values of one film", ClassifierError),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_a_classifier_is_refused_by_name(name):
    change, words, error = REFUSED[name]
    with pytest.raises(error) as found:
        open_foreign(change(foreign_model()).SerializeToString(), declared=Declared())
    assert words in str(found.value)


@pytest.mark.parametrize(
    ("asked", "labels", "words"),
    [
        (Foreign(n_outputs=3), ("a", "b"), "gives 3 outputs, and 2 labels were given (a, b)"),
        (Foreign(n_outputs=1, ending="sigmoid"), ("a", "b", "c"), "1 output for two classes"),
        (Foreign(n_outputs=4, ending="sigmoid"), (), "4 scores that do not exclude each other"),
        (Foreign(), (), "gives 2 outputs, and no label was; name 2 classes with --labels"),
        (Foreign(n_outputs=1), (), "a softmax over one output, which is 1 for every film"),
        (Foreign(channels=4, layout="nchw"), (), "4 channels"),
        (Foreign(opset=6), (), "version 6 of ONNX's operators"),
    ],
)  # fmt: skip
def test_a_network_that_does_not_fit_says_what_it_gives(asked, labels, words):
    declared = Declared(layout="nchw" if asked.channels == 4 else "")
    with pytest.raises(CarinaError) as found:
        open_foreign(bytes_of(asked), declared=declared, labels=labels)
    assert words in str(found.value)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("empty.onnx", b"", "is empty"),
        ("noise.onnx", bytes(range(1, 256)), "no ONNX file"),
        ("half.onnx", bytes_of()[:400], "no ONNX file"),
        ("weights.pt", b"PK\x03\x04 rest", "PyTorch"),
        ("named.keras", b"not an archive", "no Keras file"),
    ],
)
def test_a_file_that_is_no_model_says_what_it_is(tmp_path, settings, name, data, words):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=words):
        import_model(tmp_path / name, labels="a,b", out=tmp_path / "out", settings=settings)
    assert not (tmp_path / "out").exists()


def test_a_missing_file_a_folder_and_a_wrong_word_are_told(tmp_path, settings):
    for model, options, words in (
        (tmp_path / "no.onnx", {}, "does not exist"),
        (tmp_path, {}, "is a folder"),
        (tmp_path / "no.onnx", {"scaling": "0..12"}, "did you mean"),
        (tmp_path / "no.onnx", {"input_size": "big"}, "--input-size big"),
        (tmp_path / "no.onnx", {"layout": "nhcw"}, "did you mean"),
    ):
        with pytest.raises(CarinaError, match=words):
            import_model(model, labels="a,b", settings=settings, **options)


def test_labels_stand_beside_the_model_as_teachable_machine_writes_them(tmp_path, settings):
    (tmp_path / "model.onnx").write_bytes(bytes_of())
    (tmp_path / "labels.txt").write_text("0 Covid\n1 Normal lungs\n")
    made = import_model(tmp_path / "model.onnx", out=tmp_path / "out", settings=settings)
    assert made.card.labels.names == ("Covid", "Normal lungs")


def test_an_imported_card_says_what_is_not_known(tmp_path, settings):
    (tmp_path / "model.onnx").write_bytes(bytes_of())
    made = import_model(
        tmp_path / "model.onnx", labels="a,b", scaling="0.5/0.25", out=tmp_path / "out",
        settings=settings,
    )  # fmt: skip
    card = Card.model_validate_json((tmp_path / "out" / "card.json").read_text())
    assert card.provenance.is_imported
    assert made.classifier.seen == ()
    assert any("not known" in caution for caution in card.cautions)
    assert any("scaling was not checked" in caution for caution in card.cautions)
    readme = (tmp_path / "out" / "README.md").read_text()
    assert "What it was trained on is not known" in readme
    assert "trained from scratch" not in readme
    assert json.loads(json.dumps(made.as_values()))["parity"]["n_films"] == 16


def labelled_films(folder, n=20, *, seed=1):
    """Write films that differ in their brightness alone: dark "a", bright "b"."""
    rng = np.random.default_rng(seed)
    for name, grey in (("a", 70), ("b", 185)):
        (folder / name).mkdir(parents=True)
        for place in range(n):
            film = grey + rng.normal(0, 12, (40, 40))
            Image.fromarray(film.clip(0, 255).astype(np.uint8)).save(folder / name / f"{place}.png")
    return folder


def brightness_model(low: float, high: float, *, asked=None) -> bytes:
    """Return a model that answers "b" where the mean pixel lies over the middle of a range."""
    kernel = np.zeros((4, 3, 3, 3))
    kernel[:, :, 1, 1] = 1 / 3
    kernel[2:] *= -1
    # relu(x) - relu(-x) is the pixel itself; four maps carry it twice
    gain = 20 / (high - low)
    middle = (low + high) / 2
    dense = gain * np.array([[-0.5, 0.5], [-0.5, 0.5], [0.5, -0.5], [0.5, -0.5]])
    model = foreign_model(asked or Foreign(layout="nchw", batch="n", ending="logits"),
                          kernel=kernel, dense=dense)  # fmt: skip
    bias = np.array([2 * gain * middle * 0.5, -2 * gain * middle * 0.5], np.float32)
    model.graph.initializer.append(numpy_helper.from_array(bias, "bias"))
    last = model.graph.node[-1]
    last.op_type = "Add"
    last.input.append("bias")
    return model.SerializeToString()


@pytest.mark.parametrize(
    ("trained", "declared"),
    [
        ("-1..1", "0..1"),
        pytest.param("0..255", "-1..1", marks=pytest.mark.slow),
        pytest.param("0..1", "0..255", marks=pytest.mark.slow),
    ],
)
def test_a_wrong_scaling_is_found_and_named(tmp_path, settings, trained, declared):
    rule = PIXEL_SCALINGS[trained]
    low, high = rule.offset[0], rule.offset[0] + rule.scale[0]
    (tmp_path / "m.onnx").write_bytes(brightness_model(low, high))
    films = labelled_films(tmp_path / "films")
    made = import_model(tmp_path / "m.onnx", labels="a,b", scaling=declared, check=films,
                        out=tmp_path / "out", settings=settings)  # fmt: skip
    assert made.scaling == declared
    (finding,) = made.findings[-1:]
    assert f"with the pixel scaling {trained} " in finding
    assert "answers 40 of 40 films rightly" in finding
    assert f"use --scaling {trained}" in finding
    assert any(trained in caution for caution in made.card.cautions)


@pytest.mark.slow
def test_where_no_scaling_was_declared_the_better_one_is_taken_and_told(tmp_path, settings):
    (tmp_path / "m.onnx").write_bytes(brightness_model(0, 255))
    films = labelled_films(tmp_path / "films")
    made = import_model(tmp_path / "m.onnx", labels="a,b", check=films,
                        out=tmp_path / "out", settings=settings)  # fmt: skip
    assert (made.scaling, made.findings) == ("0..255", ())
    assert any("0..255 was taken" in note for note in made.notes)
    assert any("chosen by" in caution for caution in made.card.cautions)
    assert made.card.gate.file  # fitted to the films of the check
    tested = evaluate(tmp_path / "out", films, out=tmp_path / "test", settings=settings)
    said = "40 films of this test were used when the classifier was imported (40 the same file"
    assert any(caution.startswith(said) for caution in tested.evaluation.cautions)
    assert said in (tmp_path / "test" / "report.html").read_text(encoding="utf-8")
    others = labelled_films(tmp_path / "others", seed=9)
    tested = evaluate(tmp_path / "out", others, out=tmp_path / "other", settings=settings)
    assert not any("were used" in caution for caution in tested.evaluation.cautions)


@pytest.mark.slow
def test_labels_in_the_wrong_order_are_found_and_named(tmp_path, settings):
    (tmp_path / "m.onnx").write_bytes(brightness_model(0, 1))
    films = labelled_films(tmp_path / "films")
    made = import_model(tmp_path / "m.onnx", labels="b,a", scaling="0..1", check=films,
                        out=tmp_path / "out", settings=settings)  # fmt: skip
    assert "use --labels a,b" in made.findings[-1]


@pytest.mark.parametrize(("n_patients", "is_shown"), [(40, True), (4, False)])
def test_an_order_of_labels_is_shown_by_patients_and_not_by_their_films(n_patients, is_shown):
    y_true = np.arange(40) % 2
    wrong = np.eye(2)[1 - y_true]
    films = CheckFilms(y_true, np.arange(40) // (40 // n_patients), lambda _: wrong)
    check = check_scaling(films, scalings_to_try(1), used="0..1", labels=("b", "a"),
                          progress=silent)  # fmt: skip
    assert check.order == (("a", "b") if is_shown else ())


@pytest.mark.slow
def test_a_network_that_does_not_look_at_films_is_named_and_strict_exits_4(
    tmp_path, carina_command
):
    (tmp_path / "m.onnx").write_bytes(brightness_model(0, 1e9))
    films = labelled_films(tmp_path / "films", n=12)
    words = ("import", tmp_path / "m.onnx", "--labels", "a,b", "--check", films)
    code, out, err = carina_command(*words, "--scaling", "-1..1", "--strict",
                                    "--out", tmp_path / "out")  # fmt: skip
    assert code == 4
    assert "the same answer to every film" in err
    assert "written" in out
    code, out, _ = carina_command(*words, "--scaling", "0..1", "--json", "--out", tmp_path / "2")
    assert code == 0
    check = json.loads(out)["check"]
    assert (check["n_films"], check["used"], len(check["tried"])) == (24, "0..1", 18)
    assert all(one["is_constant"] for one in check["tried"])


@pytest.mark.parametrize("name", ["caffe-reversed", "inverted-torch", "0.48/0.22", "mobilenet"])
def test_scalings_have_many_names(name):
    assert scaling_called(name) is not None
    assert scaling_called(f"{name}?") is None


def test_inverting_twice_is_nothing():
    for rule in PIXEL_SCALINGS.values():
        twice = rule.inverted.inverted
        assert np.allclose(twice.scale, rule.scale)
        assert np.allclose(twice.offset, rule.offset)
    assert replace(PIXEL_SCALINGS["caffe"].reversed.reversed, in_words="") == replace(
        PIXEL_SCALINGS["caffe"], in_words=""
    )
