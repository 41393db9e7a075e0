"""How surely planted shortcuts are found, and how often one is seen where there is none.

Seven shortcuts (a corner letter, a border, another resolution, JPEG quality, brightness,
colour mode, source) are planted into one class of phantom and of real films whose labels are
dealt at random over the patients, in all, half or a quarter of its films; the signal that
belongs to it has to tell. The eighth, a patient in two parts, is planted into the split, and
has to be among the leaks. Then labels are dealt and nothing is planted: whatever tells is a
false alarm; levels and numbers of classes are varied.

    python benchmarks/planted_shortcuts.py [--pools NAME ...] [--trials N] [--relabellings N] \\
        [--films N] [--data DIR] [--ridges]
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

# The films are made where the tests make theirs.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from carina.auditing.discriminant import told_classes, whitened
from carina.auditing.leaks import find_leaks
from carina.auditing.relabelling import relabelled
from carina.auditing.signal import LabelledFilms
from carina.auditing.signals import SIGNALS
from carina.domain.record import Record
from carina.evaluation.intervals import wilson
from making.datasets import dataset_of
from making.planted import CLEAN, SIGNAL_OF, Pool, deal, phantom_pool, real_pool

_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
_POOLS = ("phantoms", "nih", "covid-dataset")
_STRENGTHS = (1.0, 0.5, 0.25)
_BALANCES: Mapping[str, Sequence[float]] = {
    "two alike": (0.5, 0.5),
    "one in ten": (0.9, 0.1),
    "three, one small": (0.6, 0.35, 0.05),
}
_RIDGES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pools", nargs="+", choices=_POOLS, default=_POOLS)
    parser.add_argument("--trials", type=int, default=40, help="data sets per shortcut")
    parser.add_argument("--relabellings", type=int, default=400, help="per pool and balance")
    parser.add_argument("--films", type=int, default=240, help="films per pool")
    parser.add_argument("--data", type=Path, default=_DATA)
    parser.add_argument("--ridges", action="store_true", help="compare ridges instead")
    given = parser.parse_args()
    for name in given.pools:
        if name != "phantoms" and not given.data.is_dir():
            print(f"{name}: not run, no real films at {given.data}")
            continue
        pool = _made(name, given.data, given.films)
        if given.ridges:
            print_ridges(name, pool)
            continue
        print_found(name, pool, n_trials=given.trials)
        print_leaks(pool, n_trials=given.trials)
        print_false_alarms(name, pool, n_relabellings=given.relabellings)


def _made(name: str, data: Path, n_films: int) -> Pool:
    if name == "phantoms":
        return phantom_pool(n_films, height=256)
    return real_pool(data / name, n_films, patient_digits=8 if name == "nih" else 0)


def print_found(name: str, pool: Pool, *, n_trials: int) -> None:
    """Print how often the right signal tells, by shortcut and strength."""
    print(f"\n{name}: {len(pool.groups)} films, found in {n_trials} data sets each (mean value)")
    print(f"{'shortcut':15s} {'signal':12s}" + "".join(f"{s:>16.0%}" for s in _STRENGTHS))
    for shortcut, signal in SIGNAL_OF.items():
        cells = []
        for strength in _STRENGTHS:
            rng = np.random.default_rng([11, round(100 * strength)])
            found = [
                deal(pool, shortcut, strength=strength, rng=rng).confounders()[signal]
                for _ in range(n_trials)
            ]
            share = sum(one.tells for one in found) / n_trials
            value = float(np.mean([one.balanced_accuracy for one in found]))
            cells.append(f"{share:>9.0%} ({value:.2f})")
        print(f"{shortcut:15s} {signal:12s}" + "".join(cells), flush=True)


def print_leaks(pool: Pool, *, n_trials: int) -> None:
    """Print how many films of planted patients are among the leaks, and how many others."""
    rng = np.random.default_rng(12)
    n_planted = n_found = n_other = 0
    for _ in range(n_trials):
        trial = deal(pool, CLEAN, strength=0, rng=rng)
        patients = sorted(set(pool.groups))
        tested = set(rng.permutation(patients)[: len(patients) // 5].tolist())
        records = [
            replace(r, patient=trial.groups[r.key], part=_part(trial.groups[r.key] in tested))
            for r in trial.records
        ]
        leaking = _with_films_of_trained_patients(records, rng)
        leaks = find_leaks(dataset_of(leaking), trial.scan, ())
        planted = {b.path for a, b in zip(records, leaking, strict=True) if a != b}
        named = {leak.b for leak in leaks if leak.kind == "same-patient"}
        n_planted, n_found = n_planted + len(planted), n_found + len(planted & named)
        n_other += len(named - planted)
    print(f"{'patient leak':15s} {'leaks':12s} {n_found} of {n_planted} films, {n_other} others")


def _part(is_test: bool) -> str:
    return "test" if is_test else "train"


def _with_films_of_trained_patients(
    records: Sequence[Record], rng: np.random.Generator
) -> list[Record]:
    """Return the records, a tenth of the test films given to patients of the training part."""
    trained = sorted({r.patient for r in records if r.part == "train" and r.patient})
    return [
        replace(r, patient=str(rng.choice(trained)))
        if r.part == "test" and rng.random() < 0.1
        else r
        for r in records
    ]


def print_false_alarms(name: str, pool: Pool, *, n_relabellings: int) -> None:
    """Print in what share of relabellings without a shortcut any signal tells."""
    for balance, shares in _BALANCES.items():
        rng = np.random.default_rng(13)
        start = time.perf_counter()
        telling: Counter[str] = Counter()
        values: list[float] = []
        n_alarms = 0
        for _ in range(n_relabellings):
            found = deal(pool, CLEAN, strength=0, rng=rng, shares=shares).confounders()
            own = [one.signal for one in found.values() if one.tells]
            telling.update(own)
            n_alarms += bool(own)
            values += [one.balanced_accuracy for one in found.values()]
        low, high = wilson(n_alarms, n_relabellings)
        seconds = (time.perf_counter() - start) / n_relabellings
        print(
            f"{name}, nothing planted, {balance}: a signal tells in {n_alarms} of "
            f"{n_relabellings} relabellings ({n_alarms / n_relabellings:.1%}, {low:.1%} to "
            f"{high:.1%}); mean value {np.mean(values):.3f}; {seconds:.2f} s each; "
            f"{dict(telling) or 'none'}",
            flush=True,
        )


def print_ridges(name: str, pool: Pool) -> None:
    """Print the value of each planted shortcut's signal at half strength, by ridge."""
    print(f"\n{name}: mean balanced accuracy by ridge, a shortcut in half of the films")
    print(f"{'shortcut':15s}" + "".join(f"{ridge:>8}" for ridge in _RIDGES))
    for shortcut, signal in SIGNAL_OF.items():
        values = np.zeros((10, len(_RIDGES)))
        for number in range(len(values)):
            rng = np.random.default_rng([14, number])
            dealt = deal(pool, shortcut, strength=0.5, rng=rng)
            keys = [record.key for record in dealt.records]
            sketches = dealt.scan.sketches.of(keys) if dealt.scan.sketches else None
            films = LabelledFilms(dealt.records, [dealt.scan.facts[k] for k in keys], sketches)
            columns = SIGNALS.get(signal).measure(films)
            y_true = np.array([int(r.label == "class 1") for r in dealt.records])
            folds = relabelled(y_true, [dealt.groups[k] for k in keys], draws=0, rng=rng)
            for place, ridge in enumerate(_RIDGES):
                told = told_classes(whitened(columns, ridge=ridge), folds)
                values[number, place] = told.balanced_accuracy[0]
        print(f"{shortcut:15s}" + "".join(f"{v:8.3f}" for v in values.mean(axis=0)), flush=True)


if __name__ == "__main__":
    main()
