"""The films of one work, laid out for every competitor alike."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

_TRAIN_NAMES = ("train", "Train")
_TEST_NAMES = ("test", "Test", "Val", "val")
_JPEG = (".jpg", ".jpeg")
# Of seven training films one watches: about 15 %, as Carina cuts.
_EVERY = 7


def make_folder(source: Path, classes: Sequence[str], out: Path, *, n_films: int) -> Path:
    """Lay films out as `train|val|test/CLASS/*.jpg` and return the folder.

    The source's test films (its validation films where it calls them so) are the test
    part; every seventh of its training films, in the order of their names, is the
    validation part. JPEG files are linked or copied as they are; the few others are
    written as JPEG of quality 95.

    Args:
        source: folder with a train and a test folder of class folders.
        classes: the class folders to take.
        out: made anew, unless it is there already.
        n_films: at most so many training films, as even over the classes as they allow,
            with one validation film and two test films for each four; 0 for all.

    Raises:
        SystemExit: if the source is not laid out so.
    """
    if out.is_dir():
        return out
    making = out.with_name(out.name + ".making")
    shutil.rmtree(making, ignore_errors=True)
    train, test = _part(source, _TRAIN_NAMES), _part(source, _TEST_NAMES)
    for name in classes:
        rows = _films(train / name)
        held = rows[_EVERY - 1 :: _EVERY]
        kept = [row for row in rows if row not in set(held)]
        tested = _films(test / name)
        if n_films:
            share = max(1, n_films // len(classes))
            kept, held = kept[:share], held[: max(1, share // 4)]
            tested = tested[: max(2, share // 2)]
        for part, films in (("train", kept), ("val", held), ("test", tested)):
            _put(films, making / part / name)
    making.rename(out)
    return out


def counted(folder: Path) -> dict[str, int]:
    """Return how many films each part has."""
    return {part: len(list((folder / part).glob("*/*"))) for part in ("train", "val", "test")}


def _part(source: Path, names: Sequence[str]) -> Path:
    for name in names:
        if (source / name).is_dir():
            return source / name
    raise SystemExit(f"{source} has no folder {' or '.join(names)}; give --data another folder")


def _films(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise SystemExit(f"{folder} does not exist; give --data another folder")
    return sorted(path for path in folder.iterdir() if path.is_file())


def _put(films: Sequence[Path], folder: Path) -> None:
    folder.mkdir(parents=True)
    for number, film in enumerate(films):
        place = folder / f"{number:04d}.jpg"
        if film.suffix.lower() in _JPEG:
            _link_or_copy(film, place)
        else:
            with Image.open(film) as image:
                image.convert("L" if image.mode in ("L", "I;16", "1") else "RGB").save(
                    place, quality=95
                )


def _link_or_copy(film: Path, place: Path) -> None:
    try:
        os.link(film, place)
    except OSError:  # another file system, or none that links
        shutil.copyfile(film, place)
