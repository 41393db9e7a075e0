"""Keras files become classifiers: read as numbers and layer names, never as code."""

import json
import zipfile

import h5py
import numpy as np
import pytest

from carina.domain.pixel_scaling import PIXEL_SCALINGS
from carina.domain.softmax import log_softmax
from carina.errors import ClassifierError, UsageError
from carina.inference.foreign.running import smooth_images
from carina.models.keras.allowed import require_allowed, without_training
from carina.models.keras.old_format import with_rescaling_layers
from carina.models.keras.weight_files import require_plain_numbers
from carina.workflows.import_model import import_model
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
