"""A classifier's gate, fitted to the films that it learned from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from carina.domain.gate import Gate, GateCheck, GateMeasures
from carina.domain.input_statistics import InputStatistics
from carina.domain.sentences import counted
from carina.domain.views import not_frontal
from carina.imaging.thumbnails import equalised_thumbnails
from carina.inference.drift import bin_shares
from carina.inference.gate.columns import Pictures, pictures_of
from carina.inference.gate.feature_limits import HonestFeatures, honest_features
from carina.inference.gate.folds import fold_numbers
from carina.inference.gate.gaussians import film_gaussian
from carina.inference.gate.made_pictures import Made, made_of_films
from carina.inference.gate.reference import GATE_FILE, GateReference, plain_values
from carina.inference.gate.scores import Told, fitted_scores
from carina.inference.gate.tails import Tail, fitted_tail

BUDGET = 0.02
"""The share of honest films that all fitted limits together may refuse."""
FEWEST_FILMS = 20
_FEATURE_SHARE = 0.25
_N_FOLDS = 10
_MOST_MADE_FROM = 150
_POSE_FITS_SHARE = 0.02
_LEAST_COLOUR_LIMIT, _COLOUR_QUANTILE, _COLOUR_ROOM = 0.1, 0.998, 1.25
_FEW_LATERALS = 0.01
_FEW_BEYOND = 2
_FEWEST_GROUPS = 10
_DECILES = np.linspace(0, 1, 11)
_SKETCHED = ("picture", "layout", "pose")


@dataclass(frozen=True, slots=True, eq=False)
class GateFilms:
    """Films that a gate is fitted to, in an order that does not depend on their names.

    Attributes:
        measures: of each film, with its sketch (`inference.gate.measure`).
        classes: number of each film's class.
        groups: films of one patient, or of one picture, have the same.
        is_new: bool `[n]`; True for a film that the network did not learn from.
        levels: places of films -> their prepared levels uint16 `[n, height, width]`.
        features: places of films -> the network's features float `[n, features]`; None where
            it has none.
    """

    measures: Sequence[GateMeasures]
    classes: Sequence[int]
    groups: Sequence[str]
    is_new: NDArray[np.bool_]
    levels: Callable[[NDArray[np.intp]], NDArray[np.uint16]]
    features: Callable[[NDArray[np.intp]], NDArray[np.floating]] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class FittedGate:
    """What fitting came to.

    Attributes:
        gate: for the card.
        data: of the file `gate.file`; b"" where nothing could be fitted.
        statistics: for the card.
    """

    gate: Gate
    data: bytes
    statistics: InputStatistics

    @property
    def files(self) -> dict[str, bytes]:
        """The classifier's further files, by name."""
        return {self.gate.file: self.data} if self.gate.file else {}


def fit_gate(films: GateFilms, *, budget: float = BUDGET, seed: int = 0) -> FittedGate:
    """Return a gate fitted to films alone: other pictures are made of them.

    Every film is measured by a gate that was fitted without its group, so that the limits hold
    for films that the gate has not seen.

    Args:
        films: the classifier's training films, and those of its validation part.
        budget: the share of films like these that all limits together may refuse.
        seed: of the folds, and of the pictures made of the films.
    """
    n = len(films.measures)
    sketches = [one.sketch for one in films.measures]
    n_groups = len(set(films.groups))
    if n < FEWEST_FILMS or n_groups < _FEWEST_GROUPS or any(one is None for one in sketches):
        why = (
            f"nothing was fitted: {counted(n, 'film')} of {counted(n_groups, 'patient')} are too "
            f"few; {FEWEST_FILMS} of {_FEWEST_GROUPS} are needed"
        )
        return FittedGate(Gate(fitted_on=why), b"", InputStatistics())
    small = np.stack([one["small"] for one in sketches if one is not None])
    rng = np.random.default_rng([seed, n])
    folds = fold_numbers(films.groups, _N_FOLDS, rng)
    made = made_of_films(small, films.levels, most=_MOST_MADE_FROM, rng=rng)
    reference, honest = _fitted(small, made, folds, rng)
    features = honest_features(films, folds)
    if features is not None:
        reference = replace(reference, network=features.gaussian)
    gate = _gate(films, honest, features, budget=budget)
    values = honest | ({"features": features.values} if features is not None else {})
    return FittedGate(gate, reference.to_bytes(), _statistics(films, values))


def _fitted(
    small: NDArray[np.uint8], made: Made, folds: NDArray[np.intp], rng: np.random.Generator
) -> tuple[GateReference, dict[str, NDArray[np.float64]]]:
    """Return the reference of all films, and each film's values by one that was fitted without
    its fold."""
    n = len(small)
    thumbnails = equalised_thumbnails(small)
    own, others = [], []
    places = np.arange(n)
    for fold in range(int(folds.max()) + 1):
        held_out = folds == fold
        gaussian = film_gaussian(thumbnails[~held_out])
        own.append((places[held_out], pictures_of(small[held_out], gaussian)))
        of_fold = held_out[made.source]
        others.append((np.flatnonzero(of_fold), pictures_of(made.small[of_fold], gaussian)))
    measured = _in_order(own)
    wrong = _in_order(others)
    scores, of_films = fitted_scores(
        Told(measured.columns, folds),
        Told(wrong.columns, folds[made.source]),
        is_part=made.is_part,
        is_texture=made.is_texture,
        rng=rng,
    )
    reference = GateReference(
        films=film_gaussian(thumbnails),
        scores=scores,
        pose_fits=fitted_tail(measured.layout).limit(_POSE_FITS_SHARE),
    )
    return reference, plain_values(small, measured) | {"picture": of_films}


def _in_order(found: Sequence[tuple[NDArray[np.intp], Pictures]]) -> Pictures:
    """Return the pictures of all folds as one, in the order of their places."""
    order = np.concatenate([places for places, _ in found]).argsort(kind="stable")
    return Pictures.joined([pictures for _, pictures in found]).of(order)


def _gate(
    films: GateFilms,
    honest: dict[str, NDArray[np.float64]],
    features: HonestFeatures | None,
    *,
    budget: float,
) -> Gate:
    """Return the limits."""
    own_budget = budget if features is None else budget * (1 - _FEATURE_SHARE)
    tails = {name: fitted_tail(honest[name]) for name in _SKETCHED}
    surprise = np.max([tail.surprise(honest[name]) for name, tail in tails.items()], axis=0)
    most = _common_limit(surprise, own_budget)
    checks = [
        _check(name, tail, honest[name], share=float(np.exp(-most))) for name, tail in tails.items()
    ]
    beyond = np.zeros(len(films.measures), dtype=np.bool_)
    for check in checks:
        beyond |= honest[check.measure] > check.limit
    if features is not None:
        tail = fitted_tail(features.values)
        share = float(np.exp(-_common_limit(tail.surprise(features.values), budget - own_budget)))
        checks.append(_check("features", tail, features.values, share=share))
        beyond[features.places] |= features.values > checks[-1].limit
    return Gate(
        is_frontal=_is_frontal(films),
        max_colour_share=_colour_limit(films),
        checks=tuple(checks),
        file=GATE_FILE,
        budget=budget,
        refused=float(beyond.mean()),
        n_films=len(beyond),
        fitted_on=_fitted_on(films, features),
    )


def _check(name: str, tail: Tail, values: NDArray[np.float64], *, share: float) -> GateCheck:
    return GateCheck.model_validate(
        {
            "measure": name,
            "limit": tail.limit(share),
            "usual": float(np.median(values)),
            "tail_start": tail.start,
            "tail_scale": tail.scale,
            "n_films": len(values),
        }
    )


def _common_limit(surprise: NDArray[np.float64], budget: float) -> float:
    """Return the surprise that a share of new films exceeds.

    A new film exceeds the k-th largest of n films with a chance of k / (n + 1), whatever their
    distribution. Where that leaves no film or one to exceed the limit, an odd film would set it
    alone: then it is at most what the tail says of half the share.

    References:
        Wilks, Ann Math Stat 12 (1941) 91-96 (distribution-free tolerance limits).
    """
    rank = int(budget * (len(surprise) + 1))
    by_films = float(np.sort(surprise)[-rank]) if rank else np.inf
    if rank > _FEW_BEYOND:
        return by_films
    return min(by_films, fitted_tail(surprise).limit(budget / 2))


def _is_frontal(films: GateFilms) -> bool:
    lateral = [bool(not_frontal(one.view or "")) for one in films.measures]
    return sum(lateral) <= _FEW_LATERALS * len(lateral)


def _colour_limit(films: GateFilms) -> float:
    shares = np.array([one.colour_share for one in films.measures])
    usual = _COLOUR_ROOM * float(np.quantile(shares, _COLOUR_QUANTILE))
    return min(1.0, max(_LEAST_COLOUR_LIMIT, usual))


def _fitted_on(films: GateFilms, features: HonestFeatures | None) -> str:
    n_new = int(films.is_new.sum())
    n_seen = len(films.is_new) - n_new
    words = f"{counted(n_seen, 'training film')} and {counted(n_new, 'validation film')}"
    if not n_seen:
        words = counted(n_new, "film")
    elif not n_new:
        words = counted(n_seen, "training film")
    if features is None:
        return f"{words}; the network's features are not looked at: {_no_features(films)}"
    return f"{words}; the limit of the features on {features.in_words}"


def _no_features(films: GateFilms) -> str:
    if films.features is None:
        return "it has no output of them"
    return "too few films are new to the network"


def _statistics(films: GateFilms, values: dict[str, NDArray[np.float64]]) -> InputStatistics:
    """Return the deciles: of the plain measures those of the training films alone."""
    is_own = ~films.is_new if not films.is_new.all() else films.is_new
    plain = {
        "mean_grey": values["mean_grey"][is_own],
        "contrast": np.array([one.contrast for one in films.measures])[is_own],
        "sharpness": values["sharpness"][is_own],
    }
    measured = plain | {
        name: values[name] for name in ("picture", "layout", "features") if name in values
    }
    statistics = InputStatistics(
        n_films=int(is_own.sum()),
        deciles={
            name: tuple(map(float, np.quantile(column, _DECILES)))
            for name, column in measured.items()
        },
        n_films_of={name: len(column) for name, column in measured.items()},
    )
    shares = {name: bin_shares(statistics, name, column) for name, column in measured.items()}
    return statistics.model_copy(update={"shares": shares})
