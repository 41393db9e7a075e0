"""What a filter does to a picture: how far it moves it, what it blurs, what stands out after it.

All compare two pictures of one film, float32 `[height, width]` in `[0, 1]`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float32]

# Wang et al. weigh with a Gaussian of sigma 1.5 pixels, cut off at 11 x 11.
_SSIM_SIGMA, _SSIM_SIDE = 1.5, 11
# Edges are looked for where grain of single pixels is smoothed away (Canny), and their finest
# energy is what a Gaussian of 1 pixel takes off (Burt & Adelson's first level).
_EDGE_SIGMA, _FINE_SIGMA = 1.0, 1.0
_EDGE_SHARE = 0.1
# What varies over more than this is anatomy, not grain.
_GRAIN_SIGMA = 2.0


def squared_error(picture: Pixels, reference: Pixels) -> float:
    """Return the mean squared difference, 0 to 1."""
    return float(np.mean((picture.astype(np.float64) - reference) ** 2))


def psnr_db(squared_errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return peak signal-to-noise ratios in decibels, infinite where nothing differs.

    10 log10(1 / mean squared difference): 40 dB is a typical difference of 1 % of the grey
    range, 46 dB of half a percent.

    Args:
        squared_errors: float64 `[n]`, mean squared differences.

    >>> psnr_db(np.array([0.01**2, 0.0])).tolist()
    [40.0, inf]
    """
    with np.errstate(divide="ignore"):
        return np.asarray(-10 * np.log10(squared_errors))


def ssim(picture: Pixels, reference: Pixels) -> float:
    """Return the mean structural similarity, 1 for equal pictures.

    Pictures under 11 pixels a side are mirrored up to that.

    References:
        Wang, Bovik, Sheikh & Simoncelli, IEEE Trans Image Process 13 (2004) 600-612.
    """
    from skimage.metrics import structural_similarity

    height, width = reference.shape
    missing = ((0, max(_SSIM_SIDE - height, 0)), (0, max(_SSIM_SIDE - width, 0)))
    a, b = (
        np.pad(one.astype(np.float64), missing, mode="symmetric") for one in (picture, reference)
    )
    return float(
        structural_similarity(
            a, b, data_range=1.0, gaussian_weights=True, sigma=_SSIM_SIGMA,
            use_sample_covariance=False,
        )
    )  # fmt: skip


def fine_edges_kept(picture: Pixels, reference: Pixels) -> float | None:
    """Return the share of a film's fine-edge energy that a filtered picture of it keeps.

    The edges are the tenth of the reference's pixels with the steepest grey after a Gaussian of
    1 pixel, where grain hardly counts. Their fine energy is the mean square of what a Gaussian
    of 1 pixel takes off. Grain that lies on an edge counts as edge: where a film has grain, an
    honest filter too stays somewhat below 1.

    Returns:
        1 if nothing is lost, above 1 if edges are sharpened; None if the reference has no edge.

    References:
        Canny, IEEE Trans Pattern Anal Mach Intell 8 (1986) 679-698 (where edges are); Burt &
        Adelson, IEEE Trans Commun 31 (1983) 532-540 (the finest band of a picture).
    """
    from scipy.ndimage import gaussian_gradient_magnitude

    exact = reference.astype(np.float64)
    steepness = gaussian_gradient_magnitude(exact, _EDGE_SIGMA, mode="nearest")
    edges = (steepness >= np.quantile(steepness, 1 - _EDGE_SHARE)) & (steepness > 1e-9)
    own = float(np.mean(_detail(exact, _FINE_SIGMA)[edges] ** 2)) if edges.any() else 0.0
    if own == 0:
        return None
    return float(np.mean(_detail(picture.astype(np.float64), _FINE_SIGMA)[edges] ** 2)) / own


def lesion_contrast(with_lesion: Pixels, without: Pixels, *, lesion: NDArray[np.bool_]) -> float:
    """Return how much a lesion changes the mean grey of its place.

    Args:
        with_lesion, without: two films that differ in the lesion alone.
        lesion: bool `[height, width]`; where it is, one pixel or more.
    """
    return float(abs(with_lesion[lesion].mean(dtype=np.float64) - without[lesion].mean()))


def grain(picture: Pixels, *, healthy: NDArray[np.bool_]) -> float:
    """Return the standard deviation of grey about its local mean in healthy lung.

    The local mean is a Gaussian of 2 pixels: slower changes are anatomy. (IEC 62220-1 takes
    a trend off before it measures a detector's noise for the same reason.)

    Args:
        picture: the film.
        healthy: bool `[height, width]`; lung without lesion, one pixel or more.
    """
    return float(_detail(picture.astype(np.float64), _GRAIN_SIGMA)[healthy].std())


def contrast_to_noise(
    with_lesion: Pixels,
    without: Pixels,
    *,
    lesion: NDArray[np.bool_],
    healthy: NDArray[np.bool_],
) -> float:
    """Return a lesion's contrast over the grain of the healthy lung; infinite without grain.

    Any smoothing raises it, since it counts pixels one by one while an eye or a network takes
    in many at once: it says what a filter does to the look, not that more lesions are found.

    Args:
        with_lesion, without: two films that differ in the lesion (and at most in noise).
        lesion, healthy: bool `[height, width]`; one pixel or more.

    References:
        Bushberg et al., The Essential Physics of Medical Imaging (3rd ed. 2012), section 4.7
        (contrast over the noise of the background); Burgess, J Opt Soc Am A 16 (1999) 633-646
        (what it does not say).
    """
    contrast = lesion_contrast(with_lesion, without, lesion=lesion)
    noise = grain(without, healthy=healthy)
    return contrast / noise if noise > 0 else math.inf


def _detail(picture: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """Return what a Gaussian takes off a picture, float64 `[height, width]`."""
    from scipy.ndimage import gaussian_filter

    smooth: NDArray[np.float64] = gaussian_filter(picture, sigma, mode="nearest")
    return picture - smooth
