"""Occlusion: what the network's confidence loses when a part of the film is covered."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from carina.inference.explain import CHUNK_BYTES, EXPLAINERS, ExplanationMethod, FilmInNetwork

# The film is cut into 12 x 12 cells, and a patch covers 2 x 2 of them: 169 patches, a sixth of
# the film's height and width each, a twelfth apart, those at the edge reaching out of it.
_CELLS = 12
_PATCH_CELLS = 2
# A film is answered again to this in log-odds, whatever stands beside it in a batch; a change
# of the odds by less than a thousandth is no evidence.
_LEAST_EVIDENCE = 1e-3
# The maps of a whole batch are in memory at once: of 32 films in a VGG16 they take 2 GB.
_FILMS_AT_ONCE = 8

Patch = tuple[slice, slice]


def occlusion(film: FilmInNetwork, *, class_index: int) -> NDArray[np.float32]:
    """Return how much of the evidence for a class each place of a film holds.

    Each patch in turn is covered, and the class's log-odds (the logarithm of its probability
    over all the others') are taken again. A place's heat is
    what they lose, as the mean over the patches that cover it. The paper takes the
    probability; its log-odds rank films alike and still move where the probability is all but
    1.

    The cover spans the greys around the patch. Of six covers it moved the log-odds at a film's
    edge, where no lung lies, by 0.08 (mid grey 0.13, black 0.23), and on phantom films the
    lesions got 3.8 times the heat of chance (mid grey 0.8, the film's mean 2.7, black 4.5:
    `python benchmarks/occlusion_fill.py`).

    Returns:
        float32 `[12, 12]`, or less for a film of fewer pixels; 0 where covering a place loses
        nothing.

    References:
        Zeiler & Fergus, Visualizing and Understanding Convolutional Networks, ECCV 2014,
        section 4.2.
    """
    rows, columns = (_edges(side) for side in film.image.shape[1:])
    lost = np.zeros((len(rows) - 1, len(columns) - 1))
    covered = np.zeros_like(lost)
    patches = list(_patches(*lost.shape))
    whole = _log_odds(film.network(film.image[None]), class_index)[0]
    at_once = max(1, min(_FILMS_AT_ONCE, CHUNK_BYTES // film.image.nbytes))
    for start in range(0, len(patches), at_once):
        part = patches[start : start + at_once]
        images = np.repeat(film.image[None], len(part), axis=0)
        for image, (down, across) in zip(images, part, strict=True):
            places = slice(rows[down.start], rows[down.stop])
            _cover(image, places, slice(columns[across.start], columns[across.stop]))
        without = _log_odds(film.network(images), class_index)
        for cells, left in zip(part, without, strict=True):
            lost[cells] += whole - left
            covered[cells] += 1
    heat = lost / covered
    return np.where(heat < _LEAST_EVIDENCE, 0, heat).astype(np.float32)


EXPLAINERS.register("occlusion")(ExplanationMethod("Occlusion", occlusion, needs_maps=False))


def _edges(side: int) -> list[int]:
    """Return where the cells of a side begin, and where the last one ends."""
    n_cells = min(_CELLS, side)
    return [round(side * cell / n_cells) for cell in range(n_cells + 1)]


def _patches(n_rows: int, n_columns: int) -> Iterator[Patch]:
    """Yield the cells of each patch, so that every cell lies in the same number of patches."""
    outside = _PATCH_CELLS - 1
    for row in range(-outside, n_rows):
        for column in range(-outside, n_columns):
            yield (
                slice(max(row, 0), min(row + _PATCH_CELLS, n_rows)),
                slice(max(column, 0), min(column + _PATCH_CELLS, n_columns)),
            )


def _cover(image: NDArray[np.float32], rows: slice, columns: slice) -> None:
    """Cover a patch of an image `[channels, height, width]` in place with the grey that spans
    what lies at its four sides: each side's mean, a quarter of the patch deep, weighs by its
    nearness."""
    n_rows, n_columns = rows.stop - rows.start, columns.stop - columns.start
    down, across = max(n_rows // 4, 1), max(n_columns // 4, 1)
    from_top = ((np.arange(n_rows, dtype=np.float32) + 0.5) / n_rows)[:, None]
    from_left = ((np.arange(n_columns, dtype=np.float32) + 0.5) / n_columns)[None]
    total = np.zeros((len(image), n_rows, n_columns), dtype=np.float32)
    weights = np.zeros((n_rows, n_columns), dtype=np.float32)
    for strip, distance in (
        (image[:, max(rows.start - down, 0) : rows.start, columns], from_top),
        (image[:, rows.stop : rows.stop + down, columns], 1 - from_top),
        (image[:, rows, max(columns.start - across, 0) : columns.start], from_left),
        (image[:, rows, columns.stop : columns.stop + across], 1 - from_left),
    ):
        if strip.size:
            total += strip.mean(axis=(1, 2))[:, None, None] / distance
            weights += 1 / distance
    image[:, rows, columns] = total / weights


def _log_odds(logits: NDArray[np.float64], class_index: int) -> NDArray[np.float64]:
    """Return the log-odds float64 `[n]` of a class against all the others."""
    others = np.delete(logits, class_index, axis=1)
    largest = others.max(axis=1, keepdims=True)
    log_sum = largest[:, 0] + np.log(np.exp(others - largest).sum(axis=1))
    return np.asarray(logits[:, class_index] - log_sum)
