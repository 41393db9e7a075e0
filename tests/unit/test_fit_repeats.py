"""A training repeats bit for bit in processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_TRAIN = """
import hashlib, json, sys
from carina.domain.recipe import AugmentSection, TrainSection
from carina.models.weights import weights_to_bytes
from carina.training.fit import fit
from carina.training.precision import PrecisionChoice
from making.training_films import easy_films, small_network

result = fit(
    small_network(3, filters=(8, 16), dense=64),
    easy_films(80, 20, n_classes=3),
    train=TrainSection(epochs=3, threads=2, weighting="balanced-sampling"),
    augment=AugmentSection(rotation_degrees=10, zoom=0.2, horizontal_flip=True, noise_std=0.02),
    precision=PrecisionChoice(sys.argv[1], "test"),
)
history = [{**row, "seconds": 0} for row in result.history]
states = weights_to_bytes(result.best_state, {}) + weights_to_bytes(result.last_state, {})
print(hashlib.sha256(states + json.dumps(history).encode()).hexdigest())
"""


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_two_processes_train_to_the_same_bits(precision, tmp_path):
    digests = [
        subprocess.run(
            [sys.executable, "-W", "error", "-c", _TRAIN, precision],
            env={
                **os.environ,
                "PYTHONHASHSEED": hash_seed,
                "PYTHONPATH": str(Path(__file__).parents[1]),
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    ]
    assert len(digests[0].strip()) == 64
    assert digests[0] == digests[1]
