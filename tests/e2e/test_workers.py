"""One process, two processes and a local Ray of two workers: the same answers."""

import gc
import os
import signal
import time
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from carina.data.kept_levels import KeptLevels
from carina.domain.recipe import AugmentSection, NetworkSection, TrainSection
from carina.errors import StoppedBySignal, StorageError, UsageError
from carina.files.tables import read_table
from carina.models.build import build_network
from carina.training.checkpoints import Checkpoints
from carina.training.distributed.fit import fit_distributed
from carina.training.fit import fit
from carina.training.precision import PrecisionChoice
from carina.workflows.audit import audit
from carina.workflows.cluster.mapping import Workers, mapped
from carina.workflows.predict import predict
from conftest import COUNTS, QUICK
from making import two_processes
from making.training_films import easy_films, small_network
from making.two_processes import WaitingCheckpoints, kept, launcher

pytestmark = pytest.mark.slow
pytest.importorskip("ray", reason="needs the extra 'cluster'")
# Ray forgets to close pipes and sockets of the processes that it starts and ends.
forgetful = pytest.mark.filterwarnings(
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
    # It asks itself for settings that it calls out of date.
    "ignore:`use_.*` is deprecated:DeprecationWarning",
)
FP32 = PrecisionChoice("fp32", "a test")
AUGMENT = AugmentSection(rotation_degrees=5, shift=0.05)
# Sums of float32 in another order; twelve steps of Adam do not make more of it (measured: 3e-8).
TOLERANCE = 1e-6


@pytest.fixture(scope="module")
def own_ray():
    """One local Ray for all tests of the module."""
    from ray import cloudpickle

    from carina.workflows.cluster.session import ray_session

    # Its workers do not find the tests.
    cloudpickle.register_pickle_by_value(two_processes)
    session = ray_session("", cores=2)
    with _forgetful():
        session.__enter__()
    yield
    with _forgetful():
        session.__exit__(None, None, None)
        gc.collect()


@contextmanager
def _forgetful():
    """Let Ray start and end its processes without closing all that they were started with."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield


@pytest.mark.parametrize(
    ("architecture", "weighting"),
    [("two-conv", "class-weights"), ("five-conv", "balanced-sampling")],
)
def test_two_processes_train_as_one_does(tmp_path, architecture, weighting):
    films = kept(easy_films(31, 9), tmp_path / "cache")
    train = TrainSection(epochs=2, batch_size=15, precision="fp32", threads=1, weighting=weighting)
    one = fit(_network(architecture), films, train=train, augment=AUGMENT, precision=FP32)
    two, n_lost = _by(launcher(2), films, tmp_path, train, network=_network(architecture))
    assert n_lost == 0
    if architecture == "two-conv":
        _assert_same(one, two)
        return
    # A bias before a batch normalisation has no gradient but rounding, of which Adam makes whole
    # steps; only the lag of the running mean lets them show (measured: 1e-5).
    for a, b in zip(one.history, two.history, strict=True):
        assert np.isclose(a["loss"], b["loss"], atol=1e-4)
        assert np.isclose(a["val_loss"], b["val_loss"], atol=1e-4)


@forgetful
def test_two_workers_of_ray_train_as_one_process_does_though_one_is_killed(tmp_path, own_ray):
    from carina.training.distributed.ray_workers import ray_workers

    films = kept(easy_films(31, 9), tmp_path / "cache")
    train = TrainSection(epochs=3, batch_size=15, precision="fp32", threads=1)
    one = fit(small_network(), films, train=train, augment=AUGMENT, precision=FP32)
    told, killed, gone = [], [], tmp_path / "gone"
    # The second epoch does not go on before a worker is killed.
    checkpoints = WaitingCheckpoints(
        tmp_path / "kept", until=gone, after_steps=-(-len(films.train) // train.batch_size)
    )

    def hear(step):
        told.append(step.message)
        if step.message.startswith("epoch 1") and not killed:
            killed.append(max(_processes("RayTrainWorker")))
            os.kill(killed[0], signal.SIGKILL)
            gone.touch()

    two, n_lost = _by(
        ray_workers(2, threads=1), films, tmp_path, train, checkpoints=checkpoints, progress=hear
    )
    assert n_lost == len(killed) == 1
    assert any("a worker was lost; all 2 begin again" in message for message in told)
    _assert_same(one, two)


def test_workers_that_are_asked_to_stop_keep_a_checkpoint_from_which_they_go_on(tmp_path):
    films = kept(easy_films(31, 9), tmp_path / "cache")
    train = TrainSection(epochs=3, batch_size=15, precision="fp32", threads=1)
    one = fit(small_network(), films, train=train, augment=AUGMENT, precision=FP32)
    checkpoints = Checkpoints(tmp_path / "kept", identity={}, circumstances={})
    checkpoints.stop_signal = signal.SIGTERM  # as heard before the first step
    with pytest.raises(StoppedBySignal):
        _by(launcher(2), films, tmp_path, train, checkpoints=checkpoints)
    two, _ = _by(launcher(2), films, tmp_path, train)
    _assert_same(one, two)


def test_a_worker_that_cannot_see_the_cache_says_which_folder_all_must_share(tmp_path):
    films = easy_films(4, 4)
    with pytest.raises(StorageError, match="CARINA_CACHE_DIR name one folder"):
        KeptLevels(tmp_path / "elsewhere", films.spec)(["00" * 32])


@forgetful
def test_films_are_read_and_answered_by_workers_as_by_one_process(
    tmp_path, own_ray, phantom_films, trained_run, monkeypatch
):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no film")
    given = [phantom_films / "test", broken]
    alone = predict(trained_run.folder, given, csv=tmp_path / "one.csv")
    shared = predict(trained_run.folder, given, csv=tmp_path / "two.csv", workers=2)
    assert shared.counts == alone.counts
    one, two = (read_table(tmp_path / f"{name}.csv", error=UsageError) for name in ("one", "two"))
    assert [row["path"] for row in one] == [row["path"] for row in two]
    assert len(two) == 3 * COUNTS["test"] + 1
    for a, b in zip(one, two, strict=True):
        assert a["predicted"] == b["predicted"]
        for name in a:
            if name.startswith("logit_") and a[name]:
                # One thread computes here and two there.
                assert abs(float(a[name]) - float(b[name])) < 1e-5
    before = (tmp_path / "two.csv").read_bytes()
    predict(trained_run.folder, given, csv=tmp_path / "two.csv", workers=2)
    # The broken film was answered before; nothing is answered twice.
    assert (tmp_path / "two.csv").read_bytes() == before


@forgetful
def test_an_audit_by_workers_finds_what_one_process_finds(
    tmp_path, own_ray, phantom_films, monkeypatch
):
    alone = audit(phantom_films, out=tmp_path / "one")
    monkeypatch.setenv("CARINA_CACHE_DIR", str(tmp_path / "another"))  # nothing is known there
    shared = audit(phantom_films, out=tmp_path / "two", workers=2)
    assert shared.audit == alone.audit


@forgetful
def test_what_a_killed_worker_had_in_hand_is_done_by_another(own_ray):
    def squares():
        def square(number):
            time.sleep(0.3)  # so long that it is killed in the middle
            return number**2

        return square

    made = []
    for found in mapped(squares, list(range(12)), Workers(2)):
        made.append(found)
        if len(made) == 1:
            os.kill(max(_processes("MapWorker")), signal.SIGKILL)
    assert made == [number**2 for number in range(12)]


def test_workers_are_refused_what_they_cannot_do(trained_run, tmp_path, phantom_films):
    with pytest.raises(UsageError, match="answers films in files"):
        predict(trained_run.folder, phantom_films, explain=tmp_path / "maps", workers=2)
    with pytest.raises(UsageError, match="from 1 to"):
        predict(trained_run.folder, phantom_films, workers=0)


@forgetful
@pytest.mark.nightly
def test_a_run_trained_by_workers_says_so_and_is_whole(
    tmp_path, own_ray, phantom_films, carina_command
):
    words = [word for setting in QUICK for word in ("--set", setting)]
    words += ["--set", "train.epochs=1", "--set", "evaluate.masked_probe=false"]
    run = tmp_path / "run"
    code, _, err = carina_command("train", phantom_films, "--out", run, "--workers", 2, *words)
    assert code == 0, err
    from carina.runs import Run

    environment = Run(run).environment
    assert environment.workers == 2
    assert "--workers 2" in environment.command
    assert environment.circumstances["workers"] == 2
    assert Run(run).is_finished
    assert not list((run / "checkpoints").glob("workers-*"))


def _network(architecture):
    if architecture == "two-conv":
        return small_network()
    section = NetworkSection(
        architecture="conv-stack",
        options={"filters": (4, 8), "dense": (8,), "batch_norm": True},
    )
    films = easy_films(2, 2)
    return build_network(section, spec=films.spec, n_classes=2, seed=0)


def _by(launch, films, folder, train, *, network=None, checkpoints=None, progress=None):
    place = folder / "kept"
    return fit_distributed(
        network or small_network(),
        films,
        train=train,
        augment=AUGMENT,
        precision=FP32,
        cache_dir=None,
        checkpoints=checkpoints or Checkpoints(place, identity={}, circumstances={}),
        folder=place,
        launch=launch,
        workers=2,
        progress=progress or (lambda step: None),
    )


def _assert_same(one, two):
    assert two.best_epoch == one.best_epoch
    for a, b in zip(one.history, two.history, strict=True):
        for name in a.keys() - {"seconds"}:
            assert np.isclose(a[name], b[name], atol=TOLERANCE, equal_nan=True), name
    for name, value in one.last_state.items():
        off = (value.double() - two.last_state[name].double()).abs().max()
        assert float(off) < TOLERANCE, name


def _processes(name):
    """The numbers of the processes of this one's Ray whose command line holds a name."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
            if name.encode() in words and _parent(_parent(int(folder.name))) == os.getpid():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def _parent(process):
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
