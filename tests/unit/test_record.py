"""What a run's making takes, and the state that it was made in, stand in its record."""

import itertools
import os
import shutil
import subprocess
import sys
from datetime import datetime

import pytest

from carina.domain.progress import Step, silent
from carina.files.documents import write_document
from carina.imaging.worker import usage
from carina.imaging.worker.usage import peak_memory_mb, processor_seconds
from carina.runs import PREPARED, TRAINING, Environment, GitState, Piece, Run
from carina.workflows import git_state as git_module
from carina.workflows.environment import differences, going_on, opening_of_piece, showing
from carina.workflows.git_state import git_state
from carina.workflows.log import Log
from carina.workflows.record import Moment, Record, note_facts, note_stopped

THEN = "2026-11-22T03:00:00+01:00"
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
on_posix = pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands for git")


def environment(**fields):
    values = {
        "started": THEN,
        "status": TRAINING,
        "command": "carina train films",
        "versions": {"python": "3.11.7", "carina": "0.1.0", "torch": "2.12.0", "numpy": "2.4.6"},
        "machine": {"system": "Linux x86_64", "processor": "A", "cores": 2, "memory_gb": 16.0},
        "sources": {"films": "/films"},
        "computing": {"instructions": "AVX512"},
        "pieces": (Piece(started=THEN),),
    }
    return Environment(**(values | fields))


@pytest.fixture
def run(tmp_path):
    run = Run(tmp_path / "run")
    write_document(run.environment_file, environment())
    return run


def test_time_and_memory_of_a_stage_stand_in_the_record_though_it_fails(run):
    record = Record(run, Moment.now())

    def stopped():
        with record.stage("training"):
            sum(range(100_000))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    found = run.environment
    assert 0 <= found.seconds["training"] <= found.wall_seconds
    assert 0 <= found.cpu_seconds["training"] <= found.processor_seconds
    assert 10 < found.peak_memory_mb["process"] < 1_000_000


def test_a_stage_takes_no_longer_than_the_whole_however_long_its_noting_takes(run, monkeypatch):
    """Each look at the clock is later than the one before."""
    ticks = itertools.count()
    moment = classmethod(lambda cls: cls(float(next(ticks)), float(next(ticks))))
    monkeypatch.setattr(Moment, "now", moment)
    record = Record(run, Moment(0.0, 0.0))
    with record.stage("training"):
        record.note()
    found = run.environment
    assert found.seconds["training"] <= found.wall_seconds
    assert found.cpu_seconds["training"] <= found.processor_seconds


def test_a_piece_after_an_interruption_adds_to_the_pieces_before(run):
    piece = Piece(started=THEN, wall_seconds=100, cpu_seconds=150, peak_memory_mb={"process": 9e6})
    before = environment(
        pieces=(piece,),
        seconds={"training": 90.0, "export": 4.0},
        cpu_seconds={"training": 140.0},
        circumstances={"precision": "bf16"},
        git=GitState(commit="c0ffee"),
    )
    now = environment(started="2026-11-22T05:00:00+01:00", git=GitState(commit="other"))
    now = now.model_copy(update={"versions": {**now.versions, "torch": "2.13.0"}})
    write_document(run.environment_file, going_on(now, before=before))
    record = Record(run, Moment.now())
    for _ in range(2):
        with record.stage("training"):
            pass
    record.note()
    found = run.environment
    assert (found.started, found.resumed, found.circumstances) == (THEN, 1, {"precision": "bf16"})
    assert found.git == GitState(commit="c0ffee")
    assert found.seconds["training"] >= 90
    assert found.seconds["export"] == 4.0
    assert 100 <= found.wall_seconds < 130
    assert found.processor_seconds >= 150
    assert found.peak_memory_mb["process"] == 9e6
    assert found.pieces[0] == piece
    assert found.pieces[1].differs == ("torch: 2.12.0 recorded, 2.13.0 here",)
    assert opening_of_piece(found).endswith("otherwise than before: torch: 2.12.0 recorded, "
                                            "2.13.0 here")  # fmt: skip


def test_a_reproduction_begins_with_what_its_record_chose_and_was_not_interrupted():
    before = environment(
        status=PREPARED, circumstances={"threads": 3}, masked_probe={"epochs": 2}, reproduces="ab"
    )
    found = going_on(environment(started="now"), before=before)
    assert (found.started, found.resumed, len(found.pieces)) == ("now", 0, 1)
    assert found.circumstances == {"threads": 3}
    assert (found.masked_probe, found.reproduces) == ({"epochs": 2}, "ab")


def test_a_run_shows_its_best_members_training_and_its_own_time(run):
    member = environment(threads=4, seconds={"training": 7.0}, wall_seconds=8.0)
    own = environment(wall_seconds=50.0, seeds=3, git=GitState(branch="main"))
    found = showing(own, member)
    assert (found.threads, found.seconds, found.wall_seconds) == (4, {"training": 7.0}, 50.0)
    assert (found.seeds, found.git) == (3, GitState(branch="main"))


def test_a_signal_is_noted_in_the_run_and_in_its_unfinished_members(run):
    (run.folder / "recipe.toml").write_text("", encoding="utf-8")
    for name, status in (("seed-0", "finished"), ("seed-1", TRAINING)):
        write_document(run.members_dir / name / "environment.json", environment(status=status))
        (run.members_dir / name / "recipe.toml").write_text("", encoding="utf-8")
    note_stopped(run, "stopped by Ctrl-C")
    statuses = [each.environment.status for each in (run, *run.members)]
    assert statuses == ["stopped", "finished", "stopped"]
    logs = [each.log_file.is_file() for each in (run, *run.members)]
    assert logs == [True, False, True]
    assert run.log_file.read_text(encoding="utf-8").endswith(" stopped by Ctrl-C\n")


def test_what_is_otherwise_here_is_listed_and_what_was_not_recorded_is_not():
    recorded = environment()
    here = environment(
        versions={"python": "3.11.7", "carina": "0.1.0", "torch": "2.13.0", "scipy": "1.17.1"},
        machine={"system": "Linux x86_64", "processor": "B", "cores": 64},
        computing={"instructions": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    )
    told = [one.sentence for one in differences(recorded, here)]
    assert told == [
        "torch: 2.12.0 recorded, 2.13.0 here",
        "numpy: 2.4.6 recorded, none here",
        "scipy: none recorded, 1.17.1 here",
        "processor: A recorded, B here",
        "instructions: AVX512 recorded, AVX2 here",
        "ONEDNN_MAX_CPU_ISA: none recorded, AVX2 here",
    ]
    older = recorded.model_copy(update={"computing": {}})
    assert [one.what for one in differences(older, here)] == ["torch", "numpy", "processor"]


def test_each_piece_is_a_part_of_the_log_and_each_line_a_time_and_a_sentence(run):
    for beginning in ("the run begins", "the run goes on"):
        log = Log(run.log_file, silent, Record(run, Moment.now()))
        log.begin_piece(beginning)
        log.progress(Step("training", message="epoch 1 of 2\nof\x1b[2J R\udcf6ntgen"))
    first, second = run.log_file.read_text(encoding="utf-8").split("\n\n")
    for part, beginning in ((first, "the run begins"), (second, "the run goes on")):
        lines = part.splitlines()
        assert [line.partition(" ")[2] for line in lines] == [
            beginning, r"epoch 1 of 2\nof\x1b[2J R\xf6ntgen"
        ]  # fmt: skip
        for line in lines:
            assert datetime.fromisoformat(line.partition(" ")[0]).utcoffset() is not None


def test_facts_of_a_training_without_a_run_are_noted_nowhere(tmp_path):
    note_facts(Run(tmp_path / "none"), start_weights="ab")
    assert not (tmp_path / "none").exists()


def test_processor_time_only_grows_and_memory_is_that_of_this_process():
    before = processor_seconds()
    sum(range(200_000))
    assert processor_seconds() >= before
    if sys.platform == "linux":
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
        assert peak_memory_mb()["process"] <= most + 1
    ticks = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
    stat = f"7 (a) b) S {' '.join(['0'] * 10)} {ticks} {2 * ticks} 0"
    assert usage._cpu_seconds_of(stat) == 3.0 or not hasattr(os, "sysconf")


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    folder = tmp_path / "study with a space"
    folder.mkdir()

    def git(*words):
        who = ("-c", "user.name=x", "-c", "user.email=x", "-c", "init.defaultBranch=main")
        subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)

    git("init")
    (folder / "notes.py").write_text("a = 1\n", encoding="utf-8")
    git("add", ".")
    git("commit", "-m", "first")
    git("remote", "add", "origin", "https://jo:secret-token@127.0.0.1/jo/study.git")
    return folder, git


@needs_git
def test_git_tells_commit_branch_and_changed_files_and_no_address(repository):
    folder, _ = repository
    found = git_state(folder)
    assert (len(found.commit), found.branch, found.changed_files) == (40, "main", 0)
    (folder / "notes.py").write_text("a = 2\n", encoding="utf-8")
    (folder / "new.py").write_text("b = 1\n", encoding="utf-8")
    changed = git_state(folder)
    assert (changed.commit, changed.changed_files, changed.note) == (found.commit, 1, "")
    for word in ("secret", "127.0.0.1", "notes.py", "study"):
        assert word not in changed.model_dump_json()


@needs_git
@on_posix
def test_no_program_that_a_repository_names_is_run(repository):
    folder, git = repository
    spy = folder.parent / "spy"
    spy.write_text(f"#!/bin/sh\ntouch '{folder.parent}/was-run'\n", encoding="utf-8")
    spy.chmod(0o755)
    git("config", "core.fsmonitor", str(spy))
    hooks = folder / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("post-index-change", "fsmonitor-watchman", "reference-transaction"):
        shutil.copy(spy, hooks / name)
    (folder.parent / "was-run").unlink(missing_ok=True)
    assert git_state(folder).commit
    assert not (folder.parent / "was-run").exists()


@on_posix
def test_a_git_that_hangs_or_is_absent_holds_nothing_up(tmp_path, monkeypatch):
    fake = tmp_path / "git"
    fake.write_text("#!/bin/sh\n(sleep 600) &\nwait\n", encoding="utf-8")
    fake.chmod(0o755)
    monkeypatch.setattr(git_module, "_PATIENCE_S", 0.2)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert git_state(tmp_path).note == "git gave no answer within 3 s"
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert git_state(tmp_path) == GitState(note="git is not installed")
