"""Films and heat maps as small PNG pictures, with Pillow alone."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from PIL.PngImagePlugin import PngInfo

from carina.domain.radiograph import Radiograph

HEAT_COLOURS = ("#550f6d", "#88226a", "#ba3655", "#e35933", "#f98c0a", "#f9c932", "#fcffa4")
"""Seven colours of matplotlib's "inferno" (CC0; van der Walt & Smith 2015), from no heat to the
most: perceptually uniform, and told apart by the colour-blind. Its two darkest are left out,
since they cannot be seen over dark lungs."""
_RGB = np.array([list(bytes.fromhex(colour[1:])) for colour in HEAT_COLOURS], dtype=np.float32)
_LARGEST_OPACITY = 0.65
OUTLINED_SHARE = 0.5
"""The share of the largest heat that an outline runs along, so that a map is read without its
colours too: by the colour-blind, in bright places and on grey prints."""
# A line of the outline for each so many pixels of the longer side.
_LINE_SHARE = 320
# Less heat than this is not drawn.
_LEAST_SHARE = 0.02
_BAR_WIDTH, _BAR_GAP, _TICK_WIDTH = 14, 10, 34
_FONT_SIZE, _LINE_HEIGHT, _MARGIN = 12, 16, 8
_LEAST_CAPTION_WIDTH = 260

_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def film_png(radiograph: Radiograph, *, longer_side: int | None = None) -> bytes:
    """Return a film as an 8-bit grey PNG.

    Args:
        radiograph: the film.
        longer_side: pixels; a larger film is made smaller, a smaller one stays.
    """
    return pixels_png(radiograph.pixels, longer_side=longer_side)


def pixels_png(pixels: NDArray[np.float32], *, longer_side: int | None = None) -> bytes:
    """Return grey values float32 `[height, width]` in `[0, 1]` as an 8-bit PNG."""
    return _png(_grey(pixels, longer_side))


def overlay_png(
    radiograph: Radiograph,
    heat: NDArray[np.float32],
    *,
    longer_side: int = 640,
    colour_bar: bool = True,
    caption: Sequence[str] = (),
) -> bytes:
    """Return a film with a heat map over it, as PNG.

    Cold places show the film as it is; the hotter, the more the colour covers it, up to
    65 %, so that the film can be read everywhere. An outline, white within and black
    without, runs where the heat is half of 1.

    Args:
        radiograph: the film.
        heat: float32 `[height, width]` in `[0, 1]`, over the film's own pixels.
        longer_side: pixels of the film in the picture, at most.
        colour_bar: whether the map's colours, from 0 to 1, stand beside the film.
        caption: what the picture shows, each line a sentence: written below the film and
            into the file's text, so that the picture can be passed on alone.
    """
    grey = _grey(radiograph.pixels, longer_side)
    small = Image.fromarray(heat.astype(np.float32)).resize(grey.size, Image.Resampling.BILINEAR)
    colours, opacity = _layer(np.asarray(small, dtype=np.float32))
    film = np.asarray(grey, dtype=np.float32)[..., None]
    covered = _LARGEST_OPACITY * opacity[..., None]
    picture = Image.fromarray(_bytes(film * (1 - covered) + colours * covered))
    if colour_bar:
        picture = _with_bar(picture)
    return _png(_with_caption(picture, caption) if caption else picture, caption)


def heat_png(heat: NDArray[np.float32], *, longer_side: int | None = None) -> bytes:
    """Return a heat map as an RGBA PNG to lay over `film_png` of the same `longer_side`.

    Cold places are transparent and the hottest opaque: at 65 % opacity the layer looks as
    `overlay_png` does.

    Args:
        heat: float32 `[height, width]` in `[0, 1]`, over the film's own pixels.
        longer_side: pixels; a larger map is made smaller, a smaller one stays.
    """
    image = _at_most(Image.fromarray(heat.astype(np.float32)), longer_side)
    colours, opacity = _layer(np.asarray(image, dtype=np.float32))
    return _png(Image.fromarray(_bytes(np.dstack([colours, 255 * opacity]))))


def _layer(heat: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the colours float32 `[height, width, 3]` in `[0, 255]` that cover a film, and how
    far each does: float32 `[height, width]` in `[0, 1]`."""
    shares = heat.clip(0, 1)
    colours = _colours(shares)
    opacity = np.asarray(shares * (shares > _LEAST_SHARE), dtype=np.float32)
    within = shares >= OUTLINED_SHARE
    mask = Image.fromarray(within)
    reach = 2 * max(1, round(max(mask.size) / _LINE_SHARE)) + 1
    for place, colour in (
        (within & ~np.asarray(mask.convert("L").filter(ImageFilter.MinFilter(reach)), bool), 255),
        (np.asarray(mask.convert("L").filter(ImageFilter.MaxFilter(reach)), bool) & ~within, 0),
    ):
        colours[place], opacity[place] = colour, 1
    return colours, opacity


def _colours(shares: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the colour of each share: float32 `[..., 3]` in `[0, 255]`."""
    place = shares * (len(_RGB) - 1)
    lower = np.floor(place).astype(np.intp).clip(0, len(_RGB) - 2)
    between = (place - lower)[..., None]
    return np.asarray(_RGB[lower] * (1 - between) + _RGB[lower + 1] * between)


def _with_bar(picture: Image.Image) -> Image.Image:
    """Return the picture with a colour bar from 0 to 1 at its right."""
    width = picture.width + _BAR_GAP + _BAR_WIDTH + _TICK_WIDTH
    canvas = Image.new("RGB", (width, picture.height), "white")
    canvas.paste(picture)
    left = picture.width + _BAR_GAP
    top, bottom = 10, picture.height - 10
    column = np.linspace(1, 0, bottom - top, dtype=np.float32)[:, None]
    bar = np.repeat(_colours(column), _BAR_WIDTH, axis=1)
    canvas.paste(Image.fromarray(_bytes(bar)), (left, top))
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(size=_FONT_SIZE)
    edge = left + _BAR_WIDTH
    for share in (0.0, OUTLINED_SHARE, 1.0):
        row = bottom - 1 - share * (bottom - 1 - top)
        draw.line([(edge, row), (edge + 4, row)], fill="black")
        draw.text((edge + 7, row), f"{share:g}", fill="black", font=font, anchor="lm")
        if share == OUTLINED_SHARE:
            draw.line([(left, row), (edge - 1, row)], fill="white")
            draw.line([(left, row + 1), (edge - 1, row + 1)], fill="black")
    return canvas


def _with_caption(picture: Image.Image, caption: Sequence[str]) -> Image.Image:
    """Return the picture with its caption below, broken into lines."""
    width = max(picture.width, _LEAST_CAPTION_WIDTH)
    font = ImageFont.load_default(size=_FONT_SIZE)
    lines = [line for text in caption for line in _broken(text, font, width - 2 * _MARGIN)]
    height = picture.height + len(lines) * _LINE_HEIGHT + 2 * _MARGIN
    canvas = Image.new("RGB", (width, height), "white")
    canvas.paste(picture)
    draw = ImageDraw.Draw(canvas)
    for number, line in enumerate(lines):
        top = picture.height + _MARGIN + number * _LINE_HEIGHT
        draw.text((_MARGIN, top), line, fill="black", font=font)
    return canvas


def _broken(text: str, font: _Font, width: int) -> Iterator[str]:
    """Yield the lines of a text, none wider than `width` unless one word is."""
    line = ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if line and font.getlength(longer) > width:
            yield line
            longer = word
        line = longer
    if line:
        yield line


def _grey(pixels: NDArray[np.float32], longer_side: int | None) -> Image.Image:
    image = Image.fromarray(_bytes(pixels * 255))
    return _at_most(image, longer_side)


def _at_most(image: Image.Image, longer_side: int | None) -> Image.Image:
    """Return the picture, made smaller in place if its longer side is over a limit."""
    if longer_side is not None and max(image.size) > longer_side:
        image.thumbnail((longer_side, longer_side), Image.Resampling.BOX)
    return image


def _bytes(levels: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return levels in `[0, 255]` as bytes."""
    return np.rint(levels).clip(0, 255).astype(np.uint8)


def _png(image: Image.Image, caption: Sequence[str] = ()) -> bytes:
    text = PngInfo()
    if caption:
        text.add_itxt("Description", " ".join(caption))
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=6, pnginfo=text)
    return buffer.getvalue()
