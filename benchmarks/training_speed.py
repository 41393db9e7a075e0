"""How fast the described systems train: Carina against the ways that compete with it.

Every measurement is a fresh process; the competitors take turns (turn 1: all of them once,
turn 2: again, ...); each result is appended to a JSON-lines file as it comes, and what the
file already holds is not measured again: stop it and start it as you like. After a change
of Carina begin a new file; rows of two states of its code in one table are pointed out.

    python benchmarks/training_speed.py --tensorflow-python ENV/bin/python \\
        --vgg16-weights FILE.safetensors [--work NAME ...] [--turns N] [--films N] \\
        [--epochs N] [--data DIR] [--append FILE.jsonl] [--table-only]

The environment of `--tensorflow-python` needs: tensorflow-cpu, pillow, scipy, safetensors.
"Seconds" run from the first look at the folder of films (imports done) to the trained
network: decoding, augmentation, the network's building or compiling, Carina's audit and
precision probe, training, and validation after each epoch. "Whole process" is what a
clock on the wall shows for all of it, imports, testing and (Carina) report included.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from described.film_folder import counted, make_folder
from described.job import Job
from described.measuring import (
    Competitor,
    Kept,
    MeasurementError,
    competitors,
    measured,
    work_key,
)
from described.speed_table import detail_table, summary_table, versions_line
from described.works import WORKS, Work, work_named

from carina.errors import UnknownNameError

_TMP = Path("tmp")  # git ignores it
_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def main(arguments: argparse.Namespace) -> None:
    """Measure what is not yet in the file, and print the tables."""
    works = [work_named(name) for name in arguments.work] if arguments.work else WORKS
    kept = Kept(arguments.append)
    ready = [entry for work in works if (entry := prepared(work, arguments)) is not None]
    if not arguments.table_only:
        for turn in range(1, arguments.turns + 1):
            for work, job, facts in ready:
                for competitor in chosen_competitors(arguments):
                    measure_once(kept, competitor, job, {**facts, "turn": turn}, arguments.scratch)
                print(f"turn {turn} of {arguments.turns}: {work.name} is done", file=sys.stderr)
    found = [(work, kept.where(work=work.name, key=facts["key"])) for work, _, facts in ready]
    found = [(work, rows) for work, rows in found if rows]
    for work, rows in found:
        print(detail_table(work, rows), end="\n\n")
    if found:
        print(summary_table(found), end="\n\n")
        print(versions_line([row for _, rows in found for row in rows]))


def chosen_competitors(arguments: argparse.Namespace) -> list[Competitor]:
    """Return who is measured: all, or those that `--competitor` names."""
    everyone = competitors(arguments.tensorflow_python)
    wanted = [name.casefold() for name in arguments.competitor]
    return [
        c for c in everyone if not wanted or any(c.name.casefold().startswith(w) for w in wanted)
    ]


def prepared(work: Work, arguments: argparse.Namespace) -> tuple[Work, Job, dict[str, Any]] | None:
    """Return a work's job and the facts of its rows, or None, said why, where it cannot be
    measured."""
    if work.pretrained and arguments.vgg16_weights is None:
        print(f"{work.name} is not measured: give --vgg16-weights FILE", file=sys.stderr)
        return None
    try:
        recipe = work.resolved(weights=arguments.vgg16_weights, epochs=arguments.epochs)
    except UnknownNameError as error:
        print(f"{work.name} is not measured: {error}", file=sys.stderr)
        return None
    name = f"{work.source}-{len(work.classes)}-{'-'.join(c[:5] for c in work.classes)}"
    place = arguments.scratch / "films" / f"{name.replace(' ', '')}-{arguments.films or 'all'}"
    place.parent.mkdir(parents=True, exist_ok=True)
    source = arguments.data / work.source
    folder = make_folder(source, work.classes, place, n_films=arguments.films)
    job = Job(
        recipe=recipe.model_dump(mode="json"),
        folder=str(folder),
        classes=tuple(sorted(work.classes)),
        weights=str(arguments.vgg16_weights) if work.pretrained else "",
    )
    counts = counted(folder)
    full_epochs = work.resolved(weights=arguments.vgg16_weights, epochs=None).train.epochs
    facts = {
        "work": work.name,
        "key": work_key(job, counts),
        "source": work.source,
        "films": counts,
        "epochs": recipe.train.epochs,
        "batch_size": recipe.train.batch_size,
        "side": list(job.side),
        "channels": job.channels,
        "n_films_cap": arguments.films,
        "epochs_cap": recipe.train.epochs if recipe.train.epochs < full_epochs else 0,
    }
    return work, job, facts


def measure_once(
    kept: Kept, competitor: Competitor, job: Job, facts: dict[str, Any], scratch: Path
) -> None:
    """Measure one competitor in one turn, unless the file has it; a failure is said, and
    tried again next time."""
    identity = {
        "work": facts["work"],
        "key": facts["key"],
        "competitor": competitor.name,
        "turn": facts["turn"],
    }
    if kept.has(**identity):
        return
    seed = facts["turn"]
    recipe = {**job.recipe, "train": {**job.recipe["train"], "seed": seed}}
    try:
        found = measured(
            competitor,
            Job(recipe, job.folder, job.classes, weights=job.weights, seed=seed),
            scratch / "measuring",
        )
    except MeasurementError as error:
        print(f"{facts['work']}, turn {facts['turn']}: {error}", file=sys.stderr)
        return
    kept.add({**identity, **facts, **found})
    print(
        f"{facts['work']}, turn {facts['turn']}, {competitor.name}: {found['seconds']:.1f} s",
        file=sys.stderr,
    )


def options() -> argparse.ArgumentParser:
    """Return what the command line takes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--tensorflow-python", help="interpreter with TensorFlow; none: two columns"
    )
    parser.add_argument("--vgg16-weights", type=Path, help="safetensors file of the notop kernels")
    parser.add_argument("--work", action="append", default=[], help="one work; again for more")
    parser.add_argument(
        "--competitor",
        action="append",
        default=[],
        help='how a name begins ("carina", "plain", "keras"); again for more',
    )
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--films", type=int, default=0, help="most training films; 0 for all")
    parser.add_argument("--epochs", type=int, help="most epochs of a work")
    parser.add_argument("--data", type=Path, default=_DATA, help="folder of the data sets")
    parser.add_argument("--append", type=Path, default=_TMP / "training_speed.jsonl")
    parser.add_argument("--scratch", type=Path, default=_TMP / "training_speed")
    parser.add_argument("--table-only", action="store_true", help="measure nothing")
    return parser


if __name__ == "__main__":
    chosen = options().parse_args()
    for name in ("data", "append", "scratch", "vgg16_weights"):
        if getattr(chosen, name) is not None:
            setattr(chosen, name, getattr(chosen, name).resolve())
    if chosen.tensorflow_python is not None:
        # Not resolved: a virtual environment's interpreter is a link that must stay one.
        chosen.tensorflow_python = str(Path(chosen.tensorflow_python).absolute())
    main(chosen)
