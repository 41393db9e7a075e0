"""A plain blur."""

import numpy as np
from numpy.typing import NDArray

from carina.imaging.denoise import FILTERS, NoiseFilter, Pixels


def gaussian(pixels: Pixels) -> NDArray[np.float32]:
    """Return the film blurred with a Gaussian of sigma 1 pixel; edge pixels are repeated.

    Args:
        pixels: float32 `[height, width]` in `[0, 1]`.

    Returns:
        float32 `[height, width]` in `[0, 1]`.
    """
    from skimage.filters import gaussian as gaussian_of

    found: NDArray[np.float32] = gaussian_of(pixels, sigma=1.0, mode="nearest", preserve_range=True)
    return found


FILTERS.register("gaussian")(NoiseFilter("Gaussian", "a blur with sigma 1 pixel", gaussian))
