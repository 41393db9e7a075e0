"""How much noise a film has, and noise as few X-ray quanta make it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEAST_NOISE = 1e-6
"""Deviation under which a film counts as free of noise: a fifteenth of a 16-bit step."""

# Three quarters of a normal variable lie below 0.6745 deviations: the median of its size.
_MEDIAN_OF_SIZE = 0.6745
# Grey is the logarithm of the quanta; from black to white e ** 4 = 55 times fewer arrive.
_LATITUDE = 4.0
_DEVIATION_AT_MID_GREY = 0.02
ADDED_NOISE = (
    "Poisson noise of few quanta, independent from pixel to pixel: a deviation of 0.7 % of the "
    "grey range in black, 2 % in mid-grey and 4 to 5 % in light grey"
)
"""What `with_quantum_noise` adds, in words."""


def noise_level(pixels: NDArray[np.float32]) -> float:
    """Return the standard deviation of a film's noise, estimated from the film alone.

    It is the median size of the finest diagonal wavelet coefficients (Daubechies, 4 taps),
    which hold little but noise; those that are exactly 0 (black borders) do not count.

    Args:
        pixels: float32 `[height, width]` in `[0, 1]`, 4 pixels a side at least.

    Returns:
        0 or more, in grey of a range of 1; 0 for a film of one grey.

    References:
        Donoho & Johnstone, Biometrika 81 (1994) 425-455.
    """
    import pywt

    diagonal = np.abs(pywt.dwtn(pixels.astype(np.float64), wavelet="db2")["dd"])
    diagonal = diagonal[diagonal != 0]
    return float(np.median(diagonal)) / _MEDIAN_OF_SIZE if diagonal.size else 0.0


def with_quantum_noise(
    pixels: NDArray[np.float32], *, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return a film as it would look had few quanta made it.

    Grey is taken for the logarithm of the quanta that reach the detector: black got 55 times
    as many as white. Their number in each pixel is Poisson's, so that noise is strongest
    behind dense tissue: a deviation of 0.7 % of the grey range in black, 2 % in mid-grey and
    4 to 5 % in light grey, as on an underexposed bedside film. Pixels are independent; a real
    detector blurs its noise a little, which makes it harder to remove.

    Args:
        pixels: float32 `[height, width]` in `[0, 1]`; 0 is black.
        rng: draws the quanta.

    References:
        Bushberg et al., The Essential Physics of Medical Imaging (3rd ed. 2012), chapter 4.
    """
    # The deviation of -log(n) is 1 / sqrt(n), here set at mid-grey.
    at_mid_grey = (_LATITUDE * _DEVIATION_AT_MID_GREY) ** -2
    expected = at_mid_grey * np.exp(_LATITUDE * (0.5 - pixels.astype(np.float64)))
    quanta = np.maximum(rng.poisson(expected), 1)
    grey = 0.5 - np.log(quanta / at_mid_grey) / _LATITUDE
    return grey.clip(0, 1).astype(np.float32)
