"""What the last digits of a training depend on, beside its recipe and its films."""

import cv2
import numpy as np
import torch

from carina.training.precision import PrecisionChoice
from carina.version import VERSION


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
