"""Whether a training that is killed again and again ends as one that was left alone.

    python benchmarks/kills.py DATA [--few N] [--recipe NAME] [--set a.b=c ...] [--kills N] \\
        [--seconds LOW HIGH] [--append FILE.jsonl]

One training is left alone. Then others begin, get SIGKILL at a random moment, go on with
`carina train --resume` (or with the same command, if nothing was recorded yet), get the next one,
and so on, until N kills were sent and every training has ended. A moment is drawn evenly from the
time that the first training took, so that reading, auditing, training, checkpoints, export, masked
probe, evaluation and report are all met. Compared is every byte of the run but for what tells of
times and places by its nature: `environment.json`, `log.txt`, `report.html`, `digests.json` and
the seconds in `history.csv`. Each result is appended to a JSON-lines file; what it holds already
counts, so that a long measurement can be stopped and go on.

Two hundred kills of a small training on real films, and one of a large network:

    python benchmarks/kills.py ../shared/data/covid-dataset/Train --few 20 --kills 200 \\
        --set input.height=64 --set input.width=64 --set train.epochs=4 \\
        --set train.precision=fp32 --set evaluate.resamples=200
    python benchmarks/kills.py ../shared/data/covid-dataset/Train --few 8 --kills 1 \\
        --recipe densenet121 --set network.weights=none --set train.epochs=2 \\
        --set train.precision=fp32 --set evaluate.resamples=200 --append tmp/kills-densenet.jsonl

The precision is named, since a timed choice may fall otherwise in the training that is compared.
"""

import argparse
import csv
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from described.measuring import Kept, machine

_TMP = Path("tmp")  # git ignores it
_OF_ITS_OWN = {"environment.json", "log.txt", "report.html", "digests.json"}


def main(arguments: argparse.Namespace) -> None:
    """Kill trainings until as many kills are in the file, and print what became of them."""
    kept = Kept(arguments.append)
    scratch = arguments.scratch
    if arguments.few:
        arguments.data = [
            str(few_films(data, scratch / "films", arguments)) for data in arguments.data
        ]
    whole = scratch / "whole"
    shutil.rmtree(whole, ignore_errors=True)
    began = time.monotonic()
    run_to_end(words(arguments, whole))
    longest = time.monotonic() - began
    low, high = arguments.seconds or (0.1, longest)
    expected = figures(whole)
    rng = random.Random(arguments.seed + len(kept.rows))
    while (sent := sum(row["kills"] for row in kept.rows)) < arguments.kills:
        shutil.rmtree(scratch / "killed", ignore_errors=True)
        killer = Killer(rng, low, high, most=arguments.kills - sent)
        kept.add(
            one_training(words(arguments, scratch / "killed"), scratch / "killed", killer, expected)
        )
    print_table(kept.rows)


@dataclass
class Killer:
    """When a training is killed.

    Attributes:
        rng: draws the seconds.
        low, high: between which they lie.
        most: how often at the most.
    """

    rng: random.Random
    low: float
    high: float
    most: int

    def seconds(self, kills: int) -> float | None:
        """Return after how many seconds the next one comes, or None if there is none."""
        return self.rng.uniform(self.low, self.high) if kills < self.most else None


def one_training(command: list[str], folder: Path, killer: Killer, expected: dict) -> dict:
    """Return what became of a training that was killed until it ended between two kills."""
    kills, at, began = 0, [], time.monotonic()
    while True:
        seconds = killer.seconds(kills)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            _, said = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            kills += 1
            at.append(round(seconds, 2))
            if (folder / "environment.json").is_file():
                command = carina("train", "--resume", folder)
            continue
        found = figures(folder) if process.returncode == 0 else {}
        return {
            "kills": kills,
            "at": at,
            "exit": process.returncode,
            "said": said.decode()[-400:] if process.returncode else "",
            "different": sorted(
                name for name in expected | found if found.get(name) != expected.get(name)
            ),
            "left": sorted(file.name for file in folder.rglob(".*")),
            "seconds": round(time.monotonic() - began, 1),
        }


def few_films(data: str, target: Path, arguments: argparse.Namespace) -> Path:
    """Copy the first films of each class of a folder, and return the folder of the copies."""
    for label in sorted(place for place in Path(data).iterdir() if place.is_dir()):
        (target / label.name).mkdir(parents=True, exist_ok=True)
        for film in sorted(label.iterdir())[: arguments.few]:
            shutil.copyfile(film, target / label.name / film.name)
    return target


def words(arguments, folder: Path) -> list[str]:
    """Return the command that begins a training."""
    settings = [part for one in arguments.set for part in ("--set", one)]
    return carina(
        "train", *arguments.data, "--recipe", arguments.recipe, *settings, "--out", folder
    )


def carina(*parts: str | Path) -> list[str]:
    """Return a command of this code."""
    call = "import sys; from carina.cli import main; main()"
    return [sys.executable, "-c", call, *map(str, parts)]


def run_to_end(command: list[str]) -> None:
    """Run a command that must end well."""
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def figures(folder: Path) -> dict[str, str]:
    """Return a digest of each file of a run that must not depend on how often it stopped."""
    found = {}
    for file in sorted(folder.rglob("*")):
        if not file.is_file() or file.name in _OF_ITS_OWN:
            continue
        content = file.read_bytes()
        if file.name == "history.csv":
            rows = csv.DictReader(content.decode().splitlines())
            content = json.dumps([{**row, "seconds": ""} for row in rows]).encode()
        found[file.relative_to(folder).as_posix()] = digest(content)
    return found


def digest(content: bytes) -> str:
    """Return the first digits of a sha256."""
    return hashlib.sha256(content).hexdigest()[:16]


def print_table(rows: list[dict]) -> None:
    """Print how often trainings were killed, and how many of them ended the same."""
    same = [row for row in rows if row["exit"] == 0 and not row["different"]]
    print("| trainings | kills | ended | ended the same, to the bit | files left behind |")
    print("|---|---|---|---|---|")
    print(
        f"| {len(rows)} | {sum(row['kills'] for row in rows)} "
        f"| {sum(row['exit'] == 0 for row in rows)} | {len(same)} "
        f"| {sum(len(row['left']) for row in rows)} |"
    )
    for row in rows:
        if row not in same:
            print(f"- exit {row['exit']} after {row['at']}: {row['different']} {row['said']}")
    print(f"\n{machine()}, load {os.getloadavg()[0]:.1f}")


def parsed() -> argparse.Namespace:
    """Return the arguments."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", nargs="+")
    parser.add_argument("--recipe", default="two-conv")
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--few", type=int, default=0, help="films of each class of one folder")
    parser.add_argument(
        "--seconds", type=float, nargs=2, help="of a kill; over the whole if left out"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scratch", type=Path, default=_TMP / "kills")
    parser.add_argument("--append", type=Path, default=_TMP / "kills.jsonl")
    return parser.parse_args()


if __name__ == "__main__":
    main(parsed())
