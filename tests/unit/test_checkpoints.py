import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from carina.domain.recipe import AugmentSection, TrainSection
from carina.errors import RunError, StoppedBySignal
from carina.files.generations import Generations
from carina.training.checkpoints import (
    DUE_AFTER_COSTS,
    Checkpoints,
    has_checkpoint,
    remove_checkpoints,
)
from carina.training.fit import fit
from carina.training.precision import PrecisionChoice
from making.training_films import easy_films, small_network

CHANGES = AugmentSection(zoom=0.1, horizontal_flip=True)
SAME = {"identity": {"recipe": "a"}, "circumstances": {"torch": "1"}}


class Clock:
    """Seconds that pass as the test says; it asks for the end at one of its strokes."""

    def __init__(self, *, seconds_a_stroke=1e6, stop_at=math.inf):
        self.now, self.strokes = 0.0, 0
        self.seconds_a_stroke, self.stop_at = seconds_a_stroke, stop_at
        self.checkpoints = None

    def __call__(self):
        self.now += self.seconds_a_stroke
        self.strokes += 1
        if self.strokes >= self.stop_at:
            self.checkpoints.stop_signal = signal.SIGTERM
        return self.now


def checkpoints_in(folder, *, stop_at=math.inf, seconds_a_stroke=1e6, **facts):
    clock = Clock(seconds_a_stroke=seconds_a_stroke, stop_at=stop_at)
    clock.checkpoints = Checkpoints(folder, **{**SAME, **facts}, clock=clock)
    return clock.checkpoints


def train(checkpoints=None, *, precision="fp32", weighting="none", told=None, **network):
    made = small_network(**{"dropout_features": 0.2, **network})
    section = TrainSection(
        epochs=3, batch_size=16, threads=1, learning_rate=0.01, weighting=weighting
    )
    return fit(
        made,
        easy_films(40, 20),
        train=section,
        augment=CHANGES,
        precision=PrecisionChoice(precision, "the test says so"),
        checkpoints=checkpoints,
        progress=(lambda step: None) if told is None else told.append,
    )


def figures(fitted):
    """What must not differ: all but the seconds."""
    return [{n: v for n, v in row.items() if n != "seconds"} for row in fitted.history]


def same(one, other):
    return (
        str(figures(one)) == str(figures(other))  # as text: NaN is NaN
        and one.best_epoch == other.best_epoch
        and all(
            states[0].keys() == states[1].keys()
            and all(torch.equal(states[0][name], states[1][name]) for name in states[0])
            for states in (
                (one.best_state, other.best_state),
                (one.last_state, other.last_state),
            )
        )
    )


def states(folder):
    return sorted(file.name for file in folder.glob("training-*"))


@pytest.mark.parametrize(
    ("precision", "weighting"), [("fp32", "balanced-sampling"), ("bf16", "class-weights")]
)
def test_stopped_after_any_step_a_training_ends_with_the_same_bits(tmp_path, precision, weighting):
    known = {"precision": precision, "weighting": weighting}
    whole = train(**known)
    n_stops = 0
    for number in range(40):  # it stops again and again, each time a little later
        try:
            fitted = train(checkpoints_in(tmp_path, stop_at=4 + number % 3 * 2), **known)
            break
        except StoppedBySignal:
            n_stops += 1
    assert n_stops >= 3
    assert same(fitted, whole)
    again = train(checkpoints_in(tmp_path), **known)  # all is trained: nothing is done twice
    assert same(again, whole)
    sizes = [file.stat().st_size for file in sorted(tmp_path.glob("training-*.safetensors"))]
    assert sizes[-1] < 0.6 * sizes[0]  # no moments after the last step


def test_the_moments_lie_in_memory_as_their_values_do(tmp_path):
    with pytest.raises(StoppedBySignal):
        train(checkpoints_in(tmp_path, stop_at=4))
    network = small_network(dropout_features=0.2).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), fused=True)
    assert checkpoints_in(tmp_path).restore(network, optimizer) is not None
    kernels = [values for values in network.parameters() if values.ndim == 4]
    assert kernels
    for values in kernels:
        assert optimizer.state[values]["exp_avg"].stride() == values.stride()


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(tmp_path):
    whole = train()
    with pytest.raises(StoppedBySignal):
        train(checkpoints_in(tmp_path, stop_at=12))
    newest = max(tmp_path.glob("training-*.safetensors"))
    newest.write_bytes(newest.read_bytes()[:-1] + b"x")
    told = []
    assert same(train(checkpoints_in(tmp_path), told=told), whole)
    assert any("is damaged and was passed over" in step.message for step in told)


def test_a_checkpoint_that_was_not_finished_is_none(tmp_path):
    whole = train()
    with pytest.raises(StoppedBySignal):
        train(checkpoints_in(tmp_path, stop_at=12))
    max(tmp_path.glob("training-*.json")).unlink()
    told = []
    assert same(train(checkpoints_in(tmp_path), told=told), whole)
    assert not any("damaged" in step.message for step in told)


def test_two_generations_are_kept_and_none_is_left_when_they_are_removed(tmp_path):
    train(checkpoints_in(tmp_path))
    assert len(states(tmp_path)) == 4  # two of weights, two of facts
    assert has_checkpoint(tmp_path)
    remove_checkpoints(tmp_path)
    assert states(tmp_path) == []
    assert not has_checkpoint(tmp_path)


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    train(checkpoints_in(tmp_path))
    with pytest.raises(RunError, match="recipe: a there, b here"):
        train(checkpoints_in(tmp_path, identity={"recipe": "b"}))


def test_other_circumstances_are_told(tmp_path):
    train(checkpoints_in(tmp_path))
    told = []
    train(checkpoints_in(tmp_path, circumstances={"torch": "2"}), told=told)
    assert any("torch: 1 there, 2 here" in step.message for step in told)


def test_a_checkpoint_is_due_when_forty_times_the_cost_of_the_last_has_passed(tmp_path):
    clock = Clock(seconds_a_stroke=0)
    kept = Checkpoints(tmp_path, **SAME, clock=clock)
    network = small_network()
    assert not kept.is_due(network)
    clock.now += DUE_AFTER_COSTS * 0.06
    assert kept.is_due(network)


# In a process of its own: what other tests freed and torch gives back or takes is not counted.
_A_HUNDRED_EPOCHS = """
import json, os, sys
from pathlib import Path
from carina.domain.recipe import AugmentSection, TrainSection
from carina.training.checkpoints import Checkpoints
from carina.training.fit import fit
from carina.training.precision import PrecisionChoice
from making.training_films import easy_films, small_network

held, hours = [], 0.0

def look(step):
    global hours
    hours += 3600
    if step.message.startswith(("epoch 10 ", "epoch 100 ")):
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        files = len(list(Path("/proc/self/fd").iterdir()))
        held.append((pages * os.sysconf("SC_PAGE_SIZE"), files))

fit(
    small_network(dropout_features=0.2),
    easy_films(24, 12),
    train=TrainSection(epochs=100, batch_size=12, threads=1),
    augment=AugmentSection(zoom=0.1, horizontal_flip=True),
    precision=PrecisionChoice("fp32", "the test says so"),
    checkpoints=Checkpoints(Path(sys.argv[1]), identity={}, circumstances={}, clock=lambda: hours),
    progress=look,
)
print(json.dumps(held))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").is_file(), reason="where the kernel tells")
def test_a_hundred_epochs_hold_no_more_memory_and_files_than_ten(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", _A_HUNDRED_EPOCHS, tmp_path],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    (early, early_files), (late, late_files) = json.loads(done.stdout)
    # A sound training adds half a megabyte; weights left behind would add 0.07 each time.
    assert late - early < 1_500_000
    assert late_files == early_files
    assert len(states(tmp_path)) == 4


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace('"best_epoch": 3', '"best_epoch": 1', 1),
        lambda text: text.replace('"optimizer_steps"', '"optimizer_stops"', 1),
        lambda text: '{"facts": ' + "[" * 100_000,
        lambda text: text[: len(text) // 2],
    ],
)
def test_a_state_whose_figures_were_damaged_is_passed_over_like_one_whose_weights_were(
    tmp_path, damage
):
    train(checkpoints_in(tmp_path))
    newest = sorted(tmp_path.glob("*.json"))[-1]
    text = newest.read_text(encoding="utf-8")
    newest.write_text(damage(text), encoding="utf-8")
    assert newest.read_text(encoding="utf-8") != text
    told = []
    train(checkpoints_in(tmp_path), told=told)
    assert any("is damaged and was passed over" in step.message for step in told)


def test_figures_that_are_no_trainings_are_passed_over_whatever_their_digest(tmp_path):
    kept = Generations(tmp_path, "training", ending="safetensors")
    train(checkpoints_in(tmp_path))
    content, facts = kept.newest(lambda one: (one.content, one.facts))[0]
    kept.write(content, {**facts, "history": 3})
    kept.write(content, {"identity": {}})
    checkpoints = checkpoints_in(tmp_path)
    train(checkpoints)
    assert len([one for one in checkpoints.remarks if "not those of a training" in one]) == 2
