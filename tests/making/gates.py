"""Films that a gate is fitted to, made on the spot."""

from functools import lru_cache
from typing import get_args

import numpy as np

from carina.domain.gate import Gate, GateCheck, Measure
from carina.domain.input_spec import InputSpec
from carina.imaging.film_gaussian import FilmGaussian
from carina.imaging.prepare import prepare_levels
from carina.inference.gate import measure
from carina.inference.gate.columns import N_COLUMNS
from carina.inference.gate.fitting import FittedGate, GateFilms, fit_gate
from carina.inference.gate.gaussians import FeatureGaussian
from carina.inference.gate.reference import GATE_FILE, GateReference
from carina.inference.gate.scores import PictureScores
from making.films import film_of
from making.sketched import phantom_pixels

N_FILMS, N_NEW = 60, 20
_SPEC = InputSpec(height=96, width=96)


def phantom_film(number: int, **facts):
    """Return a phantom as a radiograph."""
    return film_of(phantom_pixels(number), **facts)


@lru_cache(maxsize=1)
def phantom_gate() -> FittedGate:
    """Return a gate fitted to phantoms, of which the last 20 are new to the network."""
    return fit_gate(gate_films())


def made_gate(n_features: int) -> tuple[Gate, bytes]:
    """Return a gate of made numbers, and its file; it fits no films and refuses none."""
    rng = np.random.default_rng(n_features)
    n_waves, n_directions = 5, 3

    def normal(*shape):
        return rng.normal(size=shape).astype(np.float32)

    reference = GateReference(
        films=FilmGaussian(normal(576), normal(n_directions, 576) / 24, np.ones(3, np.float32), 1),
        scores=PictureScores(
            normal(N_COLUMNS), np.ones(N_COLUMNS, np.float32), normal(N_COLUMNS, n_waves),
            normal(n_waves), normal(1 + N_COLUMNS + n_waves, 2),
        ),
        pose_fits=1.0,
        network=FeatureGaussian(
            normal(2, n_features), normal(2, n_features), np.ones(2, np.float32), 1
        ),
    )  # fmt: skip
    checks = tuple(
        GateCheck(measure=one, limit=90, usual=0, tail_start=0, tail_scale=1, n_films=9)
        for one in get_args(Measure)
    )
    return Gate(checks=checks, file=GATE_FILE, fitted_on="nothing"), reference.to_bytes()


def gate_films(n: int = N_FILMS, **changes) -> GateFilms:
    """Return phantoms to fit a gate to; `changes` are other attributes."""
    films = [phantom_film(number) for number in range(n)]
    levels = np.stack([prepare_levels(film, _SPEC) for film in films])
    features = np.random.default_rng(4).normal(size=(n, 12)).astype(np.float32)
    given = {
        "measures": [measure(film) for film in films],
        "classes": [number % 3 for number in range(n)],
        "groups": [str(number) for number in range(n)],
        "is_new": np.arange(n) >= n - N_NEW,
        "levels": lambda places: levels[places],
        "features": lambda places: features[places],
    }
    return GateFilms(**{**given, **changes})
