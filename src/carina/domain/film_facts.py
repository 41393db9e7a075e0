"""What one decoding of a film told, small enough to keep for 100,000 films."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FilmFacts:
    """What one decoding of a film told.

    Attributes:
        sha256: hex digest of the file's bytes.
        pixel_digest: hex digest of the grey values at 8 bits and of their size: equal
            for one picture in two lossless containers or colour modes.
        perceptual_hash: 16 hex digits; near pictures differ in few bits.
        height: pixel rows.
        width: pixel columns.
        file_format: the container ("JPEG", "DICOM", ...).
        colour_mode: how the file stored its pixels ("L", "RGB", ...).
        bits: significant bits of a stored grey value.
        contrast: 95th minus 5th percentile of the grey values, in `[0, 1]` (the gate's measure).
        view: view position as the file says, or None.
        cautions: sentences noticed while reading.
    """

    sha256: str
    pixel_digest: str
    perceptual_hash: str
    height: int
    width: int
    file_format: str
    colour_mode: str
    bits: int
    contrast: float
    view: str | None = None
    cautions: tuple[str, ...] = ()
