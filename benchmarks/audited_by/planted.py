"""Faults of data sets, planted one by one among films that have none."""

# ruff: noqa: ARG001  (what changes a film has one signature, whatever it needs of it)

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

import numpy as np
from film_copies import cropped, lettered, recontrasted, resized
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from carina.imaging import read_radiograph

Pixels = NDArray[np.float32]
Films = list[tuple[str, ...]]
_CR_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.1"
_MEDIUM = 1


@dataclass
class Planting:
    """A folder with films in it, and what is left to plant.

    Attributes:
        folder: `PART/CLASS/` with the films.
        placed: film -> the file it was made of.
        others: film -> more films of its patient.
        unused: films of patients that are not in the folder.
        rng: draws what varies.
    """

    folder: Path
    placed: dict[str, Path]
    others: dict[str, list[Path]]
    unused: list[Path]
    rng: np.random.Generator

    def __post_init__(self) -> None:
        # Patients of no film, so that a name alone tells nothing of a copy.
        self._number: Iterator[int] = count(90_000_000)
        train = [film for film in self.placed if film.startswith("train")]
        self._train = iter([str(film) for film in self.rng.permutation(train)])

    def film(self, *, again: bool = False) -> str:
        """Return a film of the train part that nothing was done to yet."""
        wanted = (film for film in self._train if not again or self.others[film])
        return next(wanted)

    def fresh(self) -> Pixels:
        """Return a film of a patient who is not in the folder."""
        return read_radiograph(self.unused.pop()).pixels

    def place(self, part: str, like: str, *, suffix: str = "") -> str:
        """Return a new film's name in a part and in the class and format of another film."""
        own = suffix or Path(like).suffix
        return f"{part}/{like.split('/')[1]}/{next(self._number):08d}_000{own}"

    def pixels(self, film: str) -> Pixels:
        """Return a film's pixels as they lie in the folder."""
        return read_radiograph(self.folder / film).pixels

    def save(self, pixels: Pixels, film: str) -> str:
        """Write a film as its class is written: colour for JPEG, grey for others."""
        image = Image.fromarray(np.rint(pixels * 255).astype(np.uint8))
        path = self.folder / film
        if path.suffix == ".jpg":
            image.convert("RGB").save(path, quality=90)
        else:
            image.save(path)
        return film


def identical_bytes(planting: Planting, n: int) -> Films:
    """The same file in train and test."""
    pairs: Films = []
    for _ in range(n):
        film = planting.film()
        copy = planting.place("test", film)
        shutil.copyfile(planting.folder / film, planting.folder / copy)
        pairs.append((film, copy))
    return pairs


def other_container(planting: Planting, n: int) -> Films:
    """The same pixels in train and test, there as BMP."""
    return [
        (film, planting.save(planting.pixels(film), planting.place("test", film, suffix=".bmp")))
        for film in (planting.film() for _ in range(n))
    ]


def near_copies(planting: Planting, n: int) -> Films:
    """An edited copy in train and test: resized, cropped, lettered or of another contrast."""
    edits = (resized, cropped, lettered, recontrasted)
    pairs: Films = []
    for number in range(n):
        film = planting.film()
        edited = edits[number % len(edits)](planting.pixels(film), _MEDIUM, planting.rng)
        pairs.append((film, planting.save(edited, planting.place("test", film))))
    return pairs


def same_patient(planting: Planting, n: int) -> Films:
    """Another film of a train film's patient in test, as its name says."""
    pairs: Films = []
    for _ in range(n):
        film = planting.film(again=True)
        source = planting.others[film][0]
        other = f"test/{film.split('/')[1]}/{source.stem}{Path(film).suffix}"
        pairs.append((film, planting.save(read_radiograph(source).pixels, other)))
    return pairs


def same_dicom_patient(planting: Planting, n: int) -> Films:
    """Two DICOM films of one patient id in train and test; the names tell nothing."""
    pairs: Films = []
    for number in range(n):
        films = []
        for part in ("train", "test"):
            film = f"{part}/No_findings/IMG{number}{part}.dcm"
            _save_dicom(planting.fresh(), planting.folder / film, patient=f"MRN-{4711 + number}")
            films.append(film)
        pairs.append(tuple(films))
    return pairs


def dicom_copy(planting: Planting, n: int) -> Films:
    """The same pixels in train and test, there as DICOM."""
    pairs: Films = []
    for _ in range(n):
        film = planting.film()
        copy = planting.place("test", film, suffix=".dcm")
        patient = Path(copy).stem
        _save_dicom(planting.pixels(film), planting.folder / copy, patient=patient)
        pairs.append((film, copy))
    return pairs


def two_classes(planting: Planting, n: int) -> Films:
    """The same file under both classes of the train part."""
    pairs: Films = []
    for _ in range(n):
        film = planting.film()
        label = "Pneumonia" if "No_findings" in film else "No_findings"
        copy = planting.place("train", f"train/{label}/x{Path(film).suffix}")
        shutil.copyfile(planting.folder / film, planting.folder / copy)
        pairs.append((film, copy))
    return pairs


def _odd(change: Callable[[Pixels, Planting, int], Pixels]) -> Callable[[Planting, int], Films]:
    """Return a planter of changed films of new patients."""

    def plant(planting: Planting, n: int) -> Films:
        films: Films = []
        for number in range(n):
            name = planting.place("train", "train/No_findings/x.png")
            films.append((planting.save(change(planting.fresh(), planting, number), name),))
        return films

    return plant


def _blank(pixels: Pixels, planting: Planting, number: int) -> Pixels:
    """An even film: black, white or grey, with a trace of noise."""
    grey = (0.02, 0.98, 0.5)[number % 3]
    noise = planting.rng.normal(0, 0.004, pixels.shape)
    return (grey + noise).clip(0, 1).astype(np.float32)


def _dark(pixels: Pixels, planting: Planting, number: int) -> Pixels:
    """An underexposed film: a tenth of its brightness."""
    return pixels * np.float32(0.1)


def _inverted(pixels: Pixels, planting: Planting, number: int) -> Pixels:
    """Black and white changed over."""
    return 1 - pixels


def _rotated(pixels: Pixels, planting: Planting, number: int) -> Pixels:
    """On its side, or upside down."""
    return np.ascontiguousarray(np.rot90(pixels, 1 + number % 3))


def _collage(pixels: Pixels, planting: Planting, number: int) -> Pixels:
    """Two films side by side with a white gap."""
    other = np.asarray(Image.fromarray(planting.fresh()).resize((pixels.shape[1], pixels.shape[0])))
    gap = np.ones((pixels.shape[0], 12), dtype=np.float32)
    return np.hstack([pixels, gap, other]).clip(0, 1)


def _written_over(pixels: Pixels, planting: Planting, number: int) -> Pixels:
    """Lines of text over the lungs."""
    image = Image.fromarray(np.rint(pixels * 255).astype(np.uint8))
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size=image.height // 14)
    for line in range(4):
        place = (image.width // 8, image.height * (3 + line) // 10)
        pen.text(place, "NOT FOR DIAGNOSIS", fill=255, font=font)
    return np.asarray(image, dtype=np.float32) / 255


def colour_photographs(planting: Planting, n: int) -> Films:
    """Smooth colours, as in a photograph."""
    films: Films = []
    for _ in range(n):
        name = planting.place("train", "train/No_findings/x.png")
        coarse = planting.rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((480, 400), Image.Resampling.BICUBIC)
        picture.save(planting.folder / name)
        films.append((name,))
    return films


def unreadable(planting: Planting, n: int) -> Films:
    """Files that hold no film: cut short, empty, or a text."""
    whole = planting.folder / next(film for film in planting.placed if film.endswith(".jpg"))
    contents = (whole.read_bytes()[:2000], b"", b"this is no picture\n")
    films: Films = []
    for content in islice(contents, n):
        name = planting.place("train", "train/Pneumonia/x.jpg")
        (planting.folder / name).write_bytes(content)
        films.append((name,))
    return films


def _save_dicom(pixels: Pixels, file: Path, *, patient: str) -> None:
    film = Dataset()
    film.SOPClassUID = _CR_IMAGE_STORAGE
    film.SOPInstanceUID = generate_uid(entropy_srcs=[file.name, patient])
    film.PatientID, film.Modality = patient, "CR"
    film.Rows, film.Columns = pixels.shape
    film.SamplesPerPixel, film.PhotometricInterpretation = 1, "MONOCHROME2"
    film.BitsAllocated = film.BitsStored = 8
    film.HighBit, film.PixelRepresentation = 7, 0
    stored = np.rint(pixels * 255).astype(np.uint8).tobytes()
    film.PixelData = stored + b"\0" * (len(stored) % 2)
    film["PixelData"].VR = "OB"
    film.file_meta = FileMetaDataset()
    film.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    film.save_as(file, enforce_file_format=True)


PLANTERS: dict[str, Callable[[Planting, int], Films]] = {
    "identical bytes": identical_bytes,
    "identical pixels, other container": other_container,
    "identical pixels, as DICOM": dicom_copy,
    "edited copy": near_copies,
    "same patient, by name": same_patient,
    "same patient, by DICOM id": same_dicom_patient,
    "one film under two classes": two_classes,
    "blank": _odd(_blank),
    "dark": _odd(_dark),
    "inverted": _odd(_inverted),
    "turned": _odd(_rotated),
    "collage": _odd(_collage),
    "text over the lungs": _odd(_written_over),
    "colour photograph": colour_photographs,
    "unreadable": unreadable,
}
