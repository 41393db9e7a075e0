"""What a run's package brings along."""

import zipfile
from dataclasses import replace

import pytest

from carina.data.manifest import write_rows
from carina.errors import RunError
from carina.files.documents import write_document
from carina.workflows.package import package
from making.runs import ExampleRun, write_example_run

pytest.importorskip("matplotlib", reason="a page needs the extra 'study'")

FILMS = (("train", (6, 6, 6)), ("validation", (4, 4, 4)), ("test", (4, 4, 4)))


@pytest.fixture
def run(tmp_path):
    """An example run whose films are there: files with the recorded bytes."""
    example = ExampleRun(films=FILMS, pictures=False, resamples=100)
    run = write_example_run(tmp_path / "run", example)
    for row in run.manifest:
        film = tmp_path / row.path
        film.parent.mkdir(parents=True, exist_ok=True)
        film.write_bytes(row.path.encode())
    environment = run.environment.model_copy(update={"data": (str(tmp_path / "films"),)})
    write_document(run.environment_file, environment)
    return run


@pytest.fixture
def tested(run):
    """The run after an external test on a film of its own and one that lies elsewhere."""
    own, other = run.manifest[:2]
    other = replace(other, path="elsewhere.png", sha256="0" * 64, source="elsewhere")
    folder = run.external_dir / "elsewhere-000000"
    write_rows(folder / "manifest.csv", [own, other])
    write_document(folder / "evaluation.json", run.evaluation)
    return run


def test_films_of_an_external_test_that_lie_elsewhere_are_left_out_and_counted(tested, tmp_path):
    made = package(tested.folder, out=tmp_path / "p.zip", with_films=True)
    assert "1 film of external tests" in " ".join(made.left_out)
    with zipfile.ZipFile(made.file) as packed:
        films = {name for name in packed.namelist() if name.startswith("films/")}
    assert films == {f"films/{row.sha256}" for row in tested.manifest}


def test_a_film_of_the_runs_own_that_is_gone_is_refused_by_name(run, tmp_path):
    (tmp_path / run.manifest[3].path).unlink()
    with pytest.raises(RunError, match=f"1 film of 42 are not .*{run.manifest[3].path}"):
        package(run.folder, out=tmp_path / "p.zip", with_films=True)
