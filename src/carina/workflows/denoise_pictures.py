"""What every noise filter does to real films and to phantoms with known lesions."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from carina.domain.input_spec import DenoiseName, InputSpec
from carina.domain.progress import Progress, Step
from carina.domain.radiograph import Radiograph
from carina.imaging.denoise import denoised
from carina.imaging.noise import LEAST_NOISE, noise_level, with_quantum_noise
from carina.imaging.phantom import Phantom, make_phantom
from carina.imaging.picture_quality import (
    contrast_to_noise,
    fine_edges_kept,
    lesion_contrast,
    squared_error,
    ssim,
)
from carina.imaging.prepare import fitted_film

Pixels = NDArray[np.float32]

FILTER_NAMES: tuple[DenoiseName, ...] = get_args(DenoiseName)
LESIONS = {"pneumonia": "a lobar consolidation", "covid": "ground glass"}
"""Phantom finding -> its lesion in words."""


@dataclass(frozen=True, slots=True)
class FilmMeasures:
    """What one filter did to one real film.

    Attributes:
        squared_error, ssim, fine_edges_kept: filtered, against the film itself; the last NaN
            for a film without edges.
        unfiltered_squared_error: of the film with added noise, against the film.
        noisy_squared_error, noisy_ssim: the same, filtered.
        milliseconds: what filtering the film itself took.
        unchanged: whether the filter gave the film back as it was.
    """

    squared_error: float
    ssim: float
    fine_edges_kept: float
    unfiltered_squared_error: float
    noisy_squared_error: float
    noisy_ssim: float
    milliseconds: float
    unchanged: bool


@dataclass(frozen=True, slots=True)
class LesionMeasures:
    """What one filter did to one phantom's lesions: contrast, and contrast-to-noise."""

    contrast_kept: float
    cnr: float
    noisy_cnr: float


@dataclass(frozen=True, slots=True, eq=False)
class PhantomPair:
    """One patient with a lesion and without, on the network's grid.

    Attributes:
        with_lesion, without: float32 `[height, width]` in `[0, 1]`.
        lesion, healthy: bool `[height, width]`; the lesion, and the lungs beside it.
        finding: "pneumonia" or "covid".
    """

    with_lesion: Pixels
    without: Pixels
    lesion: NDArray[np.bool_]
    healthy: NDArray[np.bool_]
    finding: str


def film_measures(film: Pixels, *, rng: np.random.Generator) -> dict[DenoiseName, FilmMeasures]:
    """Return what each filter does to one fitted film, as it is and with added noise."""
    noisy = with_quantum_noise(film, rng=rng)
    return {name: _film_measures(film, noisy, name) for name in FILTER_NAMES}


def _film_measures(film: Pixels, noisy: Pixels, name: DenoiseName) -> FilmMeasures:
    start = time.perf_counter()
    filtered = denoised(film, name)
    seconds = time.perf_counter() - start
    restored = denoised(noisy, name)
    kept = fine_edges_kept(filtered, film)
    return FilmMeasures(
        squared_error=squared_error(filtered, film),
        ssim=ssim(filtered, film),
        fine_edges_kept=float("nan") if kept is None else kept,
        unfiltered_squared_error=squared_error(noisy, film),
        noisy_squared_error=squared_error(restored, film),
        noisy_ssim=ssim(restored, film),
        milliseconds=1000 * seconds,
        unchanged=bool(np.array_equal(filtered, film)),
    )


def lesion_measures(
    pair: PhantomPair, *, rng: np.random.Generator
) -> dict[DenoiseName, LesionMeasures]:
    """Return what each filter does to one phantom's lesions."""
    noisy_pair = [with_quantum_noise(film, rng=rng) for film in (pair.with_lesion, pair.without)]
    contrast = lesion_contrast(pair.with_lesion, pair.without, lesion=pair.lesion)
    measures = {}
    for name in FILTER_NAMES:
        own, without = denoised(pair.with_lesion, name), denoised(pair.without, name)
        noisy, noisy_without = (denoised(film, name) for film in noisy_pair)
        places = {"lesion": pair.lesion, "healthy": pair.healthy}
        measures[name] = LesionMeasures(
            contrast_kept=lesion_contrast(own, without, lesion=pair.lesion) / contrast,
            cnr=contrast_to_noise(own, without, **places),
            noisy_cnr=contrast_to_noise(noisy, noisy_without, **places),
        )
    return measures


def phantom_pairs(
    n_phantoms: int, spec: InputSpec, *, seed: int, progress: Progress
) -> list[PhantomPair]:
    """Return phantoms with lesions, every second one with pneumonia.

    Args:
        n_phantoms: how many are drawn; one whose lesion the frame hides is left out.
        spec: how films come onto the network's grid.
        seed: draws them.
        progress: told after every one.
    """
    pairs = []
    for number in range(n_phantoms):
        finding = list(LESIONS)[number % len(LESIONS)]
        ill, well = (_phantom(one, spec, seed=(seed, number)) for one in (finding, "normal"))
        lesion = _mask_on_grid(ill.lesion_mask, spec)
        healthy = _mask_on_grid(ill.lung_mask, spec) & ~lesion
        if lesion.any() and healthy.any():
            pair = PhantomPair(
                with_lesion=fitted_film(_radiograph(ill.pixels), spec),
                without=fitted_film(_radiograph(well.pixels), spec),
                lesion=lesion,
                healthy=healthy,
                finding=finding,
            )
            pairs.append(pair)
        progress(Step("drawing phantoms", number + 1, n_phantoms))
    return pairs


def film_noise(film: Pixels) -> float:
    """Return a fitted film's own noise, 0 where a filter would find none."""
    level = noise_level(film)
    return level if level >= LEAST_NOISE else 0.0


def _phantom(finding: str, spec: InputSpec, *, seed: tuple[int, int]) -> Phantom:
    """Return a phantom no coarser than the network's grid; one seed is one patient."""
    return make_phantom(
        finding,
        rng=np.random.default_rng(seed),
        height=max(320, spec.height),
        width=max(288, spec.width),
    )


def _mask_on_grid(mask: NDArray[np.bool_], spec: InputSpec) -> NDArray[np.bool_]:
    share = fitted_film(_radiograph(mask.astype(np.float32)), spec)
    return np.asarray(share > 0.5)


def _radiograph(pixels: Pixels) -> Radiograph:
    return Radiograph(
        pixels=pixels, path=Path("phantom"), sha256="", file_format="PNG", colour_mode="L"
    )
