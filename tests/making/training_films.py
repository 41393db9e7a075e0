"""Small prepared films whose class is easy to see, and networks for them."""

import numpy as np

from carina.domain.input_spec import InputSpec
from carina.domain.recipe import NetworkSection
from carina.models.build import build_network
from carina.training.films import FilmPart, TrainingFilms

SMALL = InputSpec(height=32, width=32)
NARROW = {"filters": (4, 8), "dense": 16}


def small_network(n_classes=2, *, spec=SMALL, seed=0, **options):
    """A two-conv with few filters."""
    section = NetworkSection(architecture="two-conv", options={**NARROW, **options})
    return build_network(section, spec=spec, n_classes=n_classes, seed=seed)


def film_part(levels, labels, prefix="film"):
    """A part over an array in memory."""
    keys = tuple(f"{prefix}-{i}" for i in range(len(levels)))
    place = {key: i for i, key in enumerate(keys)}
    return FilmPart(
        keys=keys,
        labels=np.asarray(labels, dtype=np.int64),
        read_levels=lambda wanted: levels[[place[key] for key in wanted]],
    )


def easy_part(n, *, n_classes=2, seed=0, spec=SMALL, labels=None):
    """Noise with a bright bar whose row tells the class."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % n_classes if labels is None else np.asarray(labels)
    pixels = 0.4 * rng.random((n, spec.height, spec.width))
    thickness = spec.height // (2 * n_classes)
    for film, label in zip(pixels, labels, strict=True):
        top = int(label) * (spec.height // n_classes) + thickness // 2
        film[top : top + thickness] += 0.5
    return film_part(np.round(pixels * 65535).astype(np.uint16), labels, f"film-{seed}")


def easy_films(n=64, n_validation=24, *, n_classes=2, spec=SMALL):
    """Training and validation films of `easy_part`."""
    return TrainingFilms(
        train=easy_part(n, n_classes=n_classes, seed=1, spec=spec),
        validation=easy_part(n_validation, n_classes=n_classes, seed=2, spec=spec),
        spec=spec,
    )
