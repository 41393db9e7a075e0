"""Stored values -> grey in [0, 1], as a viewer shows them.

In this order (DICOM PS3.4, N.2): unused bits off, modality LUT or rescale, VOI LUT or window,
white and black turned over for MONOCHROME1, padding black. The grey runs over the range of the
window's output, which is that of the stored bits after the modality step (pydicom's rule in
`apply_windowing`); without a window it keeps that range, so that a film saved as 16 bit PNG and
as 16 bit DICOM gives the same grey.

Every step takes each value alone. So it is done once for each of the 256 or 65,536 values that
there can be, in the reference's own arithmetic, and the pixels are looked up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from carina.imaging.decoded import new_pixels
from carina.imaging.dicom import tags
from carina.imaging.dicom.elements import Elements
from carina.imaging.dicom.lookup import Lookup, grey_lookup
from carina.imaging.dicom.native import used_bits
from carina.imaging.dicom.picture import Picture
from carina.imaging.dicom.refusals import refused
from carina.imaging.dicom.values import numbers, word

Stored = NDArray[Any]
Floats = NDArray[np.float64]
Curve = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]
_CURVES: tuple[Curve, ...] = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
BLOCK_PIXELS = 262_144
"""Pixels that are worked on at a time: it bounds the memory beside the picture, and fits into
a processor's cache (1 million took a tenth longer, all at once twice as long)."""


@dataclass(frozen=True, slots=True)
class Window:
    """A window (DICOM PS3.3, C.11.2.1.2 and C.11.2.1.3): centre, width and curve."""

    centre: float
    width: float
    curve: Curve = "LINEAR"


@dataclass(frozen=True, slots=True, eq=False)
class GreyScale:
    """What a file says of how its values become grey.

    Attributes:
        picture: what it declares of its pixels.
        table: its modality LUT, or None.
        slope, intercept: its rescale, 1 and 0 where it has none.
        window: the window that is used, or None.
        window_table: the VOI LUT that is used in its place, or None.
        is_turned: whether the lowest value is white.
        padding: the lowest and highest stored value that stand for no picture, or None.
    """

    picture: Picture
    table: Lookup | None = None
    slope: float = 1.0
    intercept: float = 0.0
    window: Window | None = None
    window_table: Lookup | None = None
    is_turned: bool = False
    padding: tuple[int, int] | None = None

    @property
    def ends(self) -> tuple[float, float]:
        """What the modality step makes of the lowest and highest value that can be stored."""
        if self.table is not None:
            return 0, self.table.top
        low, high = self.picture.range
        return low * self.slope + self.intercept, high * self.slope + self.intercept

    def grey(self, values: Stored) -> NDArray[np.float32]:
        """Return the grey of values as they lie in the file, of any shape, in [0, 1]."""
        stored = used_bits(values, self.picture)
        shown, low, high = self._windowed(self._rescaled(stored))
        shares = (np.asarray(shown, dtype=np.float64) - low) / (high - low)
        grey = shares.clip(0, 1).astype(np.float32)
        if self.is_turned:  # PS3.3 C.7.6.3.1.2: the lowest value is white
            grey = 1 - grey
        if self.padding is not None:
            grey[(stored >= self.padding[0]) & (stored <= self.padding[1])] = 0
        return grey

    def pixels(self, values: Stored) -> NDArray[np.float32]:
        """Return the grey of a picture, float32 `[rows, columns]`."""
        return looked_up(values, self.grey)

    def _rescaled(self, stored: Stored) -> Stored:
        if self.table is not None:
            return self.table.apply(stored)
        if (self.slope, self.intercept) == (1, 0):
            return stored
        return stored.astype(np.float64) * self.slope + self.intercept

    def _windowed(self, values: Stored) -> tuple[Stored, float, float]:
        """Return values after the VOI step, and those that stand for black and white."""
        if self.window_table is not None:
            return self.window_table.apply(values), 0, self.window_table.top
        black, white = self.ends
        if self.window is None:
            return values, min(black, white), max(black, white)
        return windowed(values, self.window, black, white), black, white


def windowed(values: Stored, window: Window, black: float, white: float) -> Floats:
    """Return values through a window, in pydicom's arithmetic.

    Args:
        values: of any shape, after the modality step.
        window: which.
        black, white: what the window's ends become.
    """
    given = values.astype(np.float64)
    span, centre, width = white - black, window.centre, window.width
    if window.curve == "SIGMOID":
        with np.errstate(over="ignore"):
            return np.asarray(span / (1 + np.exp(-4 * (given - centre) / width)) + black)
    if window.curve == "LINEAR":
        centre, width = centre - 0.5, width - 1
    below, above = given <= centre - width / 2, given > centre + width / 2
    between = ~below & ~above
    given[below], given[above] = black, white
    given[between] = ((given[between] - centre) / width + 0.5) * span + black
    return given


def looked_up(values: Stored, look: Any) -> NDArray[np.float32]:
    """Return `look` of every pixel, computed once for each value that there can be.

    Args:
        values: whole numbers `[rows, columns]`.
        look: takes values of any shape and returns float32 of that shape.
    """
    n_values = 1 << 8 * values.dtype.itemsize if values.dtype.itemsize <= 2 else math.inf
    pixels = new_pixels(*values.shape)
    flat, shown = values.reshape(-1), pixels.reshape(-1)
    if n_values < flat.size:
        bits = np.dtype(f"u{values.dtype.itemsize}")
        table = look(np.arange(n_values, dtype=bits).view(values.dtype))
        flat = flat.view(bits)
    for start in range(0, flat.size, BLOCK_PIXELS):
        block, into = flat[start : start + BLOCK_PIXELS], shown[start : start + BLOCK_PIXELS]
        if n_values < flat.size:
            np.take(table, block, out=into, mode="clip")  # without "clip" it would buffer
        else:
            into[:] = look(block)
    return pixels


def grey_scale(
    elements: Elements, picture: Picture, *, name: str
) -> tuple[GreyScale, tuple[str, ...]]:
    """Return how a file's values become grey, and what is to be said of it.

    Of several windows or tables the first one is used; a table goes before a window, as in
    pydicom. A rescale needs slope and intercept, a window centre and width.

    Raises:
        ImageError: "damaged" for a lookup table that is shorter than it says,
            "unsupported-pixels" for a rescale beyond what can be computed with.
    """
    cautions: list[str] = []
    table = _table(elements, tags.MODALITY_TABLE, picture, name, cautions)
    window_table = _table(elements, tags.WINDOW_TABLE, picture, name, cautions)
    slopes, intercepts = (numbers(elements, tag, "DS") for tag in (tags.SLOPE, tags.INTERCEPT))
    slope, intercept = (slopes[0], intercepts[0]) if slopes and intercepts else (1.0, 0.0)
    if slope == 0:
        cautions.append("the file's rescale slope is 0; its stored values were used as they are")
        slope, intercept = 1.0, 0.0
    window = None if window_table is not None else _window(elements, cautions)
    scale = GreyScale(
        picture=picture,
        table=table,
        slope=slope,
        intercept=intercept,
        window=window,
        window_table=window_table,
        is_turned=_is_turned(elements, picture, cautions),
        padding=_padding(elements, picture),
    )
    black, white = scale.ends
    if black == white or not math.isfinite(white - black):
        raise refused(
            name,
            "has a rescale slope and intercept that leave no grey values to tell apart; save it "
            "without them",
            code="unsupported-pixels",
        )
    return scale, tuple(cautions)


def _table(
    elements: Elements, tag: int, picture: Picture, name: str, cautions: list[str]
) -> Lookup | None:
    items = elements[tag].items if tag in elements else ()
    if not items:
        return None
    if len(items) > 1:
        cautions.append(f"the file describes {len(items)} lookup tables; the first was used")
    return grey_lookup(items[0], is_signed=picture.is_signed, name=name)


def _window(elements: Elements, cautions: list[str]) -> Window | None:
    """Return the first window, or None where there is none that can be applied."""
    centres = numbers(elements, tags.WINDOW_CENTRE, "DS")
    widths = numbers(elements, tags.WINDOW_WIDTH, "DS")
    if not centres or not widths:
        return None
    if len(centres) > 1:
        cautions.append(f"the file describes {len(centres)} windows; the first was used")
    stated = word(elements, tags.WINDOW_FUNCTION) or "LINEAR"
    curve = next((known for known in _CURVES if known == stated), None)
    if curve is None:
        cautions.append("the file's window has a curve that is not known; a straight one was used")
        curve = "LINEAR"
    narrowest_is_allowed = widths[0] >= 1 if curve == "LINEAR" else widths[0] > 0
    if not narrowest_is_allowed:
        cautions.append("the file's window has no width; it was not used")
        return None
    return Window(centres[0], widths[0], curve)


def _is_turned(elements: Elements, picture: Picture, cautions: list[str]) -> bool:
    """Return whether the lowest value is white.

    PS3.3 C.8.11.3.1: MONOCHROME1 goes with the shape INVERSE and says the same, once.
    """
    shape = word(elements, tags.PRESENTATION_SHAPE)
    is_turned = picture.photometric == "MONOCHROME1"
    if shape == ("IDENTITY" if is_turned else "INVERSE"):
        cautions.append(
            f"the file says {picture.photometric} and a presentation LUT of the shape {shape}, "
            "which do not fit together; its lowest value was taken as white"
        )
    return is_turned or shape == "INVERSE"


def _padding(elements: Elements, picture: Picture) -> tuple[int, int] | None:
    """Return the range of stored values that stand for no picture (PS3.3, C.7.5.1.1.2)."""
    ends = [
        numbers(elements, tag, "SS" if picture.is_signed else "US")[:1]
        for tag in (tags.PADDING, tags.PADDING_LIMIT)
    ]
    if not ends[0]:
        return None
    found = [_as_stored(int(end[0]), picture) for end in ends if end]
    return min(found), max(found)


def _as_stored(value: int, picture: Picture) -> int:
    """Return a value of 16 bits with the sign of the file's values; some write it otherwise."""
    if picture.bits_allocated > 16:
        return value
    value &= 0xFFFF
    return value - 0x10000 if picture.is_signed and value & 0x8000 else value
