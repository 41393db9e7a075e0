"""Where to train anew would take no longer than to go on, a resumed training says so."""

import pytest

from carina.domain.recipe import TrainSection
from carina.training.checkpoints import Checkpoints, EpochSoFar, Standing
from carina.training.telling import rather_anew


def told(tmp_path, *, done, epochs=10, seconds=100.0, read_s=0.1, threads=1, anew=1):
    """What is told of a training with so many epochs done, of so many seconds each."""
    checkpoints = Checkpoints(tmp_path, identity={}, circumstances={})
    checkpoints.threads_anew, checkpoints.read_s = anew, read_s
    standing = Standing(EpochSoFar(done + 1), history=[{}] * done, seconds=done * seconds)
    return rather_anew(standing, TrainSection(epochs=epochs, threads=threads), checkpoints)


def test_where_reading_took_longer_than_what_it_saves(tmp_path):
    assert "0.0 s of training are kept, and to read them took 0.1 s" in told(tmp_path, done=0)
    assert told(tmp_path, done=1) == ""


def test_where_it_keeps_to_fewer_threads_than_it_would_get_now(tmp_path):
    said = told(tmp_path, done=2, anew=16)
    assert "about 800 s with the 1 thread that the training began with" in said
    assert "anew, with 16, it may take as little as 62 s" in said


@pytest.mark.parametrize(
    ("done", "anew"), [(2, 1), (9, 2), (10, 16)], ids=["as many", "nearly done", "done"]
)
def test_nothing_is_said_where_to_go_on_is_quicker(tmp_path, done, anew):
    assert told(tmp_path, done=done, anew=anew) == ""
