"""Lines of writing in a film's pixels: names, dates and numbers that no tag can take away.

A letter is a small patch of thin strokes that stand out from what lies around them, lighter or
darker; a line is a row of such patches of like height, close to each other. A letter for the
side, an arrow or a word such as PORTABLE is usual on a film and says nothing of the patient, so
that what counts is how many letters stand in lines (`FEWEST_LETTERS`).

Writing that is turned by a quarter, fainter than a quarter of the grey range or lower than 5 of
about 1,000 pixels is not found. `benchmarks/burned_in_text.py` measures on labelled films.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from carina.domain.radiograph import Radiograph
from carina.imaging.greys import Greys, greys_of

Ints = NDArray[np.intp]

FEWEST_LETTERS = 10
"""From so many letters on a film is said to carry writing that may name a patient."""
WRITING_CAUTION = (
    "lines of writing seem to stand in the picture and may name the patient: look at it before "
    "you pass it on"
)
# A film is looked at with at most so many pixels along its longer side.
_LONGER_SIDE_PX = 1100
# Strokes are narrower than this, and stand out by so many of 256 levels.
_WIDEST_STROKE_PX = 16
_STANDS_OUT = (40, 90)
# What is so full of edges is noise or a photograph; of many patches the largest are looked at.
_MOST_RUNS, _MOST_PATCHES = 25_000, 700
# Patches that may be letters, in pixels and in heights of their own.
_LOWEST_PX, _HIGHEST_PX = 5, 64
_WIDEST_LETTER = 1.6
_WIDEST_WORD = 14.0
_LETTER_WIDTH, _NARROWEST_MEAN = 0.75, 0.6
# Neighbours in a line: like heights, feet or heads on one level, not far apart.
_LIKE_HEIGHT = 1.75
_OFF_LEVEL = 0.3
_GAP = 1.1
_FEWEST_IN_A_LINE = 4
# The strokes of a ruler are single, those of writing are not.
_FEWEST_STROKES_EACH = 1.15
# Above and below a line, a fifth of its height, strokes are at most so dense as inside.
_MARGIN, _MOST_AROUND = 0.2, 0.5


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line of writing.

    Attributes:
        top, left, height, width: where it stands, in pixels of the film.
        n_letters: about how many letters it has.
    """

    top: int
    left: int
    height: int
    width: int
    n_letters: int


def n_letters_in_lines(values: NDArray[np.uint8]) -> int:
    """Return about how many letters stand in lines of writing on a film.

    Args:
        values: uint8 `[height, width]`, the film at 256 levels.

    >>> n_letters_in_lines(np.zeros((200, 200), np.uint8))
    0
    """
    return sum(line.n_letters for line in text_lines(values))


def film_cautions(radiograph: Radiograph, greys: Greys | None = None) -> tuple[str, ...]:
    """Return a film's cautions, with `WRITING_CAUTION` for one that carries enough writing.

    Args:
        radiograph: the film.
        greys: its grey values at 8 bits, where they are known.
    """
    values = (greys or greys_of(radiograph.pixels)).values
    carries = n_letters_in_lines(values) >= FEWEST_LETTERS
    return (*radiograph.cautions, WRITING_CAUTION) if carries else radiograph.cautions


def text_lines(values: NDArray[np.uint8]) -> tuple[TextLine, ...]:
    """Return the lines of writing on a film, light on dark and dark on light.

    Args:
        values: uint8 `[height, width]`, the film at 256 levels.
    """
    step = -(-max(values.shape) // _LONGER_SIDE_PX)
    small = np.asarray(Image.fromarray(values).reduce(step)) if step > 1 else values
    if min(small.shape) <= 2 * _WIDEST_STROKE_PX:
        return ()
    lines = [line for light in (small, 255 - small) for line in _light_lines(light)]
    # The same letters may stand out at both levels, and what lies inside light ones is dark.
    kept: list[TextLine] = []
    for line in sorted(lines, key=lambda one: -one.n_letters):
        if not any(_overlap(line, other) for other in kept):
            kept.append(line)
    return tuple(
        TextLine(
            line.top * step, line.left * step, line.height * step, line.width * step, line.n_letters
        )
        for line in kept
    )


def _overlap(a: TextLine, b: TextLine) -> bool:
    """Return whether two lines share a place."""
    rows = min(a.top + a.height, b.top + b.height) - max(a.top, b.top)
    columns = min(a.left + a.width, b.left + b.width) - max(a.left, b.left)
    return rows > 0 and columns > 0


def _light_lines(light: NDArray[np.uint8]) -> Iterator[TextLine]:
    """Yield the lines of light writing on a picture, as they stand out faintly, then clearly."""
    hat = _top_hat(light)
    places = np.flatnonzero(hat > _STANDS_OUT[0])
    heights = hat.ravel()[places]
    for level in _STANDS_OUT:
        patches = _patches(places[heights > level], n_columns=hat.shape[1])
        mask = hat > level
        yield from (line for line in _lines(_letters(patches)) if _is_quiet_around(mask, line))


def _top_hat(light: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return how much lighter narrow things are than what lies beside, uint8 as the picture.

    The white top-hat along rows: the picture less its opening (Serra, Image Analysis and
    Mathematical Morphology, 1982), whose running minimum and maximum double their reach.
    """
    reach = _WIDEST_STROKE_PX - 1
    height, width = light.shape
    wide = np.empty((height, width + 2 * reach), dtype=np.uint8)
    wide[:, reach:-reach] = light
    wide[:, :reach], wide[:, -reach:] = light[:, :1], light[:, -1:]
    return light - _running(_running(wide, np.minimum), np.maximum)


def _running(values: NDArray[np.uint8], of_two: np.ufunc) -> NDArray[np.uint8]:
    """Return the least or largest of each 16 neighbours along the rows, 15 columns fewer."""
    reach = 1
    while reach < _WIDEST_STROKE_PX:
        values = of_two(values[:, :-reach], values[:, reach:])
        reach *= 2
    return values


@dataclass(frozen=True, slots=True, eq=False)
class _Patches:
    """Patches of strokes: each array is int `[n]`.

    Attributes:
        top, bottom, left, right: their box; bottom and right are the first pixels outside.
        n_runs: runs of stroke pixels in all their rows together.
        n_pixels: stroke pixels.
    """

    top: Ints
    bottom: Ints
    left: Ints
    right: Ints
    n_runs: Ints
    n_pixels: Ints

    def __getitem__(self, chosen: NDArray[np.generic]) -> _Patches:
        return _Patches(
            self.top[chosen], self.bottom[chosen], self.left[chosen],
            self.right[chosen], self.n_runs[chosen], self.n_pixels[chosen],
        )  # fmt: skip

    @property
    def height(self) -> Ints:
        return self.bottom - self.top

    @property
    def width(self) -> Ints:
        return self.right - self.left


def _patches(places: Ints, *, n_columns: int) -> _Patches:
    """Return the patches of pixels that touch each other, also by a corner.

    Args:
        places: of the pixels, counted along the rows, rising.
        n_columns: of a row.
    """
    rows, starts, ends = _runs(places, n_columns)
    if not len(rows) or len(rows) > _MOST_RUNS:
        nothing = np.empty(0, dtype=np.intp)
        return _Patches(*[nothing] * 6)
    # Runs stand in the order of their places, so that those below a run are found by bisection.
    stride = n_columns + 2
    below = (rows + 1) * stride
    first = np.searchsorted(rows * stride + ends, below + starts)
    last = np.searchsorted(rows * stride + starts, below + ends, side="right")
    n_below = np.maximum(last - first, 0)
    upper = np.repeat(np.arange(len(rows)), n_below)
    offset = np.arange(len(upper)) - np.repeat(n_below.cumsum() - n_below, n_below)
    group = _joined(len(rows), upper, np.repeat(first, n_below) + offset)
    order = np.argsort(group, kind="stable")
    begin = np.flatnonzero(np.diff(group[order], prepend=-1))
    rows, starts, ends = rows[order], starts[order], ends[order]
    return _Patches(
        top=rows[begin],
        bottom=np.maximum.reduceat(rows, begin) + 1,
        left=np.minimum.reduceat(starts, begin),
        right=np.maximum.reduceat(ends, begin),
        n_runs=np.diff(begin, append=len(rows)),
        n_pixels=np.add.reduceat(ends - starts, begin),
    )


def _runs(places: Ints, n_columns: int) -> tuple[Ints, Ints, Ints]:
    """Return row, first column and first column behind of every run of pixels, row by row."""
    rows = places // n_columns
    columns = places - rows * n_columns
    begins = np.flatnonzero((np.diff(places, prepend=-2) != 1) | (columns == 0))
    lengths = np.diff(begins, append=len(places))
    return rows[begins], columns[begins], columns[begins] + lengths


def _joined(n: int, a: Ints, b: Ints) -> Ints:
    """Return a number for each of `n` things, the same for those that pairs `a[i], b[i]` join.

    References:
        Shiloach & Vishkin, J. Algorithms 3 (1982) 57-67: hooking roots and jumping pointers.
    """
    group = np.arange(n)
    while True:
        lower, higher = np.minimum(group[a], group[b]), np.maximum(group[a], group[b])
        if np.array_equal(lower, higher):
            return group
        np.minimum.at(group, higher, lower)
        while not np.array_equal(jumped := group[group], group):
            group = jumped


def _letters(patches: _Patches) -> _Patches:
    """Return the patches that may be letters, or words whose letters touch, from the left."""
    height, width = patches.height, patches.width
    strokes_each = patches.n_runs / np.maximum(height, 1)
    is_letter = width <= _WIDEST_LETTER * height
    is_word = (width <= _WIDEST_WORD * height) & (strokes_each * _LETTER_WIDTH * height >= width)
    fits = (height >= _LOWEST_PX) & (height <= _HIGHEST_PX) & (is_letter | is_word)
    kept = patches[np.flatnonzero(fits)]
    if len(kept.top) > _MOST_PATCHES:
        kept = kept[np.argsort(-kept.n_pixels, kind="stable")[:_MOST_PATCHES]]
    return kept[np.argsort(kept.left, kind="stable")]


def _lines(letters: _Patches) -> Iterator[TextLine]:
    """Yield the lines in which letters stand."""
    n = len(letters.top)
    if n == 0:
        return
    group = _joined(n, *_neighbours(letters))
    n_letters = np.bincount(group, weights=_letters_in_each(letters))
    for number in np.flatnonzero(n_letters >= _FEWEST_IN_A_LINE):
        line = _line(letters[group == number], int(n_letters[number]))
        if line is not None:
            yield line


def _line(letters: _Patches, n_letters: int) -> TextLine | None:
    """Return the line that letters side by side make, or None if it is too short or a ruler."""
    n_patches = len(letters.top)
    strokes_each = letters.n_runs.sum() / letters.height.sum() * n_patches / n_letters
    if n_letters < _FEWEST_IN_A_LINE or strokes_each < _FEWEST_STROKES_EACH:
        return None
    top, left = int(letters.top.min()), int(letters.left.min())
    height, width = int(letters.bottom.max()) - top, int(letters.right.max()) - left
    # Of an outlined letter both sides may count.
    n_letters = min(n_letters, round(width / (_NARROWEST_MEAN * height)))
    return TextLine(top, left, height, width, n_letters) if n_letters >= _FEWEST_IN_A_LINE else None


def _is_quiet_around(mask: NDArray[np.bool_], line: TextLine) -> bool:
    """Return whether a line stands free above and below, as writing does and noise does not."""
    margin = max(round(_MARGIN * line.height), 1)
    bottom = line.top + line.height
    columns = slice(line.left, line.left + line.width)
    around = (
        mask[max(line.top - margin, 0) : line.top, columns],
        mask[bottom : bottom + margin, columns],
    )
    n_around = sum(part.size for part in around)
    n_strokes = sum(int(np.count_nonzero(part)) for part in around)
    inside = float(mask[line.top : bottom, columns].mean())
    return n_strokes <= _MOST_AROUND * inside * n_around


def _letters_in_each(letters: _Patches) -> Ints:
    """Return about how many letters each patch has: one, or more if it is a word."""
    ratio = letters.width / (_LETTER_WIDTH * letters.height)
    is_word = letters.width > _WIDEST_LETTER * letters.height
    return np.where(is_word, np.rint(ratio), 1).astype(np.intp)


def _neighbours(letters: _Patches) -> tuple[Ints, Ints]:
    """Return the pairs of patches that stand side by side in a line."""
    height = letters.height
    low, high = np.minimum.outer(height, height), np.maximum.outer(height, height)
    gap = letters.left[None, :] - letters.right[:, None]
    off = _OFF_LEVEL * high
    level = (np.abs(np.subtract.outer(letters.top, letters.top)) <= off) | (
        np.abs(np.subtract.outer(letters.bottom, letters.bottom)) <= off
    )
    fits = (high <= _LIKE_HEIGHT * low) & level & (gap <= _GAP * high) & (gap >= -0.25 * low)
    fits &= letters.left[None, :] > letters.left[:, None]
    a, b = np.nonzero(fits)
    return a, b
