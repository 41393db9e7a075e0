"""What a picture file says about its making, beside the pixels."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence

from PIL import Image

# Keys of Pillow's `Image.info` that tell how a file was written; others may hold free text.
_FLAGS = ("exif", "icc_profile", "photoshop", "xmp", "progressive", "adobe", "interlace", "gamma")
_PROGRAMS = ("software", "Software")
_FREE_TEXTS = ("comment", "Comment", "Author", "Creator")
# What comments of programs say, and remarks on a patient hardly ever.
_NAMES_A_PROGRAM = re.compile(
    r"jpe?g|software|version|encoder|creator:|gimp|adobe|photoshop|magick|lavc|\bv\d", re.IGNORECASE
)
PROGRAM_TAGS = {"maker": 0x010F, "model": 0x0110, "program": 0x0131}
"""What EXIF calls Make, Model and Software (CIPA DC-008, table 4)."""
# ITU-T T.81, table K.1: the luminance quantisation of quality 50.
_QUALITY_50 = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113,
    92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip


def file_traces(image: Image.Image, exif: Mapping[int, object]) -> tuple[str, ...]:
    """Return what a file says about its making, sorted: nothing that anyone wrote into it.

    Names of programs and devices become a digest. Of a comment or an author only that there is
    one is kept, unless it is a program's: a remark may name a patient, and a short text can be
    guessed from its digest.

    Args:
        image: as opened, so that `info` is the file's own.
        exif: the EXIF tags, as far as they can be read.
    """
    info = image.info
    traces = {flag for flag in _FLAGS if info.get(flag)}
    if "jfif_version" in info:
        traces.add("jfif " + ".".join(map(str, info["jfif_version"])))
    if "dpi" in info:
        traces.add("dpi " + " x ".join(f"{float(value):.0f}" for value in info["dpi"]))
    for key in (*_PROGRAMS, *_FREE_TEXTS):
        if text := str(info.get(key) or ""):
            is_program = key in _PROGRAMS or _NAMES_A_PROGRAM.search(text)
            digest = f" {short_digest(text)}" if is_program else ""
            traces.add(f"{key.casefold()}{digest}")
    for name, tag in PROGRAM_TAGS.items():
        if info.get("exif") and exif.get(tag):
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
    percent = 100 * _finer_half(tables[min(tables)]) / _finer_half(_QUALITY_50)
    quality = (200 - percent) / 2 if percent <= 100 else 5000 / percent
    return short_digest(";".join(texts)), min(max(round(quality), 1), 100)


def _finer_half(table: Sequence[int]) -> int:
    """Return the sum of a table's lower half, which low qualities do not clip at 255."""
    return sum(sorted(table)[:32])


def short_digest(text: str) -> str:
    """Return 8 hex digits that tell a text from others, without the text.

    >>> short_digest("Photoshop")
    '17ce8ca7'
    """
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:8]
