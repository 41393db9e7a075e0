"""Canaries through everything: audit, training, test, answers, report and a real server.

Every byte that Carina writes or says is searched: runs, caches, classifiers, reports with their
pictures, answers, logs, temporary files. Files' names are canaries of their own: they may stand
where the user looks, and nowhere in a classifier, a cache, `log.txt` or the server's log.
"""

import http.client
import os
import re
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs the extra 'train'")
pytest.importorskip("highdicom", reason="the extra 'dicom' is not installed")
pytest.importorskip("fastapi", reason="the server needs the extra 'web'")

from conftest import QUICK
from making.canaries import (
    FILE_STEM,
    canaries,
    canary_dicom,
    canary_jpeg,
    canary_png,
    canary_tiff,
    damaged_films,
    found_below,
    found_in,
    text,
    write_canary_csv,
)
from making.page_films import phantom
from making.served import form_of
from making.uploads import grey_levels

pytestmark = pytest.mark.slow
KINDS = ((canary_dicom, "dcm"), (canary_png, "png"), (canary_jpeg, "jpg"), (canary_tiff, "tif"))
LABELS = ("Normal", "Pneumonia")
N_FILMS = 72


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Where everything lies: `data/` is read, all else is written."""
    return tmp_path_factory.mktemp("canaries")


@pytest.fixture(scope="module")
def environment(place):
    """The environment of every command: whatever it writes lies below `written/`."""
    own = {
        f"CARINA_{name}_DIR": str(place / "written" / name.lower())
        for name in ("CACHE", "CONFIG", "RUNS")
    }
    for name in ("HOME", "TMPDIR"):
        own[name] = str(place / "written" / name.lower())
        Path(own[name]).mkdir(parents=True)
    return os.environ | own | {"XDG_CACHE_HOME": own["HOME"], "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def carina(place, environment):
    """Return a function that runs a command in a process and keeps what it says."""
    said = place / "written" / "said"
    said.mkdir(parents=True)

    def run(*words, code=(0,)):
        program = [sys.executable, "-X", "dev", "-c", "from carina.cli import main; main()"]
        done = subprocess.run(
            [*program, *map(str, words)], capture_output=True, env=environment, check=False
        )
        number = len(list(said.iterdir()))
        (said / f"{number}-{words[0]}.txt").write_bytes(done.stdout + done.stderr)
        assert done.returncode in code, done.stderr.decode()
        return done.stdout + done.stderr

    return run


@pytest.fixture(scope="module")
def data(place):
    """A manifest of films, of which a class is brighter; every third patient has two films."""
    folder = place / "data"
    folder.mkdir()
    films = []
    for number in range(N_FILMS):
        make, ending = KINDS[number % 4]
        label = LABELS[number // 4 % 2]
        pixels = phantom(number, height=96, width=88) * 180 + 60 * (label == LABELS[1])
        name = f"{FILE_STEM}-{number}.{ending}"
        (folder / name).write_bytes(make(pixels.astype("uint8")))
        films.append((name, label))
    for name, content in damaged_films(grey_levels(64, 56)).items():
        (folder / f"{FILE_STEM} {name}").write_bytes(content)
        films.append((f"{FILE_STEM} {name}", LABELS[0]))
    write_canary_csv(
        folder / "films.csv", films, patient_of=lambda n: text(f"CSV patient {n * 2 // 3}")
    )
    return folder


@pytest.fixture(scope="module")
def run(carina, data, place):
    """A run, a test of it elsewhere, answers of every kind, a page, and a session of a server."""
    table = data / "films.csv"
    folder = place / "written" / "run"
    words = [word for setting in QUICK for word in ("--set", setting)]
    carina("audit", table, "--out", place / "written" / "audit", code=(3,))
    carina("audit", table, "--json", "--against", table, code=(3,))
    scores = ("--set", "evaluate.score_explanations=true", "--set", "train.max_unreadable=0.5")
    carina("train", table, *words, *scores, "--out", folder, code=(0, 3))
    carina("evaluate", folder, table, code=(0, 3))
    carina("report", folder)
    answers = place / "written" / "answers"
    answers.mkdir()
    kinds = [w for kind in ("explain", "fhir") for w in (f"--{kind}", answers / kind)]
    carina("predict", folder, data, "--csv", answers / "a.csv", *kinds, code=(3,))
    carina("predict", folder, data, "--json", code=(3,))
    carina("predict", folder, data / f"{FILE_STEM} cut.png", code=(2,))
    carina("explain", folder, data, "--out", answers / "maps", code=(3,))
    carina("predict", folder, data, "--dicom", place / "dicom", code=(3,))
    return folder


def test_the_films_hold_sixty_canaries_and_more(data):
    assert len(canaries()) >= 60
    assert all(found_in(path.read_bytes()) for path in data.glob(f"{FILE_STEM}-*"))


def test_no_canary_stands_in_anything_that_was_written_or_said(run, place):
    written = [path for path in (place / "written").rglob("*") if path.is_file()]
    assert len(written) > 100
    assert found_below(place / "written") == {}


def test_what_names_the_patient_s_study_is_in_dicom_answers_alone(run, place):
    assert len(list((place / "dicom").rglob("*.dcm"))) > 20
    assert found_below(place / "dicom", uids=False) == {}


def test_names_of_files_are_where_the_user_looks_and_nowhere_else(run, place):
    own = place / "written"
    hidden = [run / "classifier", own / "cache", own / "config", own / "home", own / "tmpdir"]
    assert found_below(*hidden, also=(FILE_STEM,)) == {}
    assert found_in((run / "log.txt").read_bytes(), also=(FILE_STEM,)) == []
    assert (
        found_in((run / "checkpoints" / "best.safetensors").read_bytes(), also=(FILE_STEM,)) == []
    )
    for name in ("manifest.csv", "predictions/test.csv", "audit.json", "report.html"):
        assert FILE_STEM in (run / name).read_text(encoding="utf-8"), name
    assert FILE_STEM in (own / "answers" / "a.csv").read_text(encoding="utf-8")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_the_server_s_answers_and_log_tell_nothing(run, data, environment):
    answers = []
    code = "from carina.cli import main; main()"
    words = [sys.executable, "-c", code, "serve", str(run), "--port", "0"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=environment) as server:
        said = []
        while not (address := re.search(r"http://[^:]+:(\d+)", "".join(said))):
            said.append(server.stderr.readline())
            assert said[-1], said
        for path in sorted(data.iterdir())[::5]:
            for query in ("", "?explain=true&film=levels"):
                answers.append(asked(int(address[1]), path, query))
        server.send_signal(signal.SIGTERM)
        log = "".join(said) + server.stderr.read()
    assert server.returncode == 0
    assert {status for status, _ in answers} == {200, 422}
    assert all(found_in(content) == [] for _, content in answers)
    assert "422 " in log
    assert found_in(log.encode(), also=(FILE_STEM,)) == []


def asked(port, path, query):
    """Return the status and the bytes of the answer on a film."""
    body, media_type = form_of(path.read_bytes(), name=path.name)
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as client:
        client.request("POST", f"/v1/predict{query}", body, {"Content-Type": media_type})
        answer = client.getresponse()
        return answer.status, answer.read()
