"""An installation without torch: what it can do, and what it says about the rest.

The tests run in this environment and drive another one: `.venv-serve` (core, study and web),
or the interpreter that CARINA_TEST_PYTHON names. "Core and web alone" is that environment
with the packages of the extra `study` taken from its sight.
"""

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from making.classifiers import write_tiny_classifier
from making.foreign_models import Foreign, foreign_model
from making.runs import ExampleRun, write_example_run

OTHER = Path(
    os.environ.get("CARINA_TEST_PYTHON")
    or Path(__file__).parents[2] / ".venv-serve" / "bin" / "python"
)
pytestmark = pytest.mark.skipif(
    not OTHER.exists(), reason="no environment without torch (make test makes .venv-serve)"
)
TRAIN = ("torch", "monai", "onnxscript", "cv2", "h5py")
STUDY = ("scipy", "sklearn", "pandas", "matplotlib", "joblib")
PRELUDE = "import sys; sys.modules.update(dict.fromkeys({hidden!r})); "


def command(*words, hidden=()):
    """Run a command there, with some packages out of its sight."""
    code = PRELUDE.format(hidden=hidden) + "from carina.cli import main; main()"
    return subprocess.run(
        [str(OTHER), "-c", code, *map(str, words)], capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    return write_tiny_classifier(
        tmp_path_factory.mktemp("tiny") / "classifier", labels=("COVID-19", "Normal", "Pneumonia")
    )


@pytest.fixture(scope="module")
def film(phantom_films):
    return sorted((phantom_films / "test" / "Normal").iterdir())[0]


def test_that_environment_has_no_training_framework():
    code = f"from importlib.util import find_spec; print([n for n in {TRAIN!r} if find_spec(n)])"
    done = subprocess.run([str(OTHER), "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_predict_works_on_core_and_web_alone(classifier, film, tmp_path):
    done = command("predict", classifier, film, "--json", "--explain", tmp_path, hidden=STUDY)
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)["predictions"][0]["probabilities"]) == {
        "COVID-19", "Normal", "Pneumonia",
    }  # fmt: skip
    assert len(list(tmp_path.glob("*.png"))) == 1


def test_explain_works_on_core_and_web_alone(classifier, film, tmp_path):
    done = command("explain", classifier, film, "--out", tmp_path / "maps", hidden=STUDY)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_verify_and_package_need_no_training_framework(trained_run, phantom_films, tmp_path):
    done = command("package", trained_run.folder, "--out", tmp_path / "run.zip", "--json")
    assert done.returncode == 0, done.stderr
    films = phantom_films / "test"
    done = command("verify", tmp_path / "run.zip", films, "--json")
    assert done.returncode == 3, done.stderr
    told = json.loads(done.stdout)
    assert told["is_same"], told["differences"]
    assert told["films"]["n_read"] == 36


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_serve_answers_on_core_and_web_alone_and_stops_cleanly(classifier, film):
    code = PRELUDE.format(hidden=STUDY) + "from carina.cli import main; main()"
    words = [str(OTHER), "-c", code, "serve", str(classifier), "--port", "0"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as server:
        try:
            address = _address(server)
            with urllib.request.urlopen(f"{address}/readyz", timeout=10) as answer:
                assert answer.status == 200
            answers = _post(f"{address}/v1/predict", film)
            assert answers
        finally:
            server.terminate()
        server.stderr.read()
        assert server.wait(timeout=20) == 0


def _address(server) -> str:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        line = server.stderr.readline()
        if "http://127.0.0.1:" in line:
            return "http://127.0.0.1:" + line.split("http://127.0.0.1:")[1].split()[0].rstrip("/.")
    raise AssertionError("the server did not say where it listens")


def _post(address: str, film: Path) -> dict:
    head = (
        b'--cut\r\nContent-Disposition: form-data; name="file"; filename="film.png"\r\n'
        b"Content-Type: image/png\r\n\r\n"
    )
    request = urllib.request.Request(
        address,
        data=head + film.read_bytes() + b"\r\n--cut--\r\n",
        headers={"Content-Type": "multipart/form-data; boundary=cut"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def test_a_model_of_another_tool_is_imported_asked_and_explained_on_core_alone(film, tmp_path):
    """Channels last, one film at a time, a softmax at its end, pixels from 0 to 255."""
    model = tmp_path / "model.onnx"
    model.write_bytes(foreign_model(Foreign(n_outputs=3)).SerializeToString())
    words = (model, "--labels", "COVID-19,Normal,Pneumonia", "--scaling", "0..255")
    done = command("import", *words, "--out", tmp_path / "made", "--json", hidden=STUDY)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["parity"]["max_probability_difference"] < 1e-5
    done = command("predict", tmp_path / "made", film, "--json", hidden=STUDY)
    assert done.returncode == 0, done.stderr
    done = command("explain", tmp_path / "made", film, "--out", tmp_path / "maps", hidden=STUDY)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_an_imported_model_is_checked_and_evaluated_with_study_and_without_torch(
    phantom_films, tmp_path
):
    model = tmp_path / "model.onnx"
    model.write_bytes(foreign_model(Foreign(n_outputs=3)).SerializeToString())
    words = ("import", model, "--labels", "COVID-19,Normal,Pneumonia", "--out", tmp_path / "made")
    done = command(*words, "--check", phantom_films / "test")
    assert done.returncode == 0, done.stderr
    done = command(
        "evaluate", tmp_path / "made", phantom_films / "test", "--out", tmp_path / "test"
    )
    assert done.returncode == 0, done.stderr
    assert "what it was trained on is not known" in done.stderr
    evaluation = json.loads((tmp_path / "test" / "evaluation.json").read_text())
    assert evaluation["data"]["external"] is None
    page = (tmp_path / "test" / "report.html").read_text()
    assert "and what it was trained on is not known" in page


@pytest.mark.slow
def test_audit_works_with_study_and_without_torch(phantom_films, tmp_path):
    done = command("audit", phantom_films, "--out", tmp_path / "audit")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "audit" / "audit.json").is_file()


@pytest.mark.slow
def test_evaluate_works_with_study_and_without_torch(classifier, phantom_films, tmp_path):
    done = command("evaluate", classifier, phantom_films / "test", "--out", tmp_path / "test")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "test" / "evaluation.json").is_file()


@pytest.mark.slow
def test_report_works_with_study_and_without_torch(tmp_path):
    run = write_example_run(tmp_path / "run")
    done = command("report", getattr(run, "folder", run))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "report.html").is_file()


@pytest.mark.slow
def test_compare_works_with_study_and_without_torch(tmp_path):
    runs = [
        write_example_run(tmp_path / str(n), ExampleRun(separation=n, resamples=100)).folder
        for n in (1, 2)
    ]
    done = command("compare", *runs, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "comparison.html").is_file()


@pytest.mark.parametrize(
    ("words", "hidden", "extra"),
    [
        (["train", "films"], (), "train"),
        (["demo"], (), "train"),
        (["audit", "films"], STUDY, "study"),
        (["evaluate", "run", "films"], STUDY, "study"),
        (["import", "model.onnx", "--labels", "a,b", "--check", "films"], STUDY, "study"),
        (["report", "run"], STUDY, "study"),
        (["compare", "one", "two"], STUDY, "study"),
        (["serve", "run"], ("fastapi",), "web"),
    ],
)
def test_a_missing_extra_is_named_with_the_line_that_installs_it(words, hidden, extra, tmp_path):
    done = command(*words, hidden=hidden)
    assert done.returncode == 1
    assert f"pip install 'carina[{extra}]'" in done.stderr
