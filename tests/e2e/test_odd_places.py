"""Wherever and however it is started, a training ends with the same results.

The real command, in a process of its own, under many odd conditions at once: each run of it costs
seconds. What it writes is compared with what it writes in a usual place.
"""

import csv
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path

import pytest

from carina.files.names import encodable
from carina.imaging.phantom import write_phantoms
from carina.runs import Run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX paths, modes and streams"),
]
SETTINGS = (
    "input.height=48", "input.width=48", "train.epochs=1", "train.precision=fp32",
    "evaluate.masked_probe=false", "evaluate.resamples=100", "evaluate.score_explanations=false",
)  # fmt: skip
SET = [word for setting in SETTINGS for word in ("--set", setting)]
CLASSES, PARTS = ("Normal", "Pneumonia"), ("validation.csv", "test.csv")
CARINA = "from carina.cli import main; main()"
# Of 200 characters each, in the order of the names that they take the place of.
LONG = tuple(
    f'{letter}, "severe" = grade 3/4; 胸部X线 الصدر 😀 e\u0301 <b>&amp; {{x}} %s [red]'.ljust(
        200, letter
    )
    for letter in "NP"
)
# In the place of a home, a temporary folder; a clock that goes back three hours and on ten years
# with every look; a locale in which 1.5 is written 1,5; a working folder that is gone.
NOWHERE = f"""
import datetime, itertools, locale, os, pwd, time
def unknown(number):
    raise KeyError(number)
pwd.getpwuid = unknown
if "LOCPATH" in os.environ:
    locale.setlocale(locale.LC_ALL, "")
    assert locale.localeconv()["decimal_point"] == ","
really, jumps = time.time, itertools.cycle((0, -10_800, 315_360_000))
time.time = lambda: really() + next(jumps)
time.time_ns = lambda: int(time.time() * 1e9)
class Jumping(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(time.time(), tz)
datetime.datetime = Jumping
os.rmdir(os.getcwd())
{CARINA}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("odd")


@pytest.fixture(scope="module")
def films(place):
    counts = {"train": 10, "validation": 5, "test": 5}
    write_phantoms(
        place / "films", counts={p: dict.fromkeys(CLASSES, n) for p, n in counts.items()}, seed=3
    )
    return place / "films"


@pytest.fixture(scope="module")
def plain(place, films):
    return train(films, place / "plain", own(place))


def own(place, **variables):
    """An environment with nothing in it but a home, and what is named."""
    kept = {
        name: os.environ[name]
        for name in ("PATH", "PYTHONPATH", "OMP_NUM_THREADS")
        if name in os.environ
    }
    return {"HOME": str(place / "home"), "LANG": "C.UTF-8", **kept, **variables}


def carina(*words, env, code=CARINA, **how):
    """Run the command, without a terminal."""
    how = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | how
    words = [sys.executable, "-c", code, *words]
    return subprocess.run(words, env=env, check=False, timeout=600, **how)


def train(films, out, env, *, settings=(), **how):
    words = [word for setting in settings for word in ("--set", setting)]
    done = carina("train", *SET, *words, "--out", out, "--", films, env=env, **how)
    said = (done.stderr or b"").decode(errors="backslashreplace")
    log = out / "log.txt"
    assert done.returncode == 0, said or (log.is_file() and log.read_text(encoding="utf-8"))
    assert "Traceback" not in said
    return Run.open(out)


def results(run, *, called=None):
    """What must not depend on the place: of the predictions all but the source, with classes by
    the names that they have elsewhere."""
    evaluation = json.loads(run.evaluation_file.read_text(encoding="utf-8"))
    network = (run.classifier_dir / "network.onnx").read_bytes()
    return {
        "network": hashlib.sha256(network).hexdigest(),
        "history": [{n: v for n, v in row.items() if n != "seconds"} for row in run.history],
        "metrics": evaluation["metrics"],
        "answers": [answers_of(run.folder / "predictions" / name, called or {}) for name in PARTS],
    }


def answers_of(table, called):
    def shorter(text):
        for long, short in called.items():
            text = text.replace(long, short)
        return text

    with table.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    return [{shorter(n): shorter(v) for n, v in row.items() if n != "source"} for row in rows]


def modes(folder):
    """What others may do with a folder and everything in it."""
    return {stat.S_IMODE(p.stat().st_mode) & 0o077 for p in (folder, *folder.rglob("*"))}


def test_paths_and_classes_of_any_script_in_an_ascii_locale(place, films, plain):
    """Bytes that are no UTF-8 among them, a leading dash, class names of 200 characters, films
    from before the epoch and from the future; for the user alone to read."""
    here = place / "-a \u00f6 胸片 صورة 😀 e\u0301 'q' \"d\" %s {x} # $HOME & ;`*\nR\udcf6ntgen"
    shutil.copytree(films, here / "-films")
    for number, film in enumerate(sorted((here / "-films").rglob("*.png"))):
        os.utime(film, (0, (-1e9, 4e9)[number % 2]))
    env = own(
        here, LANG="C", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0", COLUMNS="20",
        TZ="Pacific/Kiritimati", TERM="dumb", NO_COLOR="1",
    )  # fmt: skip
    rename = ", ".join(
        f"{a} = {json.dumps(b, ensure_ascii=False)}" for a, b in zip(CLASSES, LONG, strict=True)
    )
    settings = (f"labels.rename={{{rename}}}",)
    how = {"cwd": here, "umask": 0o077, "env": env}
    run = train(Path("-films"), here / "-run", settings=settings, **how)
    assert results(run, called=dict(zip(LONG, CLASSES, strict=True))) == results(plain)
    assert run.environment.started.endswith("+14:00")
    assert modes(here / "-run") == {0}
    assert modes(plain.folder) == {0o055, 0o044}

    named = encodable(str(here / "-films"))
    assert run.environment.data == (named,)
    assert run.environment.command.startswith("carina train ./-films --recipe ")
    page = unescape(run.report_file.read_text(encoding="utf-8"))
    assert all(label in page for label in LONG)
    test = Path("-films", "test")
    for words in (
        ("audit", "--out", here / "audit", "--", "-films"),
        ("evaluate", "--out", here / "evaluated", *SET[-4:-2], "--", "-run", test),
        ("report", "--", "-run"),
        ("predict", "--json", "--", "-run", test),
    ):
        done = carina(*words, **how)
        assert done.returncode == 0, done.stderr.decode(errors="backslashreplace")
    answers = json.loads(done.stdout)["predictions"]
    assert {name for one in answers for name in one["probabilities"]} == set(LONG)
    # A name is found again as Carina writes it.
    again = carina("audit", "--json", named, env=env)
    assert again.returncode == 0, again.stderr


def test_no_home_no_account_no_terminal_no_working_folder_and_no_clock(place, films, plain):
    """In a locale with a comma in its numbers, with the reader of its messages gone."""
    gone, temporary = place / "gone", place / "temporary"
    gone.mkdir()
    temporary.mkdir()
    env = own(place, TMPDIR=str(temporary), TZ="America/St_Johns", **turkish(place))
    del env["HOME"], env["LANG"]
    unread, stderr = os.pipe()
    os.close(unread)
    try:
        run = train(
            films, place / "nowhere", env, code=NOWHERE, cwd=gone, stderr=stderr,
            preexec_fn=closing(0, 1),
        )  # fmt: skip
    finally:
        os.close(stderr)
    assert results(run) == results(plain)
    environment = run.environment
    assert 0 < environment.wall_seconds < 3_600
    assert all(0 <= seconds < 3_600 for seconds in environment.seconds.values())
    began = datetime.fromisoformat(environment.started)
    assert began.utcoffset() in (timedelta(hours=-2.5), timedelta(hours=-3.5))
    kept = temporary / f"carina-{os.getuid()}"
    assert modes(kept / "config") <= {0o055, 0o044, 0}
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    assert (kept / "config" / "patient.key").is_file()


def test_a_reader_that_leaves_and_a_full_disk_behind_a_pipe(place, films, plain):
    unread, stdout = os.pipe()
    os.close(unread)
    words = ("predict", plain.folder, films / "test")
    done = carina(*words, env=own(place), stdout=stdout)
    os.close(stdout)
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    if Path("/dev/full").exists():
        with Path("/dev/full").open("wb") as full:
            done = carina(*words, env=own(place), stdout=full, stderr=full)
        assert done.returncode == 1


def closing(*numbers):
    def close():
        for number in numbers:
            os.close(number)

    return close


def turkish(place):
    """A Turkish locale made for the test, where the system has what it is made of."""
    folder = place / "locales"
    folder.mkdir()
    words = ("localedef", "-i", "tr_TR", "-f", "UTF-8", str(folder / "tr_TR.UTF-8"))
    if shutil.which("localedef") and not subprocess.run(words, check=False).returncode:
        return {"LC_ALL": "tr_TR.UTF-8", "LOCPATH": str(folder)}
    return {"LC_ALL": "tr_TR.UTF-8"}
