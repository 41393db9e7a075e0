"""A tree of class folders, with or without parts; shared by the layouts that lie so."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from carina.data.folders import (
    DICOM_SUFFIXES,
    Folder,
    other_files_in_words,
    read_folder,
    suffixes_in_words,
)
from carina.data.found import Found, FoundFilm
from carina.data.lung_masks import MASKS_FOLDER, mask_beside
from carina.data.part_names import part_of_name
from carina.data.patient_names import patients_of_names, patients_sentence
from carina.domain.dataset import LeftOut
from carina.domain.record import Part
from carina.domain.sentences import counted
from carina.errors import DatasetError
from carina.files.tree import home_of

_WITHOUT_LABELS = frozenset(
    {"prediction", "predictions", "predict", "topredict", "unlabelled", "unlabeled", "inference"}
)
_MASKS = frozenset({"mask", "masks", "lungmask", "lungmasks", "segmentation", "segmentations"})
_IMAGES = frozenset({"image", "images", "img", "imgs", "films", "xray", "xrays"})


@dataclass(slots=True)
class _Reading:
    """What has been collected so far from the tree below `root`; `top` is where its parts or
    classes lie, and perhaps lung masks; `home` is what names count from."""

    root: Path
    top: Path
    home: Path
    has_masks: bool
    films: list[FoundFilm] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def leave_out(self, folder: Folder, n_images: int, reason: str) -> None:
        """Count films that are not taken."""
        if n_images:
            self.left_out.append(LeftOut(self.name_of(folder), n_images, reason))

    def pass_masks(self, folder: Folder) -> None:
        """Note the folder of lung masks, which belong to the films; count others as left out."""
        if folder.path == self.top / MASKS_FOLDER:
            self.notes.append(f"{counted(folder.n_films(), 'lung mask')} in {self.name_of(folder)}")
        else:
            self.leave_out(folder, folder.n_films(), "masks, not films")

    def name_of(self, folder: Folder) -> str:
        """Return how messages name a folder: relative to what the user gave."""
        relative = folder.path.relative_to(self.root).as_posix()
        return f"{self.root.name}/" if relative == "." else f"{relative}/"


def read_class_folders(path: Path, *, layout: str) -> Found:
    """Return the films of `path`, labelled by the folders they lie in.

    Parts are folders called train, val, test in any spelling, above the classes or right
    below them; without any, the folders of `path` are the classes. A folder that only
    wraps another one is passed through. Films in folders below a class are the class's;
    folders of masks and films without a class folder are left out, with counts.

    Raises:
        DatasetError: if no film lies in a class folder.
    """
    given = read_folder(path)
    top = _unwrap(given)
    has_masks = any(folder.name == MASKS_FOLDER for folder in top.folders)
    reading = _Reading(path, top.path, home_of(path), has_masks)
    parts = [folder for folder in top.holding_films() if part_of_name(folder.name)]
    if parts:
        _read_parts(reading, top, parts)
    else:
        _read_classes(reading, top, part=None)
    if not reading.films:
        raise DatasetError(_nothing_labelled(given))
    _count_other_files(reading, given)
    films = _with_patients(reading.films)
    return Found(
        films=tuple(sorted(films, key=lambda film: film.path)),
        layout=layout,
        patients=patients_sentence([film.patient for film in films], rest_on="file names"),
        left_out=tuple(reading.left_out),
        notes=tuple(reading.notes),
    )


def _unwrap(folder: Folder) -> Folder:
    """Return the folder that holds parts or classes, below folders that only wrap it."""
    while True:
        holding = folder.holding_films()
        if folder.films or len(holding) != 1 or part_of_name(holding[0].name):
            return folder
        below = holding[0].holding_films()
        # "Covid/images/" is a class with its films one folder down, not a wrapper.
        if holding[0].films or not below or all(_is_inside_class(f.name) for f in below):
            return folder
        folder = holding[0]


def _read_parts(reading: _Reading, top: Folder, parts: list[Folder]) -> None:
    for folder in parts:
        part = part_of_name(folder.name)
        inner = folder
        while not inner.films and [part_of_name(f.name) for f in inner.holding_films()] == [part]:
            inner = inner.holding_films()[0]
        _read_classes(reading, inner, part=part)
    for folder in top.holding_films():
        if _fold(folder.name) in _MASKS:
            reading.pass_masks(folder)
        elif folder not in parts:
            reason = (
                "lies beside the parts and is none of them"
                if folder.holding_films()
                else "no labels: it lies beside the parts and has no class folders"
            )
            reading.leave_out(folder, folder.n_films(), reason)
    reading.leave_out(top, len(top.films), "no labels: these films lie in no class folder")


def _read_classes(reading: _Reading, folder: Folder, *, part: Part | None) -> None:
    for class_folder in folder.folders:
        if _fold(class_folder.name) in _MASKS:
            reading.pass_masks(class_folder)
        elif _fold(class_folder.name) in _WITHOUT_LABELS:
            reading.leave_out(class_folder, class_folder.n_films(), "no labels")
        elif class_folder.n_films():
            _read_class(reading, class_folder, label=class_folder.name.strip(), part=part)
        else:
            reading.notes.append(f"the class folder {reading.name_of(class_folder)} holds no film")
    reading.leave_out(folder, len(folder.films), "no labels: these films lie in no class folder")


def _read_class(reading: _Reading, folder: Folder, *, label: str, part: Part | None) -> None:
    for film in folder.films:
        name = film.relative_to(reading.home).as_posix()
        mask = mask_beside(reading.top, film) if reading.has_masks else None
        reading.films.append(
            FoundFilm(path=name, file=film, label=label, part=part, lung_mask=mask)
        )
    for below in folder.folders:
        if _fold(below.name) in _MASKS:
            reading.leave_out(below, below.n_films(), "masks, not films")
        else:
            _read_class(reading, below, label=label, part=part or part_of_name(below.name))


def _with_patients(films: list[FoundFilm]) -> list[FoundFilm]:
    by_class: dict[str | None, list[FoundFilm]] = {}
    for film in films:
        by_class.setdefault(film.label, []).append(film)
    return [
        replace(film, patient=patient)
        for group in by_class.values()
        for film, patient in zip(
            group, patients_of_names([film.path for film in group]), strict=True
        )
    ]


def _count_other_files(reading: _Reading, folder: Folder) -> None:
    others = folder.all_other_files()
    if others:
        reading.notes.append(other_files_in_words(others))


def _nothing_labelled(folder: Folder) -> str:
    advice = (
        "expected CLASS/film.png or train/CLASS/film.png, or give a CSV manifest with the "
        "columns path and label"
    )
    films = folder.all_films()
    if not films:
        others = folder.all_other_files()
        found = f"only {suffixes_in_words(others)}" if others else "it is empty"
        return f"{folder.path} holds no film ({found}); {advice}"
    if all(film.suffix.lower() in DICOM_SUFFIXES or not film.suffix for film in films):
        return (
            f"{folder.path} holds {len(films)} DICOM files and no class folders, so that nothing "
            "says what they show; give a CSV manifest with the columns path and label"
        )
    return f"{folder.path} holds {len(films)} films, but none in a class folder; {advice}"


def _is_inside_class(name: str) -> bool:
    return _fold(name) in _MASKS | _IMAGES


def _fold(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())
