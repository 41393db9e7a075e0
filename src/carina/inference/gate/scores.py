"""Scores that tell films from other pictures, fitted with a penalty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from carina.imaging.thumbnails import Floats

# Chosen with benchmarks/gate.py's pictures among widths of 300 to 1,000, scales of 0.7 to 2 and
# penalties of 0.001 to 0.01: the means over the kinds lie within 2 %, but for the longest scale.
_N_WAVES = 500
_SCALE = 1.0
_PENALTY = 1e-3
# Beside the waves the columns themselves, so that a score has a slope far from all films.
_STRAIGHT = 0.1
# A column farther out than so many deviations counts as so far.
_FARTHEST = 5.0
_LEAST_DEVIATION = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class PictureScores:
    """Two scores of a picture's columns.

    Attributes:
        centre, deviation: float32 `[columns]`, what the columns are standardised by.
        waves: float32 `[columns, waves]`, the frequencies of cosines of the columns.
        shifts: float32 `[waves]`.
        weights: float32 `[1 + columns + waves, 2]`.

    References:
        Rahimi & Recht, Random features for large-scale kernel machines, NIPS 20 (2007) (the
        cosines stand for a Gaussian kernel); Rifkin, Yeo & Poggio, Regularized least-squares
        classification, in: Advances in Learning Theory (2003) (the weights).
    """

    centre: Floats
    deviation: Floats
    waves: Floats
    shifts: Floats
    weights: Floats

    def of(self, columns: Floats) -> NDArray[np.float64]:
        """Return the scores float64 `[n, 2]` of columns `[n, columns]`.

        The first is about -1 for a film and +1 for a picture that was made of films; the second
        about +1 for a part of a film and -1 for another picture made of films.
        """
        return np.asarray(self.mapped(columns) @ self.weights.astype(np.float64))

    def mapped(self, columns: Floats) -> NDArray[np.float64]:
        """Return what the weights are of, float64 `[n, 1 + columns + waves]`."""
        standard = ((columns - self.centre) / self.deviation).astype(np.float64)
        standard = standard.clip(-_FARTHEST, _FARTHEST)
        cosines = np.cos(standard @ self.waves + self.shifts) * np.sqrt(2 / len(self.shifts))
        return np.column_stack([np.ones(len(columns)), _STRAIGHT * standard, cosines])


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """Pictures whose kind is known.

    Attributes:
        columns: float32 `[n, columns]`.
        folds: intp `[n]`.
    """

    columns: Floats
    folds: NDArray[np.intp]


def fitted_scores(
    films: Told,
    others: Told,
    *,
    is_part: NDArray[np.bool_],
    is_texture: NDArray[np.bool_],
    rng: np.random.Generator,
) -> tuple[PictureScores, NDArray[np.float64]]:
    """Return scores fitted to films and to pictures made of them.

    Films and other pictures weigh the same, however many there are.

    Args:
        films: of two folds or more.
        others: made of films of the same folds.
        is_part: bool `[others]`, parts of films.
        is_texture: bool `[others]`, neither parts nor whole films.
        rng: draws the waves.

    Returns:
        The scores, and the first one float64 `[films]` of each film by weights that were fitted
        without its fold.
    """
    blank = _blank(films.columns, others.columns, rng)
    own, wrong = blank.mapped(films.columns), blank.mapped(others.columns)
    folds = np.unique(films.folds)
    of_films = [_Sums.over(own[films.folds == fold]) for fold in folds]
    of_others = [_Sums.over(wrong[others.folds == fold]) for fold in folds]
    honest = np.empty(len(own))
    for place, fold in enumerate(folds):
        weights = _weights(_total(of_others, without=place), _total(of_films, without=place))
        honest[films.folds == fold] = own[films.folds == fold] @ weights
    heads = (
        _weights(_total(of_others), _total(of_films)),
        _weights(_Sums.over(wrong[is_part]), _Sums.over(wrong[is_texture])),
    )
    return replace(blank, weights=np.stack(heads, axis=1).astype(np.float32)), honest


def _blank(films: Floats, others: Floats, rng: np.random.Generator) -> PictureScores:
    """Return scores of nothing, with standards of the columns and waves drawn."""
    rows = np.concatenate([films, others]).astype(np.float64)
    share = np.repeat([0.5 / len(films), 0.5 / len(others)], [len(films), len(others)])
    centre = share @ rows
    deviation = np.sqrt(share @ (rows - centre) ** 2)
    n_columns = rows.shape[1]
    waves = rng.standard_normal((n_columns, _N_WAVES)) / (_SCALE * np.sqrt(n_columns))
    return PictureScores(
        centre=centre.astype(np.float32),
        deviation=np.where(deviation < _LEAST_DEVIATION, 1.0, deviation).astype(np.float32),
        waves=waves.astype(np.float32),
        shifts=rng.uniform(0, 2 * np.pi, _N_WAVES).astype(np.float32),
        weights=np.zeros((1 + n_columns + _N_WAVES, 2), dtype=np.float32),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """What weights need of some pictures: products, sums and number of their mapped columns."""

    products: NDArray[np.float64]
    sums: NDArray[np.float64]
    n: int

    @classmethod
    def over(cls, mapped: NDArray[np.float64]) -> _Sums:
        return cls(mapped.T @ mapped, mapped.sum(axis=0), len(mapped))


def _total(parts: Sequence[_Sums], *, without: int | None = None) -> _Sums:
    kept = [part for place, part in enumerate(parts) if place != without]
    products, sums = kept[0].products.copy(), kept[0].sums.copy()
    for part in kept[1:]:
        products += part.products
        sums += part.sums
    return _Sums(products, sums, sum(part.n for part in kept))


def _weights(above: _Sums, below: _Sums) -> NDArray[np.float64]:
    """Return the weights of a score of +1 above and -1 below, by least squares."""
    n_above, n_below = max(above.n, 1), max(below.n, 1)
    products = above.products / (2 * n_above) + below.products / (2 * n_below)
    wanted = above.sums / (2 * n_above) - below.sums / (2 * n_below)
    return np.asarray(np.linalg.solve(products + _PENALTY * np.eye(len(wanted)), wanted))
