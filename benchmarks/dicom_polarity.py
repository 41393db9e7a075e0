"""How well a film is told from its negative: the rule behind the caution on wrong MONOCHROME1 tags.

Every real film, upright and inverted, is judged by the mean film of all other sources
(`carina.imaging.dicom.polarity`); a source never sees its own films. Prints for each source how
many upright films lie below the limit (false alarms), how many inverted ones do (found), and the
lowest upright value; then the mean film of all sources, which is what ships.

    python benchmarks/dicom_polarity.py [--data DIR]
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from carina.imaging.dicom.polarity import NEGATIVE_BELOW, likeness, ranked_fields
from carina.imaging.sketch import sketch

DATA = Path(__file__).parents[2] / "shared" / "data"
SETS = ("covid-dataset", "covid19-image-dataset", "ieee8023", "kermany", "nih")


def sketches(folder):
    """Return uint8 `[n, 96, 96]` of a folder's films; lung masks are none."""
    paths = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in (".png", ".jpg", ".jpeg") and "lung-masks" not in path.parts
    ]
    found = []
    for path in paths:
        with Image.open(path) as image:
            image.draft("L", (200, 200))
            levels = np.asarray(image.convert("L"), dtype=np.float32) / 255
        found.append(sketch(levels)["small"])
    return np.array(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    options = parser.parse_args()
    small = {name: sketches(options.data / name) for name in SETS}
    upright = {name: ranked_fields(films) for name, films in small.items()}
    inverted = {name: ranked_fields(255 - films) for name, films in small.items()}
    print(f"{'source':24} films  false alarms  inverted found  lowest upright")
    alarms, hits, n = 0, 0, 0
    for name in SETS:
        mean = np.concatenate([upright[other] for other in SETS if other != name]).mean(axis=0)
        own = np.array([likeness(film, mean) for film in upright[name]])
        turned = np.array([likeness(film, mean) for film in inverted[name]])
        n_alarms, n_found = int((own < NEGATIVE_BELOW).sum()), int((turned < NEGATIVE_BELOW).sum())
        print(f"{name:24} {len(own):5}  {n_alarms:12}  {n_found:14}  {own.min():14.2f}")
        alarms, hits, n = alarms + n_alarms, hits + n_found, n + len(own)
    print(f"{'all':24} {n:5}  {alarms:12}  {hits:14}  ({100 * hits / n:.2f} % found)")
    print(f"false alarms at most {100 * (1 - 0.05 ** (1 / n)):.2f} % (95 %, none of {n} seen)")
    print("\nmean of all films, from the edge to the middle, times 100:")
    print(np.rint(100 * np.concatenate(list(upright.values())).mean(axis=0)).astype(int))


if __name__ == "__main__":
    main()
