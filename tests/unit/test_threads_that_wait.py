"""Threads that wait for each other give way soon, so that two trainings share the cores."""

import os
import subprocess
import sys

import pytest

WAITING = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")


def waiting_told(code="import carina, torch", **variables):
    """Return what OpenMP says of its settings as it is loaded: the lines on waiting."""
    environment = {name: value for name, value in os.environ.items() if name not in WAITING}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment, "OMP_DISPLAY_ENV": "verbose", **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return "".join(line for line in done.stderr.splitlines() if any(n in line for n in WAITING))


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="GNU's OpenMP")
def test_threads_spin_for_microseconds_unless_the_user_said_how_they_wait():
    assert "GOMP_SPINCOUNT = '10000'" in waiting_told()
    assert "GOMP_SPINCOUNT = '77'" in waiting_told(GOMP_SPINCOUNT="77")
    assert waiting_told(OMP_WAIT_POLICY="ACTIVE") == waiting_told(
        "import torch", OMP_WAIT_POLICY="ACTIVE"
    )
    assert "'10000'" not in waiting_told("import torch")
