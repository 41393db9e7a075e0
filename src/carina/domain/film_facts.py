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
        traces: what the file says about its making, beside the pixels ("jfif 1.1",
            "dpi 72 x 72", "software 3f2a9c01"); free texts as a digest.
        jpeg_tables: digest of a JPEG file's quantisation tables, or "".
        jpeg_quality: the quality 1 to 100 that the tables stand for, or None.
        colour_share: share of pixels whose channels differ clearly, in `[0, 1]`.
        text_strokes: thin, sharp strokes side by side in the inner part of the film, as
            letters have (`imaging.strokes`).
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
    traces: tuple[str, ...] = ()
    jpeg_tables: str = ""
    jpeg_quality: int | None = None
    colour_share: float = 0.0
    text_strokes: float = 0.0
