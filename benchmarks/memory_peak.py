"""How much memory a training takes, estimated before it and measured after it.

    python benchmarks/memory_peak.py [--recipe NAME ...] [--append FILE.jsonl] [--threads N]

For every network of every shipped recipe, in both precisions, with whole batches and with a
quarter of them at a time, a fresh process trains two epochs of two steps on random films, with
checkpoints, through `carina.training.fit`. Printed are what `needed_bytes` said before and what
the process then took: its highest resident memory (VmHWM of proc_pid_status(5), set back just
before) less what it had. The estimate must not be below that, and not far above: it decides
whether a batch is split. Linux only. Processor load does not matter.
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from described.measuring import Kept, machine

from carina.files.recipes import read_recipe, shipped_recipes
from carina.workflows.start import stage_recipe

_STATUS = Path("/proc/self/status")
_FORGET_THE_PEAK = "5"  # proc_pid_clear_refs(5)


def main(arguments: argparse.Namespace) -> None:
    """Measure what is not in the file yet, and print all of it."""
    kept = Kept(arguments.append)
    for name, stage in asked(arguments.recipe or shipped_recipes()):
        for precision, share in itertools.product(("fp32", "bf16"), (1, 4)):
            facts = {"recipe": name, "stage": stage, "precision": precision, "share": share}
            if not kept.has(**facts):
                kept.add(facts | child(facts, arguments.threads) | {"machine": machine()})
    print_table(kept.rows)


def asked(names: list[str]) -> list[tuple[str, str]]:
    """Return the recipes with their stages, "" for one without."""
    return [
        (name, stage)
        for name in names
        for stage in [one.name for one in read_recipe(name).stages] or [""]
    ]


def child(facts: dict, threads: int) -> dict:
    """Return what a fresh process measured."""
    words = [sys.executable, __file__, "--job", json.dumps(facts), "--threads", str(threads)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{facts}: {done.stderr}")
    return json.loads(done.stdout)


def measure(facts: dict, threads: int) -> dict:
    """Train, and return what was expected and what was taken, in millions of bytes."""
    from carina.models.build import build_network
    from carina.training.checkpoints import Checkpoints
    from carina.training.films import FilmPart, TrainingFilms
    from carina.training.fit import fit
    from carina.training.memory import Work, needed_bytes
    from carina.training.precision import PrecisionChoice

    recipe = read_recipe(facts["recipe"])
    for stage in recipe.stages:
        if stage.name == facts["stage"]:
            recipe = stage_recipe(recipe, stage)
    spec, train = recipe.input, recipe.train.model_copy(update={"epochs": 2, "threads": threads})
    network = build_network(recipe.network, spec=spec, n_classes=recipe.n_classes, seed=0)
    at_once = train.batch_size // facts["share"]
    work = Work(network, spec, train, recipe.augment, facts["precision"])
    began = time.process_time()
    expected = needed_bytes(work, at_once)
    seconds = time.process_time() - began

    def levels(keys):
        shape = (len(keys), spec.height, spec.width)
        return np.random.default_rng(0).integers(0, 65536, shape, dtype=np.uint16)

    def part(name):
        n = 2 * train.batch_size
        return FilmPart(tuple(f"{name}{i}" for i in range(n)), np.arange(n) % 2, levels)

    films = TrainingFilms(part("train"), part("validation"), spec)
    with tempfile.TemporaryDirectory() as folder:
        ticks = itertools.count(step=1e6)
        Path("/proc/self/clear_refs").write_text(_FORGET_THE_PEAK, encoding="ascii")
        before = kilobytes("VmRSS")
        fit(
            network,
            films,
            train=train,
            augment=recipe.augment,
            precision=PrecisionChoice(facts["precision"], "the measurement says so"),
            cache_dir=Path(folder),
            films_at_once=at_once,
            checkpoints=Checkpoints(
                Path(folder), identity={}, circumstances={}, clock=lambda: next(ticks)
            ),
        )
    taken = (kilobytes("VmHWM") - before) * 1024
    return {
        "films_at_once": at_once,
        "expected_mb": round(expected / 1e6),
        "taken_mb": round(taken / 1e6),
        "before_mb": round(before * 1024 / 1e6),
        "estimate_cpu_s": round(seconds, 2),
    }


def kilobytes(field: str) -> int:
    """Return a field of /proc/self/status, in kilobytes."""
    lines = _STATUS.read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def print_table(rows: list[dict]) -> None:
    """Print what was expected and what was taken."""
    print(f"{'network':32} {'precision':9} {'films':>5} {'expected':>9} {'taken':>9} {'ratio':>6}")
    for row in rows:
        name = "/".join(filter(None, (row["recipe"], row["stage"])))
        ratio = row["expected_mb"] / row["taken_mb"]
        print(
            f"{name:32} {row['precision']:9} {row['films_at_once']:5} {row['expected_mb']:6} MB "
            f"{row['taken_mb']:6} MB {ratio:6.2f}"
        )
    ratios = [row["expected_mb"] / row["taken_mb"] for row in rows]
    print(f"from {min(ratios):.2f} to {max(ratios):.2f} of what was taken")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", action="append", default=[])
    parser.add_argument("--append", type=Path, default=Path("tmp/memory_peak.jsonl"))
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--job", type=json.loads)
    given = parser.parse_args()
    if given.job:
        print(json.dumps(measure(given.job, given.threads)))
    else:
        main(given)
