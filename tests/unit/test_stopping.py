"""Ctrl-C and SIGTERM: what is asked to end ends in time, and says how it goes on."""

import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import torch

from carina.domain.recipe import AugmentSection, TrainSection
from carina.errors import StoppedBySignal
from carina.files.stopping import advice_now, advising, ending_in_time
from carina.training.checkpoints import Checkpoints, has_checkpoint
from carina.training.fit import fit
from carina.training.precision import PrecisionChoice
from carina.workflows import going_on
from carina.workflows.going_on import stopping_at_signals
from making.training_films import easy_films, small_network

DEAF = """
import os, signal, time
from carina.files.stopping import advising, ending_in_time
signal.signal(signal.SIGTERM, lambda *_: None)
with ending_in_time(print, seconds=0.1), advising(lambda: "go on"):
    os.kill(os.getpid(), signal.SIGTERM)
    while True:
        time.sleep(0.05)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_work_that_does_not_hear_is_ended_in_time_with_its_advice():
    ended = subprocess.run(
        [sys.executable, "-u", "-c", DEAF], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout.strip()) == (143, "stopped by SIGTERM; go on")


def test_work_that_ends_by_itself_leaves_no_trace():
    said = []
    before = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(before)
    with ending_in_time(said.append), advising(lambda: "the inner one"):
        assert advice_now() == "the inner one"
    assert (said, advice_now()) == ([], "")
    assert signal.set_wakeup_fd(before) == before


def unheard(number, _frame):
    raise AssertionError(f"nobody heard the signal {number}")


@pytest.fixture(autouse=True)
def _whoever_hears_nothing_is_not_killed():
    before = signal.signal(signal.SIGTERM, unheard)
    yield
    signal.signal(signal.SIGTERM, before)


def trained(checkpoints=None, films=None, network=None):
    return fit(
        network or small_network(dropout_features=0.2),
        films or easy_films(40, 20),
        train=TrainSection(epochs=3, batch_size=16, threads=1, learning_rate=0.01),
        augment=AugmentSection(zoom=0.1),
        precision=PrecisionChoice("fp32", "the test says so"),
        checkpoints=checkpoints,
    )


def checkpoints_in(folder):
    return Checkpoints(folder, identity={}, circumstances={})


def same(one, other):
    return all(torch.equal(one.last_state[name], other.last_state[name]) for name in one.last_state)


class Interrupting:
    """Gives way to a function, but for one call, at which it raises a signal first."""

    def __init__(self, function, *, at):
        self.function, self.at, self.calls = function, at, 0

    def __call__(self, *arguments):
        self.calls += 1
        if self.calls == self.at:
            signal.raise_signal(signal.SIGTERM)
        return self.function(*arguments)


def test_a_signal_while_validation_films_are_answered_ends_at_once_after_a_checkpoint(tmp_path):
    films = easy_films(40, 20)
    read = Interrupting(films.validation.read_levels, at=3)  # two batches of them: in epoch 2
    heard = replace(films, validation=replace(films.validation, read_levels=read))
    checkpoints = checkpoints_in(tmp_path)
    with pytest.raises(StoppedBySignal, match="SIGTERM"), stopping_at_signals(checkpoints):
        trained(checkpoints, heard)
    assert read.calls == 3
    assert same(trained(checkpoints_in(tmp_path)), trained())


def test_a_signal_in_a_step_ends_after_it_and_a_second_one_at_once(tmp_path):
    network = small_network(dropout_features=0.2)
    network.forward = Interrupting(network.forward, at=2)
    checkpoints = checkpoints_in(tmp_path)
    with pytest.raises(StoppedBySignal), stopping_at_signals(checkpoints):
        trained(checkpoints, network=network)
    assert network.forward.calls == 2
    assert same(trained(checkpoints_in(tmp_path)), trained())
    assert signal.getsignal(signal.SIGTERM) is unheard


def test_a_step_that_takes_too_long_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(going_on, "_STEP_MAY_TAKE_S", 0.05)
    network, stopped = small_network(), []

    def forward(images):
        signal.raise_signal(signal.SIGTERM)
        until = time.monotonic() + 20
        while time.monotonic() < until:
            pass
        stopped.append("too late")

    network.forward = forward
    checkpoints = checkpoints_in(tmp_path)
    with pytest.raises(StoppedBySignal), stopping_at_signals(checkpoints):
        trained(checkpoints, network=network)
    assert stopped == []
    assert not has_checkpoint(tmp_path)
