"""Timings of a network on this machine, made once and kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch

from carina.domain.input_spec import InputSpec
from carina.domain.recipe import TrainSection
from carina.files.atomic import write_text
from carina.models.network import Network
from carina.training.device import usable_threads

Seconds = Mapping[str, float]


class Timings:
    """What was timed of one network on one kind of machine, in a JSON file for all of them."""

    def __init__(
        self, file: Path | None, network: Network, spec: InputSpec, train: TrainSection
    ) -> None:
        """Look for the timings of a network.

        Args:
            file: a damaged one is written anew; None: nothing is kept.
            network: its structure counts, and which of its layers are trained.
            spec: its images.
            train: batch size and threads count.
        """
        self._file = file
        facts = (
            sorted(torch.cpu.get_capabilities().items()),
            torch.__version__,
            usable_threads(train.threads),
            repr(network),
            sum(p.numel() for p in network.parameters() if p.requires_grad),
            (spec.channels, spec.height, spec.width),
            train.batch_size,
        )
        self._key = hashlib.sha256(repr(facts).encode()).hexdigest()[:16]

    def known_or(self, names: Sequence[str], measure: Callable[[], Seconds]) -> tuple[Seconds, str]:
        """Return the seconds of each of `names`, and in words when they were taken.

        Raises:
            StorageError: if the file cannot be written.
        """
        key = f"{self._key} {' '.join(names)}"
        known = self._read()
        if set(known.get(key, ())) == set(names):
            return known[key], "timed earlier on this machine"
        seconds = measure()
        if self._file is not None:
            every = {**known, key: dict(seconds)}
            write_text(self._file, json.dumps(every, indent=1, sort_keys=True))
        return seconds, "timed now"

    def _read(self) -> dict[str, dict[str, float]]:
        """Return every timing in the file; what is not a timing is passed over."""
        if self._file is None:
            return {}
        try:
            found = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        if not isinstance(found, dict):
            return {}
        return {key: value for key, value in found.items() if _is_timing(value)}


def _is_timing(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(s, float) for s in value.values())
