"""Films of pixels made on the spot, as a scan would have told of them; no files."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from carina.data.cache import Sketches
from carina.data.scan import FilmScan
from carina.domain.dataset import Dataset
from carina.domain.film_facts import FilmFacts
from carina.domain.radiograph import Radiograph
from carina.files.row_store import MemoryStore
from carina.imaging.digests import film_facts
from carina.imaging.phantom import PHANTOM_FINDINGS, make_phantom
from carina.imaging.sketch import SKETCH, sketch
from making.datasets import dataset_of, record_of


@lru_cache(maxsize=128)
def phantom_pixels(number: int, *, height: int = 160, width: int = 144) -> np.ndarray:
    """Return the pixels of the phantom of a number; do not write into them."""
    finding = PHANTOM_FINDINGS[number % len(PHANTOM_FINDINGS)]
    rng = np.random.default_rng([11, number])
    return make_phantom(finding, rng=rng, height=height, width=width).pixels


def with_letters(pixels: np.ndarray, text: str) -> np.ndarray:
    """Return a film with white letters across its middle."""
    image = Image.fromarray((pixels * 255).astype(np.uint8))
    place = (image.width // 2, int(0.55 * image.height))
    font = ImageFont.load_default(size=max(image.height // 16, 12))
    ImageDraw.Draw(image).text(place, text, fill=255, font=font, anchor="mm")
    return np.asarray(image, dtype=np.float32) / np.float32(255)


def noise_pixels(number: int) -> np.ndarray:
    """Return coarse noise: no film at all."""
    cells = np.random.default_rng(number).random((40, 40), dtype=np.float32)
    return np.kron(cells, np.ones((6, 6), dtype=np.float32))


def sketched(
    films: Mapping[str, np.ndarray],
    *,
    records: Mapping[str, Mapping[str, object]] | None = None,
    facts: Mapping[str, Mapping[str, object]] | None = None,
) -> tuple[Dataset, FilmScan]:
    """Return a data set of films and their scan, with sketches in memory.

    Args:
        films: path -> float32 `[height, width]` in `[0, 1]`; the first folder of a path, if
            it has one, is the class.
        records: path -> fields of its record.
        facts: path -> facts to set in place of what the pixels tell.
    """
    store = MemoryStore(SKETCH.itemsize)
    made, digest_of, told = [], {}, {}
    for path, pixels in films.items():
        label = path.split("/")[0] if "/" in path else None
        record = record_of(path, label, **(records or {}).get(path, {}))
        digest = sha256(path.encode()).digest()
        store.append({digest: np.frombuffer(sketch(pixels).tobytes(), np.uint8)})
        digest_of[record.key] = digest
        own = replace(_facts(pixels, digest.hex()), **(facts or {}).get(path, {}))
        told[record.key] = own
        made.append(record)
    return dataset_of(made), FilmScan(facts=told, sketches=Sketches(store, digest_of))


def _facts(pixels: np.ndarray, digest: str) -> FilmFacts:
    radiograph = Radiograph(
        pixels=pixels,
        path=Path("made.png"),
        sha256=digest,
        file_format="PNG",
        colour_mode="L",
    )
    return film_facts(radiograph)
