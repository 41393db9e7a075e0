"""What a DICOM file declares of its pixels, checked before anything is allocated for them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from carina.imaging.decoded import require_size
from carina.imaging.dicom import tags
from carina.imaging.dicom.elements import Elements
from carina.imaging.dicom.refusals import damaged, refused
from carina.imaging.dicom.values import number, word

GREYS = ("MONOCHROME1", "MONOCHROME2")
PALETTE = "PALETTE COLOR"
LUMA_AND_CHROMA = ("YBR_FULL", "YBR_FULL_422")
COLOURS = ("RGB", *LUMA_AND_CHROMA, "YBR_ICT", "YBR_RCT")
# Of DICOM PS3.3 C.7.6.3.1.2, with the retired ones.
_NOT_READ = ("HSV", "ARGB", "CMYK", "YBR_PARTIAL_422", "YBR_PARTIAL_420", "XYB")
_BITS = (1, 8, 16, 32)


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture as a DICOM file declares it (PS3.3, C.7.6.3).

    Attributes:
        rows, columns: its size in pixels.
        samples: values of a pixel: 1, or 3 for a colour.
        photometric: what the values mean, one of `GREYS`, `PALETTE` or `COLOURS`.
        bits_allocated: bits that a value takes: 1, 8, 16 or 32.
        bits_stored: bits of them that are the value's.
        high_bit: the highest of those, counted from 0.
        is_signed: whether values are two's complement.
        is_planar: whether all reds come first, then all greens, then all blues.
        says_photometric: whether the file states `photometric`.
        has_clean_bits: whether values were decoded to numbers, so that no bits beside the
            stored ones can hold anything else.
    """

    rows: int
    columns: int
    samples: int
    photometric: str
    bits_allocated: int
    bits_stored: int
    high_bit: int
    is_signed: bool = False
    is_planar: bool = False
    says_photometric: bool = True
    has_clean_bits: bool = False

    @property
    def is_grey(self) -> bool:
        """Whether its values are grey."""
        return self.photometric in GREYS

    @property
    def range(self) -> tuple[int, int]:
        """The lowest and the highest value that the stored bits can hold."""
        if self.is_signed:
            return -(1 << self.bits_stored - 1), (1 << self.bits_stored - 1) - 1
        return 0, (1 << self.bits_stored) - 1

    def as_photometric(self, photometric: str) -> Picture:
        """Return the same picture with values that mean something else."""
        return replace(self, photometric=photometric)


def declared_picture(elements: Elements, *, name: str) -> Picture:
    """Return what a file declares of its one picture.

    Raises:
        ImageError: "no-pixels", "too-large", "too-small", "several-frames", "damaged", or
            "unsupported-pixels".
    """
    rows, columns = number(elements, tags.ROWS), number(elements, tags.COLUMNS)
    if rows is None or columns is None:
        raise refused(name, "is DICOM without a picture (no rows and columns)", code="no-pixels")
    require_size(rows, columns, name=name)
    n_frames = number(elements, tags.FRAMES, "IS") or 1
    if n_frames > 1:
        raise several_frames(name, n_frames)
    if tags.PIXELS not in elements:
        raise refused(
            name,
            "stores its pixels as floating point numbers, as maps of measurements do; films have "
            "whole numbers: save the film itself",
            code="unsupported-pixels",
        )
    samples = number(elements, tags.SAMPLES) or 1
    photometric = _photometric(elements, samples, name)
    allocated = number(elements, tags.BITS_ALLOCATED) or 0
    stored = number(elements, tags.BITS_STORED) or allocated
    picture = Picture(
        rows=rows,
        columns=columns,
        samples=samples,
        photometric=photometric,
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=_high_bit(number(elements, tags.HIGH_BIT), stored, allocated),
        is_signed=number(elements, tags.SIGNED) == 1,
        is_planar=samples > 1 and number(elements, tags.PLANAR) == 1,
        says_photometric=bool(word(elements, tags.PHOTOMETRIC)),
    )
    _require_bits(picture, name)
    return picture


def several_frames(name: str, n_frames: int) -> Exception:
    """Return the refusal of a file with several pictures."""
    return refused(
        name,
        f"holds {n_frames:,} frames; save the one that is meant alone",
        code="several-frames",
    )


def _photometric(elements: Elements, samples: int, name: str) -> str:
    stated = word(elements, tags.PHOTOMETRIC) or ("RGB" if samples == 3 else "MONOCHROME2")
    if stated not in (*GREYS, PALETTE, *COLOURS):
        kind = stated if stated in _NOT_READ else "something that the standard does not name"
        raise refused(
            name,
            f"stores its pixels as {kind}; {', '.join((*GREYS, PALETTE, *COLOURS))} are read",
            code="unsupported-pixels",
        )
    expected = 3 if stated in COLOURS else 1
    if samples != expected:
        raise damaged(name, f"it has {samples} values a pixel, and {stated} has {expected}")
    return stated


def _high_bit(stated: int | None, stored: int, allocated: int) -> int:
    """Return the highest bit of a value; one that cannot be is taken as the lowest possible."""
    can_be = stated is not None and stored - 1 <= stated < allocated
    return stated if stated is not None and can_be else stored - 1


def _require_bits(picture: Picture, name: str) -> None:
    if picture.bits_allocated not in _BITS:
        raise refused(
            name,
            f"stores its pixels in {picture.bits_allocated} bits each; 1, 8, 16 and 32 are read",
            code="unsupported-pixels",
        )
    if not 0 < picture.bits_stored <= picture.bits_allocated:
        raise damaged(
            name,
            f"{picture.bits_stored} stored bits do not fit into {picture.bits_allocated} bits",
        )
    if picture.samples == 3 and picture.bits_allocated == 1:
        raise refused(
            name,
            "stores colours in 1 bit each; 8, 16 and 32 are read",
            code="unsupported-pixels",
        )
