"""Whether a training that is killed again and again ends as one that was left alone.

    python benchmarks/kills.py DATA [--recipe NAME] [--set a.b=c ...] [--kills N] \\
        [--seconds LOW HIGH] [--append FILE.jsonl]

One training is left alone. Then others begin, get SIGKILL at a random moment, go on with
`carina train --resume`, get the next one, and so on, until N kills were sent and every training
has ended. Compared are the bytes of `network.onnx` and of both checkpoints' weights, the
history without its seconds, the predictions and every number of `evaluation.json` but those
that are counts of seconds. Each result is appended to a JSON-lines file; what it holds already
counts, so that a long measurement can be stopped and go on.
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
from pathlib import Path

from described.measuring import Kept, machine

_TMP = Path("tmp")  # git ignores it
_FILES = (
    "classifier/network.onnx", "checkpoints/best.safetensors", "checkpoints/last.safetensors",
    "predictions/validation.csv", "predictions/test.csv",
)  # fmt: skip


def main(arguments: argparse.Namespace) -> None:
    """Kill trainings until as many kills are in the file, and print what became of them."""
    kept = Kept(arguments.append)
    scratch = arguments.scratch
    whole = scratch / "whole"
    if not (whole / "report.html").is_file():
        shutil.rmtree(whole, ignore_errors=True)
        run_to_end(words(arguments, whole))
    expected = figures(whole)
    rng = random.Random(arguments.seed + len(kept.rows))
    while sum(row["kills"] for row in kept.rows) < arguments.kills:
        shutil.rmtree(scratch / "killed", ignore_errors=True)
        kept.add(one_training(arguments, scratch / "killed", rng, expected))
    print_table(kept.rows)


def one_training(arguments, folder: Path, rng: random.Random, expected: dict) -> dict:
    """Return what became of a training that was killed until it ended between two kills."""
    low, high = arguments.seconds
    kills, at, began = 0, [], time.monotonic()
    command = words(arguments, folder)
    while True:
        seconds = rng.uniform(low, high)
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
            else:  # nothing was written yet: it begins again
                shutil.rmtree(folder, ignore_errors=True)
            continue
        found = figures(folder) if process.returncode == 0 else {}
        return {
            "kills": kills,
            "at": at,
            "exit": process.returncode,
            "said": said.decode()[-400:] if process.returncode else "",
            "different": sorted(name for name in expected if found.get(name) != expected[name]),
            "left": sorted(file.name for file in folder.rglob(".*")),
            "seconds": round(time.monotonic() - began, 1),
        }


def words(arguments, folder: Path) -> list[str]:
    """Return the command that begins a training."""
    settings = [part for one in arguments.set for part in ("--set", one)]
    return carina("train", *arguments.data, "--recipe", arguments.recipe, *settings, "--out", folder)


def carina(*parts: str | Path) -> list[str]:
    """Return a command of this code."""
    call = "import sys; from carina.cli import main; main()"
    return [sys.executable, "-c", call, *map(str, parts)]


def run_to_end(command: list[str]) -> None:
    """Run a command that must end well."""
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def figures(folder: Path) -> dict[str, str]:
    """Return a digest of everything of a run that must not depend on how often it stopped."""
    found = {name: digest((folder / name).read_bytes()) for name in _FILES}
    with (folder / "history.csv").open(newline="") as stream:
        rows = [{n: v for n, v in row.items() if n != "seconds"} for row in csv.DictReader(stream)]
    found["history"] = digest(json.dumps(rows).encode())
    evaluation = json.loads((folder / "evaluation.json").read_text())
    for name in ("metrics", "per_class", "parts", "calibration", "operating_points", "last_epoch"):
        found[name] = digest(json.dumps(evaluation.get(name), sort_keys=True).encode())
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
    parser.add_argument("--seconds", type=float, nargs=2, default=[2.0, 20.0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scratch", type=Path, default=_TMP / "kills")
    parser.add_argument("--append", type=Path, default=_TMP / "kills.jsonl")
    return parser.parse_args()


if __name__ == "__main__":
    main(parsed())
