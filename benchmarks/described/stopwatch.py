"""One measurement's times and memory, taken inside the process that is measured."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


class Stopwatch:
    """Times of one training; make it before the heavy imports.

    The clock that counts starts at `start`, just before the first look at the films, and
    ends at `trained`.
    """

    def __init__(self) -> None:
        self._made = time.perf_counter()
        self._started = self._first_step = self._trained = 0.0
        self._epoch_began = 0.0
        self.epoch_seconds: list[float] = []

    def start(self) -> None:
        """The imports are done; the films are about to be looked for."""
        self._started = time.perf_counter()

    def epoch_begins(self) -> None:
        """An epoch begins."""
        self._epoch_began = time.perf_counter()

    def step_done(self) -> None:
        """A training step is done; only the first one is noted."""
        if not self._first_step:
            self._first_step = time.perf_counter()

    def epoch_ends(self) -> None:
        """An epoch and its validation are done."""
        self.epoch_seconds.append(time.perf_counter() - self._epoch_began)

    def trained(self) -> None:
        """The network is trained; the last call counts."""
        self._trained = time.perf_counter()

    def times(self) -> dict[str, Any]:
        """Return the times in seconds and the peak memory in MB (10^6 bytes)."""
        return {
            "seconds": self._trained - self._started,
            "import_seconds": self._started - self._made,
            "first_step_seconds": self._first_step - self._started if self._first_step else None,
            "epoch_seconds": self.epoch_seconds,
            "peak_mb": _megabytes(resource.RUSAGE_SELF),
            "peak_child_mb": _megabytes(resource.RUSAGE_CHILDREN),
        }


def write_result(
    path: str,
    stopwatch: Stopwatch,
    *,
    n_train: int,
    n_parameters: int,
    test: tuple[Sequence[int], Sequence[Sequence[float]]],
    more: Mapping[str, Any] | None = None,
) -> None:
    """Write what a measurement found as JSON.

    Args:
        path: the file.
        stopwatch: stopped.
        n_train: films trained on in each epoch.
        n_parameters: weights of the network, trained or not, without running statistics.
        test: index of each test film's class, and its probabilities over the sorted classes.
        more: what else to keep ("versions", "detail").
    """
    labels, scores = test
    found = {
        **stopwatch.times(),
        "n_train": n_train,
        "n_parameters": n_parameters,
        "test_labels": [int(label) for label in labels],
        "test_scores": [[round(float(p), 6) for p in row] for row in scores],
        **(more or {}),
    }
    Path(path).write_text(json.dumps(found), encoding="utf-8")


def _megabytes(whose: int) -> float:
    """Return the most memory that was resident: kilobytes on Linux, bytes on macOS."""
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(whose).ru_maxrss * unit / 1e6, 1)
