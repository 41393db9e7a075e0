"""Films that are deleted or changed in the middle of a training."""

import json
import shutil

import pytest

from carina.data.manifest import read_manifest
from carina.workflows.train import train
from conftest import QUICK


@pytest.mark.slow
def test_a_training_goes_on_without_its_films_and_the_record_says_so(
    phantom_films, trained_run, settings, tmp_path
):
    data = shutil.copytree(phantom_films, tmp_path / "data")
    tests = sorted((data / "test").rglob("*.png"))
    trains = sorted((data / "train").rglob("*.png"))
    drawn = []

    def lose_films(step):
        drawn.append(step.message)
        if step.message.startswith("epoch 1 "):
            for film in tests[1:]:
                film.unlink()
            shutil.copyfile(trains[1], tests[0])
            trains[0].write_bytes(b"no film")

    words = (*QUICK, "evaluate.masked_probe=false")
    run = train(data, set=words, out=tmp_path / "run", settings=settings, progress=lose_films)

    told = [message for message in drawn if "since the run began" in message]
    assert len(told) == 1
    assert f"{len(tests) - 1} films were deleted since the run began: test/" in told[0]
    assert "2 films were changed since the run began: test/" in told[0]
    log = run.log_file.read_text(encoding="utf-8")
    (note,) = (one for one in run.environment.notes if "since the run began" in one)
    assert note in log
    sha256 = {row.path: row.sha256 for row in read_manifest(run.manifest_file)}
    assert sha256[trains[0].relative_to(data).as_posix()][:12] in note
    assert ".png" not in note
    assert ".png" not in log
    # every number is that of the films as they were; no picture is of a film that is not there
    numbers, whole = (
        json.loads(one.evaluation_file.read_text(encoding="utf-8")) for one in (run, trained_run)
    )
    assert numbers["metrics"] == whole["metrics"]
    assert not run.thumbnails_dir.exists()
    assert run.is_finished
