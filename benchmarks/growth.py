"""How Carina's time and memory grow with the number of films.

Folders of 250, 500, 1,000 and 2,500 films (seven parts in ten train, one watches, two test)
are made of real ones: each film turned, zoomed, shifted and brightened at random, so that
no two have the same content or look like copies. Every measurement is a fresh process with
empty caches, appended to a JSON-lines file as it comes; what the file holds is not measured
again. The line is the least-squares one; a straight line leaves small deviations.

    python benchmarks/growth.py [--vgg16-weights FILE] [--sizes N ...] [--epochs N] \\
        [--turns N] [--data DIR] [--append FILE.jsonl]
"""

import argparse
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from described.job import Job
from described.measuring import (
    CARINA,
    Competitor,
    Kept,
    MeasurementError,
    machine,
    measured,
    work_key,
)
from described.works import Work, work_named
from PIL import Image

_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
_SOURCE = "covid19-image-dataset"
_CLASSES = ("Covid", "Viral Pneumonia")
_PARTS = (("train", 0.7), ("val", 0.1), ("test", 0.2))
_WORKS = ("two-conv", "vgg16-head")


def make_films(source: Path, out: Path, *, n_films: int) -> Path:
    """Lay `n_films` films out as `train|val|test/CLASS/*.jpg` and return the folder.

    Args:
        source: its folder `train` has the class folders.
        out: made anew, unless it is there already.
        n_films: in all parts and classes together.
    """
    if out.is_dir():
        return out
    making = out.with_name(out.name + ".making")
    rng = np.random.default_rng(0)
    for name in _CLASSES:
        pool = [path for path in sorted((source / "train" / name).iterdir()) if path.is_file()]
        number = 0
        for part, share in _PARTS:
            folder = making / part / name
            folder.mkdir(parents=True, exist_ok=True)
            for _ in range(round(n_films * share / len(_CLASSES))):
                film = altered(pool[number % len(pool)], rng)
                Image.fromarray(film).save(folder / f"{number:05d}.jpg", quality=90)
                number += 1
    making.rename(out)
    return out


def altered(path: Path, rng: np.random.Generator) -> np.ndarray:
    """Return a film, uint8 `[height, width]`, that looks like another one."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("L"))
    height, width = pixels.shape
    matrix = cv2.getRotationMatrix2D(
        (width / 2, height / 2), rng.uniform(-25, 25), rng.uniform(0.7, 1.4)
    )
    matrix[:, 2] += rng.uniform(-0.15, 0.15, 2) * np.array([width, height])
    moved = cv2.warpAffine(pixels, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)
    if rng.random() < 0.5:
        moved = moved[:, ::-1]
    changed = moved * rng.uniform(0.7, 1.2) + rng.uniform(-20, 20)
    return changed.clip(0, 255).astype(np.uint8)


def main(arguments: argparse.Namespace) -> None:
    """Measure what is not yet in the file, and print a table for each work."""
    kept = Kept(arguments.append)
    print(machine())
    for name in arguments.work or _WORKS:
        work = work_named(name)
        if work.pretrained and arguments.vgg16_weights is None:
            print(f"{name} is not measured: give --vgg16-weights FILE", file=sys.stderr)
            continue
        rows = [
            row
            for turn in range(1, arguments.turns + 1)
            for n_films in arguments.sizes
            if (row := grown(kept, work, arguments, n_films=n_films, turn=turn)) is not None
        ]
        if rows:
            print(f"\n{work.name}, {rows[0]['epochs']} epochs\n\n{table(rows)}")


def grown(
    kept: Kept, work: Work, arguments: argparse.Namespace, *, n_films: int, turn: int
) -> dict[str, Any] | None:
    """Return the measurement at one size, from the file or made now; None if it failed."""
    place = arguments.scratch / f"films-{n_films}"
    place.parent.mkdir(parents=True, exist_ok=True)
    folder = make_films(arguments.data / _SOURCE, place, n_films=n_films)
    recipe = work.resolved(weights=arguments.vgg16_weights, epochs=arguments.epochs)
    job = Job(
        recipe=recipe.model_dump(mode="json"),
        folder=str(folder),
        classes=_CLASSES,
        weights=str(arguments.vgg16_weights) if work.pretrained else "",
    )
    identity = {
        "growth": work.name,
        "key": work_key(job, {"films": n_films}),
        "n_films": n_films,
        "turn": turn,
    }
    if not kept.has(**identity):
        try:
            found = measured(
                Competitor(CARINA, "described.carina_way"), job, arguments.scratch / "measuring"
            )
        except MeasurementError as error:
            print(f"{work.name}, {n_films} films: {error}", file=sys.stderr)
            return None
        kept.add({**identity, "epochs": recipe.train.epochs, **found})
        print(f"{work.name}, {n_films} films: {found['seconds']:.1f} s", file=sys.stderr)
    return kept.where(**identity)[0]


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the table of one work, with the lines through its points."""
    lines = [
        "| films | to the trained network s | a film ms | whole process s | a film ms | peak MB |",
        "|---|---|---|---|---|---|",
    ]
    sizes = sorted({row["n_films"] for row in rows})
    points = {
        name: [statistics.median(r[name] for r in rows if r["n_films"] == n) for n in sizes]
        for name in ("seconds", "command_seconds", "peak_mb")
    }
    for n, seconds, command, peak in zip(sizes, *points.values(), strict=True):
        lines.append(
            f"| {n:,} | {seconds:.1f} | {1000 * seconds / n:.1f} | {command:.1f} "
            f"| {1000 * command / n:.1f} | {peak:.0f} |"
        )
    if len(sizes) > 2:
        titles = ("to the trained network", "whole process", "peak memory")
        lines.append("")
        for title, unit, values in zip(titles, ("s", "s", "MB"), points.values(), strict=True):
            lines.append(f"- {title}: {line_of(sizes, values, unit)}")
    return "\n".join(lines)


def line_of(sizes: Sequence[int], values: Sequence[float], unit: str) -> str:
    """Return the least-squares line in words, and how far the points lie from it."""
    slope, start = np.polyfit(sizes, values, 1)
    expected = start + slope * np.array(sizes)
    furthest = float(np.max(np.abs(np.array(values) - expected) / np.array(values)))
    return (
        f"{start:.1f} {unit} + {1000 * slope:.1f} {unit} for each 1,000 films; "
        f"the points lie within {furthest:.0%} of the line"
    )


def options() -> argparse.ArgumentParser:
    """Return what the command line takes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--vgg16-weights", type=Path, help="safetensors file of the notop kernels")
    parser.add_argument("--work", action="append", default=[], help=f"of {', '.join(_WORKS)}")
    parser.add_argument("--sizes", type=int, nargs="+", default=(250, 500, 1000, 2500))
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--data", type=Path, default=_DATA, help="folder of the data sets")
    parser.add_argument("--append", type=Path, default=Path("tmp") / "growth.jsonl")
    parser.add_argument("--scratch", type=Path, default=Path("tmp") / "growth")
    return parser


if __name__ == "__main__":
    chosen = options().parse_args()
    for name in ("data", "append", "scratch", "vgg16_weights"):
        if getattr(chosen, name) is not None:
            setattr(chosen, name, getattr(chosen, name).resolve())
    main(chosen)
