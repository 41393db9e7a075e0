"""A Keras file -> an ONNX network, by a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from carina.errors import ClassifierError, UsageError
from carina.files.names import one_line
from carina.workflows.extras import require_extra

_MODULE = "carina.models.keras.convert"
_REFUSED = 2
_TIMEOUT_S = 900


@dataclass(frozen=True, slots=True, eq=False)
class ConvertedKeras:
    """A Keras model as ONNX.

    Attributes:
        network: the bytes of an ONNX file with the same layers.
        keras_version: that wrote the model, or "".
        models: names of the models within the model.
        is_teachable_machine: whether it is built as Teachable Machine builds its image models.
        n_parameters: how many values it learned.
        images: float32 `[n, height, width, channels]`, in several ranges.
        answers: what Keras gives for them.
    """

    network: bytes
    keras_version: str
    models: tuple[str, ...]
    is_teachable_machine: bool
    n_parameters: int
    images: NDArray[np.float32]
    answers: NDArray[np.float32]


def convert_keras(path: Path, data: bytes, *, size: tuple[int, int] | None) -> ConvertedKeras:
    """Return a Keras model as ONNX.

    The file is read by another process, which runs none of its code and follows none of its
    links.

    Args:
        path: a `.keras` or `.h5` file, for messages.
        data: its bytes, which were read once; a copy of them is converted.
        size: height and width of the images, where the model leaves them open.

    Raises:
        ClassifierError: if it cannot be read or converted, or holds more than Keras's own layers.
        MissingExtraError: if Keras is not installed.
        UsageError: if the model leaves its size open and none is given.
    """
    require_extra("keras", needed_for=f"carina import of a Keras file ({path.name})")
    with tempfile.TemporaryDirectory(prefix="carina-keras-") as folder:
        out = Path(folder)
        given = out / f"given{path.suffix}"
        given.write_bytes(data)
        done = _run(given, out, size, one_image=False)
        if done.returncode == -getattr(signal, "SIGALRM", 0) != 0:
            raise ClassifierError(f"{path} is damaged: its reader does not come to its end")
        if done.returncode not in (0, _REFUSED):
            # Some layers can be exported for a fixed number of images only; it is freed later.
            done = _run(given, out, size, one_image=True)
        facts = _facts(out)
        if done.returncode == _REFUSED and "refused" in facts:
            kind = UsageError if facts["code"] == UsageError.code else ClassifierError
            raise kind(str(facts["refused"]).replace(str(given.resolve()), str(path)))
        if done.returncode != 0:
            raise ClassifierError(
                f"Keras cannot read or convert {path}: {_ending(done)}; export the "
                "model to ONNX where it was made (model.export('model.onnx', format='onnx'), or "
                "tf2onnx) and import that file"
            )
        with np.load(out / "reference.npz", allow_pickle=False) as reference:
            images, answers = reference["images"], reference["answers"]
        return ConvertedKeras(
            network=(out / "network.onnx").read_bytes(),
            keras_version=str(facts["keras_version"]),
            models=tuple(map(str, facts["models"])),
            is_teachable_machine=bool(facts["is_teachable_machine"]),
            n_parameters=int(facts["n_parameters"]),
            images=images,
            answers=answers,
        )


def _run(
    path: Path, out: Path, size: tuple[int, int] | None, *, one_image: bool
) -> subprocess.CompletedProcess[str]:
    words = [
        str(path.resolve()),
        str(out),
        *(["--size", str(size[0]), str(size[1])] if size else []),
        *(["--one-image"] if one_image else []),
    ]
    # -P: no module of the working folder takes Keras's place. The user's own settings of Keras
    # do not decide what is read, and no second framework starts.
    environment = {**os.environ, "KERAS_BACKEND": "torch", "KERAS_HOME": str(out)}
    try:
        return subprocess.run(
            [sys.executable, "-P", "-m", _MODULE, *words],
            capture_output=True,
            text=True,
            errors="replace",
            env=environment,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ClassifierError(
            f"Keras did not convert {path} within {_TIMEOUT_S} seconds; export the model to ONNX "
            "where it was made, and import that file"
        ) from error


def _facts(out: Path) -> Mapping[str, Any]:
    file = out / "facts.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def _ending(done: subprocess.CompletedProcess[str]) -> str:
    """Return how the other process ended, in words."""
    if done.returncode < 0:  # on POSIX: minus the number of a signal
        return f"it was stopped by the system (signal {-done.returncode})"
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return one_line(lines[-1])[:300] if lines else "it stopped without a word"
