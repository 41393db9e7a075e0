import itertools
import json
import math
import shutil

import pytest
import torch

from carina.domain.recipe import AugmentSection, TrainSection
from carina.errors import CouldNotError, RunError, TrainingError, UsageError
from carina.files.documents import write_document
from carina.runs import DIVERGED, FINISHED, TRAINING, Run
from carina.training.checkpoints import Checkpoints
from carina.training.divergence import DivergedError
from carina.training.fit import fit
from carina.training.precision import PrecisionChoice
from carina.workflows.diverged import keep_diverged, naming_the_diverged, require_not_diverged
from carina.workflows.places import claimed
from making.runs import ExampleRun, write_example_run
from making.training_films import easy_films, small_network


def train(network=None, *, precision="fp32", checkpoints=None, progress=None, **section):
    return fit(
        network or small_network(),
        easy_films(48, 20),
        train=TrainSection(**{"epochs": 4, "batch_size": 16, "threads": 1, **section}),
        augment=AugmentSection(),
        precision=PrecisionChoice(precision, "the test says so"),
        checkpoints=checkpoints,
        progress=progress or (lambda step: None),
    )


def diverged(*arguments, **section):
    with pytest.raises(DivergedError) as found:
        train(*arguments, **section)
    assert isinstance(found.value, CouldNotError)
    assert found.value.exit_code == 1
    return found.value


def spoiling(network, after_epoch, spoil):
    """A progress that spoils a network's values when an epoch's end is told."""

    def tell(step):
        if step.message.startswith(f"epoch {after_epoch} of"):
            with torch.no_grad():
                spoil(network)

    return tell


# How it is noticed.


def test_steps_that_are_far_too_large_are_noticed_and_smaller_ones_are_advised():
    error = diverged(learning_rate=1e30)
    assert "diverged" in str(error)
    assert "--set train.learning_rate=0.001" in str(error)
    assert "train.precision" not in str(error)
    assert error.best_epoch == 0


def test_a_tenth_of_small_steps_is_advised_and_fp32_where_it_was_bf16():
    network = small_network()
    progress = spoiling(network, 1, lambda n: next(n.parameters()).fill_(math.nan))
    error = diverged(network, learning_rate=0.0002, precision="bf16", progress=progress)
    assert "--set train.learning_rate=2e-05" in error.advice
    assert "--set train.precision=fp32" in error.advice


def test_the_best_epoch_before_is_kept_with_its_history():
    network, kept = small_network(), {}

    def spoil(spoilt):
        kept.update({n: v.clone() for n, v in spoilt.state_dict().items()})
        next(spoilt.parameters()).fill_(math.nan)

    error = diverged(network, progress=spoiling(network, 2, spoil), learning_rate=0.003)
    assert [row["epoch"] for row in error.history] == [1, 2]
    assert error.best_epoch in (1, 2)
    assert all(values.isfinite().all() for values in error.best_state.values())
    if error.best_epoch == 2:
        assert all(torch.equal(error.best_state[name], kept[name].contiguous()) for name in kept)


def with_statistics():
    """A network whose values include running statistics that its answers in training ignore."""
    network = small_network()
    network.register_buffer("running", torch.zeros(3))
    return network


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_running_statistics_that_are_no_numbers_are_noticed_at_the_epochs_end(bad):
    network = with_statistics()
    progress = spoiling(network, 2, lambda n: n.running.fill_(bad))
    error = diverged(network, progress=progress)
    assert "'running' holds values that are no finite numbers after epoch 3" in str(error)


def test_a_checkpoint_of_values_that_are_no_numbers_is_never_written(tmp_path):
    network = with_statistics()
    strokes = itertools.count()  # each so late that a checkpoint is due at every step
    checkpoints = Checkpoints(
        tmp_path, identity={}, circumstances={}, clock=lambda: 100.0 ** next(strokes)
    )
    progress = spoiling(network, 2, lambda n: n.running.fill_(math.nan))
    error = diverged(network, progress=progress, checkpoints=checkpoints)
    assert "in epoch 3" in str(error)
    fresh = with_statistics()
    standing = checkpoints.restore(fresh, torch.optim.Adam(fresh.parameters(), fused=True))
    assert standing is not None
    assert checkpoints.remarks == ()
    assert fresh.running.isfinite().all()


def test_answers_that_were_never_numbers_blame_the_start_and_not_the_steps():
    network = small_network()
    with torch.no_grad():
        next(network.parameters()).fill_(math.nan)
    error = diverged(network)
    assert "before anything was trained" in str(error)
    assert "start weights" in error.advice
    assert "learning_rate" not in str(error)


def test_a_part_without_films_has_not_diverged():
    films = easy_films(0, 20)
    with pytest.raises(TrainingError, match="no training films") as found:
        fit(
            small_network(), films, train=TrainSection(threads=1), augment=AugmentSection(),
            precision=PrecisionChoice("fp32", "x"),
        )  # fmt: skip
    assert not isinstance(found.value, DivergedError)


# What a run keeps of it.


def standing(run, status, **facts):
    """Make a copied run stand as one that is being made does."""
    environment = run.environment.model_copy(update={"status": status, **facts})
    write_document(run.environment_file, environment)
    return run


ERROR = DivergedError(
    "the training diverged: the loss is nan in epoch 3; try smaller steps",
    best_epoch=2,
    best_state={"w": torch.ones(2)},
    history=[dict.fromkeys(("epoch", "loss", "accuracy", "auc", "auc_macro", "val_loss",
                            "val_accuracy", "val_auc", "val_auc_macro", "seconds"), 1.0)],
)  # fmt: skip


def test_a_diverged_run_keeps_weights_and_history_and_says_so(own_run):
    run = standing(own_run, TRAINING)
    error = keep_diverged(run, ERROR)
    assert str(run.checkpoints_dir / "best.safetensors") in str(error)
    assert "the weights of epoch 2, the best before that" in str(error)
    assert len(run.history) == 1
    record = json.loads(run.environment_file.read_text(encoding="utf-8"))
    assert record["status"] == "diverged"
    assert record["diverged"] == str(ERROR)
    with pytest.raises(RunError, match=r"cannot go on.*--recipe") as refused:
        require_not_diverged(run)
    assert "--set ..." in str(refused.value)


@pytest.mark.parametrize("command", ["verify", "package", "reproduce", "report"])
def test_no_command_advises_to_resume_a_diverged_run(command, tmp_path, carina_command):
    run = write_example_run(tmp_path / "run", ExampleRun(pictures=False, resamples=100))
    keep_diverged(standing(run, TRAINING), ERROR)
    code, _, said = carina_command(command, run.folder)
    assert code == 2
    assert "--resume" not in said
    said = " ".join(said.split())
    assert "the training diverged: the loss is nan in epoch 3" in said
    assert "the weights of its best epoch are kept in" in said


def test_another_training_in_the_place_of_a_diverged_one_is_not_told_to_resume(tmp_path, settings):
    run = write_example_run(tmp_path / "run", ExampleRun(pictures=False, resamples=100))
    keep_diverged(standing(run, TRAINING), ERROR)
    with (
        pytest.raises(UsageError, match="name another place with --out"),
        claimed(run.folder, settings=settings, name="x", n_bytes=1),
    ):
        pass


def test_the_one_of_several_trainings_is_named_and_what_was_finished_stays(own_run, tmp_path):
    whole = standing(own_run, TRAINING)
    for name in ("seed-0", "seed-1"):
        member = whole.members_dir / name
        member.mkdir(parents=True)
        shutil.copy(whole.environment_file, member)
        shutil.copy(whole.recipe_file, member)
    standing(Run(whole.members_dir / "seed-0"), FINISHED)
    with pytest.raises(TrainingError, match=r"^members/seed-1: the training diverged") as found, \
            naming_the_diverged(whole):  # fmt: skip
        raise keep_diverged(Run(whole.members_dir / "seed-1"), ERROR)
    assert "1 training of the run finished before" in str(found.value)
    assert whole.environment.status == DIVERGED
    assert whole.environment.diverged.startswith("members/seed-1: ")
    assert Run(whole.members_dir / "seed-0").is_finished


def test_another_error_of_training_names_nothing(own_run):
    with pytest.raises(TrainingError, match=r"^no films$"), naming_the_diverged(own_run):
        raise TrainingError("no films")
    assert own_run.environment.status == FINISHED
