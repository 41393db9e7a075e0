"""Films that a gate is fitted to, made on the spot."""

from functools import lru_cache

import numpy as np

from carina.domain.input_spec import InputSpec
from carina.imaging.prepare import prepare_levels
from carina.inference.gate import measure
from carina.inference.gate.fitting import FittedGate, GateFilms, fit_gate
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
