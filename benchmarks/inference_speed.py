"""How fast a classifier answers: Carina's runtimes against PyTorch, in one run.

Every measurement is a fresh process; the competitors take turns (turn 1: all of them once,
turn 2: again, ...); each result is appended to a JSON-lines file as it comes, and what the
file already holds is not measured again: stop it and start it as you like. After a change
of Carina begin a new file; rows of two states of its code in one table are pointed out.

    python benchmarks/inference_speed.py RUN [RUN ...] --film FILM.jpg \\
        [--batch N ...] [--turns N] [--seconds S] [--append FILE.jsonl] [--table-only]

RUN: a run with its checkpoint (`carina train`), whose network everyone computes. Images a
second and the 50th and 99th percentile of one call's seconds are those of the network with
its calls, on films that are prepared; the matrix peak is that of `matrix_peak.py`, measured
in every turn. Two shares of it are told: by the clock on the wall, which is spoilt by whatever else
the machine does (its load stands below the table), and by processor time, of which other work
takes none. "Cold" is `carina predict` on `--film` in a new process, from the call to its
exit; "warm" is from the file's path to the answer in a process that has answered before.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from described.measuring import Kept, carina_code, machine

_TMP = Path("tmp")  # git ignores it
_WAYS = {
    "Carina, OpenVINO f32": ("openvino", "f32"),
    "Carina, OpenVINO bf16": ("openvino", "bf16-unchecked"),
    "Carina, ONNX Runtime f32": ("onnxruntime", "f32"),
    "PyTorch f32": ("torch", "f32"),
    "PyTorch bf16": ("torch", "bf16"),
}
_PEAK, _COLD, _WARM = "matrix peak", "cold", "warm"
_FEWEST_CALLS = 10


def main(arguments: argparse.Namespace) -> None:
    """Measure what is not yet in the file, and print the tables."""
    kept = Kept(arguments.append)
    if not arguments.table_only:
        for turn in range(1, arguments.turns + 1):
            for identity, words in measurements(arguments):
                measure_once(kept, {**identity, "turn": turn}, words)
    print_tables(kept.rows)


def measurements(arguments: argparse.Namespace) -> Iterable[tuple[dict[str, Any], list[str]]]:
    """Yield what is measured in a turn: what tells its row, and the words of its process."""
    yield {"what": _PEAK}, ["peak"]
    for run in arguments.run:
        name = run.name
        for batch in arguments.batch:
            for way in _WAYS:
                words = ["speed", str(run), way, str(batch), str(arguments.seconds)]
                yield {"what": "speed", "network": name, "batch": batch, "way": way}, words
        if arguments.film is not None:
            film = str(arguments.film)
            yield {"what": _COLD, "network": name, "way": "auto"}, ["cold", str(run), film]
            for way, (runtime, _) in _WAYS.items():
                if runtime != "torch":
                    words = ["warm", str(run), way, film]
                    yield {"what": _WARM, "network": name, "way": way}, words


def measure_once(kept: Kept, identity: dict[str, Any], words: Sequence[str]) -> None:
    """Measure one thing in one turn, unless the file has it; a failure is said."""
    if kept.has(**identity):
        return
    load_before = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    done = subprocess.run(
        [sys.executable, __file__, "--child", *words], capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(f"{identity}: ended with {done.returncode}:\n{done.stderr[-2000:]}", file=sys.stderr)
        return
    found = json.loads(done.stdout.splitlines()[-1])
    facts = {"load_before": load_before, "machine": machine(), "code": carina_code()}
    kept.add({**identity, **found, **facts})
    print(f"{identity}: {found}", file=sys.stderr)


def peak() -> dict[str, float]:
    """Return the best of torch's matrix products, in 10^9 operations a second: with all cores,
    and of a second of processor time of one."""
    import torch
    from matrix_peak import matrix_peak

    from carina.training.device import torch_threads, usable_threads

    dtypes = {"f32": torch.float32, "bf16": torch.bfloat16}
    with torch_threads(usable_threads(0)):
        found = {name: matrix_peak(dtype, (2048, 3072)) for name, dtype in dtypes.items()}
    with torch_threads(1):
        of_one = {f"{name}_of_one": one_core_peak(dtype) for name, dtype in dtypes.items()}
    return {**found, **of_one}


def one_core_peak(dtype: Any, side: int = 1536, repeats: int = 12) -> float:
    """Return the most operations in a second of processor time, in 10^9."""
    import torch

    left, right = torch.rand(side, side).to(dtype), torch.rand(side, side).to(dtype)
    taken = []
    for _ in range(repeats):
        began = time.process_time()
        left @ right
        taken.append(time.process_time() - began)
    return 2 * side**3 / min(taken) / 1e9


def speed(run: Path, way: str, batch: int, seconds: float) -> dict[str, Any]:
    """Return images a second and percentiles of one way to compute a run's network."""
    runtime, precision = _WAYS[way]
    answer, shape = (
        torch_way(run, precision) if runtime == "torch" else carina_way(run, runtime, precision)
    )
    films = np.random.default_rng(0).random((batch, *shape), dtype=np.float32)
    began = time.perf_counter()
    answer(films)
    first_s = time.perf_counter() - began
    answer(films)
    began = time.process_time()
    taken = timed(lambda: answer(films), seconds)
    n_films = batch * len(taken)
    found = {
        "images_per_second": n_films / sum(taken),
        "processor_s": (time.process_time() - began) / n_films,
        "first_s": first_s,
    }
    if runtime == "torch" and batch == 1:
        found["gflop"] = gflop(run)
    return {**found, **percentiles(taken)}


def carina_way(run: Path, runtime: str, precision: str) -> tuple[Callable[..., Any], Any]:
    """Return what answers prepared films as Carina does, and their shape."""
    from carina.inference.bundle import load_classifier

    classifier = load_classifier(run, runtime=runtime, precision=precision)
    spec = classifier.card.input
    return classifier.logits, (spec.channels, spec.height, spec.width)


def torch_way(run: Path, precision: str) -> tuple[Callable[..., Any], Any]:
    """Return the trained network as PyTorch computes it fastest here, and its films' shape."""
    import torch

    from carina.files.machine import usable_cores

    torch.set_num_threads(usable_cores())
    network, spec = trained(run)
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    network = network.to(dtype=dtype, memory_format=torch.channels_last)

    def answer(films: np.ndarray) -> Any:
        with torch.inference_mode():
            images = torch.from_numpy(films).to(dtype, memory_format=torch.channels_last)
            return network(images).float().numpy()

    return answer, (spec.channels, spec.height, spec.width)


def gflop(run: Path) -> float:
    """Return the 10^9 operations of one film; a multiplication and an addition are two."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    network, spec = trained(run)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, spec.channels, spec.height, spec.width))
    return counter.get_total_flops() / 1e9


def trained(run: Path) -> tuple[Any, Any]:
    """Return a run's network and its input spec."""
    from carina.runs import Run
    from carina.workflows.export import trained_network

    opened = Run.open(run)
    return trained_network(opened), opened.card.input


def cold(run: Path, film: str) -> dict[str, Any]:
    """Return what `carina predict` takes on one film, as a new process, and what it used."""
    command = [str(Path(sys.executable).with_name("carina")), "predict", str(run), film]
    taken = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run(command, capture_output=True, check=True)
        taken.append(time.perf_counter() - began)
    return percentiles(taken)


def warm(run: Path, way: str, film: str) -> dict[str, Any]:
    """Return what one film takes from its path to its answer, after the first ones."""
    from carina.imaging import read_radiograph
    from carina.inference.bundle import load_classifier

    runtime, precision = _WAYS[way]
    classifier = load_classifier(run, runtime=runtime, precision=precision)
    for _ in range(3):
        classifier.predict(read_radiograph(film))
    return percentiles(timed(lambda: classifier.predict(read_radiograph(film)), 4))


def timed(work: Callable[[], Any], seconds: float) -> list[float]:
    """Return the seconds of calls, as many as fit into some seconds, and some in any case."""
    taken: list[float] = []
    while sum(taken) < seconds or len(taken) < _FEWEST_CALLS:
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return taken


def percentiles(taken: Sequence[float]) -> dict[str, Any]:
    """Return the 50th and 99th percentile of some seconds, and how many they are."""
    p50, p99 = np.percentile(taken, [50, 99])
    return {"p50_s": float(p50), "p99_s": float(p99), "calls": len(taken)}


def print_tables(rows: Sequence[dict[str, Any]]) -> None:
    """Print what was found: medians over the turns, and the best peak of all turns."""
    if not rows:
        return
    peaks = {
        name: max(row[name] for row in rows if row["what"] == _PEAK)
        for name in ("f32", "bf16", "f32_of_one", "bf16_of_one")
    }
    print(
        f"matrix peak: f32 {peaks['f32']:.0f}, bf16 {peaks['bf16']:.0f} GFLOP/s; in a second of "
        f"processor time f32 {peaks['f32_of_one']:.0f}, bf16 {peaks['bf16_of_one']:.0f}\n"
    )
    print(
        "| network | films a call | way | images/s | p50 ms | p99 ms | of the peak "
        f"| processor ms a film | of the peak by processor time |\n|{'---|' * 9}"
    )
    for network, batch, way in distinct(rows, "speed", "network", "batch", "way"):
        chosen = matching(rows, what="speed", network=network, batch=batch, way=way)
        rate = median(chosen, "images_per_second")
        operations = median(matching(rows, what="speed", network=network), "gflop")
        precision = "bf16" if "bf16" in way else "f32"
        share = rate * operations / peaks[precision]
        processor = median(chosen, "processor_s")
        own = operations / processor / peaks[f"{precision}_of_one"]
        print(
            f"| {network} | {batch} | {way} | {rate:.1f} | {in_ms(chosen)} | {share:.0%} "
            f"| {1000 * processor:.1f} | {own:.0%} |"
        )
    print("\n| one film from its file | way | p50 ms | p99 ms |\n|---|---|---|---|")
    for what in (_COLD, _WARM):
        for network, way in distinct(rows, what, "network", "way"):
            chosen = matching(rows, what=what, network=network, way=way)
            print(f"| {what}, {network} | {way} | {in_ms(chosen)} |")
    loads = [row["load_before"] for row in rows if row["load_before"] is not None]
    turns, codes = {r["turn"] for r in rows}, {r["code"] for r in rows}
    print(f"\nmedians of {len(turns)} turns; load before a measurement {median_of(loads):.1f} "
          f"(largest {max(loads, default=0):.1f})")  # fmt: skip
    print("; ".join(sorted({row["machine"] for row in rows})))
    if len(codes) > 1:
        print(f"rows of {len(codes)} states of Carina's code stand in this table")


def distinct(rows: Sequence[dict[str, Any]], what: str, *names: str) -> list[tuple[Any, ...]]:
    """Return the values that rows of one kind have, in the order of their first one."""
    return list(dict.fromkeys(tuple(r[n] for n in names) for r in rows if r["what"] == what))


def matching(rows: Sequence[dict[str, Any]], **wanted: object) -> list[dict[str, Any]]:
    """Return the rows with all these values."""
    return [row for row in rows if all(row.get(k) == v for k, v in wanted.items())]


def median(rows: Sequence[dict[str, Any]], name: str) -> float:
    """Return the median of a value over the rows that have it."""
    return median_of([row[name] for row in rows if name in row])


def median_of(values: Sequence[float]) -> float:
    return float(np.median(values)) if values else float("nan")


def in_ms(rows: Sequence[dict[str, Any]]) -> str:
    return f"{1000 * median(rows, 'p50_s'):.1f} | {1000 * median(rows, 'p99_s'):.1f}"


def child(words: Sequence[str]) -> dict[str, Any]:
    """Measure one thing in this process."""
    what, *rest = words
    if what == "peak":
        return peak()
    if what == "speed":
        return speed(Path(rest[0]), rest[1], int(rest[2]), float(rest[3]))
    if what == "cold":
        return cold(Path(rest[0]), rest[1])
    return warm(Path(rest[0]), rest[1], rest[2])


def options() -> argparse.ArgumentParser:
    """Return what the command line takes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, nargs="+", help="a run with its checkpoint")
    parser.add_argument("--film", type=Path, help="one film's file; none: no cold and warm rows")
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 32], help="films a call")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6, help="of one measurement")
    parser.add_argument("--append", type=Path, default=_TMP / "inference_speed.jsonl")
    parser.add_argument("--table-only", action="store_true", help="measure nothing")
    return parser


if __name__ == "__main__":
    if "--child" in sys.argv[1:2]:
        print(json.dumps(child(sys.argv[2:])))
    else:
        main(options().parse_args())
