"""The picture in a raster file's bytes."""

from __future__ import annotations

from carina.imaging.decoded import Decoded
from carina.imaging.raster.grey import (
    colour_share,
    grey_only_values,
    is_only_grey,
    luma_values,
    shown_picture,
)
from carina.imaging.raster.opened import Opened, opened_raster
from carina.imaging.raster.tones import gamma_caution, profile_gamma


def decode_raster(data: bytes, *, name: str) -> Decoded:
    """Return the picture in the bytes of a PNG, JPEG, TIFF or BMP file.

    What each kind becomes stands in `docs/explanation/rasters.md`. One thread at a time (see
    `opened_raster`), and in a process that may be ended, where the bytes are foreign
    (`imaging.worker`).

    Raises:
        ImageError: with the code that says why there is none.
    """
    opened = opened_raster(data, name=name)
    cautions = list(opened.cautions)
    share = 0.0
    if is_only_grey(opened):
        pixels = grey_only_values(opened, cautions, name=name)
    else:
        shown = shown_picture(opened, cautions, name=name)
        share = colour_share(shown, cautions)
        pixels = luma_values(opened, shown, cautions)
    if caution := gamma_caution(_gamma(opened)):
        cautions.append(caution)
    return Decoded(
        pixels,
        opened.stored.file_format,
        opened.image.mode,
        _bits(opened),
        cautions=tuple(cautions),
        traces=opened.traces,
        jpeg_tables=opened.jpeg_tables,
        jpeg_quality=opened.jpeg_quality,
        colour_share=share,
    )


def _bits(opened: Opened) -> int:
    """Return the significant bits of a stored grey value; a palette's colours have 8."""
    if opened.image.mode == "1":
        return 1
    return 8 if opened.image.mode in ("P", "PA") else opened.stored.bits


def _gamma(opened: Opened) -> float | None:
    """Return the gamma that the file asks for, by its profile or, in a PNG, its own chunk."""
    info = opened.image.info
    profile = info.get("icc_profile")
    if profile and (gamma := profile_gamma(bytes(profile))):
        return gamma
    share = info.get("gamma")
    return 1 / share if isinstance(share, float) and share > 0 else None
