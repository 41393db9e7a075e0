"""Where a training computes, and with how many threads; chosen here and nowhere else."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from carina.files.machine import usable_cores


def training_device() -> torch.device:
    """Return the first GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def usable_threads(asked: int) -> int:
    """Return `asked`, or all the cores that this process may use if it is 0."""
    return asked or usable_cores()


@contextmanager
def torch_threads(n_threads: int) -> Iterator[None]:
    """Let torch compute on `n_threads` CPU threads in the block, then on as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def float32_products(device: torch.device, *, exact: bool) -> Iterator[None]:
    """Let a GPU multiply float32 values exactly in the block, or as TF32, then as before.

    TF32 holds a factor to 0.05 % and is several times quicker; it is for training steps in
    fp32. A CPU always multiplies exactly.
    """
    if device.type != "cuda":
        yield
        return
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest" if exact else "high")
    try:
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=not exact):
            yield
    finally:
        torch.set_float32_matmul_precision(before)


@contextmanager
def own_chance(device: torch.device) -> Iterator[None]:
    """Give torch's own generators back as they were when the block ends."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield
