"""Shortcuts planted into films, and data sets of films whose labels are dealt at random.

Every film is decoded once, clean and with each shortcut; a data set is then only a choice
among them, so that hundreds of them cost little.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from carina.auditing.confounders import find_confounders
from carina.data.cache import Sketches
from carina.data.scan import FilmScan
from carina.domain.audit import Confounder
from carina.domain.film_facts import FilmFacts
from carina.domain.record import Record
from carina.files.row_store import MemoryStore
from carina.imaging.digests import film_facts
from carina.imaging.phantom import make_phantom
from carina.imaging.read import read_radiograph, read_radiograph_bytes
from carina.imaging.sketch import SKETCH, sketch
from making.datasets import dataset_of

CLEAN = "clean"
SIGNAL_OF = {
    "corner letter": "corners",
    "border": "frame",
    "resolution": "image-size",
    "JPEG quality": "jpeg-tables",
    "brightness": "histogram",
    "colour mode": "colour-mode",
    "source mix": "source",
}
"""Shortcut -> the signal that has to tell. A patient leak, the eighth, is a leak, no signal."""
_LONGER_SIDE_PX = 320
_QUALITY = 90
_NAMES = {"source mix": "radiopaedia"}


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Films of one kind, each clean and with every shortcut.

    Attributes:
        facts: shortcut (or "clean") -> facts of every film.
        store: the sketches of all of them.
        groups: of every film; one person's films have one.
    """

    facts: Mapping[str, Sequence[FilmFacts]]
    store: MemoryStore
    groups: Sequence[str]


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """A data set with labels dealt at random, and the films it is of."""

    records: Sequence[Record]
    scan: FilmScan
    groups: Mapping[str, str]

    def confounders(self) -> dict[str, Confounder]:
        """Return what is found, by signal."""
        found = find_confounders(dataset_of(list(self.records)), self.scan, groups=self.groups)
        return {one.signal: one for one in found}


def phantom_pool(n_films: int, *, height: int = 160) -> Pool:
    """Return healthy phantoms, every one another patient; width is nine tenths of height."""
    width = height * 9 // 10
    films = [
        make_phantom("normal", rng=np.random.default_rng([5, number]), height=height, width=width)
        for number in range(n_films)
    ]
    groups = [str(number) for number in range(n_films)]
    return _pool([film.pixels for film in films], groups)


def real_pool(folder: Path, n_films: int, *, patient_digits: int = 0) -> Pool:
    """Return films of a folder of class folders, at 320 pixels; their classes are forgotten.

    Args:
        folder: of JPEG and PNG files.
        n_films: at most; drawn at random, always the same.
        patient_digits: so many first characters of the name are the patient, 0 for unknown.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix in (".jpg", ".jpeg", ".png"))
    order = np.random.default_rng(0).permutation(len(paths))[:n_films]
    chosen = [paths[place] for place in sorted(order)]
    groups = [path.name[:patient_digits] or str(path) for path in chosen]
    return _pool([_smaller(read_radiograph(path).pixels) for path in chosen], groups)


def deal(
    pool: Pool,
    shortcut: str,
    *,
    strength: float,
    rng: np.random.Generator,
    shares: Sequence[float] = (0.5, 0.5),
) -> Trial:
    """Return the films of a pool with labels dealt to its groups.

    Args:
        pool: the films.
        shortcut: what the films of the last class have, or "clean".
        strength: the share of that class that has it.
        rng: deals.
        shares: of the groups, by class.
    """
    names = sorted(set(pool.groups))
    ends = np.cumsum(shares) * len(names)
    of_group = dict(
        zip(
            (names[place] for place in rng.permutation(len(names))),
            np.searchsorted(ends, np.arange(len(names)), side="right").tolist(),
            strict=True,
        )
    )
    facts, records, groups = {}, [], {}
    for number, group in enumerate(pool.groups):
        y = of_group[group]
        planted = y == len(shares) - 1 and rng.random() < strength
        kind = shortcut if planted else CLEAN
        path = f"{_NAMES.get(kind, 'film')}-{number:05d}.jpg"
        record = Record(path=path, source="made", file=Path(path), label=f"class {y}")
        records.append(record)
        facts[record.key] = pool.facts[kind][number]
        groups[record.key] = group
    digests = {key: bytes.fromhex(one.sha256) for key, one in facts.items()}
    scan = FilmScan(facts=facts, sketches=Sketches(pool.store, digests))
    return Trial(records, scan, groups)


def _pool(films: Sequence[NDArray[np.float32]], groups: Sequence[str]) -> Pool:
    store = MemoryStore(SKETCH.itemsize)
    facts: dict[str, list[FilmFacts]] = {kind: [] for kind in (CLEAN, *SIGNAL_OF)}
    for number, pixels in enumerate(films):
        for kind, own in facts.items():
            data = planted_file(pixels, kind, rng=np.random.default_rng([7, number]))
            radiograph = read_radiograph_bytes(data, name=f"{number}.jpg")
            made = film_facts(radiograph)
            row = np.frombuffer(sketch(radiograph.pixels).tobytes(), dtype=np.uint8)
            store.append({bytes.fromhex(made.sha256): row})
            own.append(made)
    return Pool(facts, store, groups)


def planted_file(pixels: NDArray[np.float32], shortcut: str, *, rng: np.random.Generator) -> bytes:
    """Return a film as a JPEG file with one shortcut, or "clean".

    Args:
        pixels: float32 `[height, width]` in `[0, 1]`.
        shortcut: one of `SIGNAL_OF`, or "clean".
        rng: draws its size and place.
    """
    if shortcut == "brightness":
        pixels = pixels ** np.float32(rng.uniform(0.55, 0.65))
    image = Image.fromarray(np.rint(pixels * 255).astype(np.uint8))
    width, height = image.size
    options: dict[str, object] = {"quality": _QUALITY}
    if shortcut == "corner letter":
        font = ImageFont.load_default(size=round(rng.uniform(0.06, 0.08) * width))
        place = (rng.uniform(0.03, 0.06) * width, rng.uniform(0.03, 0.06) * height)
        ImageDraw.Draw(image).text(place, "P", fill=235, font=font, anchor="lt")
    elif shortcut == "border":
        edge = round(rng.uniform(0.02, 0.04) * width)
        inner = image.crop((edge, edge, width - edge, height - edge))
        image = Image.new("L", (width, height))
        image.paste(inner, (edge, edge))
    elif shortcut == "resolution":
        share = rng.uniform(0.7, 0.8)
        image = image.resize((round(width * share), round(height * share)))
    elif shortcut == "JPEG quality":
        options = {"quality": int(rng.integers(60, 75))}
    elif shortcut == "colour mode":
        image = image.convert("RGB")
    elif shortcut == "source mix":
        options |= {"dpi": (300, 300)}
    stream = io.BytesIO()
    image.save(stream, "JPEG", **options)
    return stream.getvalue()


def _smaller(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    height, width = pixels.shape
    scale = _LONGER_SIDE_PX / max(height, width)
    size = (round(width * scale), round(height * scale))
    image = Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR)
    return np.asarray(image).clip(0, 1)
