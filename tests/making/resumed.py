"""Trainings in processes of their own, which are stopped; and what must not depend on that."""

import csv
import hashlib
import json
import os
import subprocess
import sys

# One precision, since a timed choice is a matter of luck on a machine that does much else.
SMALL = (
    "input.height=64", "input.width=64", "train.epochs=4", "train.precision=fp32",
    "evaluate.resamples=200", "evaluate.score_explanations=false",
)  # fmt: skip
# Tests have settings of their own, and the digest of their patient key stands in a card.
_ONE_KEY = {"CARINA_PATIENT_KEY": "one key for all that are compared"}
# A shell lets what it starts in the background ignore Ctrl-C; this one shall hear it.
_COMMAND = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from carina.cli import main; main()"
)
# What tells of times, places and interruptions by its nature; the list of digests is of them too.
_OF_ITS_OWN = {"environment.json", "log.txt", "report.html", "digests.json"}


def words(settings):
    """The options that change a recipe."""
    return [part for one in settings for part in ("--set", one)]


def started(*arguments):
    """`carina train` with some arguments, as a process whose stderr is read line by line."""
    return subprocess.Popen(
        [sys.executable, "-c", _COMMAND, "train", *map(str, arguments)],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env={**os.environ, **_ONE_KEY},
    )  # fmt: skip


def told_until(training, beginning):
    """Read what a training tells up to a line; its text, or "" if it ended before."""
    for line in training.stderr:
        if line.startswith(beginning):
            return line
    return ""


def killed_at(beginning, *arguments, on_one_core=False):
    """Begin a training and kill it as soon as it tells a line; "", or what it told if it ended
    before."""
    with started(*arguments) as training:
        if on_one_core and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(training.pid, {min(os.sched_getaffinity(0))})
        told = []
        for line in training.stderr:
            told.append(line)
            if line.startswith(beginning):
                training.kill()
                training.communicate()
                return ""
    return "".join(told)


def ended(*arguments):
    """Let a training come to its end, which must be a good one; what it told."""
    with started(*arguments) as training:
        said = training.stderr.read()
        assert training.wait() == 0, said
    return said


def outcome(folder):
    """A digest of everything of a run that must not depend on how often it was stopped."""
    found = {}
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.name not in _OF_ITS_OWN:
            content = file.read_bytes()
            if file.name == "history.csv":
                content = _without_seconds(content)
            found[file.relative_to(folder).as_posix()] = hashlib.sha256(content).hexdigest()
    return found


def _without_seconds(content):
    rows = csv.DictReader(content.decode().splitlines())
    return json.dumps([{**row, "seconds": ""} for row in rows]).encode()
