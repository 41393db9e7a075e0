"""A disk without room: refused before the start, told with numbers, and nothing left behind."""

import contextlib
import errno
import os
import sys

import pytest

from carina.errors import StorageError
from carina.files.append_only import append_at
from carina.files.atomic import remove_unfinished, storage_errors, write_bytes
from carina.files.generations import Generations
from carina.files.recipes import read_recipe, with_settings
from carina.files.room import require_room
from carina.runs import Run
from carina.workflows.films import open_films
from carina.workflows.room_needed import RoomNeeded, require_room_for, telling_room_needed
from conftest import QUICK

linux = pytest.mark.skipif(sys.platform != "linux", reason="reserves room as Linux does")
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits")


@contextlib.contextmanager
def files_of_at_most(n_bytes):
    """Let no file of this process grow beyond so many bytes in the block."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (
            errno.ENOSPC,
            r"no room left \(2.5 MB are needed for it, [\d,.]+ MB are free\); free some",
        ),
        (errno.EDQUOT, r"your quota is used up \(2.5 MB are needed"),
        (errno.EFBIG, r"may not be so large \(2.5 MB are needed.*ulimit -f"),
        (errno.EROFS, "the file system is read-only; choose another place with --csv"),
        (errno.EACCES, "not permitted; choose another place"),
        (errno.EIO, "check the disk or the network it lies on"),
    ],
)
def test_a_refused_write_is_told_with_the_reason_and_the_room(tmp_path, number, words):
    with (
        pytest.raises(StorageError, match=f"cannot write .*answers.csv: .*{words}"),
        storage_errors(tmp_path / "answers.csv", option="--csv", n_bytes=2_500_000),
    ):
        raise OSError(number, os.strerror(number))


@posix
def test_a_file_that_has_no_room_leaves_the_old_one_and_no_temporary_one(tmp_path):
    file = tmp_path / "card.json"
    write_bytes(file, b"old")
    with files_of_at_most(10_000), pytest.raises(StorageError, match=r"0\.1 MB are needed"):
        write_bytes(file, bytes(20_000))
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


@posix
def test_the_last_states_stay_where_there_is_no_room_for_a_new_one(tmp_path):
    kept = Generations(tmp_path, "training", ending="bin")
    for number in (1, 2):
        kept.write(bytes([number]) * 9000, {})
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with files_of_at_most(5000), pytest.raises(StorageError):
        kept.write(bytes([3]) * 9000, {})
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


@posix
def test_rows_that_have_no_room_are_cut_off_again(tmp_path):
    file = tmp_path / "rows.bin"
    append_at(file, 0, b"old")
    with files_of_at_most(5000), pytest.raises(OSError, match="large"):
        append_at(file, 3, bytes(9000))
    assert file.read_bytes() == b"old"


def test_what_killed_processes_left_is_removed_and_nothing_else(tmp_path):
    (tmp_path / "members" / ".classifier.abc.unfinished").mkdir(parents=True)
    (tmp_path / "members" / ".classifier.abc.unfinished" / "card.json").touch()
    for name in (".history.csv.x.unfinished", ".keep", "my.unfinished"):
        (tmp_path / name).touch()
    remove_unfinished(tmp_path)
    assert sorted(file.name for file in tmp_path.rglob("*")) == [
        ".keep",
        "members",
        "my.unfinished",
    ]


@linux
def test_a_limit_that_no_free_room_tells_of_is_met_before_the_work(tmp_path):
    with (
        files_of_at_most(10_000_000),
        pytest.raises(
            StorageError, match=r"30.0 MB .* for a run, the largest file 12.0 MB: a limi"
        ),
    ):
        require_room(tmp_path, n_bytes=30_000_000, largest=12_000_000, purpose="for a run")
    with files_of_at_most(13_000_000):
        require_room(tmp_path, n_bytes=30_000_000, largest=12_000_000)
    assert list(tmp_path.iterdir()) == []


def test_a_run_is_refused_before_it_starts_with_the_room_that_it_needs(settings, tmp_path):
    run = Run(tmp_path / "run")
    with pytest.raises(StorageError, match=r"1,000,000,000,000 MB are needed for this run"):
        require_room_for(run, RoomNeeded(10**18, 10**6, 0), settings)
    with pytest.raises(StorageError, match=r"CARINA_CACHE_DIR|for this run"):
        require_room_for(run, RoomNeeded(10**6, 10**6, 10**18), settings)


def test_a_write_of_a_library_that_fails_is_told_as_our_own(tmp_path):
    run = Run(tmp_path / "a run")
    run.folder.mkdir()
    run.environment_file.touch()
    with (
        pytest.raises(
            StorageError,
            match=r"figure.png: .*no room left.*run needs about 5.0 MB more.*--resume '.*a run'",
        ),
        telling_room_needed(run, RoomNeeded(5_000_000, 1, 0)),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(run.folder / "figure.png"))


@pytest.mark.slow
def test_the_room_counted_is_enough_for_a_run_and_not_many_times_too_much(
    trained_run, phantom_films, settings
):
    pytest.importorskip("torch", reason="training needs the extra 'train'")
    from carina.workflows.room_needed import room_needed
    from carina.workflows.start import start_networks

    recipe = with_settings(read_recipe("two-conv"), list(QUICK))
    films = open_films([phantom_films], recipe, settings, lambda step: None)
    starts = start_networks(films, recipe, settings, lambda step: None)
    weights = sum(values.nbytes for values in starts[0].network.state_dict().values())
    taken = sum(file.stat().st_size for file in trained_run.folder.rglob("*") if file.is_file())
    needed = room_needed(starts)
    checkpoints = 4 * 4 * weights  # two, the masked probe's, and one that is being written
    assert taken + checkpoints < needed.run < 3 * (taken + checkpoints)
    assert needed.largest >= 4 * weights
    several = room_needed(starts, n_members=3).run
    assert 3 * taken + checkpoints < several < 3 * needed.run
