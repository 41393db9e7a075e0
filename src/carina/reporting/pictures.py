"""Pictures of a run's films, small enough for the page."""

from __future__ import annotations

import io
from pathlib import Path

from carina.domain.prediction import Prediction
from carina.domain.report import Picture

_LONGER_SIDE_PX = 420
_QUALITY = 82


def picture_name(sha256: str) -> str:
    """Return the file name of a film's thumbnail and of its heat map.

    >>> picture_name("0123456789abcdef")
    '0123456789ab.png'
    """
    return f"{sha256[:12]}.png"


def small_picture(file: Path, *, alt: str, caption: str) -> Picture | None:
    """Return a picture file as a small JPEG, or None if it does not exist.

    Args:
        file: a PNG that Carina wrote.
        alt: what it shows, for those who cannot see it.
        caption: what stands below it.
    """
    if not file.is_file():
        return None
    image = small_jpeg(file.read_bytes())
    return Picture(image, media_type="image/jpeg", alt=alt, caption=caption)


def small_jpeg(image: bytes, *, longer_side: int = _LONGER_SIDE_PX) -> bytes:
    """Return a picture as a JPEG of the page's quality; a smaller one keeps its size.

    Args:
        image: a PNG or JPEG that Carina wrote.
        longer_side: pixels, at most.
    """
    from PIL import Image

    with Image.open(io.BytesIO(image)) as stored:
        small = stored.convert("L" if stored.mode in ("1", "L") else "RGB")
    small.thumbnail((longer_side, longer_side))
    buffer = io.BytesIO()
    small.save(buffer, format="JPEG", quality=_QUALITY, optimize=True)
    return buffer.getvalue()


def worst_errors(predictions: list[Prediction], *, limit: int) -> list[Prediction]:
    """Return the errors that were furthest from the truth: least probability for it first.

    Args:
        predictions: the films of one part; those without a label or answer do not count.
        limit: how many at most.
    """
    errors = [
        film
        for film in predictions
        if film.label is not None
        and film.label in film.probabilities
        and film.predicted != film.label
    ]
    errors.sort(key=lambda film: (film.probabilities[film.label or ""], film.source, film.path))
    return errors[:limit]
