"""What to cover a patch of a film with, so that the cover is no evidence itself.

Occlusion covers patches and asks what the class's log-odds lose. Two things are measured for
each way of covering, on a trained classifier:

* on films (real ones, of any class): how much covering a patch at the film's edge, where no lung
  lies, moves the log-odds, and which way. A cover that is seen as evidence moves them.
* on phantom films with a lesion, whose place is known: how much of the heat for the phantom's
  own class lies inside the lesion, over the share of the film that the lesion takes (1: no
  better than chance), for a classifier that was trained on phantoms.

    python benchmarks/occlusion_fill.py --classifier RUN --films FOLDER [--phantoms RUN] [-n 40]
"""

import argparse
from pathlib import Path

import numpy as np

from carina.domain.radiograph import Radiograph
from carina.imaging import read_radiograph
from carina.imaging.phantom import PHANTOM_CLASSES, make_phantom
from carina.inference.bundle import load_classifier
from carina.inference.explain import occlusion as method

FILMS = {".png", ".jpg", ".jpeg"}


def ring(image, rows, columns):
    """The mean grey around the patch, half a patch wide."""
    down, across = (
        max((rows.stop - rows.start) // 2, 1),
        max((columns.stop - columns.start) // 2, 1),
    )
    whole = image[
        :,
        max(rows.start - down, 0) : rows.stop + down,
        max(columns.start - across, 0) : columns.stop + across,
    ]
    patch = image[:, rows, columns]
    n_around = whole[0].size - patch[0].size
    if n_around:
        around = whole.sum(axis=(1, 2), dtype=float) - patch.sum(axis=(1, 2), dtype=float)
        image[:, rows, columns] = (around / n_around)[:, None, None]


def own_mean(image, rows, columns):
    image[:, rows, columns] = image[:, rows, columns].mean(axis=(1, 2))[:, None, None]


def film_mean(image, rows, columns):
    image[:, rows, columns] = image.mean()


def constant(grey):
    def cover(image, rows, columns):
        image[:, rows, columns] = grey

    return cover


def spanned(image, rows, columns):
    """The grey between the patch's four borders, each side's mean weighing by its nearness."""
    n_rows, n_columns = rows.stop - rows.start, columns.stop - columns.start
    down, across = max(n_rows // 4, 1), max(n_columns // 4, 1)
    v = (np.arange(n_rows) + 0.5) / n_rows
    u = (np.arange(n_columns) + 0.5) / n_columns
    sides = (
        (image[:, max(rows.start - down, 0) : rows.start, columns], v[:, None]),
        (image[:, rows.stop : rows.stop + down, columns], 1 - v[:, None]),
        (image[:, rows, max(columns.start - across, 0) : columns.start], u[None]),
        (image[:, rows, columns.stop : columns.stop + across], 1 - u[None]),
    )
    total, weights = 0, 0
    for strip, distance in sides:
        if strip[0].size:
            weight = np.broadcast_to(1 / distance, (n_rows, n_columns))
            total = total + weight * strip.mean()
            weights = weights + weight
    image[:, rows, columns] = total / weights


COVERS = {
    "black": constant(0.0),
    "mid grey": constant(0.5),
    "mean of the film": film_mean,
    "mean of the patch": own_mean,
    "mean around it": ring,
    "spanned from its borders": spanned,
}


def files_in(folder, n):
    found = sorted(f for f in Path(folder).rglob("*") if f.suffix.lower() in FILMS)
    return found[:: max(len(found) // n, 1)][:n]


def edge_shift(classifier, films):
    """Return the mean and the mean absolute change of each class's log-odds over edge patches."""
    shifts = []
    for film in films:
        image = classifier.prepare(film)
        rows, columns = (method._edges(side) for side in image.shape[1:])
        last_row, last_column = len(rows) - 3, len(columns) - 3
        for row, column in ((0, 0), (0, last_column), (last_row, 0), (last_row, last_column)):
            covered = image.copy()
            method._cover(
                covered,
                slice(rows[row], rows[row + 2]),
                slice(columns[column], columns[column + 2]),
            )
            logits = classifier.logits(np.stack([image, covered]))
            shifts.append([np.diff(method._log_odds(logits, c))[0] for c in range(logits.shape[1])])
    return np.mean(shifts, axis=0), np.abs(shifts).mean()


def enrichment(classifier, n):
    """Return the mean over phantoms of the share of heat in the lesion over the lesion's area."""
    found, without = [], 0
    for seed in range(n):
        for label, finding in PHANTOM_CLASSES.items():
            if finding == "normal":
                continue
            phantom = make_phantom(finding, rng=np.random.default_rng(10_000 + seed))
            film = Radiograph(phantom.pixels, Path("phantom"), "0" * 64, "PNG", "L")
            heat = classifier.explain(film, label, method="occlusion").heat
            area = phantom.lesion_mask.mean()
            if not heat.any():
                without += 1
            elif area:
                found.append(heat[phantom.lesion_mask].sum() / heat.sum() / area)
    return np.mean(found), np.std(found) / np.sqrt(len(found)), without


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--classifier", required=True)
    parser.add_argument("--films", required=True)
    parser.add_argument("--phantoms")
    parser.add_argument("-n", type=int, default=40)
    options = parser.parse_args()
    classifier = load_classifier(options.classifier)
    films = [read_radiograph(file) for file in files_in(options.films, options.n)]
    phantoms = load_classifier(options.phantoms) if options.phantoms else None
    print(f"{len(films)} films; log-odds of {', '.join(classifier.labels.names)}")
    for name, cover in COVERS.items():
        method._cover = cover
        signed, absolute = edge_shift(classifier, films)
        line = f"{name:26s} edge patches: mean {np.round(signed, 3)}, absolute {absolute:.3f}"
        if phantoms is not None:
            mean, error, without = enrichment(phantoms, options.n // 2)
            line += f"; heat in lesions {mean:.2f} +- {error:.2f} times chance, {without} without"
        print(line, flush=True)


if __name__ == "__main__":
    main()
