"""Nothing that Carina reads is a pickle, but one weights file that the user names."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import carina

SOURCE = Path(carina.__file__).parent
READERS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "copyreg"}
THE_ONE_CASE = "models/pretrained/read.py"

WATCHER = """
import sys
found = []
def watch(event, words):
    if event == "pickle.find_class" or event.startswith("marshal.loads"):
        frame = sys._getframe(1)
        if event == "pickle.find_class":
            found.append([event, list(map(str, words[:2])), frame.f_code.co_filename])
sys.addaudithook(watch)
import numpy
plain_load = numpy.load
def load(*words, **named):
    if named.get("allow_pickle") or len(words) > 2 and words[2]:
        found.append(["numpy.load", "allow_pickle", ""])
    return plain_load(*words, **named)
numpy.load = load
"""
REPORT = """
import json
print("FOUND " + json.dumps(found))
"""


def trees(*words):
    """Yield the files that hold one of some words, parsed."""
    for path in sorted(SOURCE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if any(word in text for word in words):
            yield path.relative_to(SOURCE).as_posix(), ast.parse(text)


def imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", tuple(alias.name for alias in node.names)


def calls(tree, name):
    for node in ast.walk(tree):
        function = getattr(node, "func", None)
        if isinstance(node, ast.Call) and isinstance(function, ast.Attribute):
            owner = getattr(function.value, "id", "")
            if f"{owner}.{function.attr}" == name:
                yield {word.arg: ast.unparse(word.value) for word in node.keywords}


def test_nothing_imports_a_reader_of_pickles():
    found = [
        (path, module, names)
        for path, tree in trees(*READERS)
        for module, names in imports(tree)
        if module.split(".")[0] in READERS
    ]
    # The name of an error that torch raises.
    assert found == [(THE_ONE_CASE, "pickle", ("UnpicklingError",))]


def test_numpy_never_reads_pickles_and_torch_reads_weights_alone():
    for path, tree in trees("np.load", "numpy.load", "torch.load", "load_model"):
        for named in (*calls(tree, "np.load"), *calls(tree, "numpy.load")):
            assert named.get("allow_pickle") == "False", path
        for named in calls(tree, "torch.load"):
            assert (path, named.get("weights_only")) == (THE_ONE_CASE, "True")
        for named in (*calls(tree, "keras.saving.load_model"), *calls(tree, "keras.load_model")):
            assert named.get("safe_mode") == "True", path


def watched(code, *words, folder):
    """Run code in a process that notes every class that a pickle asks for."""
    done = subprocess.run(
        [sys.executable, "-c", WATCHER + code + REPORT, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    line = next(one for one in done.stdout.splitlines() if one.startswith("FOUND "))
    return json.loads(line.removeprefix("FOUND "))


def test_the_watcher_notices_a_pickle(tmp_path):
    code = "import pickle, collections; pickle.loads(pickle.dumps(collections.OrderedDict()))"
    assert watched(code, folder=tmp_path)


CLASSIFIER = """
from pathlib import Path
from carina.inference.bundle import load_classifier
from carina.imaging.phantom import write_phantoms
from carina.workflows.predict import predict
folder = Path(sys.argv[1])
loaded = load_classifier(folder)
assert len(loaded.seen) == 1 and loaded.gate_reference is not None
write_phantoms(Path("films"), counts={"test": {"Normal": 1, "COVID-19": 1}}, seed=1)
assert len(predict(folder, "films").answers) == 2
"""


def test_loading_a_classifier_and_predicting_calls_no_pickle(tmp_path):
    from making.mutated_classifiers import write_gated_classifier

    folder = write_gated_classifier(tmp_path / "classifier")
    assert watched(CLASSIFIER, folder, folder=tmp_path) == []


WHOLE = """
from pathlib import Path
import carina
from carina.runs import Run
from carina.models.weights import weights_from_bytes
from carina.models.pretrained.read import read_weights
run = Run.open(sys.argv[1])
facts = (run.recipe, run.environment, run.manifest, run.audit, run.card, run.history,
         run.evaluation, run.predictions("test"))
assert all(facts)
file = run.checkpoints_dir / "best.safetensors"
assert weights_from_bytes(file.read_bytes(), name="best")
assert read_weights(file, cache_dir=Path("cache")).tensors
"""
COMMANDS = """
import json
import carina.cli
for words in json.loads(sys.argv[1]):
    sys.argv = ["carina", *words]
    code = carina.cli._run()
    assert code in (0, 3), (words, code)
"""
SMALL = (
    *("--set", "input.height=64", "--set", "input.width=64", "--set", "train.epochs=1"),
    *("--set", "evaluate.resamples=100", "--set", "evaluate.score_explanations=false"),
)


@pytest.mark.slow
@pytest.mark.nightly
def test_a_run_its_checkpoint_and_every_command_on_it_call_no_pickle(own_run, phantom_films):
    folder, place = str(own_run.folder), own_run.folder.parent
    films = str(phantom_films)
    assert watched(WHOLE, folder, folder=place) == []
    commands = (
        ("predict", folder, f"{films}/test"),
        ("explain", folder, f"{films}/test", "--out", f"{place}/maps"),
        ("evaluate", folder, films, "--out", f"{place}/tested"),
        ("report", folder),
        ("export", folder, "--to", "onnx", "--out", f"{place}/net.onnx"),
        # From the checkpoint of the first training, and the caches that it filled.
        ("train", films, *SMALL, "--set", f"network.init={folder}", "--out", f"{place}/further"),
    )  # fmt: skip
    assert watched(COMMANDS, json.dumps(commands), folder=place) == []


SERVING = """
from carina.inference.bundle import load_classifier
from carina.settings import Settings
from carina.web.app import create_app
from starlette.testclient import TestClient
with TestClient(create_app(load_classifier(sys.argv[1]), Settings.from_environment())) as client:
    with open(sys.argv[2], "rb") as film:
        answer = client.post("/v1/predict", files={"file": film}, headers={"Host": "127.0.0.1"})
    assert answer.status_code == 200, answer.text
"""


@pytest.mark.slow
def test_serving_calls_no_pickle(tmp_path):
    from making.mutated_classifiers import write_gated_classifier
    from making.uploads import png

    (tmp_path / "film.png").write_bytes(png())
    folder = write_gated_classifier(tmp_path / "classifier")
    assert watched(SERVING, folder, tmp_path / "film.png", folder=tmp_path) == []
