"""Films far from the other films of their own data set, in ten plain measures."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carina.auditing.misfit_check import (
    MeasuredFilms,
    MisfitCheck,
    SketchedFilms,
    Suspect,
)
from carina.auditing.misfit_checks import CHECKS
from carina.imaging.thumbnails import Floats

# Fewer films have no usual range to lie outside of.
_FEWEST_FILMS = 30
# A squared distance over the median film's. Of 2,246 real films of four sets 3 lie above the
# first (`benchmarks/misfits.py`).
_LIMIT, _FAR = 12.0, 25.0
# To normal spread from the median absolute deviation (Rousseeuw & Croux, JASA 88 (1993) 1273).
_MAD_TO_SIGMA = 1.4826
_CLIPPED_AT = 3.0
_SHRINKAGE = 0.2
_NAMED = 2


@dataclass(frozen=True, slots=True)
class _Trait:
    """One plain measure.

    Attributes:
        words: what it is.
        of: float32 `[n]`, from sketches.
        least_spread: the deviation that is taken as usual at least, so that a data set of
            one size does not make every other size infinitely far.
    """

    words: str
    of: Callable[[SketchedFilms], NDArray[np.floating]]
    least_spread: float


def _grey(films: SketchedFilms) -> Floats:
    return np.asarray(films.small.mean(axis=(1, 2), dtype=np.float32) / 255, dtype=np.float32)


def _contrast(films: SketchedFilms) -> NDArray[np.floating]:
    return np.array([facts.contrast for facts in films.facts])


def _black(films: SketchedFilms) -> NDArray[np.floating]:
    return np.sqrt(films.histogram[:, 0])


def _white(films: SketchedFilms) -> NDArray[np.floating]:
    return np.sqrt(films.histogram[:, -1])


def _middle(films: SketchedFilms) -> NDArray[np.floating]:
    """Return how much brighter the middle column of the film is than the film."""
    return np.asarray(films.small[:, :, 40:56].mean(axis=(1, 2)) / 255 - _grey(films))


def _lower(films: SketchedFilms) -> NDArray[np.floating]:
    low, high = films.small[:, 64:], films.small[:, :32]
    return np.asarray((low.mean(axis=(1, 2)) - high.mean(axis=(1, 2))) / 255)


def _lopsided(films: SketchedFilms) -> NDArray[np.floating]:
    cells = films.small.reshape(-1, 12, 8, 12, 8).mean(axis=(2, 4), dtype=np.float32) / 255
    return np.asarray(np.abs(cells - cells[:, :, ::-1]).mean(axis=(1, 2)))


def _detail(films: SketchedFilms) -> NDArray[np.floating]:
    steps = np.abs(np.diff(films.small.astype(np.int16), axis=2)).mean(axis=(1, 2)) / 255
    return np.asarray(np.log(steps + 1e-3))


def _shape(films: SketchedFilms) -> NDArray[np.floating]:
    return np.log([facts.height / facts.width for facts in films.facts])


def _unlike(films: SketchedFilms) -> NDArray[np.floating]:
    return np.log(films.fit.distances[:, 0, 0])


_TRAITS = (
    _Trait("mean grey", _grey, 0.03),
    _Trait("contrast", _contrast, 0.03),
    _Trait("share of black", _black, 0.05),
    _Trait("share of white", _white, 0.05),
    _Trait("brightness of the middle", _middle, 0.02),
    _Trait("brightness of the lower part", _lower, 0.03),
    _Trait("difference of left and right", _lopsided, 0.01),
    _Trait("fine detail", _detail, 0.1),
    _Trait("height to width", _shape, 0.12),
    _Trait("distance from frontal chest films", _unlike, 0.1),
)


def _measure(films: SketchedFilms) -> Floats:
    return np.stack([trait.of(films) for trait in _TRAITS], axis=1).astype(np.float32)


def _judge(films: MeasuredFilms) -> Iterable[Suspect]:
    """Suspect the films whose traits together lie far outside of what is usual here."""
    if len(films.records) < _FEWEST_FILMS:
        return
    deviations = _deviations(films.values.astype(np.float64))
    squared = _squared_distances(deviations)
    usual = float(np.median(squared))
    if usual == 0:  # most films are one and the same picture
        return
    ratios = squared / usual
    for place in np.flatnonzero(ratios > _LIMIT):
        strongest = np.argsort(-np.abs(deviations[place]))[:_NAMED]
        named = " and ".join(
            f"{_TRAITS[trait].words} ({deviations[place, trait]:+.1f} deviations)"
            for trait in strongest
        )
        yield Suspect(
            place=int(place),
            sureness="likely" if ratios[place] > _FAR else "possible",
            strength=float(ratios[place]),
            sentence=f"Unlike the other films here, most of all in {named}. Unusual is not "
            "wrong: rare disease, an implant or another hospital's film looks like that too.",
        )


def _deviations(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how many robust deviations each trait lies from its median."""
    centred = values - np.median(values, axis=0)
    spread = _MAD_TO_SIGMA * np.median(np.abs(centred), axis=0)
    return centred / np.maximum(spread, [trait.least_spread for trait in _TRAITS])


def _squared_distances(deviations: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return squared Mahalanobis distances by the traits' shrunk robust correlation.

    Deviations are clipped before their correlation is taken, so that the outliers do not
    stretch the measure that they are judged by.
    """
    clipped = deviations.clip(-_CLIPPED_AT, _CLIPPED_AT)
    moments = clipped.T @ clipped / len(clipped)
    scale = np.sqrt(np.diag(moments).clip(1e-6))
    correlation = moments / np.outer(scale, scale)
    shrunk = (1 - _SHRINKAGE) * correlation + _SHRINKAGE * np.eye(len(scale))
    return np.asarray(np.einsum("ni,ij,nj->n", deviations, np.linalg.inv(shrunk), deviations))


CHECKS.register("outlier")(
    MisfitCheck(
        title="unlike the other films",
        judge=_judge,
        measure=_measure,
        yields_to=(
            "blank", "collage", "colour", "inverted", "lateral", "not-chest", "rotated", "text",
        ),
    )
)  # fmt: skip
