"""How time and memory of the near-duplicate search grow from 1,000 to 100,000 films.

The films are synthetic sketches: mixtures of phantom chests with a texture of their own, kept
in a store on disk as an audit's are. One in a hundred is a copy of another film: cropped, in
another contrast and with noise. Memory is the process's own beyond what it had before the
search, sampled; the pages of the mapped store are the system's to give up.

    python benchmarks/audit_growth.py [--sizes N ...] [--scratch DIR]
"""

import argparse
import hashlib
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from carina.auditing.near_duplicates import find_near_duplicates
from carina.data.cache import Sketches
from carina.files.row_store import DiskStore
from carina.imaging.phantom import PHANTOM_FINDINGS, make_phantom
from carina.imaging.sketch import SKETCH, SKETCH_SIDE

_PHANTOMS = 60
_MIXED = 6
_COPIES_EVERY = 100
_AT_ONCE = 500
# Cells a side and deviation in grey levels: with these, the hashes of two films lie as far apart
# as those of two real ones (a hundredth of the pairs within 37 to 43 bits of 128).
_GRAINS = ((5, 22), (9, 22), (16, 16), (24, 14), (48, 14))
_SAMPLE_S = 0.05
_STATUS = Path("/proc/self/status")


@dataclass
class Peak:
    """The most memory of its own that a process had, in MB; None where it cannot be told."""

    megabytes: float | None = None


def phantom_sketches() -> NDArray[np.float32]:
    """Return small phantom films, float32 `[phantoms, side, side]` in `[0, 255]`."""
    made = []
    for number in range(_PHANTOMS):
        rng = np.random.default_rng([7, number])
        finding = PHANTOM_FINDINGS[number % len(PHANTOM_FINDINGS)]
        made.append(make_phantom(finding, rng=rng, height=SKETCH_SIDE, width=SKETCH_SIDE).pixels)
    return np.stack(made) * 255


def film(number: int, phantoms: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return synthetic film `number`, uint8 `[side, side]`; every hundredth copies the one before.

    Args:
        number: 0 or more.
        phantoms: what is mixed.
    """
    is_copy = number % _COPIES_EVERY == _COPIES_EVERY - 1
    rng = np.random.default_rng([1, number - is_copy])
    chosen = rng.choice(len(phantoms), _MIXED, replace=False)
    mixed = np.tensordot(rng.dirichlet(np.full(_MIXED, 0.7)), phantoms[chosen], axes=1)
    for cells, deviation in _GRAINS:
        texture = Image.fromarray(rng.normal(0, deviation, (cells, cells)).astype(np.float32))
        mixed += np.asarray(texture.resize((SKETCH_SIDE, SKETCH_SIDE), Image.Resampling.BICUBIC))
    if is_copy:
        mixed = _edited(mixed, np.random.default_rng([2, number]))
    return np.rint(mixed).clip(0, 255).astype(np.uint8)


def _edited(pixels: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    left, top, right, low = rng.uniform(0, 0.05, 4) * SKETCH_SIDE
    box = (left, top, SKETCH_SIDE - right, SKETCH_SIDE - low)
    whole = Image.fromarray(pixels.astype(np.float32))
    cut = whole.resize((SKETCH_SIDE, SKETCH_SIDE), Image.Resampling.BILINEAR, box=box)
    grey = (np.asarray(cut) / 255).clip(0, 1) ** rng.uniform(0.7, 1.4) * 255
    return np.asarray(grey + rng.normal(0, 3, grey.shape))


def laid_out(folder: Path, n_films: int, phantoms: NDArray[np.float32]) -> Sketches:
    """Write films to a store and return their sketches, as a scan does."""
    store = DiskStore(folder, SKETCH.itemsize)
    digest_of = {
        f"made/{number:06d}": hashlib.sha256(str(number).encode()).digest()
        for number in range(n_films)
    }
    keys = list(digest_of)
    for start in range(0, n_films, _AT_ONCE):
        rows = {}
        for number in range(start, min(start + _AT_ONCE, n_films)):
            row = np.zeros((), dtype=SKETCH)
            row["small"] = film(number, phantoms)
            rows[digest_of[keys[number]]] = np.frombuffer(row.tobytes(), np.uint8)
        store.append(rows)
    store.missing(list(digest_of.values()))
    return Sketches(store, digest_of)


@contextmanager
def memory_watched() -> Iterator[Peak]:
    """Sample this process's own memory, beyond what it has now, until the block ends."""
    peak, done = Peak(), threading.Event()
    before = _own_megabytes()

    def watch() -> None:
        while not done.wait(_SAMPLE_S):
            peak.megabytes = max(peak.megabytes or 0.0, _own_megabytes() - before)

    watcher = threading.Thread(target=watch, daemon=True)
    if _STATUS.exists():
        watcher.start()
    try:
        yield peak
    finally:
        done.set()


def _own_megabytes() -> float:
    if not _STATUS.exists():
        return 0.0
    lines = [line for line in _STATUS.read_text().splitlines() if line.startswith("RssAnon")]
    return float(lines[0].split()[1]) / 1024


def measured(n_films: int, scratch: Path, phantoms: NDArray[np.float32]) -> str:
    """Return the row of the table for so many films."""
    folder = Path(tempfile.mkdtemp(dir=scratch))
    try:
        sketches = laid_out(folder, n_films, phantoms)
        keys = list(sketches.digest_of)
        with memory_watched() as peak:
            wall, cpu = time.perf_counter(), time.process_time()
            pairs = find_near_duplicates(sketches, keys)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    finally:
        shutil.rmtree(folder)
    n_copies = n_films // _COPIES_EVERY
    planted = {
        (keys[number - 1], keys[number])
        for number in range(_COPIES_EVERY - 1, n_films, _COPIES_EVERY)
    }
    n_found = sum((pair.a, pair.b) in planted for pair in pairs)
    memory = "-" if peak.megabytes is None else f"{peak.megabytes:.0f}"
    return (
        f"| {n_films:,} | {wall:.1f} | {cpu:.1f} | {1000 * cpu / n_films:.2f} | {memory} "
        f"| {n_found} of {n_copies} | {len(pairs) - n_found} |"
    )


def main(sizes: Sequence[int], scratch: Path) -> None:
    """Print a row for every size as it comes."""
    scratch.mkdir(parents=True, exist_ok=True)
    phantoms = phantom_sketches()
    print("| films | seconds | CPU s | a film, CPU ms | memory MB | copies found | other pairs |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for n_films in sizes:
        print(measured(n_films, scratch, phantoms), flush=True)


def options() -> argparse.ArgumentParser:
    """Return what the command line takes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    sizes = (1_000, 3_000, 10_000, 30_000, 100_000)
    parser.add_argument("--sizes", type=int, nargs="+", default=sizes)
    parser.add_argument("--scratch", type=Path, default=Path("tmp") / "audit-growth")
    return parser


if __name__ == "__main__":
    chosen = options().parse_args()
    main(chosen.sizes, chosen.scratch)
