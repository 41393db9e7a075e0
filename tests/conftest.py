"""What several rooms' tests share: a place of their own, and one small real run."""

import os
import shutil
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings as hypothesis_settings

from carina.cli import _run as run_command
from carina.imaging.phantom import write_phantoms
from carina.runs import Run
from carina.settings import Settings

# A busy machine is no reason to fail: nothing here is a timed test. The checks make the same
# examples every time; `make nightly` makes new ones.
hypothesis_settings.register_profile("same", deadline=None, derandomize=True)
hypothesis_settings.register_profile("new", deadline=None)
hypothesis_settings.load_profile(os.environ.get("CARINA_EXAMPLES", "same"))

CLASSES = ("COVID-19", "Normal", "Pneumonia")
COUNTS = {"train": 24, "validation": 8, "test": 12}
# One precision, since on so small a network the probe's choice is a matter of luck.
QUICK = (
    "input.height=64",
    "input.width=64",
    "train.epochs=2",
    "train.precision=fp32",
    "evaluate.resamples=200",
    "evaluate.score_explanations=false",
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Caches, keys and runs in a folder of the test's own."""
    return settings_in(tmp_path / "own")


@pytest.fixture(autouse=True)
def own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what a test writes without naming a place away from the user's folders."""
    monkeypatch.setenv("CARINA_CACHE_DIR", str(tmp_path / "own" / "cache"))
    monkeypatch.setenv("CARINA_CONFIG_DIR", str(tmp_path / "own" / "config"))
    monkeypatch.setenv("CARINA_RUNS_DIR", str(tmp_path / "own" / "runs"))


@pytest.fixture
def carina_command(monkeypatch, capsys):
    """Return a function that runs a command and returns its exit code, stdout and stderr."""

    def run(*words):
        monkeypatch.setattr("sys.argv", ["carina", *map(str, words)])
        code = run_command()
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture(scope="session")
def phantom_films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of synthetic films: train, validation and test, three classes."""
    return _once(tmp_path_factory, "phantom-films", _write_films)


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory: pytest.TempPathFactory, phantom_films: Path) -> Run:
    """A small real training on the phantom films; not to be changed (see `own_run`)."""
    pytest.importorskip("torch", reason="training needs the extra 'train'")

    def write(folder: Path) -> None:
        from carina.workflows.train import train

        settings = settings_in(folder.with_name("trained-own"))
        words = (*QUICK, "evaluate.score_explanations=true")
        train(phantom_films, set=words, out=folder, settings=settings)

    return Run(_once(tmp_path_factory, "trained-run", write))


@pytest.fixture
def own_run(trained_run: Run, tmp_path: Path) -> Run:
    """A copy of the trained run that a test may change."""
    return Run(Path(shutil.copytree(trained_run.folder, tmp_path / "run")))


def settings_in(folder: Path) -> Settings:
    """Return settings that keep everything below one folder."""
    return Settings(folder / "cache", folder / "config", runs_dir=folder / "runs")


def _write_films(folder: Path) -> None:
    counts = {
        part: dict.fromkeys(("Normal", "Pneumonia", "COVID-19"), n) for part, n in COUNTS.items()
    }
    write_phantoms(folder, counts=counts, seed=3)


def _once(factory: pytest.TempPathFactory, name: str, write) -> Path:
    """Return a folder that one of the parallel test processes writes for all of them."""
    place = factory.getbasetemp()
    shared = place.parent if place.name.startswith("popen-") else place
    folder, done = shared / name, shared / f"{name}.done"
    with FileLock(str(shared / f"{name}.lock")):
        if not done.exists():
            write(folder)
            done.touch()
    return folder
