"""How often 95 % intervals hold the true value, by metric, setting and method.

Studies are simulated with known true values: independent films, and patients with four
films whose scores correlate; areas from 0.7 to 0.99; a class of 50 % and of 10 %; two and three
classes. Every candidate method makes its interval of every metric in every study. One line
a setting, metric, method and batch is appended to a file, so that a run can stop and go on.

    python benchmarks/coverage.py [--out FILE] [--studies N] [--films N ...] [--quick]
        [--as-built] [--table] [--metric NAME] [--chosen]

`--as-built` measures what Carina itself prints (the method "as-built"), `--table` prints what
the file holds and simulates nothing. In the table, a mean over the areas of a setting is bold
where it is outside of 93 to 97 %; above is allowed where the rarer outcome is expected fewer
than 20 times.
"""

import argparse
import itertools
import json
import os
import time
import warnings
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from covered.as_built import built_intervals
from covered.candidates import CHOSEN, candidate_intervals
from covered.closed_forms import Ends
from covered.numbers import KINDS, Number, numbers_of
from covered.studies import INTRACLASS, Setting, draw_studies
from covered.table import read_cells, read_lines, table
from covered.truths import true_values

BATCH = 250
SIZES = (66, 200, 1000)
AREAS = (0.7, 0.9, 0.98, 0.99)
SHARES = (0.5, 0.1)
CLASSES = (2, 3)
FILMS_A_PATIENT = (1, 4)
_SLACK = 1e-9


def settings(*, quick: bool = False, intraclass: float = INTRACLASS) -> list[Setting]:
    """Return the grid; the hardest corner of it if quick."""
    sizes, areas = ((66,), (0.9, 0.99)) if quick else (SIZES, AREAS)
    return [
        Setting(n, films, area, share, k, intraclass)
        for n, films, k, share, area in itertools.product(
            sizes, FILMS_A_PATIENT, CLASSES, SHARES, areas
        )
    ]


def measure(setting: Setting, batch: int, *, draws: int, as_built: bool) -> Iterator[dict]:
    """Yield one line a metric and method: how many of a batch's intervals held the truth."""
    seed = zlib.crc32(setting.name.encode())
    truths = true_values(setting)
    studies = draw_studies(setting, BATCH, np.random.default_rng([seed, batch, 0]))
    # numbers on the way may be undefined in some study; they are counted as such
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        built = built_intervals(studies, resamples=draws) if as_built else {}
        rng = np.random.default_rng([seed, batch, 1])
        for number in numbers_of(studies, truths, draws=0 if as_built else draws, rng=rng):
            if as_built:
                found = {k: v for k, v in built.items() if k[0] == number.name}
                methods = {
                    f"as-built {method}".strip(): ends for (_, method), ends in found.items()
                }
            else:
                methods = candidate_intervals(number)
            for method, ends in methods.items():
                yield _line(setting, batch, number, method, ends)


def _line(setting: Setting, batch: int, number: Number, method: str, ends: Ends) -> dict:
    low, high = ends
    kept = ~np.isnan(number.value) & ~np.isnan(low) & ~np.isnan(high)
    low, high = low[kept], high[kept]
    misses_low = number.truth < low - _SLACK
    misses_high = number.truth > high + _SLACK
    return {
        "setting": setting.name,
        "metric": number.name,
        "method": method,
        "batch": batch,
        "n": setting.n,
        "films_a_patient": setting.films_a_patient,
        "area": setting.area,
        "share": setting.share,
        "classes": setting.n_classes,
        "intraclass": setting.intraclass,
        "few": round(number.few, 2) if np.isfinite(number.few) else None,
        "truth": round(number.truth, 6),
        "studies": int(kept.sum()),
        "undefined": int((~kept).sum()),
        "truth_below": int(misses_low.sum()),
        "truth_above": int(misses_high.sum()),
        "width": float((high - low).sum()),
    }


def run(grid: Iterable[Setting], out: Path, *, studies: int, draws: int, as_built: bool) -> None:
    """Append what the file does not hold yet, one batch of every setting after the other."""
    done = {
        (line["setting"], line["batch"], line["method"].startswith("as-built"))
        for line in read_lines(out)
    }
    grid = list(grid)
    for batch in range(-(-studies // BATCH)):
        for setting in grid:
            if (setting.name, batch, as_built) in done:
                continue
            start = time.perf_counter()
            lines = list(measure(setting, batch, draws=draws, as_built=as_built))
            with out.open("a") as file:
                file.write("".join(json.dumps(line) + "\n" for line in lines))
            seconds = time.perf_counter() - start
            print(f"batch {batch}, {setting.name}: {seconds:.1f} s", flush=True)


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("coverage.jsonl"))
    parser.add_argument("--studies", type=int, default=2000, help="of each setting")
    parser.add_argument("--draws", type=int, default=500, help="resamples a study; 0: closed forms")
    parser.add_argument("--films", type=int, nargs="+", help="only studies of these sizes")
    parser.add_argument(
        "--intraclass", type=float, default=INTRACLASS, help="correlation of a patient's scores"
    )
    parser.add_argument("--quick", action="store_true", help="few settings, few studies")
    parser.add_argument("--as-built", action="store_true", help="measure Carina's own intervals")
    parser.add_argument("--table", action="store_true", help="print what the file holds")
    parser.add_argument("--metric", default="", help="only this one in the table")
    parser.add_argument("--chosen", action="store_true", help="only the methods in use")
    chosen = parser.parse_args()
    if not chosen.table:
        studies, draws = (250, 200) if chosen.quick else (chosen.studies, chosen.draws)
        run(
            [
                one
                for one in settings(quick=chosen.quick, intraclass=chosen.intraclass)
                if one.n in (chosen.films or SIZES)
            ],
            chosen.out,
            studies=studies,
            draws=draws,
            as_built=chosen.as_built,
        )
    cells = [one for one in read_cells(chosen.out) if chosen.metric in ("", one.metric)]
    if chosen.chosen:
        cells = [one for one in cells if CHOSEN[KINDS[one.metric]] == one.method]
    print(table(cells))


if __name__ == "__main__":
    main()
