"""How many copies the near-duplicate search finds, and what it takes for copies that are none.

Copies of real films are made, eight kinds of edit at three strengths (`film_copies`), and laid
among all films of their data set; then the films are searched as an audit does. The sets under
"chosen on" are those that thresholds were chosen on; the figures are those of the others, with
the kinds that no choice has seen. A pair of a film and another film's copy is a false pair
unless the two films themselves are one picture; pairs among the films as they came are
listed by name, for whether they are copies only the eye can tell (`--pictures DIR` lays
them side by side).

    python benchmarks/copies.py [--films N] [--set NAME ...] [--pictures DIR] [--data DIR]
    python benchmarks/copies.py --medians    # prints what film_hash compares amplitudes with
"""

import argparse
import hashlib
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from film_copies import KINDS, OTHER_KINDS, STRENGTHS, UNSEEN_KINDS, Pixels
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from carina.auditing.near_duplicates import Comparison, NearPair, compare_nearest
from carina.data.cache import Sketches
from carina.data.grouping import identical_groups
from carina.data.opening import open_dataset
from carina.data.patients import PatientKey
from carina.data.scan import scan_films
from carina.domain.record import Record
from carina.files.row_store import MemoryStore
from carina.imaging import read_radiograph
from carina.imaging.film_hash import equalised, halved_levels, spectra_of, uniform_frames
from carina.imaging.sketch import SKETCH, sketch

_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
CHOSEN_ON = ("covid-dataset", "ieee8023")
FIGURES_ON = ("nih", "kermany")
_THRESHOLDS = (0.60, 0.66, 0.70, 0.74, 0.78, 0.82, 0.86, 0.90)
# Films as they came that are more alike than this were looked at by eye: one picture, or one
# patient on two days, whose number not every set tells.
_MAYBE_ONE_PICTURE = 0.6
_THUMBNAIL = 240
_MEDIUM = STRENGTHS.index("medium")
Edited = tuple[str, int]


@dataclass(frozen=True)
class Films:
    """The different films of one data set.

    Attributes:
        name: of the set.
        record: of each film, by key.
        sketches: SKETCH of each film, by key.
    """

    name: str
    record: Mapping[str, Record]
    sketches: Mapping[str, NDArray[np.void]]

    def patients_of(self, pair: NearPair) -> str:
        """Return whose films two are: "same patient", "different patients" or "unknown"."""
        a, b = self.record[pair.a].patient, self.record[pair.b].patient
        if a is None or b is None:
            return "unknown"
        return "same patient" if a == b else "different patients"


@dataclass
class Found:
    """What a search found in one set.

    Attributes:
        films: what was searched.
        natural: comparisons among the films as they came.
        likeness: of each copy to its film, 0.0 where they were not compared, by kind and
            strength.
        decided: whether each copy was found, in the same order.
        false: comparisons of copies with other films.
        seconds: what the search of the films as they came took.
    """

    films: Films
    natural: Sequence[Comparison]
    seconds: float
    likeness: dict[Edited, list[float]] = field(default_factory=dict)
    decided: dict[Edited, list[bool]] = field(default_factory=dict)
    false: list[Comparison] = field(default_factory=list)

    def are_one_picture_or_patient(self, a: str, b: str) -> bool:
        """Return whether a copy of `a` may be like `b` without being a false pair."""
        pair = NearPair(min(a, b), max(a, b), 0.0)
        alike = {
            (one.pair.a, one.pair.b)
            for one in self.natural
            if one.pair.likeness >= _MAYBE_ONE_PICTURE
        }
        return (pair.a, pair.b) in alike or self.films.patients_of(pair) == "same patient"


def read_films(data: Path, name: str, cache: Path) -> Films:
    """Return the films of a set, one of those with identical pixels."""
    dataset = open_dataset([data / name], patient_key=PatientKey(b"a key for a benchmark"))
    scan = scan_films(dataset, spec=None, cache_dir=cache)
    doubles = {r.key for group in identical_groups(dataset.records, scan) for r in group[1:]}
    record = {r.key: r for r in dataset.records if r.key in scan.facts and r.key not in doubles}
    sketches = dict(zip(record, scan.sketches.of(list(record)), strict=True))
    return Films(name, record, sketches)


def held(named: Mapping[str, NDArray[np.void]]) -> Sketches:
    """Return sketches in memory."""
    digest_of = {key: hashlib.sha256(key.encode()).digest() for key in named}
    store = MemoryStore(SKETCH.itemsize)
    store.append(
        {digest_of[key]: np.frombuffer(one.tobytes(), np.uint8) for key, one in named.items()}
    )
    return Sketches(store, digest_of)


def searched(films: Films, *, n_copied: int) -> Found:
    """Return what is found among films and among them with copies of some."""
    start = time.perf_counter()
    natural = compare_nearest(held(films.sketches), list(films.sketches))
    found = Found(films, natural, time.perf_counter() - start)
    copies = made_copies(films, n_copied)
    for kind in sorted({kind for kind, _ in copies}):
        of_kind = {edited: copies[edited] for edited in copies if edited[0] == kind}
        _search_copies(found, of_kind)
    return found


def made_copies(films: Films, n_copied: int) -> dict[Edited, dict[str, NDArray[np.void]]]:
    """Return sketches of copies by kind and strength and by the key of their film."""
    keys = sorted(films.record)
    chosen = np.random.default_rng(1).choice(len(keys), min(n_copied, len(keys)), replace=False)
    copies: dict[Edited, dict[str, NDArray[np.void]]] = {}
    for key in [keys[number] for number in sorted(chosen.tolist())]:
        pixels: Pixels = read_radiograph(films.record[key].file).pixels
        for kind, edit in {**KINDS, **UNSEEN_KINDS, **OTHER_KINDS}.items():
            for strength in range(1 if kind in OTHER_KINDS else len(STRENGTHS)):
                rng = np.random.default_rng([strength, *f"{kind}/{key}".encode()])
                copy = edit(pixels, strength, rng)
                copies.setdefault((kind, strength), {})[key] = sketch(copy)
    return copies


def _search_copies(
    found: Found,
    copies: Mapping[Edited, Mapping[str, NDArray[np.void]]],
) -> None:
    """Search films with their copies of one kind, and write down how alike they are."""
    film_of: dict[str, tuple[str, Edited]] = {}
    among = dict(found.films.sketches)
    for edited, of_films in copies.items():
        found.likeness[edited], found.decided[edited] = [], []
        for key, one in of_films.items():
            name = f"{STRENGTHS[edited[1]]} copy of {key}"
            film_of[name], among[name] = (key, edited), one
    of_copy: dict[str, Comparison] = {}
    for one in compare_nearest(held(among), list(among)):
        pair = one.pair
        copy, other = (pair.a, pair.b) if pair.a in film_of else (pair.b, pair.a)
        # Two films as they came are looked at elsewhere, and two copies say nothing new.
        if copy not in film_of or other in film_of:
            continue
        film = film_of[copy][0]
        if film == other:
            of_copy[copy] = one
        elif not found.are_one_picture_or_patient(film, other):
            found.false.append(one)
    for name, (_, edited) in film_of.items():
        own = of_copy.get(name)
        found.likeness[edited].append(own.pair.likeness if own is not None else 0.0)
        found.decided[edited].append(own is not None and own.is_copy)


def recall(found: Sequence[Found], edited: Sequence[Edited]) -> float:
    """Return the share of copies of some kinds that are found."""
    return float(np.mean([v for one in found for which in edited for v in one.decided[which]]))


def recall_at(found: Sequence[Found], edited: Sequence[Edited], threshold: float) -> float:
    """Return the share of copies of some kinds that would be found at a threshold."""
    values = [v for one in found for which in edited for v in one.likeness[which]]
    return float(np.mean(np.array(values) >= threshold))


def table_of_copies(found: Sequence[Found]) -> str:
    """Return recall by kind and strength."""
    lines = ["| copies | " + " | ".join(STRENGTHS) + " |", "|---|" + "---|" * len(STRENGTHS)]
    for kind in (*KINDS, *UNSEEN_KINDS, *OTHER_KINDS):
        shares = [
            f"{recall(found, [(kind, strength)]):.1%}"
            for strength in range(1 if kind in OTHER_KINDS else len(STRENGTHS))
        ]
        mark = " (unseen)" if kind in UNSEEN_KINDS else ""
        lines.append(f"| {kind}{mark} | " + " | ".join(shares) + " |")
    for title, kinds in (("the eight", KINDS), ("the unseen", UNSEEN_KINDS)):
        shares = [
            f"{recall(found, [(kind, s) for kind in kinds]):.2%}" for s in range(len(STRENGTHS))
        ]
        lines.append(f"| **{title}** | " + " | ".join(shares) + " |")
    return "\n".join(lines)


def table_of_thresholds(found: Sequence[Found]) -> str:
    """Return what each threshold would find."""
    lines = [
        "| threshold | medium | strong | false pairs with copies | pairs as they came: "
        "same patient | others |",
        "|---|---|---|---|---|---|",
    ]
    for threshold in _THRESHOLDS:
        shares = [
            f"{recall_at(found, [(kind, s) for kind in KINDS], threshold):.2%}"
            for s in (_MEDIUM, _MEDIUM + 1)
        ]
        n_false = sum(v.pair.likeness >= threshold for one in found for v in one.false)
        whose = [
            one.films.patients_of(each.pair)
            for one in found
            for each in one.natural
            if each.pair.likeness >= threshold
        ]
        same = whose.count("same patient")
        lines.append(
            f"| {threshold:.2f} | " + " | ".join(shares) + f" | {n_false} | {same} "
            f"| {len(whose) - same} |"
        )
    return "\n".join(lines)


def told(found: Found) -> str:
    """Return in words what was found in one set."""
    n_films = len(found.films.record)
    n_searches = len({kind for kind, _ in found.likeness})
    n_copies = sum(map(len, found.likeness.values()))
    n_false = sum(one.is_copy for one in found.false)
    highest = max((one.pair.likeness for one in found.false), default=0.0)
    lines = [
        f"{found.films.name}: {n_films} different films searched in {found.seconds:.2f} s",
        f"- {n_copies} copies among them, in {n_searches} searches: {n_false} false pairs, "
        f"{1000 * n_false / max(n_copies, 1):.2f} per 1,000 copies; the most alike {highest:.2f}",
    ]
    for one in sorted(found.natural, key=lambda one: -one.pair.likeness):
        if one.is_copy:
            whose = found.films.patients_of(one.pair)
            lines.append(f"- {one.pair.likeness:.3f} {whose}: {one.pair.a} and {one.pair.b}")
    return "\n".join(lines)


def draw_pairs(found: Found, out: Path, *, least: float) -> None:
    """Write the pairs among the films as they came side by side, the most alike first."""
    pairs = [one.pair for one in found.natural if one.pair.likeness >= least]
    pairs.sort(key=lambda pair: -pair.likeness)
    step, n_columns = _THUMBNAIL + 26, 4
    n_rows = -(-len(pairs) // n_columns)
    page = Image.new("L", (n_columns * (2 * _THUMBNAIL + 8), max(n_rows, 1) * step), 128)
    pen = ImageDraw.Draw(page)
    for place, pair in enumerate(pairs):
        x, y = place % n_columns * (2 * _THUMBNAIL + 8), place // n_columns * step
        pen.text((x, y), f"{pair.likeness:.3f} {found.films.patients_of(pair)}", fill=255)
        for side, key in enumerate((pair.a, pair.b)):
            pixels = read_radiograph(found.films.record[key].file).pixels
            film = Image.fromarray((pixels * 255).astype(np.uint8))
            left = x + side * _THUMBNAIL
            pen.text((left, y + 12), key[-38:], fill=255)
            page.paste(film.resize((_THUMBNAIL, _THUMBNAIL)), (left, y + 26))
    out.mkdir(parents=True, exist_ok=True)
    page.save(out / f"{found.films.name}.png")


def print_medians(sets: Sequence[Films]) -> None:
    """Print the table that `film_hash` compares amplitudes with, in 1 / 100,000."""
    amplitudes = []
    for films in sets:
        pictures = halved_levels(np.stack([one["small"] for one in films.sketches.values()]))
        amplitudes.append(spectra_of(equalised(pictures, uniform_frames(pictures))))
    together = np.concatenate(amplitudes)
    print(f"{len(together)} films")
    print(np.rint(np.median(together, axis=0) * 100_000).astype(int).tolist())


def main(arguments: argparse.Namespace) -> None:
    """Search, and print the tables."""
    with tempfile.TemporaryDirectory() as folder:
        cache = arguments.cache or Path(folder)
        if arguments.medians:
            print_medians([read_films(arguments.data, name, cache) for name in CHOSEN_ON])
            return
        for title, every in (("chosen on", CHOSEN_ON), ("figures on", FIGURES_ON)):
            names = [name for name in every if not arguments.set or name in arguments.set]
            found = []
            for name in names:
                films = read_films(arguments.data, name, cache)
                found.append(searched(films, n_copied=arguments.films))
                if arguments.pictures is not None:
                    draw_pairs(found[-1], arguments.pictures, least=arguments.least)
            if found:
                print(f"\n## {title} {' and '.join(names)}\n")
                print("\n".join(map(told, found)))
                print(f"\n{table_of_copies(found)}\n\n{table_of_thresholds(found)}", flush=True)


def options() -> argparse.ArgumentParser:
    """Return what the command line takes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    every = (*CHOSEN_ON, *FIGURES_ON)
    parser.add_argument("--films", type=int, default=100, help="films copied of each set")
    parser.add_argument("--set", action="append", default=[], choices=every)
    parser.add_argument("--medians", action="store_true", help="print film_hash's table and end")
    parser.add_argument("--pictures", type=Path, help="where to draw the pairs as they came")
    parser.add_argument("--least", type=float, default=0.65, help="likeness of the pairs drawn")
    parser.add_argument("--data", type=Path, default=_DATA, help="folder of the data sets")
    parser.add_argument("--cache", type=Path, help="folder of decoded films that is kept")
    return parser


if __name__ == "__main__":
    main(options().parse_args())
