"""The ledger of a search: processes that stop, die or write at once leave it whole."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("optuna", reason="carina tune needs the extra 'tune'")

from carina.domain.search_range import SearchRange
from carina.errors import RunError
from carina.workflows.tuning.journal import JOURNAL, opened_journal
from carina.workflows.tuning.ledger import MOST_ATTEMPTS, Ledger

RANGES = {
    "train.learning_rate": (SearchRange(low=1e-5, high=1e-1, log=True), 1e-3),
    "train.batch_size": (SearchRange(low=8, high=64, step=8), 32),
    "network.options.filters": (SearchRange(choices=((8, 16), (16, 32))), (8, 16)),
}
N_TRIALS, N_FOLDS = 14, 2


def ledger_of(place):
    return Ledger(place, "trials", seed=5, ranges=RANGES)


def figure(settings, fold):
    """A figure that is best near a learning rate of 0.01 and large batches."""
    return settings["train.batch_size"] / 100 - abs(settings["train.learning_rate"] - 0.01) + fold


def work(folder, *, n_trials=N_TRIALS, folds_left=10_000):
    """Work off trials, and leave like a process that dies after so many folds."""
    with opened_journal(folder) as place:
        ledger = ledger_of(place)
        while task := ledger.take(n_trials):
            for fold in range(len(task.folds), N_FOLDS):
                if not folds_left:
                    return
                folds_left -= 1
                ledger.note_fold(task, figure(task.settings, fold), seconds=1.0)
            ledger.finish(task, sum(task.folds) / N_FOLDS)


def tried(folder):
    with opened_journal(folder) as place:
        return [
            (e.number, e.state, e.settings, e.folds, e.value) for e in ledger_of(place).entries()
        ]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    work(folder)
    return folder


def test_the_first_trial_is_the_recipe_itself_and_all_lie_in_their_ranges(whole):
    trials = tried(whole)
    assert [number for number, *_ in trials] == list(range(N_TRIALS))
    assert trials[0][2] == {name: own for name, (_, own) in RANGES.items()}
    for _, state, settings, _, _ in trials:
        assert state == "done"
        assert all(RANGES[name][0].holds(value) for name, value in settings.items())
    assert len({settings["train.learning_rate"] for _, _, settings, _, _ in trials}) == N_TRIALS


def test_however_often_it_dies_a_search_makes_the_same_trials(whole, tmp_path):
    rng = random.Random(0)
    for _ in range(8):
        work(tmp_path, folds_left=rng.randrange(1, 5))
    work(tmp_path)
    assert tried(tmp_path) == tried(whole)


def test_a_journal_cut_anywhere_goes_on_and_makes_the_same_trials(whole, tmp_path):
    lines = (whole / JOURNAL).read_bytes().splitlines(keepends=True)
    rng = random.Random(1)
    for number, tail in enumerate((b"", b"{", b"{}", b"\0" * 40 + b"\n")):
        folder = tmp_path / str(number)
        folder.mkdir()
        kept = b"".join(lines[: rng.randrange(1, len(lines))])
        half = kept[: -rng.randrange(1, 30)] if number == 0 else kept + tail
        (folder / JOURNAL).write_bytes(half)
        work(folder)
        assert tried(folder) == tried(whole)


def test_half_a_line_of_a_process_killed_as_it_wrote_hinders_nobody(whole, tmp_path):
    with opened_journal(tmp_path) as place:
        ledger = ledger_of(place)
        with (tmp_path / JOURNAL).open("ab") as journal:
            journal.write(b'{"op_code":8,"wor')
        ledger.note_fold(ledger.take(1), 0.5, seconds=1.0)
    with opened_journal(tmp_path) as place:
        assert ledger_of(place).take(1).folds == [0.5]


def test_a_journal_damaged_before_its_end_is_refused(whole, tmp_path):
    lines = (whole / JOURNAL).read_bytes().splitlines(keepends=True)
    lines[7] = b"x" * 20 + b"\n"
    (tmp_path / JOURNAL).write_bytes(b"".join(lines))
    with pytest.raises(RunError, match="line 8 of"):
        work(tmp_path)


def test_a_living_process_keeps_its_trial_and_a_dead_ones_is_taken_over(tmp_path):
    with opened_journal(tmp_path) as first, opened_journal(tmp_path) as second:
        mine, theirs = ledger_of(first), ledger_of(second)
        one, other = mine.take(2), theirs.take(2)
        assert (one.number, other.number) == (0, 1)
        assert mine.take(2) is None
        assert len(mine.others()) == 1
    with opened_journal(tmp_path) as place:
        assert ledger_of(place).others() == []
        assert ledger_of(place).take(2).settings == one.settings


def test_a_process_killed_at_work_leaves_its_trial_with_the_folds_that_are_done(tmp_path):
    program = (
        "import os; from pathlib import Path; from test_tune_ledger import *\n"
        f"with opened_journal(Path({str(tmp_path)!r})) as place:\n"
        "    task = ledger_of(place).take(2)\n"
        "    ledger_of(place).note_fold(task, 0.5, seconds=1.0)\n"
        "    os._exit(9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parent, check=False)
    assert killed.returncode == 9
    with opened_journal(tmp_path) as place:
        task = ledger_of(place).take(2)
    assert (task.number, task.folds) == (0, [0.5])


def test_a_trial_that_kills_every_process_fails_in_the_end(tmp_path):
    for _ in range(MOST_ATTEMPTS):
        work(tmp_path, n_trials=1, folds_left=0)
    with opened_journal(tmp_path) as place:
        ledger = ledger_of(place)
        assert ledger.take(1) is None
        assert "killed 5 times" in ledger.entries()[0].reason


def test_a_trial_that_is_given_back_was_no_attempt(tmp_path):
    with opened_journal(tmp_path) as place:
        ledger = ledger_of(place)
        for _ in range(2 * MOST_ATTEMPTS):
            task = ledger.take(1)
            ledger.give_back(task)
        assert ledger.entries()[0].state == "waiting"


def test_what_is_put_in_twice_is_there_once(tmp_path):
    facts = [{"trial": 0, "repeat": 1}, {"trial": 0, "repeat": 2}]
    with opened_journal(tmp_path) as place:
        ledger = Ledger(place, "repeats")
        ledger.add(facts[:1])
        ledger.add(facts)
        assert [ledger.take().facts for _ in range(2)] == facts
        assert ledger.take() is None


def test_a_finished_search_that_is_opened_again_adds_nothing_to_its_journal(whole):
    before = (whole / JOURNAL).read_bytes()
    work(whole)
    assert (whole / JOURNAL).read_bytes() == before
