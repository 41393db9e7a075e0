"""What the audit says of films that do not belong, on real films and on planted ones.

Real films: how many of each set are suspected of what. Every one of them was looked at
(`--pictures` writes them as montages); what is a false alarm is for the eye, so the table says
"suspected". Planted: real films inverted, turned, put together, written on; pictures that are
no films from the packages scikit-image and scikit-learn, in colour and in grey; digits; blank
pictures; the DICOM files of other body parts; and the phantoms, which belong.

    python benchmarks/misfits.py [--data DIR] [--cache DIR] [--pictures DIR]
"""

import argparse
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import skimage
import sklearn
from film_reference import DATA, scanned
from PIL import Image, ImageDraw, ImageFont
from pydicom import dcmread
from sklearn.datasets import load_digits

from carina.auditing.ages import judge_ages
from carina.auditing.misfits import find_misfits
from carina.data.scan import FilmScan
from carina.domain.audit import Misfit
from carina.domain.dataset import Dataset
from carina.imaging.phantom import PHANTOM_FINDINGS, make_phantom
from carina.imaging.strokes import text_strokes

SETS = ("covid-dataset", "covid19-image-dataset", "ieee8023", "kermany", "nih")
N_PLANTED = 120
_WORDS = ("COVID-19", "PORTABLE SUPINE", "12:45 03/04/2020", "Patient 7")
# Which code each kind should get; "" where the film belongs.
EXPECTED = {
    "inverted": "inverted",
    "quarter clockwise": "rotated",
    "quarter anticlockwise": "rotated",
    "upside down": "rotated",
    "flipped upside down": "rotated",
    "inverted and upside down": "inverted",
    "two side by side": "collage",
    "two, white gutter": "collage",
    "two one above the other": "collage",
    "four": "collage",
    "three side by side": "collage",
    "letters of 2.5 %": "text",
    "letters of 4 %": "text",
    "letters of 6 %": "text",
    "blank": "blank",
    "colour photograph": "colour",
    "grey photograph or texture": "not-chest",
    "digit": "not-chest",
    "DICOM, other body part": "not-chest",
    "mirrored": "",
    "phantom": "",
    "a little darker": "",
}


def planted(films: list[Path], rng: np.random.Generator) -> Iterator[tuple[str, Image.Image]]:
    """Yield pictures by kind, `N_PLANTED` of each that is made of real films."""
    changes: dict[str, Callable[[Image.Image], Image.Image]] = {
        "inverted": lambda film: film.point(lambda v: 255 - v),
        "quarter clockwise": lambda film: film.transpose(Image.Transpose.ROTATE_270),
        "quarter anticlockwise": lambda film: film.transpose(Image.Transpose.ROTATE_90),
        "upside down": lambda film: film.transpose(Image.Transpose.ROTATE_180),
        "flipped upside down": lambda film: film.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        "inverted and upside down": lambda film: film.point(lambda v: 255 - v).rotate(180),
        "mirrored": lambda film: film.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        "a little darker": lambda film: film.point(lambda v: int(0.8 * v)),
        "letters of 2.5 %": lambda film: _written(film, 0.025, rng),
        "letters of 4 %": lambda film: _written(film, 0.04, rng),
        "letters of 6 %": lambda film: _written(film, 0.06, rng),
    }
    for kind, change in changes.items():
        for number in rng.choice(len(films), N_PLANTED, replace=False):
            yield kind, change(_film(films[number]))
    grids = {"two side by side": (1, 2, 0, 0), "two, white gutter": (1, 2, 15, 255),
             "two one above the other": (2, 1, 6, 0), "three side by side": (1, 3, 6, 0),
             "four": (2, 2, 8, 0)}  # fmt: skip
    for kind, (rows, columns, gutter, grey) in grids.items():
        for _ in range(N_PLANTED // 2):
            chosen = rng.choice(len(films), rows * columns, replace=False)
            panels = [_film(films[number]) for number in chosen]
            yield kind, _collage(panels, columns=columns, gutter=gutter, grey=grey)
    for _ in range(30):
        noise = rng.normal(rng.uniform(30, 220), rng.uniform(0, 2), (300, 300))
        yield "blank", Image.fromarray(noise.clip(0, 255).astype(np.uint8))
    yield from package_pictures()
    yield from other_body_parts()
    for number in range(60):
        finding = PHANTOM_FINDINGS[number % len(PHANTOM_FINDINGS)]
        pixels = make_phantom(finding, rng=np.random.default_rng([7, number])).pixels
        yield "phantom", Image.fromarray((pixels * 255).astype(np.uint8))


def package_pictures() -> Iterator[tuple[str, Image.Image]]:
    """Yield the packages' pictures and their quarters, as they are and in grey."""
    folders = [Path(skimage.__file__).parent / "data", Path(sklearn.__file__).parent / "datasets"]
    for path in sorted(p for f in folders for p in f.rglob("*") if p.suffix in (".png", ".jpg")):
        with Image.open(path) as opened:
            picture = opened.convert("RGB")
        width, height = picture.size
        parts = [(0.0, 0.0, 1.0, 1.0)]
        parts += [(x, y, x + 0.5, y + 0.5) for x in (0, 0.5) for y in (0, 0.5)]
        for left, top, right, bottom in parts:
            box = tuple(
                round(v) for v in (left * width, top * height, right * width, bottom * height)
            )
            part = picture.crop(box)
            if np.asarray(part.convert("L")).std() < 8:
                continue
            channels = np.asarray(part.resize((64, 64)), dtype=np.int16)
            if (np.ptp(channels, axis=2) > 24).mean() > 0.2:
                yield "colour photograph", part
            yield "grey photograph or texture", part.convert("L")
    for digit in load_digits().images[:60]:
        picture = Image.fromarray((digit * 15.9).astype(np.uint8))
        yield "digit", picture.resize((128, 128), Image.Resampling.BICUBIC)


def other_body_parts() -> Iterator[tuple[str, Image.Image]]:
    """Yield what pydicom alone decodes of the DICOM files that show no chest."""
    for name in ("ct-abdomen-big-endian", "rg3-extremity-rle"):
        path = DATA / "dicom" / "not-chest" / f"{name}.dcm"
        if path.is_file():
            values = dcmread(path).pixel_array.astype(np.float64)
            low, high = np.quantile(values, [0.01, 0.99])
            grey = 255 * ((values - low) / (high - low)).clip(0, 1)
            yield "DICOM, other body part", Image.fromarray(grey.astype(np.uint8))


def _film(path: Path) -> Image.Image:
    with Image.open(path) as opened:
        return opened.convert("L")


def _written(film: Image.Image, height: float, rng: np.random.Generator) -> Image.Image:
    """Return a film with a word over its lungs, letters of a share of its height."""
    font = ImageFont.load_default(size=max(8, int(height * film.height)))
    place = (int(rng.uniform(0.25, 0.4) * film.width), int(rng.uniform(0.3, 0.7) * film.height))
    word = _WORDS[int(rng.integers(len(_WORDS)))]
    ImageDraw.Draw(film).text(place, word, fill=int(rng.choice([255, 255, 230, 0])), font=font)
    return film


def _collage(
    panels: list[Image.Image], *, columns: int, gutter: int, grey: int, side: int = 300
) -> Image.Image:
    """Return films in one picture."""
    rows = len(panels) // columns
    size = (columns * (side + gutter) - gutter, rows * (side + gutter) - gutter)
    picture = Image.new("L", size, grey)
    for number, panel in enumerate(panels):
        place = ((number % columns) * (side + gutter), (number // columns) * (side + gutter))
        picture.paste(panel.resize((side, side)), place)
    return picture


def montages(rows: list[tuple[Path, str]], folder: Path, name: str) -> None:
    """Write pictures with their words as PNG, 48 a sheet."""
    folder.mkdir(parents=True, exist_ok=True)
    side, across, a_sheet = 180, 8, 48
    for start in range(0, len(rows), a_sheet):
        part = rows[start : start + a_sheet]
        down = -(-len(part) // across)
        sheet = Image.new("RGB", (across * side, down * (side + 14)))
        for number, (path, words) in enumerate(part):
            left, top = (number % across) * side, (number // across) * (side + 14)
            with Image.open(path) as opened:
                picture = opened.convert("RGB")
            picture.thumbnail((side, side))
            sheet.paste(picture, (left, top))
            ImageDraw.Draw(sheet).text((left + 2, top + side), words, fill="yellow")
        sheet.save(folder / f"{name}-{start // a_sheet}.png")


def _by_path(misfits: tuple[Misfit, ...]) -> dict[str, list[Misfit]]:
    found = defaultdict(list)
    for misfit in misfits:
        found[misfit.path].append(misfit)
    return found


def real_films(data: Path, cache: Path, pictures: Path | None) -> list[Path]:
    """Print what is suspected in each set; return the films of which nothing is."""
    clean: list[Path] = []
    print(f"{'real films':24} {'films':>6} {'ms/film':>8}  suspected of (likely + possible)")
    for name in SETS:
        dataset, scan = scanned([data / name], cache)
        start = time.perf_counter()
        misfits = find_misfits(dataset, scan)
        judge_ages(dataset, scan)
        ms = 1000 * (time.perf_counter() - start) / len(dataset.records)
        counts = Counter((m.code, m.sureness) for m in misfits)
        codes = sorted({code for code, _ in counts})
        words = [
            f"{code} {counts[code, 'certain'] + counts[code, 'likely']}+{counts[code, 'possible']}"
            for code in codes
        ]
        print(f"{name:24} {len(dataset.records):6} {ms:8.2f}  {', '.join(words) or 'nothing'}")
        file_of = {dataset.name_of(record): record.file for record in dataset.records}
        clean += [file for path, file in file_of.items() if path not in _by_path(misfits)]
        if pictures is not None:
            for code in codes:
                rows = [
                    (file_of[m.path], f"{m.sureness[:4]} {name}") for m in misfits if m.code == code
                ]
                montages(rows, pictures, f"{code}-{name}")
    return clean


def report_planted(dataset: Dataset, misfits: tuple[Misfit, ...], pictures: Path | None) -> None:
    """Print how many of each kind got the code that they should."""
    found = _by_path(misfits)
    films = defaultdict(list)
    for record in dataset.records:
        if record.source == "planted":
            films[record.label].append(record)
    print(f"\n{'planted':26} {'films':>6} {'its code':>9} {'any code':>9}  codes given")
    for kind, code in EXPECTED.items():
        if not films[kind]:
            continue
        named = [(record, found.get(dataset.name_of(record), [])) for record in films[kind]]
        codes = Counter(m.code for _, own in named for m in own)
        own_code = sum(any(m.code == code for m in own) for _, own in named) / len(named)
        any_code = sum(bool(own) for _, own in named) / len(named)
        listed = ", ".join(f"{name} {n}" for name, n in codes.most_common())
        print(f"{kind:26} {len(named):6} {own_code if code else 0:9.1%} {any_code:9.1%}  {listed}")
        if pictures is not None:
            missed = [(r.file, kind[:22]) for r, own in named if bool(own) != bool(code)]
            montages(missed, pictures, f"missed-{kind.replace(' ', '-').replace('%', '')}")


def report_letters(dataset: Dataset, scan: FilmScan) -> None:
    """Print how many of the planted letters the count of strokes finds at full resolution, and
    how many the same count finds on sketches, at the same share of real films suspected."""
    assert scan.sketches is not None
    small = scan.sketches.of([record.key for record in dataset.records])["small"]
    counts = {
        "full resolution": np.array([scan.facts[r.key].text_strokes for r in dataset.records]),
        "96 x 96": np.array([text_strokes(one) for one in small]),
    }
    is_real = np.array(
        [r.source not in ("planted", "covid19-image-dataset") for r in dataset.records]
    )
    has_letters = np.array([(r.label or "").startswith("letters") for r in dataset.records])
    share = float((counts["full resolution"][is_real] >= 2.5).mean())
    for name, values in counts.items():
        bound = max(float(np.quantile(values[is_real], 1 - share)), 1e-6)
        print(
            f"letters, {name}: {(values[has_letters] >= bound).mean():.1%} found where "
            f"{(values[is_real] >= bound).mean():.1%} of the real films are suspected"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--cache", type=Path, help="kept from run to run; else a temporary folder")
    parser.add_argument("--pictures", type=Path, help="montages of every film that is suspected")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        cache = args.cache or Path(temporary) / "cache"
        clean = real_films(args.data, cache, args.pictures)
        folder = Path(temporary) / "planted"
        rng = np.random.default_rng(3)
        for number, (kind, picture) in enumerate(planted(sorted(clean), rng)):
            path = folder / kind / f"{number:05d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            picture.save(path, compress_level=1)
        dataset, scan = scanned([folder, *(args.data / name for name in SETS)], cache)
        report_planted(dataset, find_misfits(dataset, scan), args.pictures)
        report_letters(dataset, scan)


if __name__ == "__main__":
    main()
