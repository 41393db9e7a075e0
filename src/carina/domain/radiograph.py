"""One radiograph, ready to look at."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Radiograph:
    """One radiograph, ready to look at.

    Attributes:
        pixels: float32 `[height, width]` in `[0, 1]`; 0 is air (black) and 1 the
            densest tissue (white), whatever the file said.
        path: the file it was read from; `archive.npz!/member` inside an archive.
        sha256: hex digest of the file's bytes (of an archive's member: of its bytes).
        file_format: the container: "JPEG", "PNG", "TIFF", "BMP", "DICOM", "NPZ".
        colour_mode: how the file stored its pixels, in Pillow's words ("L", "RGB",
            "I;16", ...), or the DICOM photometric interpretation.
        bits: significant bits of one stored grey value.
        view: view position as the file says ("PA", "AP", "LATERAL", ...), or None.
        laterality: the side that the film shows as the file says: "R", "L", "B" (both) or "U"
            (unpaired), or None.
        pixel_spacing_mm: `(row, column)` distance between pixel centres at the
            detector, or None if the file does not say.
        cautions: sentences about what was noticed while reading.
        traces, jpeg_tables, jpeg_quality, colour_share: as in `FilmFacts`.
    """

    pixels: NDArray[np.float32]
    path: Path
    sha256: str
    file_format: str
    colour_mode: str
    bits: int = 8
    view: str | None = None
    laterality: str | None = None
    pixel_spacing_mm: tuple[float, float] | None = None
    cautions: tuple[str, ...] = ()
    traces: tuple[str, ...] = ()
    jpeg_tables: str = ""
    jpeg_quality: int | None = None
    colour_share: float = 0.0

    @property
    def height(self) -> int:
        """The number of pixel rows."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """The number of pixel columns."""
        return int(self.pixels.shape[1])
