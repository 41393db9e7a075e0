"""The commands as a user types them: what they print, and their exit codes."""

import json
import shutil
import signal
import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def one_film(phantom_films):
    return sorted((phantom_films / "test" / "COVID-19").iterdir())[0]


def test_predict_prints_class_and_probabilities_and_the_caveat(
    carina_command, trained_run, one_film
):
    code, out, err = carina_command("predict", trained_run.folder, one_film)
    assert code == 0
    assert "COVID-19" in out
    assert "not for diagnosis" in err


def test_predict_json_is_one_document_and_nothing_else(carina_command, trained_run, one_film):
    code, out, _ = carina_command("predict", trained_run.folder, one_film, "--json")
    document = json.loads(out)
    (answer,) = document["predictions"]
    assert code == 0
    assert sum(answer["probabilities"].values()) == pytest.approx(1)
    assert answer["predicted"] == max(answer["probabilities"], key=answer["probabilities"].get)
    assert "diagnosis" in document["caveat"]


def test_predict_writes_a_csv_and_heat_maps(carina_command, trained_run, one_film, tmp_path):
    code, _, _ = carina_command(
        "predict", trained_run.folder, one_film, "--csv", tmp_path / "a.csv", "--explain", tmp_path
    )
    assert code == 0
    assert (tmp_path / "a.csv").read_text().startswith("path,source,part,patient,label,predicted")
    assert len(list(tmp_path.glob("*.png"))) == 1


def test_a_folder_with_an_unreadable_film_is_done_and_exits_3(
    carina_command, trained_run, one_film, tmp_path
):
    shutil.copy(one_film, tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    code, out, err = carina_command("predict", trained_run.folder, tmp_path)
    assert code == 3
    assert "good.png" in out
    assert "could not be read: 1" in err
    assert "bad.png" in err


def test_when_nothing_can_be_read_predict_exits_2(carina_command, trained_run, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    code, _, err = carina_command("predict", trained_run.folder, tmp_path / "bad.png")
    assert code == 2
    assert "bad.png" in err


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["predict", "no-such-run", "film.png"], "no-such-run"),
        (["trian"], "train"),
        (["recipes", "two-cnov"], "two-conv"),
        (["train", "no-such-folder"], "does not exist"),
        (["report", "."], "not a run"),
        (["train", "--resume", "run", "--recipe", "two-conv"], "takes no --recipe"),
        (["train", "--resume", "run", "--seeds", "2", "--out", "b"], "takes no --seeds or --out"),
        (["train", "films", "--cluster", "auto"], "--workers N"),
    ],
)
def test_wrong_usage_exits_2_and_says_what_would_be_right(
    carina_command, words, hint, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    code, _, err = carina_command(*words)
    assert code == 2
    assert hint in err


@pytest.mark.slow
def test_recipes_lists_what_ships_with_input_parameters_and_purpose(carina_command):
    pytest.importorskip("torch", reason="parameters need the extra 'train'")
    code, out, _ = carina_command("recipes", "--no-time")
    assert code == 0
    assert "21,252,993" in out
    assert "two-conv: COVID-19 or normal" in out


def test_recipes_name_prints_the_layers_as_a_summary(carina_command):
    pytest.importorskip("torch", reason="layers need the extra 'train'")
    code, out, _ = carina_command("recipes", "two-conv")
    assert code == 0
    assert "(None, 148, 148, 32)" in out
    assert "21,233,920" in out
    assert "time here:" in out


def test_recipes_name_as_json_holds_the_whole_recipe_and_its_layers(carina_command):
    pytest.importorskip("torch", reason="layers need the extra 'train'")
    code, out, _ = carina_command("recipes", "two-conv", "--no-time", "--json")
    document = json.loads(out)
    assert code == 0
    assert document["recipe"]["train"]["epochs"] == 5
    assert sum(layer["parameters"] for layer in document["layers"]) == document["parameters"]
    assert document["seconds"] is None


def test_an_error_with_json_is_a_document_too(carina_command):
    code, out, _ = carina_command("recipes", "two-cnov", "--json")
    assert code == 2
    assert json.loads(out)["error"]["code"] == "unknown-name"


@pytest.mark.slow
def test_audit_strict_exits_4_on_a_leak(carina_command, phantom_films, tmp_path):
    films = shutil.copytree(phantom_films, tmp_path / "films")
    film = next((films / "train" / "Normal").iterdir())
    shutil.copy(film, films / "test" / "Normal" / "again.png")
    assert carina_command("audit", films, "--out", tmp_path / "a")[0] == 0
    code, out, _ = carina_command("audit", films, "--strict", "--json", "--out", tmp_path / "b")
    assert code == 4
    assert json.loads(out)["leaks"][0]["kind"] == "identical-bytes"


@pytest.mark.slow
def test_audit_without_a_leak_is_0_even_when_strict(carina_command, phantom_films, tmp_path):
    code, _, _ = carina_command("audit", phantom_films, "--strict", "--out", tmp_path / "a")
    assert code == 0
    assert (tmp_path / "a" / "audit.html").is_file()


@pytest.mark.slow
def test_evaluate_prints_the_confusion_matrix(carina_command, own_run, phantom_films):
    code, out, _ = carina_command("evaluate", own_run.folder, phantom_films / "test")
    assert code == 0
    assert "balanced_accuracy" in out
    assert "truth" in out


def test_every_command_writes_below_runs_when_no_place_is_named(
    carina_command, phantom_films, tmp_path, settings
):
    before = sorted(f for f in phantom_films.rglob("*"))
    assert carina_command("audit", phantom_films)[0] == 0
    (folder,) = settings.runs_dir.iterdir()
    assert folder.name.endswith("-audit")
    assert sorted(f for f in phantom_films.rglob("*")) == before


def test_ctrl_c_exits_130(carina_command, monkeypatch):
    def interrupt(**words):
        raise KeyboardInterrupt

    monkeypatch.setattr("carina.workflows.doctor.doctor", interrupt)
    monkeypatch.setattr("carina.workflows.doctor.machine_facts", interrupt)
    assert carina_command("doctor")[0] == 130


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_in_the_middle_of_a_training_ends_it_with_its_code(
    phantom_films, tmp_path, number, code
):
    words = ["train", str(phantom_films), "--set", "train.epochs=500", "--out", tmp_path / "run"]
    # A shell lets what it starts in the background ignore Ctrl-C; this one shall hear it.
    code_text = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from carina.cli import main; main()"
    )
    start = [sys.executable, "-c", code_text, *map(str, words)]
    with subprocess.Popen(start, stderr=subprocess.PIPE, text=True) as training:
        for line in training.stderr:
            if line.startswith("epoch 1 "):
                training.send_signal(number)
                break
        training.stderr.read()
        assert training.wait(timeout=60) == code
    assert not (tmp_path / "run" / "classifier").exists()


def test_answers_are_never_written_over_a_film(carina_command, trained_run, one_film, tmp_path):
    film = tmp_path / "film.png"
    shutil.copy(one_film, film)
    before = film.read_bytes()
    code, _, err = carina_command("predict", trained_run.folder, film, "--csv", film)
    assert code == 2
    assert "one of the films" in err
    assert film.read_bytes() == before


def test_a_setting_that_an_audit_would_ignore_is_refused(carina_command, phantom_films):
    code, _, err = carina_command("audit", phantom_films, "--set", "train.epochs=3")
    assert code == 2
    assert "only the settings of labels" in err


def test_a_command_to_try_next_is_one_that_the_shell_finds(monkeypatch):
    from carina.cli.terminal import as_typed

    monkeypatch.setattr("sys.argv", [".venv/bin/carina", "demo"])
    monkeypatch.setenv("PATH", "")
    assert as_typed("carina serve run") == ".venv/bin/carina serve run"
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    assert as_typed("carina serve run") == "carina serve run"


def test_help_lists_every_command(carina_command):
    code, out, _ = carina_command()
    assert code == 0
    for name in ("demo", "audit", "train", "evaluate", "predict", "explain", "report", "serve"):
        assert name in out
