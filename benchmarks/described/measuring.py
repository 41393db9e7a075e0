"""Measurements, each in a fresh process, kept in a JSON-lines file as they come."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sklearn.metrics import roc_auc_score

from described.job import Job

_BENCHMARKS = Path(__file__).resolve().parents[1]
_FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "amx_tile")
_TAIL = 2000


@dataclass(frozen=True)
class Competitor:
    """One way to train.

    Attributes:
        name: the table's word for it.
        module: what is run, `python -m MODULE JOB.json RESULT.json`.
        python: the interpreter of its environment.
        bf16: whether Keras is told to compute in `mixed_bfloat16`.
        again: whether this machine's timings of the network are known from an earlier training.
    """

    name: str
    module: str
    python: str = sys.executable
    bf16: bool = False
    again: bool = False


DESCRIBED, KERAS_BF16, PLAIN, CARINA, CARINA_AGAIN = (
    "Keras on TensorFlow fp32 (described way)",
    "Keras on TensorFlow bf16",
    "plain PyTorch",
    "Carina",
    "Carina, the network timed before",
)


def competitors(tensorflow_python: str | None) -> tuple[Competitor, ...]:
    """Return who takes part, in the order of their turns; without TensorFlow, the last three."""
    ours = (
        Competitor(PLAIN, "described.torch_way"),
        Competitor(CARINA, "described.carina_way"),
        Competitor(CARINA_AGAIN, "described.carina_way", again=True),
    )
    if tensorflow_python is None:
        return ours
    keras = "described.keras_way"
    return (
        Competitor(DESCRIBED, keras, tensorflow_python),
        Competitor(KERAS_BF16, keras, tensorflow_python, bf16=True),
        *ours,
    )


class Kept:
    """The rows of a JSON-lines file; a half-written last line is passed over."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[str, Any]] = []
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        for line in text.splitlines():
            try:
                self.rows.append(json.loads(line))
            except json.JSONDecodeError:
                print(f"{path}: a line that is not JSON is passed over", file=sys.stderr)
        self._needs_newline = bool(text) and not text.endswith("\n")

    def has(self, **wanted: object) -> bool:
        """Return whether there is a row with all these values."""
        return bool(self.where(**wanted))

    def where(self, **wanted: object) -> list[dict[str, Any]]:
        """Return the rows with all these values."""
        return [row for row in self.rows if all(row.get(k) == v for k, v in wanted.items())]

    def add(self, row: Mapping[str, Any]) -> None:
        """Append a row to the file, at once."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write("\n" * self._needs_newline + json.dumps(row) + "\n")
        self._needs_newline = False
        self.rows.append(dict(row))


def work_key(job: Job, counts: Mapping[str, int]) -> str:
    """Return what tells measurements of the same thing: the recipe and the films."""
    recipe = {k: v for k, v in job.recipe.items() if k not in ("notes", "purpose", "name")}
    network = {k: v for k, v in recipe["network"].items() if k != "weights"}
    train = {k: v for k, v in recipe["train"].items() if k != "seed"}
    if "evaluate" in recipe:  # the probe is not trained here, and no heat map is scored
        section, left_out = recipe["evaluate"], ("masked_probe", "score_explanations")
        recipe["evaluate"] = {k: v for k, v in section.items() if k not in left_out}
    facts = {**recipe, "network": network, "train": train, "pretrained": bool(job.weights)}
    text = json.dumps([facts, dict(counts), job.classes], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def measured(competitor: Competitor, job: Job, scratch: Path) -> dict[str, Any]:
    """Return what one training in a fresh process took and found.

    Args:
        competitor: who trains.
        job: what.
        scratch: folder for what the measurement writes; emptied afterwards.

    Raises:
        MeasurementError: if the process fails; the end of what it said is in the message.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    own = Path(tempfile.mkdtemp(dir=scratch))
    try:
        job_file, result_file = own / "job.json", own / "result.json"
        timings = scratch / f"timings-{work_key(job, {})}.json"
        if competitor.name == CARINA:
            timings.unlink(missing_ok=True)
        told = replace(job, bf16=competitor.bf16, scratch=str(own), timings=str(timings))
        told.write(job_file)
        load_before = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
        began = time.perf_counter()
        done = subprocess.run(
            [competitor.python, "-m", competitor.module, str(job_file), str(result_file)],
            cwd=_BENCHMARKS,
            capture_output=True,
            text=True,
            check=False,
        )
        command_seconds = time.perf_counter() - began
        if done.returncode or not result_file.is_file():
            raise MeasurementError(
                f"{competitor.name} ended with {done.returncode}:\n"
                f"{(done.stdout + done.stderr)[-_TAIL:]}"
            )
        found = json.loads(result_file.read_text(encoding="utf-8"))
    finally:
        shutil.rmtree(own, ignore_errors=True)
    labels, scores = found.pop("test_labels"), found.pop("test_scores")
    return {
        **found,
        "command_seconds": command_seconds,
        "load_before": load_before,
        "n_test": len(labels),
        "test_auc": area(labels, scores),
        "machine": machine(),
        "code": carina_code() if competitor.name.startswith(CARINA) else "",
    }


class MeasurementError(Exception):
    """A competitor could not be measured."""


def area(labels: list[int], scores: list[list[float]]) -> float | None:
    """Return the area under the ROC curve (of several classes the mean of one against the
    rest), or None where a class is missing."""
    n_classes = len(scores[0]) if scores else 0
    if len(set(labels)) < n_classes or n_classes < 2:
        return None
    areas = [
        roc_auc_score([label == index for label in labels], [row[index] for row in scores])
        for index in range(n_classes)
    ]
    return float(sum(areas) / n_classes)


def carina_code() -> str:
    """Return a digest of Carina's source, which tells its states apart."""
    digest = hashlib.sha256()
    source = _BENCHMARKS.parent / "src" / "carina"
    for path in sorted(source.rglob("*")):
        if path.suffix in (".py", ".toml"):
            digest.update(str(path.relative_to(source)).encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def machine() -> str:
    """Return the processor, its instructions for matrices, its cores and the system."""
    processor, flags = platform.processor() or platform.machine(), ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
        facts = {line.partition(":")[0].strip(): line.partition(":")[2].strip() for line in lines}
        processor = facts.get("model name", processor)
        known = set(facts.get("flags", "").split())
        flags = " ".join(f"{name}={'yes' if name in known else 'no'}" for name in _FLAGS)
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{processor}, {n_cores} cores, {flags or 'flags unknown'}, {platform.system()}"
