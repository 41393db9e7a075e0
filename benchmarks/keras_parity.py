"""The described networks in Carina and in Keras on TensorFlow: values, answers, training.

Carina writes each network as a `.keras` file with films and what it answers and loses on
them; stock TensorFlow, an interpreter of its own without Carina, reads the files and does the
same. Both train without dropout, in float32, from the same start on the same batches, with
Adam 0.001 and epsilon 1e-7; Keras by its own `train_on_batch`.

In float32 a difference in the last bit grows with every step. How fast, the last column
tells: Keras against itself, from start weights that differ in their last bit. With
`--float64` both compute in double precision, where what is left is a difference in kind.

    python benchmarks/keras_parity.py --tensorflow /path/to/python [--films FOLDER]
    python benchmarks/keras_parity.py --summaries

FOLDER holds a folder of films for each class, at least three; synthetic films if left out.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from carina.domain.recipe import Recipe
    from carina.models.network import Network

RECIPES = (
    "two-conv", "five-conv-500", "three-class-cnn", "custom-cnn", "vgg16", "augmented-three-class",
)  # fmt: skip
# As described; Keras's word for what its projects compile.
LOSSES = {"two-conv": "binary_crossentropy", "five-conv-500": "sparse_categorical_crossentropy"}
N_ANSWERED, BATCH, LEARNING_RATE = 16, 16, 0.001
COLUMNS = (
    "network", "values in Carina", "in Keras", "largest difference of an answer",
    "of the loss over {steps} steps", "Keras against itself",
)  # fmt: skip


def main() -> None:
    """Print the table, or the summaries."""
    asked = _asked()
    if asked.tensorflow_side:
        print(json.dumps(tensorflow_side(asked.tensorflow_side)))
        return
    names = asked.only or RECIPES
    if asked.summaries:
        for name in names:
            print_summaries(name)
        return
    with tempfile.TemporaryDirectory() as folder:
        films = asked.films or _synthetic_films(Path(folder) / "films")
        rows = [measured(name, films, asked) for name in names]
    columns = [column.format(steps=asked.steps) for column in COLUMNS]
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")


def measured(name: str, films: Path, asked: argparse.Namespace) -> list[str]:
    """Return a network's row."""
    with tempfile.TemporaryDirectory() as folder:
        ours = carina_side(name, films, Path(folder), asked)
        command = [asked.tensorflow, __file__, "--tensorflow-side", folder]
        environment = os.environ | {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
        done = subprocess.run(
            command, stdout=subprocess.PIPE, text=True, check=True, env=environment
        )
    theirs = json.loads(done.stdout.splitlines()[-1])
    answers = np.abs(np.array(theirs["answers"]) - ours["answers"]).max()
    losses, wanted = np.array(ours["losses"]), np.array(theirs["losses"])
    control = np.array(theirs["losses_beside"])
    note = f"{wanted[0]:.3f} to {wanted[-1]:.3f}"
    return [
        name,
        f"{ours['values']:,}",
        f"{theirs['values']:,}",
        f"{answers:.1e}",
        f"{_furthest(losses, wanted):.1e} (loss {note})",
        f"{_furthest(control, wanted):.1e}",
    ]


def carina_side(name: str, films: Path, folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """Write what the TensorFlow side needs, and return what Carina finds."""
    from carina.imaging.prepare import network_input
    from carina.inference.runtimes import RUNTIMES
    from carina.models.export import export_network
    from carina.models.keras.saving import write_keras

    network, recipe = described(name, asked.vgg16_weights)
    levels, labels = film_levels(films, recipe, network.n_classes, asked.steps * BATCH)
    write_keras(network, folder / "network.keras")
    np.savez(folder / "films.npz", levels=levels, labels=labels, channels=network.channels)
    facts = {
        "loss": LOSSES.get(name, "categorical_crossentropy"),
        "steps": asked.steps,
        "dtype": "float64" if asked.float64 else "float32",
    }
    (folder / "facts.json").write_text(json.dumps(facts))

    session = RUNTIMES.get("onnxruntime")(export_network(network, recipe.input).network)
    images = network_input(levels[:N_ANSWERED], recipe.input)
    logits = session.run(["logits"], {"image": images})[0].astype(np.float64)
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return {
        "values": network.n_parameters,
        "answers": shares / shares.sum(axis=1, keepdims=True),
        "losses": carina_losses(network.double() if asked.float64 else network, levels, labels),
    }


def carina_losses(network: Network, levels: Any, labels: Any) -> list[float]:
    """Return the loss of each of Carina's steps."""
    import torch

    from carina.domain.recipe import TrainSection
    from carina.imaging.prepare import from_levels
    from carina.training.step import adam, training_step

    optimizer = adam(network.train(), TrainSection(learning_rate=LEARNING_RATE))
    dtype = next(network.parameters()).dtype
    losses = []
    for start in range(0, len(levels), BATCH):
        at = slice(start, start + BATCH)
        grey = torch.from_numpy(from_levels(levels[at])).unsqueeze(1).to(dtype)
        loss, _ = training_step(
            network,
            optimizer,
            images=grey.expand(-1, network.channels, -1, -1),
            labels=torch.from_numpy(labels[at]),
            weights=None,
            bf16=False,
        )
        losses.append(float(loss))
    return losses


def tensorflow_side(folder: Path) -> dict[str, Any]:
    """Return what stock Keras on TensorFlow finds with the same network and films."""
    import keras

    facts = json.loads((folder / "facts.json").read_text())
    stored = np.load(folder / "films.npz")
    model = keras.models.load_model(folder / "network.keras")
    start = model.get_weights()
    answers = model.predict(stored_films(stored, slice(0, N_ANSWERED)), verbose=0)
    answers = answers.astype(np.float64)
    if facts["dtype"] == "float64":
        keras.config.set_floatx("float64")
        model = _in_float64(model)

    def losses() -> list[float]:
        # TensorFlow takes a plain 0.999 for a float32 whatever it is cast to: 1 - 0.999 is then
        # off by 5e-5.
        betas = {"beta_1": np.float64(0.9), "beta_2": np.float64(0.999)}
        exact = betas if facts["dtype"] == "float64" else {}
        optimizer = keras.optimizers.Adam(LEARNING_RATE, epsilon=1e-7, **exact)
        model.compile(optimizer=optimizer, loss=facts["loss"], jit_compile=False)
        found = []
        for step in range(facts["steps"]):
            at = slice(step * BATCH, (step + 1) * BATCH)
            labels = stored["labels"][at]
            if facts["loss"] == "categorical_crossentropy":
                labels = keras.utils.to_categorical(labels, model.output_shape[-1])
            model.reset_metrics()
            found.append(
                float(model.train_on_batch(stored_films(stored, at).astype(facts["dtype"]), labels))
            )
        return found

    first = losses()
    model.set_weights([np.nextafter(weights, np.float32(np.inf)) for weights in start])
    return {
        "values": sum(layer.count_params() for layer in model.layers) - _statistics(model),
        "answers": (
            answers if answers.shape[1] > 1 else np.hstack([1 - answers, answers])
        ).tolist(),
        "losses": first,
        "losses_beside": losses(),
    }


def stored_films(stored: Any, at: slice) -> Any:
    """Return some of the stored films as Keras takes them, float32 `[n, h, w, channels]`."""
    grey = stored["levels"][at].astype(np.float32)[..., None] / np.float32(65535)
    return np.repeat(grey, int(stored["channels"]), axis=3)


def described(name: str, vgg16_weights: Path | None = None) -> tuple[Network, Recipe]:
    """Return a recipe's network with start weights and without dropout, and the recipe."""
    from carina.files.recipes import read_recipe
    from carina.models.build import build_network
    from carina.models.pretrained import load_pretrained

    recipe = read_recipe(name)
    options = recipe.network.options
    still = {key: 0.0 if "dropout" in key else value for key, value in options.items()}
    if name == "two-conv":
        still = {"dropout_maps": 0.0, "dropout_features": 0.0}
    section = recipe.network.model_copy(update={"options": still})
    network = build_network(section, spec=recipe.input, n_classes=recipe.n_classes, seed=0)
    if recipe.network.weights != "none" and vgg16_weights is not None:
        load_pretrained(
            network, str(vgg16_weights), architecture="vgg16", cache_dir=Path(tempfile.gettempdir())
        )
    return network, recipe


def print_summaries(name: str) -> None:
    """Print a network's layers as Carina and as Keras list them."""
    from carina.models.keras.backend import keras_on_cpu
    from carina.models.keras.build import build_keras

    network, _ = described(name)
    print(f"\n{name}, as Carina lists it: {network.n_parameters:,} values")
    for row in network.summary():
        shape = ", ".join(map(str, row.output_shape))
        print(f"  {row.layer:44} ({shape:22}) {row.parameters:>12,}")
    print(f"{name}, as Keras lists it:")
    with keras_on_cpu():
        build_keras(network).summary(line_length=78)


def film_levels(folder: Path, recipe: Recipe, n_classes: int, n: int) -> tuple[Any, Any]:
    """Return prepared films `[n, height, width]` in a random order, and their classes; films
    come again where there are fewer."""
    from carina.imaging import read_radiograph
    from carina.imaging.prepare import prepare_levels

    classes = sorted(entry for entry in folder.iterdir() if entry.is_dir())[:n_classes]
    pool = [(file, i) for i, one in enumerate(classes) for file in sorted(one.iterdir())]
    order = np.random.default_rng(0).permutation(np.resize(np.arange(len(pool)), n))
    known = {i: prepare_levels(read_radiograph(pool[i][0]), recipe.input) for i in set(order)}
    levels = np.stack([known[i] for i in order])
    return levels, np.array([pool[i][1] for i in order], dtype=np.int64)


def _synthetic_films(folder: Path) -> Path:
    from carina.imaging.phantom import write_phantoms

    counts = {"train": dict.fromkeys(("COVID-19", "Normal", "Pneumonia"), 40)}
    write_phantoms(folder, counts=counts, seed=0)
    return folder / "train"


def _furthest(losses: Any, wanted: Any) -> float:
    return float((np.abs(losses - wanted) / wanted).max())


def _in_float64(model: Any) -> Any:
    import keras

    def layer_in_float64(layer: Any) -> Any:
        return type(layer).from_config(layer.get_config() | {"dtype": "float64"})

    wide = keras.models.clone_model(model, clone_function=layer_in_float64)
    wide.set_weights(model.get_weights())
    return wide


def _statistics(model: Any) -> int:
    """Return how many of Keras's values are running statistics, which torch does not count."""
    kinds = (layer for layer in model.layers if type(layer).__name__ == "BatchNormalization")
    return sum(layer.count_params() // 2 for layer in kinds)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tensorflow", metavar="PYTHON", help="an interpreter with TensorFlow")
    parser.add_argument("--films", type=Path, help="a folder of class folders")
    parser.add_argument("--vgg16-weights", type=Path, help="a file; random weights without it")
    parser.add_argument("--only", action="append", choices=RECIPES, help="may be repeated")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--float64", action="store_true", help="train in double precision")
    parser.add_argument("--summaries", action="store_true", help="print the layers of both")
    parser.add_argument("--tensorflow-side", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if not (asked.tensorflow or asked.summaries or asked.tensorflow_side):
        parser.error("name an interpreter with --tensorflow, or ask for --summaries")
    return asked


if __name__ == "__main__":
    sys.exit(main())
