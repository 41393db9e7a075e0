"""A search from films to a recipe: interrupted, shared, and blind to the test part."""

import json
import shlex
import shutil
import signal
import subprocess
import sys

import pytest

pytest.importorskip("optuna", reason="carina tune needs the extra 'tune'")
pytest.importorskip("torch", reason="training needs the extra 'train'")

import carina
from carina.domain.prediction import CAVEAT
from carina.domain.progress import silent
from carina.domain.tune_study import TuneStudy
from carina.errors import InputError, RunError, TrainingError
from carina.files.documents import read_document
from carina.files.recipes import read_recipe, with_settings
from carina.imaging.phantom import write_phantoms
from carina.workflows.films import open_films
from carina.workflows.tuning.films import open_search_films
from conftest import settings_in

WORDS = {
    "input.height": 32,
    "input.width": 32,
    "train.epochs": 1,
    "train.precision": "fp32",
    "train.threads": 1,
    "network.options": {"filters": [2, 4], "dense": 4},
}
SIZE = {"trials": 3, "folds": 2, "confirm": 1}
COUNTS = {"train": 8, "validation": 2, "test": 3}
COMMAND = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from carina.cli import main; main()"
)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    """Films of two classes in train, validation and test."""
    folder = tmp_path_factory.mktemp("described")
    counts = {part: dict.fromkeys(("Normal", "Pneumonia"), n) for part, n in COUNTS.items()}
    write_phantoms(folder, counts=counts, seed=8)
    return folder


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    return settings_in(tmp_path_factory.mktemp("own"))


@pytest.fixture(scope="module")
def whole(described, own, tmp_path_factory):
    """A search that nothing happened to."""
    out = tmp_path_factory.mktemp("whole") / "study"
    return carina.tune(described, set=WORDS, out=out, settings=own, **SIZE)


def found(folder):
    """What must not depend on interruptions or on the test part."""
    study = read_document(folder / "tune.json", TuneStudy, error=InputError)
    trials = [(t.number, t.settings, t.folds, t.figure) for t in study.trials]
    repeats = {(r.repeat, r.trial): r.folds for r in study.repeats}
    return trials, repeats, study.luck.verdict, study.found


def tuning(*words):
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, "tune", *map(str, words)],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def asked(described, folder):
    words = [described, "--out", folder]
    for name, value in SIZE.items():
        words += [f"--{name}", value]
    for name, value in WORDS.items():
        text = "{filters = [2, 4], dense = 4}" if isinstance(value, dict) else value
        words += ["--set", f"{name}={text}"]
    return words


def test_a_search_ends_with_a_recipe_a_table_and_a_page(whole, described, own, carina_command):
    study = whole.study
    assert [trial.number for trial in study.trials] == [0, 1, 2]
    assert all(len(trial.folds) == 2 for trial in study.trials)
    best = study.trials[study.luck.best_trial]
    recipe = read_recipe(str(whole.recipe_file))
    assert recipe == study.found
    assert recipe.train.learning_rate == best.settings["train.learning_rate"]
    assert "best of 3 trials on 2 folds of 20 films" in recipe.notes[-1]
    rows = (whole.folder / "trials.csv").read_text().splitlines()
    assert len(rows) == 1 + 3
    page = (whole.folder / "tune.html").read_text()
    assert study.luck.verdict in page.replace("&#39;", "'")
    assert CAVEAT.split(",")[0] in page
    assert not list(whole.folder.rglob("training*"))
    code, out, said = carina_command("tune", "--resume", whole.folder, "--json")
    assert code == 0, said
    assert json.loads(out)["luck"]["sentence"] == study.luck.sentence


def test_a_described_test_part_is_never_opened(whole, described, own, tmp_path):
    poisoned = shutil.copytree(described, tmp_path / described.name)
    films = [file for file in (poisoned / "test").rglob("*") if file.is_file()]
    assert len(films) == 6
    for file in films:
        file.write_bytes(b"no film")
    again = carina.tune(poisoned, set=WORDS, out=tmp_path / "study", settings=own, **SIZE)
    assert again.unreadable == ()
    assert found(again.folder) == found(whole.folder)


def test_a_test_part_that_is_cut_is_the_one_of_a_training_and_out_of_reach(described, own):
    recipe = with_settings(read_recipe("two-conv"), {**WORDS, "split.mode": "cut"})
    trained = open_films([described], recipe, own, silent)
    searched = open_search_films([described], recipe, own, silent)
    test = trained.split.keys("test")
    assert test
    keys = {record.key for record in searched.dataset.records}
    assert keys == set(trained.split.parts) - set(test)
    for seed in range(3):
        folds = searched.folds(3, seed)
        assert {record.key for fold in folds for record in fold} == keys
        shown = searched.training_films(folds, 0, recipe)
        assert len(shown.train) + len(shown.validation) == len(keys)
    for key in test:
        with pytest.raises(KeyError):
            searched.scan.pixels.levels([key])


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_killed_and_stopped_a_search_goes_on_and_finds_the_same(
    described, own, whole, tmp_path, monkeypatch
):
    for name, place in (("CACHE", own.cache_dir), ("CONFIG", own.config_dir)):
        monkeypatch.setenv(f"CARINA_{name}_DIR", str(place))
    folder = tmp_path / "a study"
    for number, code, beginning in (
        (signal.SIGKILL, -9, "trial 0"),
        (signal.SIGINT, 130, "trial 1"),
    ):
        with tuning(*asked(described, folder)) as search:
            for line in search.stderr:
                if line.startswith(beginning):
                    break
            search.send_signal(number)
            said = search.stderr.read()
            assert search.wait(timeout=60) == code
    assert f"go on with: carina tune --resume {shlex.quote(str(folder))}" in said
    carina.tune(resume=folder, settings=own)
    assert found(folder) == found(whole.folder)


def test_two_processes_share_a_search(described, own, whole, tmp_path, monkeypatch):
    for name, place in (("CACHE", own.cache_dir), ("CONFIG", own.config_dir)):
        monkeypatch.setenv(f"CARINA_{name}_DIR", str(place))
    folder = tmp_path / "study"
    words = [*asked(described, folder), "--trials", 6]
    with tuning(*words) as first, tuning(*words) as second:
        told = [process.stderr.read() for process in (first, second)]
        assert (first.wait(), second.wait()) == (0, 0), told
    study = read_document(folder / "tune.json", TuneStudy, error=InputError)
    assert [trial.number for trial in study.trials] == list(range(6))
    lines = [line for text in told for line in text.splitlines()]
    for number in range(6):
        assert sum(line.startswith(f"trial {number}: ") for line in lines) == 1
    assert study.trials[0].folds == whole.study.trials[0].folds


def test_another_recipe_or_other_films_are_refused_and_named(
    described, own, whole, tmp_path, carina_command
):
    with pytest.raises(RunError, match=r"train.epochs: 1 there, 2 here"):
        carina.tune(
            described, set={**WORDS, "train.epochs": 2}, out=whole.folder, settings=own, **SIZE
        )
    other = shutil.copytree(described, tmp_path / described.name)
    next((other / "train" / "Normal").iterdir()).unlink()
    with pytest.raises(RunError, match=r"10 Normal, 10 Pneumonia there, 9 Normal"):
        carina.tune(other, set=WORDS, out=whole.folder, settings=own, **SIZE)
    code, _, said = carina_command("tune", "--resume", described)
    assert code == 2
    assert "holds no search" in said


def test_what_diverges_is_a_failed_trial_and_when_all_do_it_is_an_error(described, own, tmp_path):
    wild = {**WORDS, "train.learning_rate": 0.001, "tune": {}}
    ranges = {"tune.train.learning_rate.choices": [0.001, 1e30]}
    result = carina.tune(
        described, set={**wild, **ranges}, out=tmp_path / "some", settings=own, trials=6,
        folds=2, confirm=0,
    )  # fmt: skip
    failed = [trial for trial in result.study.trials if trial.state == "failed"]
    assert failed
    assert all("diverged" in trial.reason for trial in failed)
    assert not (result.folder / "training").exists()
    assert result.study.luck.base.value is not None
    assert "nothing was repeated" in result.study.luck.sentence or len(failed) == 5
    with pytest.raises(TrainingError, match="none of 1 trial worked out"):
        carina.tune(
            described, set={**wild, **ranges, "train.learning_rate": 1e30},
            out=tmp_path / "none", settings=own, trials=1, folds=2,
        )  # fmt: skip
