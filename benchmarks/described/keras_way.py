"""The described way: Keras on TensorFlow, films by ImageDataGenerator.

    python -m described.keras_way JOB.json RESULT.json

Needs tensorflow, scipy, pillow and (for pretrained weights) safetensors; not Carina.
"""

import sys

from described.job import Job
from described.stopwatch import Stopwatch, write_result

stopwatch = Stopwatch()

import keras  # noqa: E402  its import is part of what is measured
import numpy as np  # noqa: E402
import PIL  # noqa: E402
import tensorflow as tf  # noqa: E402
from keras import layers  # noqa: E402
from tensorflow.keras.preprocessing.image import ImageDataGenerator  # noqa: E402


class Watching(keras.callbacks.Callback):
    """Tells the stopwatch what `fit` does."""

    def on_epoch_begin(self, epoch, logs=None):  # noqa: ARG002  Keras's signature
        stopwatch.epoch_begins()

    def on_train_batch_end(self, batch, logs=None):  # noqa: ARG002
        stopwatch.step_done()

    def on_epoch_end(self, epoch, logs=None):  # noqa: ARG002
        stopwatch.epoch_ends()


def two_conv(job):
    """Return the layers of two-conv."""
    options = job.options
    first, second = options["filters"]
    return [
        layers.Conv2D(first, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(second, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Dropout(options["dropout_maps"]),
        layers.Flatten(),
        layers.Dense(options["dense"], activation="relu"),
        layers.Dropout(options["dropout_features"]),
    ]


def conv_stack(job):
    """Return the layers of a stack of convolutions."""
    options = job.options
    stack = []
    for filters in options["filters"]:
        if options["batch_norm"]:
            stack.append(layers.Conv2D(filters, options["kernel"], padding=options["padding"]))
            stack += [layers.BatchNormalization(), layers.Activation("relu")]
        else:
            stack.append(
                layers.Conv2D(
                    filters, options["kernel"], padding=options["padding"], activation="relu"
                )
            )
        stack.append(layers.MaxPooling2D())
    stack.append(layers.Flatten())
    if options["dropout_maps"]:
        stack.append(layers.Dropout(options["dropout_maps"]))
    return stack + dense_layers(options["dense"], options["dropout_dense"])


def dense_layers(widths, dropout):
    """Return dense layers, each with its dropout."""
    return [
        layer
        for width in widths
        for layer in (layers.Dense(width, activation="relu"), layers.Dropout(dropout))
    ]


def vgg16(job):
    """Return VGG16's base with the layers that the job trains, and the new dense layers."""
    options = job.options
    base = keras.applications.VGG16(
        weights=None, include_top=False, input_shape=(*job.side, job.channels)
    )
    if job.weights:
        from safetensors.numpy import load_file

        values = load_file(job.weights)
        for layer in base.layers:
            if layer.weights:
                layer.set_weights(
                    [
                        values[f"{layer.name}/{part}"].astype("float32")
                        for part in ("kernel", "bias")
                    ]
                )
    if job.trained == "head":
        base.trainable = False
    elif job.trained == "last-block":
        for layer in base.layers:
            layer.trainable = layer.name.startswith("block5")
    pooling = layers.Flatten if options["pooling"] == "flatten" else layers.GlobalAveragePooling2D
    dense = [layers.Dense(width, activation="relu") for width in options["dense"]]
    return [base, pooling(), *dense, layers.Dropout(options["dropout"])]


def densenet121(job):
    """Return DenseNet121 without its top, pooled, and the new dense layers."""
    base = keras.applications.DenseNet121(
        weights=None, include_top=False, pooling="avg", input_shape=(*job.side, job.channels)
    )
    base.trainable = job.trained == "all"
    options = job.options
    dense = [layers.Dense(width, activation="relu") for width in options["dense"]]
    return [base, *dense, *([layers.Dropout(options["dropout"])] if options["dropout"] else [])]


BUILDERS = {
    "two-conv": two_conv,
    "conv-stack": conv_stack,
    "vgg16": vgg16,
    "densenet121": densenet121,
}


def built(job):
    """Return the compiled model."""
    n_outputs = 1 if job.sigmoid else len(job.classes)
    output = layers.Dense(
        n_outputs, activation="sigmoid" if job.sigmoid else "softmax", dtype="float32"
    )
    model = keras.Sequential(
        [layers.Input((*job.side, job.channels)), *BUILDERS[job.architecture](job), output]
    )
    model.compile(
        optimizer=keras.optimizers.Adam(
            learning_rate=job.train["learning_rate"], epsilon=job.train["epsilon"]
        ),
        loss="binary_crossentropy" if job.sigmoid else "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def generators(job):
    """Return the flows of train, val and test, as such projects write them."""
    changes = job.augment
    beyond = [name for name in ("contrast", "blur_sigma_px", "noise_std") if changes[name]]
    if beyond:
        raise SystemExit(f"ImageDataGenerator has nothing for {', '.join(beyond)}")
    if job.caffe:
        scaling = {"preprocessing_function": keras.applications.vgg16.preprocess_input}
    else:
        scaling = {"rescale": 1 / 255}
    changing = ImageDataGenerator(
        rotation_range=changes["rotation_degrees"],
        zoom_range=changes["zoom"],
        shear_range=changes["shear_degrees"],
        width_shift_range=changes["shift"],
        height_shift_range=changes["shift"],
        horizontal_flip=changes["horizontal_flip"],
        vertical_flip=changes["vertical_flip"],
        fill_mode=changes["fill"],
        **scaling,
    )
    plain = ImageDataGenerator(**scaling)

    def flow(generator, part, *, shuffle):
        return generator.flow_from_directory(
            f"{job.folder}/{part}",
            target_size=job.side,
            color_mode="grayscale" if job.channels == 1 else "rgb",
            class_mode="binary" if job.sigmoid else "sparse",
            batch_size=job.train["batch_size"],
            shuffle=shuffle,
            seed=job.seed,
        )

    return (
        flow(changing, "train", shuffle=True),
        flow(plain, "val", shuffle=False),
        flow(plain, "test", shuffle=False),
    )


def main(job_file, result_file):
    """Train as the job says and write what was found."""
    job = Job.read(job_file)
    keras.utils.set_random_seed(job.seed)
    if job.bf16:
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
    stopwatch.start()
    train, validation, test = generators(job)
    model = built(job)
    model.fit(
        train,
        validation_data=validation,
        epochs=job.train["epochs"],
        callbacks=[Watching()],
        verbose=2,
    )
    stopwatch.trained()
    answers = np.asarray(model.predict(test, verbose=0), dtype=np.float64)
    if job.sigmoid:
        answers = np.column_stack([1 - answers, answers])
    running = ("moving_mean", "moving_variance")
    write_result(
        result_file,
        stopwatch,
        n_train=train.samples,
        n_parameters=sum(
            int(np.prod(w.shape)) for w in model.weights if not w.path.endswith(running)
        ),
        test=(test.classes, answers),
        more={
            "versions": {
                "tensorflow": tf.__version__,
                "keras": keras.__version__,
                "pillow": PIL.__version__,
            },
            "classes": sorted(test.class_indices, key=test.class_indices.get),
        },
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
