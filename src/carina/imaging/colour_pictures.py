"""Films as their files show them, in colour where they have colour, as small PNG pictures."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, ImageOps

from carina.imaging.pictures import film_png
from carina.imaging.read import read_radiograph

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
    film = read_radiograph(path)
    if film.colour_share == 0 or film.file_format not in _COLOUR_FORMATS:
        return film_png(film, longer_side=longer_side)
    # the film was read, so that its size and its pixels are known to be sound
    with Image.open(path, formats=_COLOUR_FORMATS) as stored:
        layered = ImageOps.exif_transpose(stored).convert("RGBA")
    picture = Image.new("RGB", layered.size)
    picture.paste(layered, mask=layered.getchannel("A"))
    picture.thumbnail((longer_side, longer_side))
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return buffer.getvalue()
