"""What a picture file says about its making, beside the pixels."""

from __future__ import annotations

import hashlib

import numpy as np
from PIL import Image

# Keys of Pillow's `Image.info` that tell how a file was written; others may hold free text.
_FLAGS = ("exif", "icc_profile", "photoshop", "xmp", "progressive", "adobe", "interlace", "gamma")
_TEXTS = ("software", "comment", "Software", "Comment", "Author", "Creator")
_EXIF_SOFTWARE = 0x0131
_EXIF_MAKE = 0x010F
_EXIF_MODEL = 0x0110
# ITU-T T.81, table K.1: the luminance quantisation of quality 50.
_QUALITY_50 = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113,
    92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip


def file_traces(image: Image.Image) -> tuple[str, ...]:
    """Return what a file says about its making, sorted; free texts as a digest.

    Args:
        image: as opened, so that `info` and EXIF are the file's own.
    """
    info = image.info
    traces = {flag for flag in _FLAGS if info.get(flag)}
    if "jfif_version" in info:
        traces.add("jfif " + ".".join(map(str, info["jfif_version"])))
    if "dpi" in info:
        traces.add("dpi " + " x ".join(f"{float(value):.0f}" for value in info["dpi"]))
    traces |= {
        f"{key.casefold()} {short_digest(str(info[key]))}" for key in _TEXTS if info.get(key)
    }
    exif = image.getexif() if info.get("exif") else {}
    for name, tag in (("maker", _EXIF_MAKE), ("model", _EXIF_MODEL), ("program", _EXIF_SOFTWARE)):
        if exif.get(tag):
            traces.add(f"{name} {short_digest(str(exif[tag]))}")
    return tuple(sorted(traces))


def jpeg_compression(image: Image.Image) -> tuple[str, int | None]:
    """Return a digest of a JPEG's quantisation tables and the quality that they stand for.

    The quality is that of the IJG's scaling of the standard's luminance table, from the
    mean ratio of their finer halves; other programs' own tables get the nearest one.

    Returns:
        ("", None) for a file that is no JPEG.

    References:
        IJG libjpeg, jcparam.c, jpeg_quality_scaling; ITU-T T.81, annex K.
    """
    tables = getattr(image, "quantization", None)
    if not tables:
        return "", None
    texts = [f"{number}:{','.join(map(str, tables[number]))}" for number in sorted(tables)]
    # The finer half, which low qualities do not clip at 255.
    own, standard = (np.sort(table)[:32].sum() for table in (tables[min(tables)], _QUALITY_50))
    percent = 100 * float(own) / float(standard)
    quality = (200 - percent) / 2 if percent <= 100 else 5000 / percent
    return short_digest(";".join(texts)), int(np.clip(round(quality), 1, 100))


def short_digest(text: str) -> str:
    """Return 8 hex digits that tell a text from others, without the text.

    >>> short_digest("Photoshop")
    '17ce8ca7'
    """
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:8]
