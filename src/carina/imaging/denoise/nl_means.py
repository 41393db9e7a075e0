"""A mean over patches that look alike."""

import numpy as np
from numpy.typing import NDArray

from carina.imaging.denoise import FILTERS, NoiseFilter, Pixels
from carina.imaging.noise import LEAST_NOISE, noise_level


def nl_means(pixels: Pixels) -> NDArray[np.floating]:
    """Return each pixel's mean over pixels nearby whose surroundings look like its own.

    Patches are 5 x 5 pixels, up to 6 pixels away; the cut-off is 0.8 times the film's own
    noise, as scikit-image advises for its fast mode. Only that mode is taken: the other did
    not repeat bit for bit. A film without noise comes back as it is.

    Args:
        pixels: float32 `[height, width]` in `[0, 1]`.

    Returns:
        float64 `[height, width]` in `[0, 1]`.

    References:
        Buades, Coll & Morel, CVPR (2005) 60-65; Darbon et al., ISBI (2008) 1331-1334.
    """
    from skimage.restoration import denoise_nl_means

    noise = noise_level(pixels)
    if noise < LEAST_NOISE:
        return pixels
    # The fast mode sums squares over the whole film: in float32 the far corner is all rounding.
    found: NDArray[np.float64] = denoise_nl_means(
        pixels.astype(np.float64),
        patch_size=5,
        patch_distance=6,
        h=0.8 * noise,
        sigma=noise,
        fast_mode=True,
    )
    return found


FILTERS.register("nl-means")(
    NoiseFilter(
        "Non-local means",
        "patches of 5 x 5 pixels up to 6 pixels away, cut-off 0.8 times the film's estimated "
        "noise (Buades et al. 2005; Darbon et al. 2008)",
        nl_means,
    )
)
