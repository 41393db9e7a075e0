"""The same training steps in Keras, on its torch backend, and in Carina."""

from contextlib import contextmanager

import numpy as np
import torch

from carina.domain.recipe import TrainSection
from carina.models.keras.backend import keras_on_cpu
from carina.models.keras.build import keras_model
from carina.training.step import adam, training_step


def faint_batches(network, *, n_steps=20, size=16, seed=0):
    """Batches `(images [n, c, h, w], labels)` of noise with a faint pattern of the class, so
    that the loss falls but not to nothing."""
    rng = np.random.default_rng(seed)
    shape = (network.height, network.width)
    patterns = rng.random((network.n_classes, *shape), dtype=np.float32)
    batches = []
    for _ in range(n_steps):
        labels = rng.integers(0, network.n_classes, size)
        grey = 0.8 * rng.random((size, *shape), dtype=np.float32) + 0.2 * patterns[labels]
        batches.append((np.repeat(grey[:, None], network.channels, axis=1), labels))
    return batches


def losses_in_keras(network, batches, *, dtype="float32"):
    """Return the loss of each step of Keras's own training from the network's weights."""
    with keras_on_cpu() as keras, _computing_in(dtype, keras):
        model = keras_model(network)
        if dtype != "float32":
            model = _converted(keras, model, dtype)
        one_output = model.output_shape[-1] == 1
        model.compile(
            optimizer=keras.optimizers.Adam(0.001, epsilon=1e-7),
            loss="binary_crossentropy" if one_output else "sparse_categorical_crossentropy",
        )
        losses = []
        for images, labels in batches:
            model.reset_metrics()
            films = np.ascontiguousarray(images.transpose(0, 2, 3, 1)).astype(dtype)
            losses.append(float(model.train_on_batch(films, labels)))
    return np.array(losses)


def losses_in_carina(network, batches):
    """Return the loss of each step of Carina's training, in the precision of the network,
    which is trained by it."""
    dtype = next(network.parameters()).dtype
    optimizer = adam(network.train(), TrainSection())
    losses = []
    for images, labels in batches:
        loss, _ = training_step(
            network,
            optimizer,
            images=torch.from_numpy(images).to(dtype),
            labels=torch.from_numpy(labels),
            weights=None,
            bf16=False,
        )
        losses.append(float(loss))
    return np.array(losses)


@contextmanager
def _computing_in(dtype, keras):
    before = keras.config.floatx()
    keras.config.set_floatx(dtype)
    try:
        yield
    finally:
        keras.config.set_floatx(before)


def _converted(keras, model, dtype):
    def layer_in(layer):
        return type(layer).from_config(layer.get_config() | {"dtype": dtype})

    other = keras.models.clone_model(model, clone_function=layer_in)
    other.set_weights(model.get_weights())
    return other
