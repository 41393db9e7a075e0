"""A hash of chest films, made to be compared under different frames.

The hash is that of a part of a film, its frame. A copy that was cropped or padded has the
frame's hash and not the film's own, so that a search asks for a film under a few frames.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

HASH_BITS = 128
WHOLE = (0.0, 0.0, 1.0, 1.0)
Pictures = NDArray[np.uint8]
Thumbnails = NDArray[np.float32]
Frames = NDArray[np.float32]
"""float32 `[n, 4]`: left, top, right, bottom, from the left and the top in shares of the sides."""
Hashes = NDArray[np.uint64]

_LEVELS = 256
# A border is written over the whole length of a side: its lines hold one grey, but for what a
# compression left there.
_BORDER_RANGE = 10
_MOST_BORDER = 0.3
# A border ends within a pixel that mixes it with film: somewhat past its middle, so that the
# pixel's middle lies outside.
_MIXED = 0.6
_N_WAVES = 13
# What lies further out differs between copies by borders, letters and crops.
_OUTER_SHARE = 0.1
# The amplitudes' medians over ordinary chest films, so that half of such films have a bit set:
# of the 735 different films of covid-dataset and ieee8023 (`benchmarks/copies.py --medians`).
# fmt: off
_MEDIANS = np.array([
    -40, -9607, -174, -6818, 2511, 2856, 457, -1456, 958, -2000, -174, -369, -843, -1486, 2212,
    -353, 1572, -78, 497, -2943, -647, -825, 566, 12, -793, 199, 206, 395, -381, 400, -134, -209,
    -4689, -1054, -419, -133, 1107, 12, 30, 251, 996, 184, 141, -200, 136, -2, 91, 39, 397, -72,
    -157, -199, -75, -62, -49, -573, -509, 372, 43, 129, 64, 320, 15, -73, -178, -60, 47, 28,
    -478, 222, 84, -37, -145, -8, -58, -27, -73, -17, 114, 15, 217, 63, 28, 37, 11, -999, 57, -27,
    -73, 214, 61, 238, -34, -68, -7, -120, -34, -34, 7, 103, 48, 26, -28, 61, -32, 27, 11, 41, 89,
    -14, -11, -14, -53, -5, -26, 3, -59, 32, -79, 24, -220, -60, 108, -15, -9, 5, 28, -2,
], dtype=np.float32) / 100_000
# fmt: on


def uniform_frames(pictures: Pictures) -> Frames:
    """Return what is left of pictures when borders of one grey are taken off.

    Args:
        pictures: uint8 `[n, side, side]`.

    Returns:
        float32 `[n, 4]`. A side on which more than 30 % of the picture would fall keeps
        all: a blank picture is all of it.
    """
    side = pictures.shape[-1]
    frames = np.empty((len(pictures), 4), dtype=np.float32)
    for axis, (low, high) in ((1, (0, 2)), (2, (1, 3))):
        plain = np.ptp(pictures, axis=axis) <= _BORDER_RANGE
        first = np.argmin(plain, axis=1)
        last = np.argmin(plain[:, ::-1], axis=1)
        most = int(_MOST_BORDER * side)
        too_much = (first > most) | (last > most) | plain.all(axis=1)
        first, last = (np.where(too_much | (n == 0), 0, n + _MIXED) for n in (first, last))
        frames[:, low] = first / side
        frames[:, high] = 1 - last / side
    return frames


def equalised(pictures: Pictures, frames: Frames) -> Thumbnails:
    """Return pictures whose grey is its rank among the greys of the middle of their frames.

    The same for every monotone change of contrast, but for rounding; the outer tenth of a
    frame, where copies differ by crops and letters, takes the ranks of the middle.

    Args:
        pictures: uint8 `[n, side, side]`.
        frames: float32 `[n, 4]`.

    Returns:
        float32 `[n, side, side]` in `[0, 1]`; equal greys have the middle of their ranks.
    """
    n_pictures, side = len(pictures), pictures.shape[-1]
    inner = _inner_pixels(frames, side)
    numbers = np.arange(n_pictures, dtype=np.intp)[:, np.newaxis, np.newaxis] * _LEVELS
    counts = np.bincount((pictures + numbers)[inner], minlength=n_pictures * _LEVELS).reshape(
        n_pictures, _LEVELS
    )
    below = counts.cumsum(axis=1)
    ranks = ((below - counts / 2) / np.maximum(below[:, -1:], 1)).astype(np.float32)
    return np.take(ranks.ravel(), pictures + numbers)


def halved(thumbnails: Thumbnails) -> Thumbnails:
    """Return pictures at half the side, each pixel the mean of four.

    Args:
        thumbnails: float32 `[n, side, side]`, side even.
    """
    rows = thumbnails[:, ::2] + thumbnails[:, 1::2]
    return np.asarray((rows[:, :, ::2] + rows[:, :, 1::2]) / 4)


def halved_levels(pictures: Pictures) -> Pictures:
    """Return pictures at half the side, each grey the rounded mean of four.

    Args:
        pictures: uint8 `[n, side, side]`, side even.
    """
    rows = pictures[:, ::2].astype(np.uint16) + pictures[:, 1::2]
    return ((rows[:, :, ::2] + rows[:, :, 1::2] + 2) // 4).astype(np.uint8)


def frame_hashes(thumbnails: Thumbnails, *, cuts: tuple[tuple[float, float], ...]) -> Hashes:
    """Return the hashes of films under a grid of frames that all films share.

    Args:
        thumbnails: float32 `[n, side, side]`, equalised.
        cuts: what a frame leaves off at the low and the high end of a side, in shares of it;
            every cut of the height is combined with every cut of the width.

    Returns:
        uint64 `[n, cuts * cuts, 2]`: 128 bits; the cut of the height runs slowest.
    """
    side = thumbnails.shape[-1]
    lows, highs = (np.array(ends, dtype=np.float32) for ends in zip(*cuts, strict=True))
    waves = _waves(lows, 1 - highs, side)
    n_waves = waves.shape[1]
    flat = waves.reshape(-1, side)
    spectra: NDArray[np.float32] = np.asarray(flat @ thumbnails @ flat.T, dtype=np.float32)
    spectra = spectra.reshape(-1, len(cuts), n_waves, len(cuts), n_waves).swapaxes(2, 3)
    return _packed(spectra.reshape(-1, len(cuts) ** 2, n_waves, n_waves))


def own_frame_hashes(thumbnails: Thumbnails, frames: Frames) -> Hashes:
    """Return the hash of each film under a frame of its own, uint64 `[n, 2]`.

    Args:
        thumbnails: float32 `[n, side, side]`, equalised.
        frames: float32 `[n, 4]`.
    """
    side = thumbnails.shape[-1]
    across = _waves(frames[:, 0], frames[:, 2], side)
    down = _waves(frames[:, 1], frames[:, 3], side)
    spectra = down @ thumbnails @ across.swapaxes(1, 2)
    return _packed(np.asarray(spectra, dtype=np.float32))


def hamming_distances(a: Hashes, b: Hashes) -> NDArray[np.uint8]:
    """Return in how many of 128 bits hashes differ.

    Args:
        a, b: uint64 `[n, 2]`.

    >>> hamming_distances(np.array([[7, 0]], np.uint64), np.array([[0, 1]], np.uint64)).tolist()
    [4]
    """
    return np.asarray(_bit_counts(a ^ b).sum(axis=-1, dtype=np.uint8))


def spectra_of(thumbnails: Thumbnails) -> NDArray[np.float32]:
    """Return the amplitudes that the hash of a whole film is made of, float32 `[n, 128]`.

    Their medians over ordinary films are what `_MEDIANS` keeps.

    Args:
        thumbnails: float32 `[n, side, side]`, equalised.
    """
    whole = np.zeros(1, dtype=np.float32)
    (waves,) = _waves(whole, 1 - whole, thumbnails.shape[-1])
    rows, columns = _chosen_waves()
    return np.asarray((waves @ thumbnails @ waves.T)[:, rows, columns])


def _packed(spectra: NDArray[np.float32]) -> Hashes:
    """Return one bit for each chosen wave of spectra float32 `[..., waves, waves]`."""
    rows, columns = _chosen_waves()
    bits = spectra[..., rows, columns] > _MEDIANS
    packed = np.ascontiguousarray(np.packbits(bits, axis=-1, bitorder="little"))
    return packed.view("<u8").astype(np.uint64)


def _waves(lows: Frames, highs: Frames, side: int) -> NDArray[np.float32]:
    """Return the cosines of a DCT-II over parts of a side, float32 `[parts, waves, side]`.

    A pixel that lies partly within a part counts with its share, and every wave but the
    first has the mean zero over the part.
    """
    edges = np.arange(side + 1, dtype=np.float32) / side
    within = np.clip(edges, lows[:, np.newaxis], highs[:, np.newaxis])
    share = np.diff(within, axis=1)
    share /= share.sum(axis=1, keepdims=True)
    middle = (within[:, 1:] + within[:, :-1]) / 2 - lows[:, np.newaxis]
    phase = np.pi * middle / (highs - lows)[:, np.newaxis]
    number = np.arange(_N_WAVES, dtype=np.float32)[:, np.newaxis]
    waves = np.cos(number * phase[:, np.newaxis]) * share[:, np.newaxis]
    waves[:, 1:] -= waves[:, 1:].sum(axis=2, keepdims=True) * share[:, np.newaxis]
    return np.asarray(waves, dtype=np.float32)


def _inner_pixels(frames: Frames, side: int) -> NDArray[np.bool_]:
    """Return which pixels lie in the middle of frames, bool `[n, side, side]`."""
    place = (np.arange(side, dtype=np.float32) + 0.5) / side
    margin = _OUTER_SHARE * (frames[:, 2:] - frames[:, :2])
    low, high = frames[:, :2] + margin, frames[:, 2:] - margin
    inside = (place > low[..., np.newaxis]) & (place < high[..., np.newaxis])
    return np.asarray(inside[:, 1, :, np.newaxis] & inside[:, 0, np.newaxis, :])


def _bit_counts(words: Hashes) -> Hashes:
    """Return how many bits of each word are set (numpy counts them itself from 2.0 on).

    References:
        Warren, Hacker's Delight, 2nd ed. (2012), figure 5-2.
    """
    pairs = words - ((words >> np.uint64(1)) & np.uint64(0x5555555555555555))
    threes = np.uint64(0x3333333333333333)
    fours = (pairs & threes) + ((pairs >> np.uint64(2)) & threes)
    eights = (fours + (fours >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.asarray((eights * np.uint64(0x0101010101010101)) >> np.uint64(56))


@lru_cache(maxsize=1)
def _chosen_waves() -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the numbers of the 128 slowest waves down and across, without the mean."""
    down, across = np.divmod(np.arange(_N_WAVES**2), _N_WAVES)
    order = np.lexsort((down, down**2 + across**2))[1 : HASH_BITS + 1]
    return down[order], across[order]
