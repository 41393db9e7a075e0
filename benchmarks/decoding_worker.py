"""What the process that decodes costs, against decoding in the process that asks.

Films of each kind are read in both ways, in rounds that take turns, each round a fresh order of
the same files: the file's bytes, their sha256 and the pixels.

- `alone`: film after film with `read_radiograph`, each waiting for its answer;
- `ahead`: turns of eight with `read_radiographs`, one decoded while the one before it is taken.

Reported are the median seconds by the clock of the rounds, the cost in per cent of the clock and
in milliseconds a film, and the seconds of processor time of both processes together, which other
work on the machine does not change. `--cores 1` pins both processes to one core.

    python benchmarks/decoding_worker.py [--data DIR] [--rounds N] [--cores N] [--kinds ...]
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from carina.errors import ImageError
from carina.files.digests import sha256_bytes
from carina.files.film_bytes import read_film_bytes
from carina.imaging.decode import decode
from carina.imaging.decoding import BATCH
from carina.imaging.read import read_radiograph, read_radiographs
from carina.imaging.worker.pool import the_pool

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from making.dicom_files import dicom_bytes, dicom_dataset

_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
_SIDE = 2048


def film_levels(side: int, *, top: int) -> np.ndarray:
    """Return a made film: smooth shapes with noise in their lowest bits, as a detector's."""
    rows, columns = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    smooth = np.exp(-2 * (rows**2 + columns**2)) * (
        0.7 + 0.3 * np.cos(9 * rows) * np.cos(5 * columns)
    )
    noise = np.random.default_rng(4).normal(0, 0.004, smooth.shape)
    return np.clip((smooth + noise) * top, 0, top).astype(np.uint16)


def kinds(data: Path, folder: Path) -> dict[str, list[Path]]:
    """Return kind -> its files; those that are made lie in `folder`."""
    from PIL import Image
    from pydicom.uid import JPEGLSLossless, RLELossless

    found = {"JPEG, 640 px": sorted((data / "covid-dataset").rglob("*.jp*g"))[:96]}
    levels = film_levels(_SIDE, top=4095)

    def kept(name: str, content: bytes) -> list[Path]:
        path = folder / name
        path.write_bytes(content)
        return [path] * 8

    large = folder / "megapixel.jpg"
    Image.fromarray((film_levels(1024, top=255)).astype(np.uint8)).save(large, quality=90)
    found["JPEG, 1024 px"] = [large] * 24
    deep = folder / "deep.png"
    Image.fromarray(levels).save(deep)
    found["PNG 16 bit, 2048 px"] = [deep] * 4
    found["DICOM raw, 2048 px"] = kept("raw.dcm", dicom_bytes(dicom_dataset(levels, bits=12)))
    for name, syntax in (("RLE", RLELossless), ("JPEG-LS", JPEGLSLossless)):
        film = dicom_dataset(levels, bits=12)
        dicom_bytes(film)  # sets the file's meta information
        try:
            film.compress(syntax)
        except (RuntimeError, ImportError, NotImplementedError) as error:
            sys.stderr.write(f"no {name}: {error}\n")
            continue
        found[f"DICOM {name}, 2048 px"] = kept(f"{name}.dcm", dicom_bytes(film, syntax=syntax))[:4]
    return found


def in_this_process(files: Sequence[Path]) -> None:
    for path in files:
        data = read_film_bytes(path)
        sha256_bytes(data)
        decode(data, name="film")


def alone(files: Sequence[Path]) -> None:
    for path in files:
        read_radiograph(path)


def ahead(files: Sequence[Path]) -> None:
    for start in range(0, len(files), BATCH):
        for film in read_radiographs(files[start : start + BATCH]):
            if isinstance(film, ImageError):
                raise film


def processor_s() -> float:
    """Return the processor time of this process and of the workers."""
    total = time.process_time()
    for number in the_pool().process_ids:
        # Linux, Documentation/scheduler/sched-stats: nanoseconds on a processor come first.
        total += int(Path("/proc", str(number), "schedstat").read_text().split()[0]) / 1e9
    return total


def timed(read: Callable[[Sequence[Path]], None], files: Sequence[Path]) -> tuple[float, float]:
    """Return the seconds by the clock and of the processor."""
    began, used = time.perf_counter(), processor_s()
    read(files)
    return time.perf_counter() - began, processor_s() - used


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=_DATA)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--cores", type=int)
    parser.add_argument("--kinds", nargs="*", help="only kinds that contain one of these words")
    asked = parser.parse_args()
    if asked.cores:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: asked.cores])
    print(f"{len(os.sched_getaffinity(0))} core(s), {asked.rounds} rounds, median a film")
    print(
        f"{'kind':22} {'way':7} {'ms':>8} {'against':>8} {'cost':>7} {'ms more':>8} {'CPU cost':>9}"
    )
    with tempfile.TemporaryDirectory() as folder:
        for kind, files in kinds(asked.data, Path(folder)).items():
            if asked.kinds and not any(word in kind for word in asked.kinds):
                continue
            ways = (in_this_process, alone, ahead)
            for read in ways:
                read(files[:3])
            rows: dict[str, list[tuple[float, float]]] = {read.__name__: [] for read in ways}
            for number in range(asked.rounds):
                for read in ways if number % 2 else ways[::-1]:
                    rows[read.__name__].append(timed(read, files))
            show(kind, rows, len(files))
    the_pool().close()


def show(kind: str, rows: dict[str, list[tuple[float, float]]], n_films: int) -> None:
    here = rows.pop("in_this_process")
    for way, seconds in rows.items():
        ms = 1000 / n_films
        clock, clock_here = (statistics.median(s for s, _ in one) for one in (seconds, here))
        used, used_here = (statistics.median(s for _, s in one) for one in (seconds, here))
        print(
            f"{kind:22} {way:7} {clock * ms:8.2f} {clock_here * ms:8.2f} "
            f"{clock / clock_here - 1:7.1%} "
            f"{(clock - clock_here) * ms:8.2f} {used / used_here - 1:9.1%}",
            flush=True,
        )


if __name__ == "__main__":
    main()
