"""What one heat map is worth: scores on arrays, of a map over the picture that a network sees.

A heat map is float32 `[height, width]`, none below 0, some above.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Heat = NDArray[np.float32]
Image = NDArray[np.float32]
Region = NDArray[np.bool_]
Probability = Callable[[Image], NDArray[np.float64]]
"""Images float32 `[n, channels, height, width]` -> probability of the explained class."""

REMOVED_SHARES = (0.02, 0.06, 0.13, 0.25, 0.45, 0.7)
"""Shares of a picture's places at which a curve is taken, beside none and all: close together
where a good map makes it fall."""
BLUR_SHARE = 0.1
"""The deviation of the blur that takes a film's content away, in shares of its sides."""


def blurred(image: Image) -> Image:
    """Return what stands where a place of a film was removed: the film, blurred.

    A grey patch would bring edges of its own, and on a lung it is an opacity, which is what
    disease looks like. The blur leaves the body's large shapes and takes the rest.

    Args:
        image: float32 `[channels, height, width]`.
    """
    from scipy.ndimage import gaussian_filter

    sigmas = (0.0, BLUR_SHARE * image.shape[1], BLUR_SHARE * image.shape[2])
    return np.asarray(gaussian_filter(image, sigmas, mode="nearest"), dtype=np.float32)


def hottest_first(heat: Heat) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return the hottest places of a map, more and more of them.

    Places of the same heat are taken together: a map says nothing about their order.

    Returns:
        bool `[n, height, width]` and the share of the picture that each holds, `[n]`: near
        `REMOVED_SHARES`, growing, neither none nor all; n is 0 for a map that is the same
        everywhere.
    """
    ordered = np.sort(heat, axis=None)[::-1]
    places = [min(round(share * heat.size), heat.size - 1) for share in REMOVED_SHARES]
    limits = sorted({float(ordered[place]) for place in places}, reverse=True)
    regions = np.array([heat >= limit for limit in limits])
    shares = regions.mean(axis=(1, 2), dtype=np.float64)
    kept = shares < 1
    return regions[kept], shares[kept]


def curve_images(image: Image, blank: Image, regions: NDArray[np.bool_]) -> Image:
    """Return a film with each of some regions removed, then with nothing but each of them.

    Args:
        image: float32 `[channels, height, width]`.
        blank: the same film with all removed.
        regions: bool `[n, height, width]`.

    Returns:
        float32 `[2 n, channels, height, width]`.
    """
    inside = regions[:, None]
    return np.concatenate(
        [np.where(inside, blank[None], image[None]), np.where(inside, image[None], blank[None])]
    )


def deletion_and_insertion(
    heat: Heat,
    image: Image,
    blank: Image,
    *,
    probability: Probability,
    ends: Sequence[float] | NDArray[np.float64],
) -> tuple[float, float]:
    """Return the areas under the deletion and the insertion curve, 0 to 1.

    The probability of the explained class as the hottest places are removed from the film
    one after the other (a faithful map lets it fall early: a small area), and as they are
    put back into the blurred film (early rise: a large area).

    Args:
        heat: float32 `[height, width]`.
        image: float32 `[channels, height, width]`.
        blank: the same film with all removed (`blurred`).
        probability: of the class that `heat` explains.
        ends: that of `image` and of `blank`, which every map of a film shares.

    References:
        Petsiuk, Das & Saenko, RISE, BMVC 2018, section 4.2.
    """
    regions, shares = hottest_first(heat)
    whole, none = np.split(np.asarray(ends, dtype=np.float64), 2)
    found = probability(curve_images(image, blank, regions)) if len(regions) else np.empty(0)
    deleted, inserted = np.split(found, 2)
    along = np.concatenate([[0.0], shares, [1.0]])
    return (
        _area(along, np.concatenate([whole, deleted, none])),
        _area(along, np.concatenate([none, inserted, whole])),
    )


def random_like(heat: Heat, *, rng: np.random.Generator) -> Heat:
    """Return a random map of the same values and the same smoothness.

    The amplitudes of the map's Fourier transform are kept and its phases drawn anew; then the
    map's own values are put in the order of what came out.

    References:
        Theiler et al., Physica D 58 (1992) 77-94 (amplitude-adjusted surrogates).
    """
    amplitudes = np.abs(np.fft.rfft2(heat.astype(np.float64) - heat.mean(dtype=np.float64)))
    noise = np.fft.rfft2(rng.standard_normal(heat.shape))
    field = np.fft.irfft2(amplitudes * noise / np.abs(noise).clip(1e-12), s=heat.shape)
    drawn = np.empty(heat.size, dtype=np.float32)
    drawn[np.argsort(field, axis=None, kind="stable")] = np.sort(heat, axis=None)
    return drawn.reshape(heat.shape)


def likeness(first: Heat, second: Heat) -> float:
    """Return Spearman's rank correlation of two maps of one shape, -1 to 1.

    Two maps that are the same everywhere are alike (1); one of them and another map have
    nothing in common (0).
    """
    ranks = [_mean_ranks(heat) for heat in (first, second)]
    lengths = [float(np.sqrt(np.sum(one**2))) for one in ranks]
    if min(lengths) == 0:
        return float(max(lengths) == 0)
    return float(np.clip(np.sum(ranks[0] * ranks[1]) / (lengths[0] * lengths[1]), -1, 1))


def _mean_ranks(heat: Heat) -> NDArray[np.float64]:
    """Return the rank of each place less the mean rank, float64 `[places]`; ties share theirs.

    `scipy.stats` says the same, but takes half a second to import.
    """
    _, group, counts = np.unique(heat, return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = (counts.cumsum() - (counts - 1) / 2)[group.ravel()]
    return ranks - (heat.size + 1) / 2


def share_inside(heat: Heat, region: Region) -> float:
    """Return the share of a map's heat that lies inside a region, 0 to 1."""
    return float(heat[region].sum(dtype=np.float64) / heat.sum(dtype=np.float64))


def hottest_inside(heat: Heat, region: Region) -> bool:
    """Return whether the hottest place lies inside a region (the pointing game); of several
    as hot, most of them.

    References:
        Zhang et al., Top-down neural attention by excitation backprop, IJCV 126 (2018)
        1084-1102, section 4.1.
    """
    hottest = heat == heat.max()
    return bool(2 * (hottest & region).sum() > hottest.sum())


def _area(along: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    """Return the area under a curve of straight lines."""
    return float(np.sum(np.diff(along) * (values[1:] + values[:-1]) / 2))
