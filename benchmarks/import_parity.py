"""What `carina import` makes of genuine Keras files, beside what TensorFlow answers.

An interpreter with tensorflow and tf_keras (Keras 2 under its name of today) writes models as
Teachable Machine and Keras projects build them, and Keras's own backbones with random weights,
with images and its own answers to them. Each file is then imported, and the classifier's answers
in ONNX Runtime are compared.

    python benchmarks/import_parity.py --tensorflow /path/to/python [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from carina.domain.pixel_scaling import PixelRule
from carina.domain.softmax import log_softmax
from carina.inference.foreign.contract import contract_files
from carina.inference.foreign.image_input import Declared
from carina.inference.foreign.opening import open_foreign
from carina.inference.runtimes.onnxruntime import load_with_onnxruntime
from carina.workflows.keras_files import convert_keras

WRITER = '''
import os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"], os.environ["CUDA_VISIBLE_DEVICES"] = "3", ""
os.environ["KERAS_BACKEND"] = "tensorflow"
import keras, numpy as np, tf_keras
out, rng = sys.argv[1], np.random.default_rng(0)

def settled(model, low=-1, high=1):
    """Give the statistics of a batch to the layers, so that random weights tell images apart and
    a wrong order of weights shows."""
    norms = [layer for layer in model.layers if hasattr(layer, "moving_mean")]
    for layer in norms:
        layer.momentum = 0.0
    model(rng.uniform(low, high, (8, *model.input_shape[1:])).astype("float32"), training=True)
    for layer in norms:
        layer.momentum = 0.99
        *scale, shift, mean, variance = layer.get_weights()
        layer.set_weights([*(gamma * rng.uniform(0.8, 1.2, gamma.shape) for gamma in scale),
            shift + rng.normal(0, 0.1, shift.shape), mean, variance])
    return model

def kept(model, name, low, high, *endings):
    shape = (4, *model.input_shape[1:])
    images = (low + (high - low) * rng.random(shape)).astype("float32")
    np.savez(f"{out}/{name}.npz", images=images, answers=model.predict(images, verbose=0))
    for ending in endings:
        model.save(f"{out}/{name}.{ending}")

def sequence(k, last):
    L = k.layers
    return k.Sequential([L.InputLayer((64, 64, 3)), L.RandomFlip("horizontal"),
        L.Rescaling(1 / 255), L.Conv2D(8, 3, activation="relu"), L.MaxPooling2D(),
        L.SeparableConv2D(8, 3, strides=2, padding="same"), L.BatchNormalization(),
        L.LeakyReLU(0.1), L.Flatten(), L.Dense(16, activation="relu"), L.Dropout(0.5), last])

k, L = tf_keras, tf_keras.layers
base = settled(k.applications.MobileNetV2(input_shape=(224, 224, 3), alpha=0.35, include_top=False,
    weights=None))
first = k.Sequential([k.Model(base.inputs, base.outputs, name="model1"),
    L.GlobalAveragePooling2D()])
second = k.Sequential([L.Dense(100, activation="relu", input_shape=(1280,)),
    L.Dense(2, activation="softmax", use_bias=False)])
machine = k.Sequential([first, second])
machine.build((None, 224, 224, 3))
kept(machine, "teachable-machine", -1, 1, "h5")
image = k.Input((160, 160, 3))
base = settled(k.applications.MobileNetV2(input_shape=(160, 160, 3), alpha=0.35, include_top=False,
    weights=None))
base.trainable = False
maps = base(k.applications.mobilenet_v2.preprocess_input(image), training=False)
answer = L.Dense(1, activation="sigmoid")(L.Dropout(0.2)(L.GlobalAveragePooling2D()(maps)))
kept(k.Model(image, answer), "transfer-learning", 0, 255, "h5")
kept(sequence(k, L.Dense(3, activation="softmax")), "sequence-keras2", 0, 255, "h5", "keras")
last = keras.layers.Dense(3, activation="softmax")
kept(sequence(keras, last), "sequence-keras3", 0, 255, "h5", "keras")
keras.utils.set_random_seed(0)
for name in ("DenseNet121", "EfficientNetB0", "InceptionV3", "ResNet50V2", "VGG16", "Xception"):
    maps = getattr(keras.applications, name)(input_shape=(224, 224, 3), include_top=False,
        weights=None)
    answer = keras.layers.Dense(3, activation="softmax")(
        keras.layers.GlobalAveragePooling2D()(maps.output))
    low, high = (0, 255) if name == "EfficientNetB0" else (-1, 1)
    kept(settled(keras.Model(maps.input, answer), low, high), name, low, high, "keras")
'''


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tensorflow", required=True, metavar="PYTHON")
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        writing = [asked.tensorflow, "-c", WRITER, str(folder)]
        subprocess.run(writing, check=True, stderr=subprocess.DEVNULL)
        print("model | Keras | values | spread of answers | differ by at most")
        for file in sorted((*folder.glob("*.h5"), *folder.glob("*.keras"))):
            compare(file)
            sys.stdout.flush()
    return 0


def compare(file: Path) -> None:
    with np.load(file.with_suffix(".npz")) as kept:
        images, answers = kept["images"], kept["answers"]
    keras = convert_keras(file, file.read_bytes(), size=None)
    foreign = open_foreign(keras.network, declared=Declared())
    films = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    network = load_with_onnxruntime(contract_files(foreign, PixelRule()).network)
    (logits,) = network.run(["logits"], {"image": films})
    found = np.exp(log_softmax(logits))
    wanted = foreign.answers.probabilities(answers)
    print(
        f"{file.name} | {keras.keras_version} | {keras.n_parameters:,} | "
        f"{np.ptp(wanted, axis=0).max():.2g} | {np.abs(found - wanted).max():.1e}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
