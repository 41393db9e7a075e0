"""Films as their files show them, in colour where they have colour, as small PNG pictures."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from carina.files.film_bytes import read_film_bytes

_COLOUR_FORMATS = ("PNG", "JPEG", "TIFF", "BMP")


def stored_png(path: Path, *, longer_side: int) -> bytes:
    """Return a film as its file shows it: grey, or in colour where its pixels have colour.

    A network sees the grey film alone; who looks for what is wrong with a file needs its
    colours. Transparent places stand on black, as `read_radiograph` takes them.

    Args:
        path: the file, or `archive.npz!/member`.
        longer_side: pixels; a larger film is made smaller, a smaller one stays.

    Raises:
        ImageError: if there is no readable film; `image_code` says why.
    """
    from carina.imaging.decoding import colours_of
    from carina.imaging.pictures import film_png
    from carina.imaging.read import read_radiograph

    film = read_radiograph(path)
    if film.colour_share == 0 or film.file_format not in _COLOUR_FORMATS:
        return film_png(film, longer_side=longer_side)
    colours = colours_of(read_film_bytes(path), name=str(film.path), longer_side=longer_side)
    buffer = io.BytesIO()
    Image.fromarray(colours).save(buffer, format="PNG")
    return buffer.getvalue()


def decode_colours(data: bytes, *, name: str, longer_side: int) -> NDArray[np.uint8]:
    """Return a raster file's picture in its colours: uint8 `[height, width, 3]`.

    It is the picture whose luma `decode_raster` gives. It runs in the worker
    (`imaging.decoding.colours_of`).

    Args:
        data: the file.
        name: what it is called in messages.
        longer_side: pixels; a larger picture is made smaller.

    Raises:
        ImageError: if it cannot be read.
    """
    from carina.imaging.raster.grey import shown_picture
    from carina.imaging.raster.opened import opened_raster

    picture = shown_picture(opened_raster(data, name=name), [], name=name).convert("RGB")
    picture.thumbnail((longer_side, longer_side))
    return np.array(picture, dtype=np.uint8)
