"""Hostile films, many, sent every way that a film can come in.

Made and shipped test files are changed by chance (`tests/making/hostile`) and sent through the
worker that decodes (`imaging.read_radiograph_bytes`), over HTTP to a `carina serve` of this
machine (also in hostile forms and with hostile heads), and to `carina predict` in folders. What
must not happen is a crash, a hang, an outcome outside of `errors.IMAGE_CODES`, or an HTTP 5xx
other than 503 (busy). One line a block is appended to a file, so that a run can stop and go on;
what has been done by the same code is not done again.

    python benchmarks/hostile_films.py [--worker N] [--http N] [--command N] [--out FILE]
        [--classifier CLASSIFIER] [--table]
    python benchmarks/hostile_films.py --one SEED#NUMBER     reads one of them, and keeps it

A tiny classifier is made for the purpose unless one is named. The exit code is 4 if anything
happened that must not. `make nightly` runs 200,000, 20,000 and 2,000.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

# The films are made where the tests make theirs.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from hostile.outcomes import WRONG, Outcomes, joined
from hostile.through_worker import outcome_of, read_through_worker

_BLOCKS = {"worker": 1000, "http": 500, "command": 25}
_FOUND = 4
_SHOWN = 20


def run(route: str, n: int, *, classifier: Path, keep: Callable[[dict[str, Any]], None],
        done: set[int] = frozenset()) -> None:  # fmt: skip
    """Send `n` films on a route in blocks.

    Args:
        route: "worker", "http" or "command".
        n: how many.
        classifier: what answers; unused by the worker.
        keep: called with each block's row.
        done: blocks that were sent before.
    """
    blocks = range(-(-n // _BLOCKS[route]))
    if all(block in done for block in blocks):
        return
    if route == "http":
        from hostile.over_http import send_over_http, served

        with served(classifier) as server:
            _each(route, n, done, keep, lambda a, b: send_over_http(a, b, server=server))
        return
    if route == "command":
        from hostile.commands import predict_on_command_line

        def send(start: int, stop: int) -> Outcomes:
            return predict_on_command_line(start, stop, classifier=classifier)
    else:
        send = read_through_worker
    _each(route, n, done, keep, send)


def _each(route: str, n: int, done: set[int], keep: Callable, send: Callable) -> None:
    size = _BLOCKS[route]
    for block, start in enumerate(range(0, n, size)):
        if block not in done:
            found = send(start, min(start + size, n))
            keep({"route": route, "block": block, "size": size, **found.as_row()})


def print_table(rows: list[dict[str, Any]]) -> bool:
    """Print what happened on each route; return whether anything happened that must not."""
    wrong = False
    for route in _BLOCKS:
        own = [row for row in rows if row["route"] == route]
        if not own:
            continue
        found = joined(own)
        wrong = wrong or bool(found.wrong)
        counts = ", ".join(f"{kind} {found.codes.get(kind, 0)}" for kind in WRONG)
        print(f"\n{route}: {found.n:,} in {found.seconds:.0f} s; {counts}")
        print(f"  slowest {found.slowest_s:.2f} s ({found.slowest})")
        print(f"  most memory: worker {found.worker_mb:.0f} MB, parent {found.parent_mb:.0f} MB")
        for code, n in found.codes.most_common():
            print(f"  {n:9,}  {code}")
        for kind, name, told in found.wrong[:_SHOWN]:
            print(f"  {kind}: {name}: {told}")
        for code, name in found.stopped[:_SHOWN]:
            print(f"  {code}: {name}")
    return wrong


def read_one(name: str) -> None:
    """Read one mutant and keep its bytes in the working folder's `tmp`."""
    from making.hostile.mutations import mutant

    seed, _, number = name.rpartition("#")
    film = mutant(seed, int(number))
    kept = Path("tmp") / name.replace("/", "-")
    kept.parent.mkdir(exist_ok=True)
    kept.write_bytes(film.data)
    began = time.perf_counter()
    code, told = outcome_of(film)
    print(f"{name}: {code} {told} ({time.perf_counter() - began:.3f} s); kept as {kept}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worker", type=int, default=20_000, help="films through the worker")
    parser.add_argument("--http", type=int, default=2_000, help="messages over HTTP")
    parser.add_argument("--command", type=int, default=200, help="films on the command line")
    parser.add_argument("--out", type=Path, default=Path("tmp/hostile_films.jsonl"))
    parser.add_argument("--classifier", type=Path, help="what answers; a tiny one if not given")
    parser.add_argument("--table", action="store_true", help="print what the file holds")
    parser.add_argument("--one", metavar="SEED#NUMBER", help="read one film and keep it")
    given = parser.parse_args()
    if given.one:
        read_one(given.one)
        return
    from described.measuring import Kept, carina_code, machine

    kept = Kept(given.out)
    facts = {"code": carina_code(), "machine": machine()}

    def keep(row: dict[str, Any]) -> None:
        kept.add({**row, **facts, "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())})
        print(json.dumps({k: row[k] for k in ("route", "block", "seconds", "slowest_s", "wrong")}))

    with tempfile.TemporaryDirectory() as folder:
        classifier = given.classifier or _tiny_classifier(Path(folder) / "tiny")
        for route, n in {r: getattr(given, r) for r in _BLOCKS if not given.table}.items():
            before = kept.where(route=route, code=facts["code"], size=_BLOCKS[route])
            done = {row["block"] for row in before if sum(row["codes"].values()) >= row["size"]}
            run(route, n, classifier=classifier, keep=keep, done=done)
    if print_table(kept.rows if given.table else kept.where(code=facts["code"])):
        sys.exit(_FOUND)


def _tiny_classifier(folder: Path) -> Path:
    from making.classifiers import write_tiny_classifier

    return write_tiny_classifier(folder)


if __name__ == "__main__":
    main()
