import os

import pytest
import torch

from carina.files.machine import usable_cores
from carina.training.device import float32_products, usable_threads
from carina.workflows.environment import machine_facts


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no pinning on this system")
def test_a_pinned_process_may_use_the_cores_it_is_pinned_to():
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        assert usable_cores() == usable_threads(0) == machine_facts()["cores"] == 1
    finally:
        os.sched_setaffinity(0, cores)


def test_where_the_system_does_not_say_all_cores_count(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert usable_cores() == (os.cpu_count() or 1)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cores() == 1


def tf32_settings():
    return torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32


def test_a_gpu_multiplies_exactly_or_in_tf32_and_then_as_before():
    """The settings exist without a GPU too."""
    before, gpu = tf32_settings(), torch.device("cuda")
    with float32_products(gpu, exact=False):
        assert tf32_settings() == ("high", True)
        with float32_products(gpu, exact=True):
            assert tf32_settings() == ("highest", False)
        assert tf32_settings() == ("high", True)
    assert tf32_settings() == before
    with float32_products(torch.device("cpu"), exact=False):
        assert tf32_settings() == before
