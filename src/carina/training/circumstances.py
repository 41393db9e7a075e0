"""What the last digits of a training depend on, beside its recipe and its films."""

import re

import cv2
import numpy as np
import torch

from carina.training.precision import PrecisionChoice
from carina.version import VERSION

# As torch.__config__.show() writes them.
_IN_BUILD = {
    "blas of torch": r"BLAS_INFO=([^,\s]+)",
    "mkl": r"oneAPI Math Kernel Library Version (\S+?)-",
    "onednn": r"MKL-DNN v(\S+)",
    "openmp": r"OpenMP (\d+)",
}


def circumstances_of(
    precision: PrecisionChoice, *, threads: int, processor: str
) -> dict[str, str | int]:
    """Return versions, hardware, threads and precision as plain values.

    Args:
        precision: what it computes in.
        threads: CPU threads.
        processor: its name.
    """
    has_gpu = torch.cuda.is_available()
    return {
        "carina": VERSION,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "opencv": cv2.__version__,
        "processor": processor,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "device": torch.cuda.get_device_name() if has_gpu else "cpu",
        "threads": threads,
        "precision": precision.name,
        "fixed layers": precision.runtime,
    }


def libraries() -> dict[str, str]:
    """Return the instruction set that torch uses here, and the libraries that multiply matrices
    for it and for numpy, as plain values.

    Those that a build does not name are left out.
    """
    built_with = torch.__config__.show()
    facts = {"instructions": torch.backends.cpu.get_cpu_capability()}
    for name, pattern in _IN_BUILD.items():
        found = re.search(pattern, built_with)
        if found:
            facts[name] = found[1]
    config = np.show_config(mode="dicts")
    blas = config.get("Build Dependencies", {}).get("blas", {}) if config else {}
    if blas.get("name"):
        facts["blas of numpy"] = f"{blas['name']} {blas.get('version', '')}".strip()
    return facts
