"""Radiographs made from an array."""

from pathlib import Path

import numpy as np

from carina.domain.radiograph import Radiograph


def film_of(pixels, **facts):
    """Return a radiograph of pixels in [0, 1]; `facts` are attributes of `Radiograph`."""
    return Radiograph(
        pixels=np.asarray(pixels, dtype=np.float32),
        path=Path("made.png"),
        sha256="0" * 64,
        **{"file_format": "PNG", "colour_mode": "L", **facts},
    )
