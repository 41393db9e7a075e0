"""A film of a MedMNIST archive: `x.npz!/train_images/12`."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from carina.errors import ImageError
from carina.files.digests import sha256_bytes
from carina.files.names import printable
from carina.files.numpy_archives import read_array
from carina.imaging.decoded import Decoded, require_size

_MEMBER = ".npz!/"


def is_medmnist_film(path: Path) -> bool:
    """Return whether a path names a film of a MedMNIST archive (`.npz`).

    >>> is_medmnist_film(Path("pneumoniamnist.npz!/test_images/3"))
    True
    """
    return _MEMBER in path.as_posix()


def read_medmnist_film(path: Path) -> tuple[Decoded, str]:
    """Return one film of an archive, and the sha256 of its type, shape and bytes.

    Raises:
        ImageError: if it is not there, or no film.
    """
    name = printable(str(path))
    film = _stored(path, name)
    bits = _bits_of(film, name)
    colour_mode = "RGB" if film.ndim == 3 else "L"
    grey: NDArray[Any] = film
    if film.ndim == 3 and film.shape[2] == 3:  # ITU-R BT.601 luma
        grey = film @ np.array([0.299, 0.587, 0.114])
    if grey.ndim != 2:
        raise ImageError(
            f"{name} has the shape {film.shape}; height x width is expected",
            image_code="unsupported-pixels",
        )
    height, width = grey.shape
    require_size(height, width, name=name)
    pixels = (grey / (2**bits - 1 if bits < 32 else 1)).astype(np.float32)
    header = f"{film.shape}{film.dtype}".encode()
    return (
        Decoded(pixels, file_format="NPZ", colour_mode=colour_mode, bits=bits),
        sha256_bytes(header + film.tobytes()),
    )


def _stored(path: Path, name: str) -> NDArray[np.generic]:
    archive, _, member = path.as_posix().partition("!/")
    array_name, _, index = member.partition("/")
    try:
        modified = Path(archive).stat().st_mtime_ns
        films = _array(archive, array_name, modified)
    except OSError:
        films = _array.__wrapped__(archive, array_name, 0)  # which says why it cannot be read
    if not (index.isascii() and index.isdecimal() and len(index) < 12):
        raise ImageError(f"{name} does not end in the number of a film", image_code="not-found")
    if films.ndim == 0 or int(index) >= len(films):
        raise ImageError(
            f"{name} does not exist: {array_name} holds {films.size and len(films)} films",
            image_code="not-found",
        )
    return np.asarray(films[int(index)])


def _bits_of(film: NDArray[np.generic], name: str) -> int:
    """Return the bits of a member's grey values: 8 or 16, or 32 for float in [0, 1]."""
    if film.dtype in (np.uint8, np.uint16):
        return 8 * film.dtype.itemsize
    if film.dtype.kind == "f":
        values = film.astype(np.float64)
        if bool(np.all((values >= 0) & (values <= 1))):
            return 32
    raise ImageError(
        f"{name} holds {film.dtype} values; uint8, uint16 or float between 0 (black) and 1 "
        "(white) are read",
        image_code="unsupported-pixels",
    )


@lru_cache(maxsize=3)
def _array(archive: str, name: str, _modified: int) -> NDArray[np.generic]:
    """Return one array of an archive; its films are read in turn, so it is kept."""
    return read_array(archive, name)
