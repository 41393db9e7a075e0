"""How many films with lines of writing are found, and how many others are called so.

Two tables and a time. The first is of real films: `burned_in_text_films.csv` says of each, by a
person's look at the film and at its enlarged lines, whether it carries "writing" (ten letters or
more beside the side's letter: a name, a date, a number, words), a "marker" (one word such as
PORTABLE, a side's letter) or "none"; "marker or none" are 194 films chosen by chance among those
in which no line was found. The second is of phantoms with a name and a date drawn on them, at
sizes, places and greys of every kind, of which a part is saved as JPEG.

    python benchmarks/burned_in_text.py --films DATA
"""

from __future__ import annotations

import argparse
import csv
import io
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from carina.evaluation.intervals import wilson
from carina.imaging.burned_in_text import FEWEST_LETTERS, n_letters_in_lines
from carina.imaging.greys import greys_of
from carina.imaging.phantom import make_phantom
from carina.imaging.read import read_radiograph

LABELS = Path(__file__).with_name("burned_in_text_films.csv")
WRITINGS = (
    "DOE, JANE 1954-03-12",
    "Müller, Anna-Maria *03.12.1954",
    "ID 4711-0815  22/11/2026 16:59",
    "St Elsewhere Hospital, Radiology",
)
SIZES_PX = (8, 10, 12, 16, 24, 36)
HEIGHT, WIDTH = 640, 600


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=Path, help="the folder of the real films")
    parser.add_argument("--phantoms", type=int, default=40, help="for each size")
    options = parser.parse_args()
    if options.films is not None:
        real_films(options.films)
    planted(options.phantoms)
    cost()


def real_films(folder: Path) -> None:
    """Print precision and recall on the labelled films."""
    with LABELS.open(encoding="utf-8", newline="") as stream:
        labels = {row["path"]: row["carries"] for row in csv.DictReader(stream)}
    found: dict[str, list[bool]] = {}
    for path, carries in labels.items():
        greys = greys_of(read_radiograph(folder / path).pixels)
        found.setdefault(carries, []).append(n_letters_in_lines(greys.values) >= FEWEST_LETTERS)
    for carries, called in sorted(found.items()):
        print(f"{carries:<16} {sum(called):>4} of {len(called):>4} called writing")
    right, called = sum(found["writing"]), sum(map(sum, found.values()))
    print(f"precision {share(right, called)}, recall {share(right, len(found['writing']))}")


def planted(n_phantoms: int) -> None:
    """Print how many drawn names are found by size, and how many bare phantoms are called."""
    rng = np.random.default_rng(2026)
    films = [phantom(rng) for _ in range(n_phantoms)]
    bare = sum(n_letters_in_lines(film) >= FEWEST_LETTERS for film in films)
    marked = sum(
        n_letters_in_lines(drawn(film, "PORTABLE", 16, rng)) >= FEWEST_LETTERS for film in films
    )
    print(f"bare phantoms: {bare} of {n_phantoms} called; with PORTABLE: {marked}")
    for size in SIZES_PX:
        hits = sum(
            n_letters_in_lines(drawn(film, WRITINGS[n % 4], size, rng)) >= FEWEST_LETTERS
            for n, film in enumerate(films)
        )
        print(f"a line of {size:>2} px: found on {share(hits, n_phantoms)}")


def phantom(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a phantom of 640 x 600 pixels at 256 levels."""
    made = make_phantom("pneumonia", rng=rng, height=HEIGHT, width=WIDTH)
    return greys_of(made.pixels).values


def drawn(
    film: NDArray[np.uint8], text: str, size_px: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return a film with a line of writing at a random place, half of them through JPEG."""
    picture = Image.fromarray(film.copy())
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size_px)
    left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
    x = int(rng.integers(0, max(WIDTH - int(right - left), 1)))
    y = int(rng.integers(0, max(HEIGHT - int(bottom - top) - size_px, 1)))
    ground = float(film[y : y + size_px, x : x + int(right - left)].mean())
    # Programs write white, or black where white would not be seen.
    fill = int(rng.integers(200, 256)) if ground < 120 else int(rng.integers(0, 30))
    draw.text((x, y), text, fill=fill, font=font)
    if rng.random() < 0.5:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=85)
        picture = Image.open(buffer)
    return np.asarray(picture)


def cost() -> None:
    """Print the CPU time for a film of 640 pixels and of 2,048."""
    rng = np.random.default_rng(1)
    for side in (640, 2048):
        film = drawn(phantom(rng), WRITINGS[0], 16, rng)
        film = np.asarray(Image.fromarray(film).resize((side, side)))
        times = []
        for _ in range(20):
            start = time.process_time()
            n_letters_in_lines(film)
            times.append(time.process_time() - start)
        print(f"{side} x {side} px: {1000 * float(np.median(times)):.1f} ms of CPU")


def share(n: int, of: int) -> str:
    """Return "133 of 136 (97.8 %, 93.7 to 99.2)", with Wilson's interval."""
    low, high = wilson(n, of)
    return f"{n} of {of} ({100 * n / of:.1f} %, {100 * low:.1f} to {100 * high:.1f})"


if __name__ == "__main__":
    main()
