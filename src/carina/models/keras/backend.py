"""Keras, imported on the torch backend and kept quiet."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any


def import_keras() -> Any:
    """Return the module `keras`: on torch, unless the user has chosen otherwise.

    A choice is a `KERAS_BACKEND` in the environment, or a Keras that is imported already.
    The `backend` in Keras's own `keras.json` is none: Keras writes "tensorflow" there by
    itself, whether it is installed or not.
    """
    if "keras" not in sys.modules:
        os.environ.setdefault("KERAS_BACKEND", "torch")
    return import_module("keras")


@contextmanager
def keras_on_cpu() -> Iterator[Any]:
    """Yield the module `keras`, which computes on the CPU inside the block.

    A GPU would multiply in TF32, which is too coarse to compare probabilities by. And one
    warning is not heard there: Keras copies torch's tensors in a way that numpy 2 finds
    old-fashioned, which its user can do nothing about.
    """
    keras = import_keras()
    with warnings.catch_warnings(), keras.device("cpu"):
        warnings.filterwarnings(
            "ignore", message=r"__array__ implementation doesn't accept a copy keyword"
        )
        yield keras
