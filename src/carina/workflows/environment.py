"""What a run should know about the machine it was made on."""

import os
import platform
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from carina.domain.dataset import Dataset
from carina.files.machine import usable_cores
from carina.runs import TRAINING, Environment
from carina.version import VERSION

_PACKAGES = (
    "torch", "numpy", "onnx", "onnxruntime", "onnxscript", "opencv-python-headless", "openvino",
    "pillow", "pydicom", "pywavelets", "scikit-image", "scikit-learn", "scipy",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AskedWords:
    """What `carina train` was asked for, as the record of a run keeps it.

    Attributes:
        command: the words that ask for it again.
        data: DATA, made absolute.
        seeds: how many trainings with seeds of their own.
        folds: a number, "source", or "".
    """

    command: str
    data: tuple[str, ...]
    seeds: int = 1
    folds: str = ""


def starting_environment(dataset: Dataset, *, words: AskedWords) -> Environment:
    """Return the record of a run that begins now, on this machine."""
    return Environment(
        started=datetime.now().astimezone().isoformat(timespec="seconds"),
        status=TRAINING,
        command=words.command,
        data=words.data,
        seeds=words.seeds,
        folds=words.folds,
        versions={"python": platform.python_version(), "carina": VERSION, **_versions()},
        machine=machine_facts(),
        sources={source.name: source.folder for source in dataset.sources},
        notes=(
            *dataset.notes,
            *(out.sentence for out in dataset.left_out),
        ),
    )


def machine_facts() -> dict[str, str | int | float]:
    """Return what is known of the hardware without asking for a privilege."""
    facts: dict[str, str | int | float] = {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": usable_cores(),
    }
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        n_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        facts["memory_gb"] = round(n_bytes / 2**30, 1)
    return facts


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
