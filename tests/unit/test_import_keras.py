"""Keras files become classifiers: read as numbers and layer names, never as code."""

import json
import zipfile
from dataclasses import replace

import h5py
import numpy as np
import pytest

from carina.domain.input_spec import InputSpec
from carina.domain.label_set import LabelSet
from carina.domain.parity import LARGEST_DIFFERENCE, accepted_difference
from carina.domain.pixel_scaling import PIXEL_SCALINGS
from carina.domain.softmax import log_softmax
from carina.errors import ClassifierError, ParityError, UsageError
from carina.inference.foreign.image_input import Declared
from carina.inference.foreign.opening import open_foreign
from carina.inference.foreign.running import smooth_images
from carina.models.keras.allowed import require_allowed, without_training
from carina.models.keras.old_format import with_rescaling_layers
from carina.models.keras.weight_files import require_plain_numbers
from carina.reporting.parity_wording import parity_in_words
from carina.workflows.deploying_foreign import ChosenScaling, ForeignSource, deploy_foreign
from carina.workflows.import_model import import_model
from carina.workflows.keras_files import convert_keras
from carina.workflows.model_files import read_model_file
from making.keras_two import SIDE, teachable_answers, write_teachable_machine


@pytest.mark.slow
def test_a_model_of_teachable_machine_answers_as_it_did(tmp_path, settings):
    model = write_teachable_machine(tmp_path / "model")
    made = import_model(model, out=tmp_path / "out", fit="crop", settings=settings)
    assert made.card.labels.names == ("Covid", "Normal")
    assert made.scaling == "-1..1"
    assert any("Teachable Machine" in note for note in made.notes)
    assert "Keras 2.4.0" in made.card.provenance.origin
    films = smooth_images(5, channels=3, height=SIDE, width=SIDE)
    found = np.exp(log_softmax(made.classifier.logits(films)))
    wanted = teachable_answers(films.transpose(0, 2, 3, 1) * 2 - 1)
    assert np.abs(found - wanted).max() < 1e-5
    assert np.ptp(wanted, axis=0).max() > 0.01
    assert set(made.card.explanations) == {"Covid", "Normal"}


@pytest.mark.slow
def test_a_keras_3_file_with_its_own_first_step_answers_as_it_did(tmp_path, settings):
    from carina.models.keras.backend import keras_on_cpu

    with keras_on_cpu() as keras:
        keras.utils.set_random_seed(2)
        layers = keras.layers
        model = keras.Sequential(
            [keras.Input((40, 40, 1)), layers.RandomFlip(), layers.Rescaling(1 / 127.5, offset=-1),
             layers.Conv2D(4, 3, activation="swish"), layers.BatchNormalization(),
             layers.MaxPooling2D(), layers.Flatten(), layers.Dense(1, activation="sigmoid")]
        )  # fmt: skip
        model.save(tmp_path / "own.keras")
        films = smooth_images(4, channels=1, height=40, width=40)
        own = np.asarray(model.predict_on_batch(films.transpose(0, 2, 3, 1) * 255))[:, 0]
    made = import_model(tmp_path / "own.keras", labels="a,b", out=tmp_path / "out",
                        settings=settings)  # fmt: skip
    assert made.scaling == "0..255"
    found = np.exp(log_softmax(made.classifier.logits(films)))
    assert np.abs(found[:, 1] - own).max() < 1e-5
    assert PIXEL_SCALINGS[made.scaling].in_words == made.scaling_in_words


@pytest.fixture(scope="module")
def rough(tmp_path_factory):
    """A Keras file, and what it converts to. Its second convolution takes maps from maps that
    are equal, times a large number, so that the order of its sums decides over the last digits."""
    from carina.models.keras.backend import keras_on_cpu

    file = tmp_path_factory.mktemp("rough") / "rough.keras"
    with keras_on_cpu() as keras:
        keras.utils.set_random_seed(4)
        layers = keras.layers
        model = keras.Sequential(
            [keras.Input((32, 32, 1)), layers.Conv2D(16, 3), layers.Conv2D(16, 3),
             layers.GlobalAveragePooling2D(), layers.Dense(3, activation="softmax")]
        )  # fmt: skip
        first, second = model.layers[:2]
        kernel, bias = first.get_weights()
        first.set_weights([np.repeat(kernel[..., ::2], 2, axis=3), bias])
        kernel, bias = second.get_weights()
        kernel += 2e4 * np.where(np.arange(16) % 2, -1, 1)[None, None, :, None]
        second.set_weights([kernel, bias])
        model.save(file)
    return file, convert_keras(file, file.read_bytes(), size=None)


@pytest.mark.slow
def test_a_keras_network_that_rounds_roughly_is_imported_and_its_card_says_why(
    rough, tmp_path, settings
):
    file, _ = rough
    made = import_model(file, labels="a,b,c", out=tmp_path / "out", settings=settings)
    parity = made.card.parity
    assert LARGEST_DIFFERENCE < parity["max_probability_difference"] < parity["accepted"]
    assert parity["accepted"] == accepted_difference(parity["float32_rounding"])
    assert "on 16 films, which rounding explains" in parity_in_words(parity, film="film")


@pytest.mark.slow
def test_other_answers_are_refused_however_roughly_a_network_rounds(rough, tmp_path):
    file, converted = rough
    others = replace(converted, answers=converted.answers[:, [1, 0, 2]])
    foreign = open_foreign(converted.network, declared=Declared())
    source = ForeignSource(read_model_file(file), foreign, others, "rough")
    with pytest.raises(ParityError, match=r"0\.0005 is the most that is accepted; nothing"):
        deploy_foreign(
            tmp_path / "out",
            source,
            ChosenScaling("0..1", PIXEL_SCALINGS["0..1"]),
            films=None,
            spec=InputSpec(height=32, width=32, channels=1),
            labels=LabelSet(names=("a", "b", "c")),
        )
    assert not (tmp_path / "out").exists()


def layer(class_name, name="one", **facts):
    return {"class_name": class_name, "config": {"name": name}, **facts}


@pytest.mark.parametrize(
    ("described", "words"),
    [
        (layer("Lambda", "twice"), "'twice' is a Lambda, which holds program code"),
        ({"class_name": "__lambda__", "config": {"value": "x"}}, "is a Lambda"),
        (layer("TFSMLayer"), "'one' is a TFSMLayer"),
        (layer("MyBlock"), "'one' is a MyBlock"),
        (layer("Dense", module="os.path"), "'os.path', Dense"),
        (layer("Dense", registered_name="mine>Dense"), "needs program code from elsewhere"),
        (layer("TFOpLambda", "step"), "'step' is a step of TensorFlow's own"),
        ({"class_name": "function", "config": {"code": "x"}}, "by more than its name"),
    ],
)
def test_layers_that_are_code_are_refused_by_name(described, words):
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [described]}}
    with pytest.raises(ClassifierError) as found:
        require_allowed(without_training(config))
    assert words in str(found.value)


def test_a_step_of_tensorflow_with_one_number_becomes_a_rescaling():
    step = {
        "class_name": "TFOpLambda",
        "config": {"name": "tf.math.truediv", "function": "math.truediv"},
        "name": "tf.math.truediv",
        "inbound_nodes": [["input_1", 0, 0, {"y": 127.5, "name": None}]],
    }
    (found,) = with_rescaling_layers({"layers": [step]})["layers"]
    assert found["class_name"] == "Rescaling"
    assert found["config"]["scale"] == pytest.approx(1 / 127.5)
    assert found["inbound_nodes"] == [[["input_1", 0, 0, {}]]]
    require_allowed(found)


def test_hdf5_links_and_numbers_in_other_files_are_refused(tmp_path):
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["numbers"] = np.ones(3)
    ways = {
        "link": lambda file: file.__setitem__("a", h5py.ExternalLink(str(secret), "/numbers")),
        "soft": lambda file: file.__setitem__("a", h5py.SoftLink("/b")),
        "another file": lambda file: file.create_dataset(
            "a", (3,), "f8", external=[(str(secret), 0, 24)]
        ),
        "unpacks": lambda file: file.create_dataset("a", (1 << 20, 1 << 12), "f8", chunks=True),
    }
    for words, spoil in ways.items():
        path = tmp_path / f"{words}.h5"
        with h5py.File(path, "w") as file:
            spoil(file)
        with h5py.File(path) as file, pytest.raises(ClassifierError) as found:
            require_plain_numbers(file, path)
        assert ("link" if words == "soft" else words) in str(found.value)


@pytest.mark.slow
def test_a_process_of_its_own_refuses_with_a_sentence(tmp_path, settings):
    def archive(name, **members):
        with zipfile.ZipFile(tmp_path / name, "w") as made:
            for member, text in members.items():
                made.writestr(member.replace("__", "."), text)
        return tmp_path / name

    code = {"class_name": "Sequential", "config": {"name": "s", "layers": [layer("Lambda")]}}
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        file["numbers"] = np.ones(3)
    cases = {
        archive("half.keras", config__json="{}"): "no whole .keras file",
        archive(
            "code.keras", config__json=json.dumps(code), metadata__json="{}",
            model__weights__h5="",
        ): "'one' is a Lambda",
        tmp_path / "weights.h5": "weights without their model",
    }  # fmt: skip
    for path, words in cases.items():
        with pytest.raises((ClassifierError, UsageError), match=words):
            import_model(path, labels="a,b", out=tmp_path / "out", settings=settings)
