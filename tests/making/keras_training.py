"""The same training steps in Keras, on its torch backend, and in Carina."""

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


def losses_in_keras(network, batches, *, learning_rate=0.001):
    """Return the loss of each step of Keras's own training from the network's weights."""
    with keras_on_cpu() as keras:
        model = keras_model(network)
        one_output = model.output_shape[-1] == 1
        model.compile(
            optimizer=keras.optimizers.Adam(learning_rate, epsilon=1e-7),
            loss="binary_crossentropy" if one_output else "sparse_categorical_crossentropy",
        )
        losses = []
        for images, labels in batches:
            model.reset_metrics()
            films = np.ascontiguousarray(images.transpose(0, 2, 3, 1))
            losses.append(float(model.train_on_batch(films, labels)))
    return np.array(losses)


def losses_in_carina(network, batches, *, learning_rate=0.001):
    """Return the loss of each step of Carina's training; the network is trained by it."""
    optimizer = adam(network.train(), TrainSection(learning_rate=learning_rate))
    losses = []
    for images, labels in batches:
        loss, _ = training_step(
            network,
            optimizer,
            images=torch.from_numpy(images),
            labels=torch.from_numpy(labels),
            weights=None,
            bf16=False,
        )
        losses.append(float(loss))
    return np.array(losses)
