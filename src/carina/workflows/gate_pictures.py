"""Test films made into other pictures, and what a classifier answers to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from carina.domain.prediction import Prediction
from carina.domain.radiograph import Radiograph
from carina.domain.record import Record
from carina.evaluation.heat_maps import random_like
from carina.imaging import read_radiograph
from carina.inference.classifier import Classifier
from carina.workflows.films import Films
from carina.workflows.gating import groups_of

Pixels = NDArray[np.float32]

MOST_FILMS = 60
"""So many test films are turned into each kind: enough to tell 99 % from 94 %."""
_BATCH = 15
_BLOCKS = 4


def _corner(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    height, width = (max(int(rng.uniform(0.3, 0.6) * side), 28) for side in pixels.shape)
    rows = slice(None, height) if rng.random() < 0.5 else slice(-height, None)
    columns = slice(None, width) if rng.random() < 0.5 else slice(-width, None)
    return pixels[rows, columns]


def _middle(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    height, width = (max(int(rng.uniform(0.25, 0.5) * side), 28) for side in pixels.shape)
    top = int(rng.uniform(0.35, 0.65) * (pixels.shape[0] - height))
    left = int(rng.uniform(0.35, 0.65) * (pixels.shape[1] - width))
    return pixels[top : top + height, left : left + width]


def _blocks(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Return the film's 4 x 4 blocks, each where another one was."""
    high, wide = (side // _BLOCKS for side in pixels.shape)
    whole = pixels[: high * _BLOCKS, : wide * _BLOCKS]
    blocks = whole.reshape(_BLOCKS, high, _BLOCKS, wide).swapaxes(1, 2).reshape(-1, high, wide)
    order = np.roll(np.arange(len(blocks)), int(rng.integers(1, len(blocks))))
    mixed = blocks[order].reshape(_BLOCKS, _BLOCKS, high, wide)
    return mixed.swapaxes(1, 2).reshape(whole.shape)


def _blank(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    grain = rng.normal(rng.uniform(0.1, 0.9), 0.005, pixels.shape)
    return grain.clip(0, 1).astype(np.float32)


CHANGES: dict[str, Callable[[Pixels, np.random.Generator], Pixels]] = {
    "black and white swapped": lambda pixels, _: 1 - pixels,
    "turned by 90 degrees clockwise": lambda pixels, _: np.rot90(pixels, -1),
    "turned by 90 degrees anticlockwise": lambda pixels, _: np.rot90(pixels),
    "upside down": lambda pixels, _: np.rot90(pixels, 2),
    "cut to a corner": _corner,
    "cut to a piece of the middle": _middle,
    "a texture of its frequencies": lambda pixels, rng: random_like(pixels, rng=rng),
    "its blocks in another order": _blocks,
    "blank": _blank,
}
"""Kinds of other pictures -> what makes one of a film's pixels float32 `[height, width]`."""


def changed(film: Radiograph, kind: str, rng: np.random.Generator) -> Radiograph:
    """Return a film as another picture.

    Args:
        film: stays as it is.
        kind: one of `CHANGES`.
        rng: draws place, size and order.
    """
    return replace(film, pixels=np.ascontiguousarray(CHANGES[kind](film.pixels, rng)))


def _read(record: Record) -> Radiograph | None:
    return read_radiograph(record.file)


def answers_to_made_pictures(
    films: Films,
    classifier: Classifier,
    *,
    seed: int,
    read: Callable[[Record], Radiograph | None] = _read,
) -> dict[str, list[Prediction]]:
    """Return what a classifier answers to test films made into other pictures, by kind.

    Args:
        films: one test film of each patient or picture is used, `MOST_FILMS` at most.
        classifier: with its gate.
        seed: of what is drawn.
        read: reads a film; one that it gives None for is left out.
    """
    records = _one_of_each_group(films)
    answers: dict[str, list[Prediction]] = {kind: [] for kind in CHANGES}
    for start in range(0, len(records), _BATCH):
        found = [read(record) for record in records[start : start + _BATCH]]
        there = [film for film in found if film is not None]
        for number, kind in enumerate(CHANGES if there else ()):
            rng = np.random.default_rng([seed, start, number])
            answers[kind] += classifier.answers([changed(film, kind, rng) for film in there])
    return {kind: own for kind, own in answers.items() if own}


def _one_of_each_group(films: Films) -> Sequence[Record]:
    records = films.of("test")
    first = dict(zip(reversed(groups_of(films, records)), reversed(records), strict=True))
    chosen = list(first.values())
    if len(chosen) <= MOST_FILMS:
        return chosen
    return [chosen[place] for place in np.linspace(0, len(chosen) - 1, MOST_FILMS).astype(int)]
