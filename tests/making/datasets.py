"""Small folders of small films, made on the spot; no film in them shows anything."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from carina.data.patients import PatientKey
from carina.data.scan import FilmScan
from carina.domain.dataset import Dataset, Source
from carina.domain.film_facts import FilmFacts
from carina.domain.label_set import LabelSet
from carina.domain.record import Record

TEST_KEY = PatientKey(b"a key for tests, and for nothing else")


def tiny_pixels(number: int, *, side: int = 32) -> np.ndarray:
    """Return uint8 `[side, side]` that differs for every number."""
    rng = np.random.default_rng(number)
    return rng.integers(0, 256, (side, side), dtype=np.uint8)


def write_film(path: Path, number: int, *, side: int = 32) -> Path:
    """Write the film of a number; the suffix decides the format (lossless ones only)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(tiny_pixels(number, side=side)).save(path)
    return path


def write_class_folders(
    root: Path, tree: dict[str, int], *, suffix: str = ".png", first: int = 0
) -> Path:
    """Write folders with a number of films each, every film different.

    Args:
        root: where; made if absent.
        tree: folder relative to `root` -> number of films.
        suffix: of the films.
        first: number of the first film's pixels.
    """
    number = first
    root.mkdir(parents=True, exist_ok=True)
    for folder, n_films in tree.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        for index in range(n_films):
            write_film(root / folder / f"film{index:03d}{suffix}", number)
            number += 1
    return root


def write_manifest_csv(path: Path, rows: list[dict[str, str]]) -> Path:
    """Write a CSV manifest; the first row's keys are the columns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_covid_chestxray(root: Path, rows: list[dict[str, str]], *, masks: int = 0) -> Path:
    """Write a covid-chestxray-dataset folder: `metadata.csv`, a film per name, some masks."""
    defaults = {
        "patientid": "1",
        "offset": "0",
        "sex": "M",
        "age": "50",
        "finding": "Pneumonia/Viral/COVID-19",
        "view": "PA",
        "modality": "X-ray",
        "folder": "images",
        "filename": "",
        "license": "CC BY 4.0",
    }
    full = [defaults | row for row in rows]
    for number, row in enumerate(full):
        if row.pop("absent", "") == "":
            write_film(root / row["folder"] / row["filename"], number)
    for row in full[:masks]:
        write_film(root / "lung-masks" / f"{Path(row['filename']).stem}.png", 0)
    write_manifest_csv(root / "metadata.csv", full)
    return root


def write_medmnist(path: Path, *, train: int = 6, val: int = 2, test: int = 4) -> Path:
    """Write a MedMNIST file with alternating labels 0 and 1."""
    arrays: dict[str, np.ndarray] = {}
    number = 0
    for name, n_films in (("train", train), ("val", val), ("test", test)):
        pixels = [tiny_pixels(number + index, side=28) for index in range(n_films)]
        arrays[f"{name}_images"] = np.stack(pixels)
        arrays[f"{name}_labels"] = (np.arange(n_films, dtype=np.uint8) % 2)[:, np.newaxis]
        number += n_films
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **arrays)
    return path


def dataset_of(records: list[Record], *, labels: tuple[str, ...] | None = None) -> Dataset:
    """Return a data set of made-up records, without files."""
    names = labels or tuple(sorted({r.label for r in records if r.label is not None}))
    sources = tuple(
        Source(name, name, "class-folders") for name in sorted({r.source for r in records})
    )
    return Dataset(records=tuple(records), labels=LabelSet(names=names), sources=sources)


def scan_of(records: list[Record], pictures: dict[str, str] | None = None) -> FilmScan:
    """Return made-up facts: every record another picture, but where `pictures` names one.

    Args:
        records: the films; all readable.
        pictures: record key -> name of its picture.
    """
    facts = {}
    for record in records:
        picture = (pictures or {}).get(record.key, record.key)
        facts[record.key] = FilmFacts(
            sha256=f"bytes of {picture}",
            pixel_digest=f"pixels of {picture}",
            perceptual_hash="0" * 16,
            height=32,
            width=32,
            file_format="PNG",
            colour_mode="L",
            bits=8,
            contrast=0.8,
        )
    return FilmScan(facts=facts)


def record_of(path: str, label: str | None, **facts: object) -> Record:
    """Return a record of the source "made" without a file."""
    return Record(path=path, source="made", file=Path(path), label=label, **facts)
