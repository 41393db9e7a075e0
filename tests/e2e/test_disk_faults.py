"""Trainings whose disk fails: each goes on, and ends as one that was left alone."""

import json
import random
import sys

import pytest

from carina.files.digest_list import compare_digests, read_digests
from carina.files.owners import is_of_owners
from carina.runs import Run
from conftest import QUICK
from making.disk_faults import Begin, failing_again_and_again, small_disk

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux, and its /proc"),
]
N_FAULTS = 3
SMALL_DISK = 200_000_000
ROOM_NEEDED = ("MB are needed", "MB that are needed", "the run needs about", "ulimit -f")
SETTINGS = (
    *QUICK, "network.options.dense=8", "evaluate.masked_probe=false", "evaluate.worst_errors=1",
)  # fmt: skip
SAME_BYTES = (
    "classifier/network.onnx", "classifier/card.json", "evaluation.json", "manifest.csv",
    "checkpoints/best.safetensors", "checkpoints/last.safetensors",
    "predictions/validation.csv", "predictions/test.csv",
)  # fmt: skip


def outcome(folder):
    """What must not depend on how often a disk failed."""
    run = Run.open(folder)
    evaluation = json.loads(run.evaluation_file.read_text(encoding="utf-8"))
    return {
        "status": run.environment.status,
        "history": [{n: str(v) for n, v in row.items() if n != "seconds"} for row in run.history],
        "metrics": evaluation["metrics"],
        "parts": evaluation["parts"],
        "files": sorted(
            str(file.relative_to(folder))
            for file in folder.rglob("*")
            if file.is_file() and not is_of_owners(file)
        ),
        **{name: (folder / name).read_bytes() for name in SAME_BYTES},
    }


def training(films, top):
    top.mkdir()
    settings = (word for setting in SETTINGS for word in ("--set", setting))
    return Begin(top, (str(films), *settings))


@pytest.fixture(scope="module")
def whole(phantom_films, tmp_path_factory):
    """A training that was left alone, and how many moments it had; the power fails at its end,
    when every file has been promised."""
    begin = training(phantom_films, tmp_path_factory.mktemp("disk") / "whole")
    process, moments = begin.end(then_cut=random.Random(0))
    assert process.returncode == 0, process.stderr
    left = outcome(begin.folder)
    changes = compare_digests(begin.folder, read_digests(begin.folder))
    assert not changes.any, changes
    return left, moments


def test_after_power_cuts_a_training_ends_with_the_same_bits(phantom_films, whole, tmp_path):
    begin = training(phantom_films, tmp_path / "cut")
    expected, moments = whole
    failed = failing_again_and_again(
        ["power cut"] * N_FAULTS, begin, moments=moments, rng=random.Random(1)
    )
    assert [one.code for one in failed] == [-9] * N_FAULTS, failed
    process, _ = begin.end()
    assert process.returncode == 0, (failed, process.stderr)
    assert outcome(begin.folder) == expected


def test_after_full_disks_a_training_ends_with_the_same_bits(phantom_films, whole, tmp_path):
    begin = training(phantom_films, tmp_path / "full")
    expected, moments = whole
    with small_disk(begin.top, n_bytes=SMALL_DISK) as is_small:
        kinds = ["file size", "full disk" if is_small else "file size", "file size"]
        failed = failing_again_and_again(kinds, begin, moments=moments, rng=random.Random(2))
        for one in failed:
            assert one.code == 1, failed
            assert any(words in one.said for words in ROOM_NEEDED), one.said
            assert one.left == (), failed
        process, _ = begin.end()
        assert process.returncode == 0, (failed, process.stderr)
        assert outcome(begin.folder) == expected
