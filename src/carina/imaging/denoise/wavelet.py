"""Small wavelet coefficients shrunk away."""

import numpy as np
from numpy.typing import NDArray

from carina.imaging.denoise import FILTERS, NoiseFilter, Pixels
from carina.imaging.noise import LEAST_NOISE, noise_level


def wavelet(pixels: Pixels) -> NDArray[np.floating]:
    """Return the film with its wavelet coefficients shrunk towards 0 by BayesShrink.

    Symlets of 8 taps, soft thresholds that follow each sub-band's own spread and the film's
    own noise. A film without noise comes back as it is.

    Args:
        pixels: float32 `[height, width]` in `[0, 1]`, 16 pixels a side at least.

    Returns:
        float64 `[height, width]`; values may leave `[0, 1]` a little.

    References:
        Chang, Yu & Vetterli, IEEE Trans Image Process 9 (2000) 1532-1546.
    """
    from skimage.restoration import denoise_wavelet

    noise = noise_level(pixels)
    if noise < LEAST_NOISE:
        return pixels
    found: NDArray[np.float64] = denoise_wavelet(
        pixels.astype(np.float64),
        sigma=noise,
        wavelet="sym4",
        mode="soft",
        method="BayesShrink",
        rescale_sigma=False,
    )
    return found


FILTERS.register("wavelet")(
    NoiseFilter(
        "Wavelet",
        "symlets of 8 taps, soft thresholds by BayesShrink from the film's estimated noise "
        "(Chang et al. 2000)",
        wavelet,
    )
)
