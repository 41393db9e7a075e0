"""How the time and memory of `carina predict` grow with the number of films.

Folders of 300 and 3,000 films are made of real ones, each linked as often as it takes. Every
measurement is a fresh process, appended to a JSON-lines file as it comes:

- `carina predict FOLDER --csv FILE`, the whole command: seconds, films/s, peak memory;
- the parts of it on the first films: the network alone, reading alone (one thread, all of
  them), one after the other, and as `carina predict` does it, the reading ahead in threads.

    python benchmarks/predict_growth.py CLASSIFIER [--sizes N ...] [--runtime NAME] \\
        [--data DIR] [--append FILE.jsonl]
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
_SOURCE = "covid-dataset"
_SUFFIXES = {".png", ".jpg", ".jpeg"}
_BATCH = 16
_PARTS = ("network", "reading, 1 thread", "reading, all threads", "in turn", "ahead")


def linked_films(source: Path, folder: Path, *, n_films: int) -> Path:
    """Return a folder with `n_films` links to the films below `source`, each as often as needed.

    Args:
        source: searched for PNG and JPEG files.
        folder: made anew, unless it is there already.
        n_films: how many links.
    """
    if folder.is_dir():
        return folder
    real = sorted(path for path in source.rglob("*") if path.suffix.lower() in _SUFFIXES)
    making = folder.with_name(f"{folder.name}.making")
    for number in range(n_films):
        film = real[number % len(real)]
        link = making / f"{number // 1000:03d}" / f"{number:06d}{film.suffix.lower()}"
        link.parent.mkdir(parents=True, exist_ok=True)
        _link(film, link)
    making.rename(folder)
    return folder


def _link(film: Path, link: Path) -> None:
    try:
        link.hardlink_to(film)
    except OSError:  # another file system
        link.symlink_to(film)


def whole_command(arguments: argparse.Namespace, folder: Path, *, n_films: int) -> dict[str, Any]:
    """Return what the command took on a folder, in a fresh process."""
    csv = arguments.scratch / f"answers-{n_films}.csv"
    csv.unlink(missing_ok=True)
    code = "import sys; from carina.cli import main; sys.argv[0] = 'carina'; main()"
    words = ["predict", arguments.classifier, folder, "--csv", csv, "--runtime", arguments.runtime]
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    return {
        "what": "carina predict",
        "n_films": n_films,
        "exit_code": process.returncode,
        "seconds": seconds,
        "films_s": n_films / seconds,
        "peak_mb": used.ru_maxrss / 1024,
        "csv_mb": csv.stat().st_size / 1e6,
    }


def part(arguments: argparse.Namespace, folder: Path, *, name: str) -> dict[str, Any]:
    """Return what one part of the work took, in a fresh process."""
    words = [str(arguments.classifier), str(folder), "--part", name]
    words += ["--part-films", str(arguments.part_films), "--runtime", arguments.runtime]
    done = subprocess.run(
        [sys.executable, __file__, *words], check=True, capture_output=True, text=True
    )
    return dict(json.loads(done.stdout))


def run_part(arguments: argparse.Namespace) -> dict[str, Any]:
    """Do one part of the work in this process, and return what it took."""
    from carina.files.machine import reading_threads
    from carina.imaging.read import read_radiograph
    from carina.inference.bundle import load_classifier
    from carina.workflows.film_answers import answered
    from carina.workflows.film_files import find_films
    from carina.workflows.reading import read_ahead

    films = find_films(arguments.folder).films[: arguments.part_films]
    classifier = load_classifier(arguments.classifier, runtime=arguments.runtime)
    spec = classifier.card.input
    batch = np.zeros((_BATCH, spec.channels, spec.height, spec.width), np.float32)
    classifier.logits(batch)

    def reading(n_threads: int) -> Iterator[object]:
        return read_ahead(
            lambda film: classifier.prepare(read_radiograph(film.file)),
            films,
            n_threads=n_threads,
            n_ahead=_BATCH,
        )

    ways: dict[str, Callable[[], Iterator[object]]] = {
        "network": lambda: (classifier.logits(batch) for _ in range(0, len(films), _BATCH)),
        "reading, 1 thread": lambda: reading(1),
        "reading, all threads": lambda: reading(reading_threads()),
        "in turn": lambda: (
            classifier.answers([read_radiograph(film.file) for film in films[at : at + _BATCH]])
            for at in range(0, len(films), _BATCH)
        ),
        "ahead": lambda: chain.from_iterable(answered(classifier, films)),
    }
    start, cpu = time.perf_counter(), time.process_time()
    for _ in ways[arguments.part]():
        pass
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    return {
        "what": arguments.part,
        "n_films": len(films),
        "seconds": seconds,
        "films_s": len(films) / seconds,
        "cpu_s": cpu,
        "runtime": classifier.runtime.in_words,
    }


def main(arguments: argparse.Namespace) -> None:
    """Measure, append, and print a table."""
    arguments.scratch.mkdir(parents=True, exist_ok=True)
    arguments.append.parent.mkdir(parents=True, exist_ok=True)
    print(f"{arguments.classifier}, runtime {arguments.runtime}\n")
    print("| what | films | seconds | films/s | peak MB |\n|---|---|---|---|---|", flush=True)
    folder = Path()
    for n_films in sorted(arguments.sizes):
        place = arguments.scratch / f"films-{n_films}"
        folder = linked_films(arguments.data / _SOURCE, place, n_films=n_films)
        _keep(arguments, whole_command(arguments, folder, n_films=n_films))
    for name in _PARTS:
        _keep(arguments, part(arguments, folder, name=name))


def _keep(arguments: argparse.Namespace, found: dict[str, Any]) -> None:
    row = {"classifier": str(arguments.classifier), **found}
    with arguments.append.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(row) + "\n")
    peak = f"{found['peak_mb']:.0f}" if "peak_mb" in found else "-"
    print(
        f"| {found['what']} | {found['n_films']:,} | {found['seconds']:.1f} "
        f"| {found['films_s']:.1f} | {peak} |",
        flush=True,
    )


def options() -> argparse.ArgumentParser:
    """Return what the command line takes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("classifier", type=Path, help="a classifier's folder, or a run")
    parser.add_argument("folder", type=Path, nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("--sizes", type=int, nargs="+", default=(300, 3000))
    parser.add_argument("--runtime", default="auto")
    parser.add_argument("--data", type=Path, default=_DATA, help="folder of the data sets")
    parser.add_argument("--append", type=Path, default=Path("tmp") / "predict-growth.jsonl")
    parser.add_argument("--scratch", type=Path, default=Path("tmp") / "predict-growth")
    parser.add_argument("--part-films", type=int, default=2000)
    parser.add_argument("--part", choices=_PARTS, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    chosen = options().parse_args()
    if chosen.part:
        print(json.dumps(run_part(chosen)))
    else:
        main(chosen)
