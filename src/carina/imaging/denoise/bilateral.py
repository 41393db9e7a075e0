"""A mean over neighbours of a like grey."""

import numpy as np
from numpy.typing import NDArray

from carina.imaging.denoise import FILTERS, NoiseFilter, Pixels
from carina.imaging.noise import LEAST_NOISE, noise_level


def bilateral(pixels: Pixels) -> NDArray[np.float32]:
    """Return each pixel's mean over 5 x 5 neighbours, weighted by nearness in place and grey.

    Sigma is 1.5 pixels in place and twice the film's own noise in grey, as Zhang and Gunturk
    found best. A film without noise comes back as it is.

    Args:
        pixels: float32 `[height, width]` in `[0, 1]`.

    Returns:
        float32 `[height, width]` in `[0, 1]`.

    References:
        Tomasi & Manduchi, ICCV (1998) 839-846; Zhang & Gunturk, IEEE Trans Image Process 17
        (2008) 2324-2333.
    """
    from skimage.restoration import denoise_bilateral

    noise = noise_level(pixels)
    if noise < LEAST_NOISE:
        return pixels
    found: NDArray[np.float32] = denoise_bilateral(
        pixels, win_size=5, sigma_color=2 * noise, sigma_spatial=1.5, mode="edge"
    )
    return found


FILTERS.register("bilateral")(
    NoiseFilter(
        "Bilateral",
        "5 x 5 pixels, sigma 1.5 pixels in place and twice the film's estimated noise in grey "
        "(Tomasi & Manduchi 1998; Zhang & Gunturk 2008)",
        bilateral,
    )
)
