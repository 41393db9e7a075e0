"""Noise filters, one file each; `imaging.prepare` applies the one that an input spec names.

A filter works on the film as it lies on the network's grid: after resizing, before padding and
masking. There it costs a few milliseconds whatever the detector's size, means the same for every
film, and is the same code for training, evaluating and serving. Its lengths are pixels of that
grid. A filter has no settings: its name says all, so that a card, a cache and a recipe need
nothing else. `domain.input_spec` lists the names.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from carina.errors import MissingExtraError
from carina.registry import Registry

Pixels = NDArray[np.float32]

EXTRA = "denoise"
EXTRA_MODULES = ("skimage", "pywt")
EXTRA_PACKAGES = ("scikit-image", "PyWavelets")
# Modules that threads must not import at the same time: scikit-image's import in circles.
_HEAVY = ("pywt", "skimage.filters", "skimage.restoration")
_IMPORTING = threading.Lock()
# Wavelets of 8 taps need 14 pixels for one level, so a thinner strip is mirrored up to this.
_SMALLEST_SIDE = 16


@dataclass(frozen=True, slots=True)
class NoiseFilter:
    """One noise filter.

    Attributes:
        title: its name in words.
        parameters: its settings and their source, as the page of `carina denoise` says them.
        apply: float32 `[height, width]` in `[0, 1]`, 16 pixels a side at least -> the same
            shape, of about the same range; the same input always gives the same bits.
    """

    title: str
    parameters: str
    apply: Callable[[Pixels], NDArray[np.floating]]


FILTERS: Registry[NoiseFilter] = Registry("noise filter", package="carina.imaging.denoise")


def denoised(pixels: Pixels, name: str) -> Pixels:
    """Return a film without its noise, as far as a filter can tell noise from film.

    Args:
        pixels: float32 `[height, width]` in `[0, 1]`, on the network's grid.
        name: a registered filter, or "none".

    Returns:
        float32 `[height, width]` in `[0, 1]`; `pixels` themselves for "none".

    Raises:
        UnknownNameError: if there is no such filter.
        MissingExtraError: if scikit-image or PyWavelets is not installed.
    """
    if name == "none":
        return pixels
    noise_filter = FILTERS.get(name)
    _import_libraries(name)
    height, width = pixels.shape
    down, right = max(_SMALLEST_SIDE - height, 0), max(_SMALLEST_SIDE - width, 0)
    padded = np.pad(pixels, ((0, down), (0, right)), mode="symmetric")
    filtered = noise_filter.apply(padded)[:height, :width]
    return np.asarray(filtered.clip(0, 1), dtype=np.float32)


def require_filter(name: str, *, needed_for: str) -> None:
    """Check that a filter can be applied, without importing what it needs.

    Args:
        name: a registered filter, or "none", which needs nothing.
        needed_for: what asks for it, for the message.

    Raises:
        UnknownNameError: if there is no such filter.
        MissingExtraError: if scikit-image or PyWavelets is not installed.

    >>> require_filter("none", needed_for="an example")
    """
    if name == "none":
        return
    FILTERS.get(name)
    if any(find_spec(module) is None for module in EXTRA_MODULES):
        raise MissingExtraError(needed_for=needed_for, extra=EXTRA)


def filter_versions(name: str) -> tuple[str, ...]:
    """Return the versions of the libraries that a filter's pixels depend on; none for "none".

    Args:
        name: a registered filter whose libraries are installed, or "none".

    Raises:
        MissingExtraError: if scikit-image or PyWavelets is not installed.

    >>> filter_versions("none")
    ()
    """
    if name == "none":
        return ()
    try:
        return tuple(f"{package.lower()}{version(package)}" for package in EXTRA_PACKAGES)
    except PackageNotFoundError as error:
        raise MissingExtraError(needed_for=f"the noise filter '{name}'", extra=EXTRA) from error


def _import_libraries(name: str) -> None:
    with _IMPORTING:
        try:
            for module in _HEAVY:
                importlib.import_module(module)
        except ImportError as error:
            needed_for = f"the noise filter '{name}'"
            raise MissingExtraError(needed_for=needed_for, extra=EXTRA) from error
