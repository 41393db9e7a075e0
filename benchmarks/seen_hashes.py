"""How many bits the hashes in a classifier's `seen.csv` may differ by between copies.

Where nothing but the hash of a training film is left, an external test calls a film nearly
identical to it if their hashes of 64 bits are alike. The table gives for each number of bits
that might differ how many pairs of different real films would be called so, and how many
copies (`film_copies`) would be found. Pairs that the search on the films themselves finds alike,
and pairs of one patient, are no different films and do not count; the nearest of the rest are
listed by name, to be looked at by eye: covid19-image-dataset holds copies of films of the
other sets as patches of one grey each, which are copies all the same.

    python benchmarks/seen_hashes.py [--films N] [--data DIR] [--cache DIR]
"""

import argparse
import tempfile
from itertools import combinations
from pathlib import Path

import numpy as np
from copies import CHOSEN_ON, FIGURES_ON, Films, held, made_copies, read_films
from film_copies import KINDS, STRENGTHS

from carina.auditing.near_duplicates import compare_nearest
from carina.imaging.digests import _hash_of  # the hash of a sketch, as a scan makes it
from carina.imaging.film_hash import hamming_distances

_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
_SETS = (*CHOSEN_ON, *FIGURES_ON, "covid19-image-dataset")
_MOST_BITS = 12
# More alike than this, two films as they came are one picture or one patient (benchmarks/copies).
_MAYBE_ONE_PICTURE = 0.6


def words(sketches) -> np.ndarray:
    """Return the hashes of sketches, uint64 `[n, 1]`."""
    return np.array([[int(_hash_of(one), 16)] for one in sketches], dtype=np.uint64)


def joined(sets: list[Films]) -> Films:
    """Return the films of all sets as one."""
    record = {key: one for films in sets for key, one in films.record.items()}
    sketches = {key: one for films in sets for key, one in films.sketches.items()}
    one_of_each = {one.tobytes(): key for key, one in sketches.items()}
    kept = sorted(one_of_each.values())
    return Films("all", {k: record[k] for k in kept}, {k: sketches[k] for k in kept})


def pictures(films: Films) -> dict[str, int]:
    """Return film -> the number of its picture: copies, and copies of copies, have one."""
    number = {key: place for place, key in enumerate(films.record)}
    for one in compare_nearest(held(films.sketches), list(films.sketches)):
        if one.pair.likeness >= _MAYBE_ONE_PICTURE:
            old, new = number[one.pair.a], number[one.pair.b]
            number = {key: new if own == old else own for key, own in number.items()}
    return number


def near_pairs(films: Films) -> list[tuple[int, str, str]]:
    """Return the pairs of different films with near hashes: bits, and both."""
    keys = list(films.sketches)
    hashes = words(films.sketches.values())
    picture = pictures(films)
    found = []
    for first, key in enumerate(keys):
        distances = hamming_distances(hashes[first + 1 :], hashes[first : first + 1])
        for place in np.flatnonzero(distances <= _MOST_BITS).tolist():
            other = keys[first + 1 + place]
            a, b = films.record[key], films.record[other]
            same = a.patient is not None and (a.source, a.patient) == (b.source, b.patient)
            if not same and picture[key] != picture[other]:
                found.append((int(distances[place]), key, other))
    return found


def copies_found(films: Films, n_copied: int) -> dict[str, np.ndarray]:
    """Return strength -> the bits between each copy and its film."""
    bits: dict[str, list[np.ndarray]] = {}
    for (kind, strength), copies in made_copies(films, n_copied).items():
        if kind in KINDS:
            own = words([films.sketches[key] for key in copies])
            distances = hamming_distances(words(copies.values()), own)
            bits.setdefault(f"{kind}, {STRENGTHS[strength]}", []).append(distances)
            bits.setdefault(f"all, {STRENGTHS[strength]}", []).append(distances)
    return {name: np.concatenate(parts) for name, parts in bits.items()}


def main(arguments: argparse.Namespace) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        cache = arguments.cache or Path(folder)
        sets = [read_films(arguments.data, name, cache) for name in _SETS]
        films = joined(sets)
        pairs = near_pairs(films)
        n = len(films.record)
        print(f"{n} different films, {len(list(combinations(range(n), 2))):,} pairs")
        for bits, a, b in sorted(pairs)[:12]:
            print(f"- {bits} bits: {a} and {b}")
        of_copies = [copies_found(one, arguments.films) for one in sets if one.name in FIGURES_ON]
        names = sorted({name for one in of_copies for name in one})
        shown = [0, 1, 2, 3, 4, 5, 6, 8]
        print("| at most, bits | " + " | ".join(map(str, shown)) + " |")
        print("|---|" + "---|" * len(shown))
        counts = [sum(bits <= most for bits, *_ in pairs) for most in shown]
        print("| pairs of different films | " + " | ".join(map(str, counts)) + " |")
        for name in names:
            bits = np.concatenate([one[name] for one in of_copies])
            shares = [f"{np.mean(bits <= most):.0%}" for most in shown]
            print(f"| copies found: {name} | " + " | ".join(shares) + " |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--films", type=int, default=40, help="films copied of each set")
    parser.add_argument("--data", type=Path, default=_DATA, help="folder of the data sets")
    parser.add_argument("--cache", type=Path, help="folder of decoded films that is kept")
    main(parser.parse_args())
