"""Whether a training whose disk fails again and again ends as one that was left alone.

    python benchmarks/disk_faults.py DATA [--few N] [--recipe NAME] [--set a.b=c ...] \\
        [--power-cuts N] [--full-disks N] [--at-once N] [--append FILE.jsonl]

One training is left alone. Then others begin, and their disk fails at a random moment: before or
after a flush, after a rename, after a removal. Each goes on with `carina train --resume`, meets
the next failure, and so on, a few times; then it is let end. A power cut kills the process and
takes back what was not flushed (`tests/making/power_cuts.py`: files cut off, filled with zeros or
as before, names and removals undone); a full disk is one of its own, of memory, filled up but for
some bytes (as root, on Linux), or else a limit on the size of files (RLIMIT_FSIZE). Compared is
every file of the run but those that tell of its time. Each result is appended to a JSON-lines
file; what it holds already counts.
"""

import argparse
import dataclasses
import os
import random
import shutil
import sys
import time
from pathlib import Path

from described.measuring import Kept, machine
from kills import few_films, figures

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from making.disk_faults import Begin, failing_again_and_again, small_disk

_TMP = Path("tmp")  # git ignores it
_ROOM_NEEDED = ("MB are needed", "MB that are needed", "the run needs about", "ulimit -f")


def main(arguments: argparse.Namespace) -> None:
    """Let disks fail until as many failures are in the file, and print what became of it."""
    kept = Kept(arguments.append)
    scratch = arguments.scratch.resolve()
    shutil.rmtree(scratch, ignore_errors=True)
    data = [Path(one) for one in arguments.data]
    if arguments.few:
        data = [few_films(str(one), scratch / "films" / one.name, arguments) for one in data]
    settings = [part for one in arguments.set for part in ("--set", one)]
    asked = (*map(str, data), "--recipe", arguments.recipe, *settings)
    whole = _begin(scratch / "whole", asked)
    process, moments = whole.end()
    if process.returncode:
        sys.exit(process.stderr)
    expected = figures(whole.folder)
    for kind, wanted in (("power cut", arguments.power_cuts), ("full disk", arguments.full_disks)):
        while (done := _n_failures(kept.rows, kind)) < wanted:
            rng = random.Random(arguments.seed + len(kept.rows))
            n = rng.randint(1, min(arguments.at_once, wanted - done))  # alone, it may come late
            begin = _begin(scratch / "failing", asked)
            with small_disk(begin.top, n_bytes=arguments.disk_mb * 10**6) as is_small:
                kinds = _kinds(kind, n, is_small=is_small, rng=rng)
                kept.add(one_training(kind, kinds, begin, moments, rng) | _same(begin, expected))
            shutil.rmtree(begin.top)
    print_table(kept.rows)


def one_training(kind: str, kinds: list[str], begin: Begin, moments: int, rng) -> dict:
    """Return what became of a training whose disk failed, and was let end."""
    began = time.monotonic()
    failed = failing_again_and_again(kinds, begin, moments=moments, rng=rng)
    process, _ = begin.end()
    return {
        "kind": kind,
        "failures": [dataclasses.asdict(one) for one in failed],
        "exit": process.returncode,
        "said": process.stderr[-400:] if process.returncode else "",
        "seconds": round(time.monotonic() - began, 1),
    }


def _begin(top: Path, asked: tuple[str, ...]) -> Begin:
    top.mkdir(parents=True)
    return Begin(top, asked)


def _kinds(kind: str, n: int, *, is_small: bool, rng: random.Random) -> list[str]:
    if kind == "power cut":
        return [kind] * n
    return [rng.choice(["full disk", "file size"]) if is_small else "file size" for _ in range(n)]


def _same(begin: Begin, expected: dict) -> dict:
    found = figures(begin.folder) if begin.folder.is_dir() else {}
    names = sorted(name for name in expected | found if found.get(name) != expected.get(name))
    return {"different": names}


def _n_failures(rows: list[dict], kind: str) -> int:
    """Return how many failures of a kind there were; a process that ended before its own had
    none."""
    return sum(one["code"] != 0 for row in rows if row["kind"] == kind for one in row["failures"])


def print_table(rows: list[dict]) -> None:
    """Print how often disks failed, and how many trainings ended the same."""
    print("| kind | trainings | failures | ended the same, to the bit | exit 1 and the room told "
          "| temporary files left |")  # fmt: skip
    print("|---|---|---|---|---|---|")
    for kind in ("power cut", "full disk"):
        own = [row for row in rows if row["kind"] == kind]
        failures = [one for row in own for one in row["failures"] if one["code"] != 0]
        told = [one for one in failures if one["code"] == 1 and _tells_room(one["said"])]
        left = sum(len(one["left"]) for one in failures)
        same = [row for row in own if row["exit"] == 0 and not row["different"]]
        shown = "-" if kind == "power cut" else f"{len(told)}"
        print(f"| {kind} | {len(own)} | {len(failures)} | {len(same)} | {shown} | {left} |")
        for row in own:
            if row not in same:
                print(f"- exit {row['exit']}: {row['different']} {row['said']} {row['failures']}")
        for one in failures:
            if kind == "full disk" and one not in told:
                print(f"- {one}")
    print(f"\n{machine()}, load {os.getloadavg()[0]:.1f}")


def _tells_room(said: str) -> bool:
    return any(words in said for words in _ROOM_NEEDED)


def parsed() -> argparse.Namespace:
    """Return the arguments."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", nargs="+")
    parser.add_argument("--recipe", default="two-conv")
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--few", type=int, default=0, help="films of each class of a folder")
    parser.add_argument("--power-cuts", type=int, default=20)
    parser.add_argument("--full-disks", type=int, default=20)
    parser.add_argument("--at-once", type=int, default=5, help="failures of one training")
    parser.add_argument("--disk-mb", type=int, default=2000, help="of the disk that is filled")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scratch", type=Path, default=_TMP / "disk-faults")
    parser.add_argument("--append", type=Path, default=_TMP / "disk-faults.jsonl")
    return parser.parse_args()


if __name__ == "__main__":
    main(parsed())
