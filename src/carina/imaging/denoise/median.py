"""The middle value of each pixel's neighbourhood."""

import numpy as np
from numpy.typing import NDArray

from carina.imaging.denoise import FILTERS, NoiseFilter, Pixels


def median(pixels: Pixels) -> NDArray[np.float32]:
    """Return the median of the 3 x 3 pixels around each pixel; edge pixels are repeated.

    Args:
        pixels: float32 `[height, width]` in `[0, 1]`.

    Returns:
        float32 `[height, width]` in `[0, 1]`.

    References:
        Tukey, Exploratory Data Analysis (1977), chapter 7.
    """
    from skimage.filters import median as median_of

    found: NDArray[np.float32] = median_of(
        pixels, np.ones((3, 3), dtype=bool), mode="nearest", behavior="ndimage"
    )
    return found


FILTERS.register("median")(
    NoiseFilter("Median", "the middle value of 3 x 3 pixels (Tukey 1977)", median)
)
