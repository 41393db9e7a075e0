"""Three folders of films for the audits: as they are, with known copies, with planted faults.

All are made of the real films, once, in a folder of their own; what was done to them is
written beside them and is read by nobody but the scoring.
"""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from film_copies import KINDS, UNSEEN_KINDS, Edit
from PIL import Image

from audited_by.planted import PLANTERS, Planting
from carina.imaging import read_radiograph

SOURCES = ("covid-dataset", "covid19-image-dataset", "ieee8023", "kermany", "nih", "dicom")
_LEFT_OUT = frozenset({"lung-masks", "Prediction"})
_CLASSES = ("No_findings", "Pneumonia")
_SUFFIXES = (".png", ".jpg", ".jpeg", ".dcm")
_MEDIUM = 1
_PATIENT_DIGITS = 8


@dataclass(frozen=True)
class Known:
    """One thing that was done to a set of films.

    Attributes:
        kind: what ("resized", "identical bytes", "blank", ...).
        films: the films it concerns, by their path in the folder: one, or two that show one
            picture or one patient.
    """

    kind: str
    films: tuple[str, ...]


@dataclass(frozen=True)
class FilmSet:
    """A folder of films, and what is known of it.

    Attributes:
        name: the table's word for it.
        folder: what the audits are given.
        sources: the folders in it that are data sets of their own; none: it is one.
        known: what was done to it.
        patients: film -> patient, where the name tells; only of films that nothing was done to.
        n_films: readable pictures in it.
    """

    name: str
    folder: Path
    sources: tuple[str, ...] = ()
    known: tuple[Known, ...] = ()
    patients: dict[str, str] | None = None
    n_films: int = 0


def real_films(data: Path, scratch: Path) -> FilmSet:
    """Return the real films as they are, without lung masks and films that have no class."""

    def fill(making: Path) -> None:
        for source in SOURCES:
            for path in sorted((data / source).rglob("*")):
                if path.is_file() and not _LEFT_OUT.intersection(path.parts):
                    _link(path, making / path.relative_to(data))

    folder = _filled(scratch / "real", fill)
    films = [p for p in folder.rglob("*") if p.suffix.lower() in _SUFFIXES]
    names = [path.relative_to(folder).as_posix() for path in films]
    return FilmSet(
        name="real",
        folder=folder,
        sources=tuple(source for source in SOURCES if (folder / source).is_dir()),
        patients={name: _patient(name) for name in names if name.startswith("nih/")},
        n_films=len(films),
    )


def films_with_copies(data: Path, scratch: Path, *, n_copies: int) -> FilmSet:
    """Return the films of `nih`, and a copy of one film of `n_copies` patients each.

    Eleven kinds of edit take turns, at the medium strength; the last three were not there
    when Carina's thresholds were chosen. Copies are saved as PNG.
    """

    def fill(making: Path) -> None:
        rng = np.random.default_rng(0)
        originals = _nih(data)
        for path in originals:
            _link(path, making / "Originals" / path.name)
        chosen = rng.permutation(_first_of_each_patient(originals))[:n_copies]
        kinds: list[tuple[str, Edit]] = list((KINDS | UNSEEN_KINDS).items())
        known = []
        for number, path in enumerate(map(Path, chosen)):
            kind, edit = kinds[number % len(kinds)]
            copy = making / "Copies" / f"copy {number:04d}.png"
            _save(edit(read_radiograph(path).pixels, _MEDIUM, rng), copy)
            known.append(Known(kind, (f"Originals/{path.name}", f"Copies/{copy.name}")))
        _write(making, known)

    folder = _filled(scratch / f"copies-{n_copies}", fill)
    return _opened("copies", folder)


def films_with_faults(data: Path, scratch: Path, *, n_of_each: int) -> FilmSet:
    """Return 120 films of as many patients in two parts and classes, and planted faults.

    The Pneumonia films are saved as colour JPEG and the others as grey PNG: a confounder.
    """

    def fill(making: Path) -> None:
        planting = _laid_out(data, making)
        known = [
            Known(kind, films)
            for kind, plant in PLANTERS.items()
            for films in plant(planting, n_of_each)
        ]
        _write(making, known)

    folder = _filled(scratch / f"faults-{n_of_each}", fill)
    return _opened("faults", folder)


def _laid_out(data: Path, making: Path) -> Planting:
    """Save the films that faults are planted among, and return what is left to plant with."""
    by_patient: dict[str, list[Path]] = defaultdict(list)
    for path in _nih(data):
        by_patient[path.name[:_PATIENT_DIGITS]].append(path)
    rng = np.random.default_rng(1)
    patients = [str(name) for name in rng.permutation(sorted(by_patient))]
    placed: dict[str, Path] = {}
    for part, n_films in (("train", 40), ("test", 20)):
        for label in _CLASSES:
            own = [p for p in patients if by_patient[p][0].parent.name == label][:n_films]
            patients = [p for p in patients if p not in own]
            for patient in own:
                name = f"{part}/{label}/{by_patient[patient][0].stem}"
                file = f"{name}.jpg" if label == "Pneumonia" else f"{name}.png"
                _save_as(read_radiograph(by_patient[patient][0]).pixels, making / file)
                placed[file] = by_patient[patient][0]
    others = {film: by_patient[_patient(film)][1:] for film in placed}
    unused = [by_patient[patient][0] for patient in patients]
    return Planting(making, placed=placed, others=others, unused=unused, rng=rng)


def _save_as(pixels: np.ndarray, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.rint(pixels * 255).astype(np.uint8))
    if file.suffix == ".jpg":
        image.convert("RGB").save(file, quality=90)
    else:
        image.save(file)


def _filled(folder: Path, fill: Callable[[Path], None]) -> Path:
    """Return a folder, filled unless it is there already; it takes its name once it is whole."""
    if not folder.is_dir():
        making = folder.with_name(folder.name + ".making")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        fill(making)
        making.rename(folder)
    return folder


def _write(making: Path, known: Sequence[Known]) -> None:
    """Write what was done beside the folder, where no audit looks."""
    path = making.with_suffix(".json")
    path.write_text(json.dumps([asdict(one) for one in known]), encoding="utf-8")


def _opened(name: str, folder: Path) -> FilmSet:
    rows = json.loads(folder.with_suffix(".json").read_text("utf-8"))
    known = tuple(Known(row["kind"], tuple(row["films"])) for row in rows)
    films = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    touched = {film for one in known for film in one.films[-1:]}
    return FilmSet(
        name=name,
        folder=folder,
        known=known,
        patients={film: _patient(film) for film in films if film not in touched},
        n_films=len(films),
    )


def _nih(data: Path) -> list[Path]:
    return sorted((p for name in _CLASSES for p in (data / "nih" / name).iterdir()), key=_by_name)


def _by_name(path: Path) -> str:
    return path.name


def _first_of_each_patient(paths: Sequence[Path]) -> list[str]:
    first: dict[str, str] = {}
    for path in paths:
        first.setdefault(path.name[:_PATIENT_DIGITS], str(path))
    return list(first.values())


def _patient(film: str) -> str:
    return film.rpartition("/")[2][:_PATIENT_DIGITS]


def _link(path: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(path.resolve())


def _save(pixels: np.ndarray, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.rint(pixels * 255).astype(np.uint8)).save(file)
