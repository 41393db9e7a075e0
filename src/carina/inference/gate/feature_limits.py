"""How far films that are new to a network lie from those that it learned from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from carina.domain.sentences import counted
from carina.inference.gate.gaussians import FeatureGaussian, feature_gaussian

if TYPE_CHECKING:
    from carina.inference.gate.fitting import GateFilms

# A film that the network learned from lies nearer than a new one, so that a limit comes from new
# ones; of fewer than these it would be a guess.
_FEWEST_NEW, _FEWEST_SEEN = 15, 20
# The features cost a pass through the network.
_MOST_FILMS = 1000


@dataclass(frozen=True, slots=True, eq=False)
class HonestFeatures:
    """Films as the network sees them.

    Attributes:
        gaussian: of the films that it learned from, or of all where it learned from none.
        places: intp `[n]`, of the films that are new to it.
        values: float64 `[n]`, their log distances, by a Gaussian that they are no part of.
        in_words: what these films are.
    """

    gaussian: FeatureGaussian
    places: NDArray[np.intp]
    values: NDArray[np.float64]
    in_words: str


def honest_features(films: GateFilms, folds: NDArray[np.intp]) -> HonestFeatures | None:
    """Return the distances of new films, or None where there are no features or too few films.

    Args:
        films: those that the network learned from and new ones.
        folds: of each film, for a network that learned from none of them.
    """
    seen = _thinned(np.flatnonzero(~films.is_new))
    groups = np.asarray(films.groups)
    # A described split may share patients or pictures: such a film is not new to the network.
    is_known = np.isin(groups, groups[~films.is_new])
    new = _thinned(np.flatnonzero(films.is_new & ~is_known))
    if films.features is None or len(new) < _FEWEST_NEW:
        return None
    classes = np.asarray(films.classes)
    of_new = films.features(new)
    if len(seen) >= _FEWEST_SEEN:
        gaussian = feature_gaussian(films.features(seen), classes[seen])
        words = counted(len(new), "validation film")
        if is_known[films.is_new].any():
            words += " that share no patient or picture with a training film"
        return HonestFeatures(gaussian, new, gaussian.distances(of_new), words)
    values = np.empty(len(new))
    for fold in np.unique(folds[new]):
        own = folds[new] == fold
        if own.all():
            return None
        values[own] = feature_gaussian(of_new[~own], classes[new][~own]).distances(of_new[own])
    return HonestFeatures(
        feature_gaussian(of_new, classes[new]), new, values, counted(len(new), "film")
    )


def _thinned(places: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return at most `_MOST_FILMS` of the places, evenly spread."""
    if len(places) <= _MOST_FILMS:
        return places
    return places[np.linspace(0, len(places) - 1, _MOST_FILMS).astype(np.intp)]
