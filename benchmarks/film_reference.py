"""Make the reference of upright frontal chest films that the audit ships, and measure it.

The mean and the directions of largest variance of equalised 24 x 24 thumbnails of the frontal
films of four public sets, each set counting as much as the others; what lies farthest is left
out and the rest taken again, so that the few turned films and drawings in the sets do not
become part of it. Then two weighted sums: chest films against pictures made at random
(`not_films.py`), and the films of children (Kermany's, one to five years old) against those of
adults (NIH, where a few children are among them; ieee8023, 20 and older where an age is
stated). No film can be made of it again.

The tables say what it tells of films of a set that was left out while it was made. Films of
`covid-dataset` stand in `ieee8023` and `kermany` too: those are left out with it.

    python benchmarks/film_reference.py [--data DIR] [--cache DIR] [--write]
"""

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from not_films import pictures_at_random
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from carina.auditing import film_reference as shipped
from carina.auditing.film_likeness import likeness_features
from carina.auditing.film_reference import FilmReference
from carina.data import open_dataset
from carina.data.patients import PatientKey
from carina.data.scan import FilmScan, scan_films
from carina.domain.dataset import Dataset
from carina.imaging.film_gaussian import Fit
from carina.imaging.thumbnails import equalised_thumbnails

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SETS = ("covid-dataset", "nih", "kermany", "ieee8023")
OVERLAPS = {"covid-dataset": ("kermany", "ieee8023"), "ieee8023": ("covid-dataset",),
            "kermany": ("covid-dataset",)}  # fmt: skip
CHILDREN, ADULTS = ("kermany",), ("nih", "ieee8023")
N_DIRECTIONS = 20
N_RANDOM = 4200
_LEFT_OUT_SHARE = 0.02
_ROUNDS = 3
_PENALTY = 0.1
_KEY = PatientKey(b"films are grouped by nothing here")
Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Films:
    """The different films of a set: sketches uint8 `[n, 96, 96]` and thumbnails `[n, 576]`."""

    small: NDArray[np.uint8]
    thumbnails: Floats


def scanned(folders: Sequence[Path], cache: Path) -> tuple[Dataset, FilmScan]:
    """Return some DATA opened as one data set, and what their films told."""
    dataset = open_dataset(folders, patient_key=_KEY)
    return dataset, scan_films(dataset, spec=None, cache_dir=cache)


def films_of(dataset: Dataset, scan: FilmScan) -> Films:
    """Return the different films of a data set."""
    different = {
        scan.facts[record.key].pixel_digest: record.key
        for record in dataset.records
        if record.key in scan.facts
    }
    assert scan.sketches is not None
    small = np.ascontiguousarray(scan.sketches.of(sorted(different.values()))["small"])
    return Films(small, equalised_thumbnails(small))


def made(sets: Mapping[str, Films], *, n_directions: int = N_DIRECTIONS) -> FilmReference:
    """Return the reference of some sets, each of the same weight."""
    kept = [films.thumbnails for films in sets.values()]
    for _ in range(_ROUNDS):
        reference = _gaussian(kept, n_directions)
        fits = [reference.fit(films.thumbnails) for films in sets.values()]
        kept = [
            films.thumbnails[_upright(fit) <= np.quantile(_upright(fit), 1 - _LEFT_OUT_SHARE)]
            for films, fit in zip(sets.values(), fits, strict=True)
        ]
    reference = _gaussian(kept, n_directions)
    fitted = {name: reference.fit(films.thumbnails) for name, films in sets.items()}
    return replace(
        reference,
        film_weights=_film_weights(reference, sets, fitted),
        child_weights=_child_weights(fitted),
    )


def _upright(fit: Fit) -> Floats:
    return fit.distances[:, 0, 0]


def is_upright(fit: Fit) -> NDArray[np.bool_]:
    """Return which films fit best as they are."""
    flat = fit.distances.reshape(len(fit.distances), -1)
    return np.asarray(flat.argmin(axis=1) == 0)


def _gaussian(sets: Sequence[Floats], n_directions: int) -> FilmReference:
    films = np.concatenate(sets).astype(np.float64)
    weights = np.concatenate([np.full(len(one), 1 / len(one) / len(sets)) for one in sets])
    mean = weights @ films
    centred = (films - mean) * np.sqrt(weights)[:, None]
    variances, directions = np.linalg.eigh(centred.T @ centred)
    largest = np.argsort(variances)[::-1][:n_directions]
    kept = directions[:, largest].T
    # An eigenvector has no sign of its own: its largest value is made positive.
    signs = np.sign(kept[np.arange(len(kept)), np.abs(kept).argmax(axis=1)])
    rest = (variances.sum() - variances[largest].sum()) / (films.shape[1] - n_directions)
    nothing = np.zeros(0, dtype=np.float32)
    return FilmReference(
        mean=mean.astype(np.float32),
        directions=(kept * signs[:, None]).astype(np.float16).astype(np.float32),
        variances=variances[largest].astype(np.float32),
        rest=float(rest),
        film_weights=nothing,
        child_weights=nothing,
    )


def _film_weights(
    reference: FilmReference, sets: Mapping[str, Films], fitted: Mapping[str, Fit]
) -> Floats:
    """Return the weights of a logistic regression, films against pictures made at random."""
    others = pictures_at_random(N_RANDOM, np.random.default_rng(5))
    others_fit = reference.fit(equalised_thumbnails(others))
    features = [likeness_features(sets[name].small, fitted[name]) for name in sets]
    features.append(likeness_features(others, others_fit))
    is_film = np.repeat([True] * len(sets) + [False], [len(one) for one in features])
    # Films together weigh as much as the others, each set as much as the next.
    shares = [0.5 / len(sets)] * len(sets) + [0.5]
    weights = np.concatenate(
        [np.full(len(one), share / len(one)) for one, share in zip(features, shares, strict=True)]
    )
    scaler, regression = StandardScaler(), LogisticRegression(C=_PENALTY, max_iter=5000)
    make_pipeline(scaler, regression).fit(
        np.concatenate(features).astype(np.float64),
        is_film,
        logisticregression__sample_weight=weights * len(weights),
    )
    slopes = regression.coef_[0] / scaler.scale_
    offset = regression.intercept_[0] - slopes @ scaler.mean_
    return np.concatenate([[offset], slopes]).astype(np.float32)


def _child_weights(fitted: Mapping[str, Fit]) -> Floats:
    """Return the weights of a linear discriminant, children's films against adults'.

    Without films of both there is none: zeros.
    """
    some = {
        name: fit.coordinates[is_upright(fit)].astype(np.float64) for name, fit in fitted.items()
    }
    children = [some[name] for name in CHILDREN if name in some]
    adults = [some[name] for name in ADULTS if name in some]
    n_directions = next(iter(some.values())).shape[1]
    if not children or not adults:
        return np.zeros(1 + n_directions, dtype=np.float32)
    centre = [np.mean([one.mean(axis=0) for one in group], axis=0) for group in (children, adults)]
    spread = np.mean([np.cov(one, rowvar=False) for one in (*children, *adults)], axis=0)
    shrunk = 0.9 * spread + 0.1 * np.diag(np.diag(spread))
    slopes = np.linalg.solve(shrunk, centre[0] - centre[1])
    offset = -slopes @ (centre[0] + centre[1]) / 2
    return np.concatenate([[offset], slopes]).astype(np.float32)


def write(reference: FilmReference) -> Path:
    """Write the reference into the package, the directions at half precision."""
    path = Path(shipped.__file__).with_name(shipped.REFERENCE_FILE)
    np.savez_compressed(
        path,
        mean=reference.mean,
        directions=reference.directions.astype(np.float16),
        variances=reference.variances,
        rest=np.float32(reference.rest),
        film_weights=reference.film_weights,
        child_weights=reference.child_weights,
    )
    return path


def report(sets: Mapping[str, Films]) -> None:
    """Print what a reference without a set's own films says of them."""
    print(
        f"{'left out':16} {'films':>5} {'distance 50 %':>13} {'99 %':>6} {'upright':>8} "
        f"{'log odds 0.5 %':>14} {'1 %':>6} {'50 %':>6} {'children':>9}"
    )
    for name, films in sets.items():
        left_out = (name, *OVERLAPS.get(name, ()))
        reference = made({other: own for other, own in sets.items() if other not in left_out})
        fit = reference.fit(films.thumbnails)
        weights = reference.film_weights
        odds = likeness_features(films.small, fit) @ weights[1:] + weights[0]
        child = fit.coordinates @ reference.child_weights[1:] + reference.child_weights[0]
        share = f"{(child[is_upright(fit)] > 0).mean():9.1%}" if child.any() else f"{'-':>9}"
        print(
            f"{name:16} {len(films.small):5} {np.median(_upright(fit)):13.2f} "
            f"{np.quantile(_upright(fit), 0.99):6.2f} {is_upright(fit).mean():8.1%} "
            f"{np.quantile(odds, 0.005):14.1f} {np.quantile(odds, 0.01):6.1f} "
            f"{np.median(odds):6.1f} {share}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--cache", type=Path, help="kept from run to run; else a temporary folder")
    parser.add_argument("--write", action="store_true", help="into the package")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        cache = args.cache or Path(temporary)
        sets = {name: films_of(*scanned([args.data / name], cache)) for name in SETS}
    report(sets)
    if args.write:
        print(f"written: {write(made(sets))}")


if __name__ == "__main__":
    main()
