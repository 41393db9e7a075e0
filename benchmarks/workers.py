"""One process against two local workers: images a second in training and in prediction.

    python benchmarks/workers.py CLASSIFIER FILM... [--films N] [--append FILE.jsonl]

Trained is `two-conv` (150 x 150, batches of 32) on noise in the cache: by one process with one
thread, by one with two, and by two workers of Ray with one thread each; images/s is that of the
median epoch, validation and start left out. Answered are N copies of the films by CLASSIFIER, by
one process and by two workers; films/s is counted from the first batch to the last, so that the
start is left out, and told beside it. The processor time of reading, hashing and decoding a film
is measured in one process and the ones that decode for it.

What a second machine's worth gives is calculated, not measured: every worker sends and gets
2 (n - 1) / n times the bytes of the gradients in each step (ring all-reduce: Patarasuk & Yuan,
Journal of Parallel and Distributed Computing 69 (2009) 117-124), over 10 or 25 Gbit/s, and waits
for it, since nothing is sent while a step is computed.
"""

import argparse
import hashlib
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from described.measuring import Kept, machine

from carina.data.cache import LevelsStore
from carina.data.kept_levels import KeptLevels
from carina.data.seen_films import Seeing
from carina.domain.input_spec import InputSpec
from carina.domain.recipe import AugmentSection, NetworkSection, TrainSection
from carina.files.machine import usable_cores
from carina.models.build import build_network
from carina.training.checkpoints import Checkpoints
from carina.training.distributed.fit import fit_distributed
from carina.training.distributed.ray_workers import ray_workers
from carina.training.films import FilmPart, TrainingFilms
from carina.training.fit import fit
from carina.training.precision import PrecisionChoice
from carina.workflows.cluster.session import ray_session
from carina.workflows.predict import predict

SPEC = InputSpec(height=150, width=150)
BATCH = 32
GBIT_S = (10, 25)
FP32 = PrecisionChoice("fp32", "a measurement")


def main(arguments: argparse.Namespace) -> None:
    """Measure, and print and keep what came out."""
    kept = Kept(arguments.append)
    facts = {"machine": machine(), "cores": usable_cores()}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for row in (*trained(place, arguments.films), *answered(place, arguments)):
            kept.add(row | facts | {"load": os.getloadavg()[0]})
            print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
    rates = [r["per_second"] for r in kept.where(what="train", way="1 process, 1 thread")]
    for row in second_machine(float(np.median(rates))):
        print("  ".join(f"{name} {value}" for name, value in row.items()))


def trained(place: Path, n: int):
    """Yield images/s of each way to train."""
    films = noise(place / "cache", n)
    for threads in (1, 2):
        out = fit(
            network(), films, train=section(threads), augment=AugmentSection(), precision=FP32
        )
        name = f"1 process, {threads} thread{'s' if threads > 1 else ''}"
        yield {"what": "train", "way": name, "per_second": round(out.images_per_second, 1)}
    with ray_session("", cores=2):
        out, _ = fit_distributed(
            network(),
            films,
            train=section(1),
            augment=AugmentSection(),
            precision=FP32,
            cache_dir=place / "cache",
            checkpoints=Checkpoints(place / "run", identity={}, circumstances={}),
            folder=place / "run",
            launch=ray_workers(2, threads=1),
            workers=2,
        )
    yield {
        "what": "train",
        "way": "2 workers, 1 thread each",
        "per_second": round(out.images_per_second, 1),
    }


def answered(place: Path, arguments: argparse.Namespace):
    """Yield films/s of each way to answer, and the processor time of reading a film."""
    folder = place / "films"
    folder.mkdir()
    for number in range(arguments.films):
        film = Path(arguments.film[number % len(arguments.film)])
        shutil.copy(film, folder / f"{number:06}{film.suffix}")
    for workers in (1, 2):
        told: list[tuple[float, int]] = []

        def hear(step, told=told):
            if step.total:
                told.append((time.perf_counter(), step.done))

        began = time.perf_counter()
        csv = place / f"{workers}.csv"
        predict(arguments.classifier, folder, csv=csv, workers=workers, progress=hear)
        (first_s, first), (last_s, last) = told[0], told[-1]
        yield {
            "what": "predict",
            "way": f"{workers} worker{'s' if workers > 1 else ' process'}",
            "per_second": round((last - first) / (last_s - first_s), 1),
            "start_s": round(first_s - began, 1),
        }
    yield read(sorted(folder.iterdir()))


def read(files: list[Path]) -> dict[str, object]:
    """Return what reading, hashing and decoding a film takes of processor time."""
    see = Seeing.of(SPEC, [])()
    see([(str(file), file.name) for file in files[:8]])  # starts what decodes
    before = processor_seconds()
    for at in range(0, len(files), 8):
        see([(str(file), file.name) for file in files[at : at + 8]])
    return {
        "what": "read",
        "way": "1 process",
        "processor_ms": round(1000 * (processor_seconds() - before) / len(files), 2),
        "film_bytes": round(sum(file.stat().st_size for file in files) / len(files)),
    }


def processor_seconds() -> float:
    """Return the processor time of this process and of those that it started and that live."""
    times = os.times()
    total = times.user + times.system + times.children_user + times.children_system
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid():
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def second_machine(rate: float):
    """Yield what two machines of the measured rate give, by calculation."""
    n_bytes = 4 * network().n_parameters
    step_s = BATCH / 2 / rate  # each machine takes half of the batch
    for gbit_s in GBIT_S:
        sent_s = 2 * (2 - 1) / 2 * n_bytes / (gbit_s * 1e9 / 8)
        yield {
            "what": "two machines, calculated",
            "gradients_mb": round(n_bytes / 1e6, 1),
            "network": f"{gbit_s} Gbit/s",
            "step_s": round(step_s, 4),
            "sending_s": round(sent_s, 4),
            "per_second": round(BATCH / (step_s + sent_s), 1),
        }


def noise(cache_dir: Path, n: int) -> TrainingFilms:
    """Return films of noise, prepared in a cache."""
    rng = np.random.default_rng(0)
    names = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(n)]
    store = LevelsStore(cache_dir, SPEC)
    for name in names:
        store.append({name: rng.integers(0, 65536, (SPEC.height, SPEC.width), dtype=np.uint16)})
    reader, labels = KeptLevels(cache_dir, SPEC), np.arange(n, dtype=np.int64) % 2
    whole = FilmPart(tuple(names), labels, reader)
    return TrainingFilms(whole, FilmPart(tuple(names[:8]), labels[:8], reader), SPEC)


def network():
    """Return two-conv as it begins."""
    return build_network(NetworkSection(architecture="two-conv"), spec=SPEC, n_classes=2, seed=0)


def section(threads: int) -> TrainSection:
    """Return how it is trained."""
    return TrainSection(epochs=3, batch_size=BATCH, precision="fp32", threads=threads)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("classifier")
    parser.add_argument("film", nargs="+")
    parser.add_argument("--films", type=int, default=640)
    parser.add_argument("--append", type=Path, default=Path("tmp/workers.jsonl"))
    sys.exit(main(parser.parse_args()))
