"""Films and heat maps as small PNG pictures, with Pillow alone."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from carina.domain.radiograph import Radiograph

# Seven colours of matplotlib's "inferno" (CC0; van der Walt & Smith 2015), from no heat to
# the most: perceptually uniform, and told apart by the colour-blind. Its two darkest are
# left out, since they cannot be seen over dark lungs.
_INFERNO = np.array(
    [
        (85, 15, 109), (136, 34, 106), (186, 54, 85), (227, 89, 51), (249, 140, 10),
        (249, 201, 50), (252, 255, 164),
    ],
    dtype=np.float32,
)  # fmt: skip
_LARGEST_OPACITY = 0.65
_BAR_WIDTH, _BAR_GAP, _TICK_WIDTH = 14, 10, 34


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
) -> bytes:
    """Return a film with a heat map over it, as PNG.

    Cold places show the film as it is; the hotter, the more the colour covers it, up to
    65 %, so that the film can be read everywhere.

    Args:
        radiograph: the film.
        heat: float32 `[height, width]` in `[0, 1]`, over the film's own pixels.
        longer_side: pixels of the film in the picture, at most.
        colour_bar: whether the map's colours, from 0 to 1, stand beside the film.
    """
    grey = _grey(radiograph.pixels, longer_side)
    small = Image.fromarray(heat.astype(np.float32)).resize(grey.size, Image.Resampling.BILINEAR)
    shares = np.asarray(small, dtype=np.float32).clip(0, 1)
    opacity = (_LARGEST_OPACITY * _opacity(shares))[..., None]
    film = np.asarray(grey, dtype=np.float32)[..., None]
    blended = film * (1 - opacity) + _colours(shares) * opacity
    picture = Image.fromarray(np.rint(blended).clip(0, 255).astype(np.uint8))
    return _png(_with_bar(picture) if colour_bar else picture)


def heat_png(heat: NDArray[np.float32], *, longer_side: int | None = None) -> bytes:
    """Return a heat map as an RGBA PNG to lay over `film_png` of the same `longer_side`.

    Cold places are transparent and the hottest opaque: at 65 % opacity the layer looks as
    `overlay_png` does.

    Args:
        heat: float32 `[height, width]` in `[0, 1]`, over the film's own pixels.
        longer_side: pixels; a larger map is made smaller, a smaller one stays.
    """
    image = Image.fromarray(heat.astype(np.float32))
    shares = np.asarray(_at_most(image, longer_side), dtype=np.float32).clip(0, 1)
    layer = np.dstack([_colours(shares), 255 * _opacity(shares)])
    return _png(Image.fromarray(np.rint(layer).astype(np.uint8)))


def _opacity(shares: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how far each share of heat covers the film: float32 in `[0, 1]`."""
    return np.asarray(shares * (shares > 0.02), dtype=np.float32)


def _colours(shares: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the colour of each share: float32 `[..., 3]` in `[0, 255]`."""
    place = shares * (len(_INFERNO) - 1)
    lower = np.floor(place).astype(np.intp).clip(0, len(_INFERNO) - 2)
    between = (place - lower)[..., None]
    return np.asarray(_INFERNO[lower] * (1 - between) + _INFERNO[lower + 1] * between)


def _with_bar(picture: Image.Image) -> Image.Image:
    """Return the picture with a colour bar from 0 to 1 at its right."""
    width = picture.width + _BAR_GAP + _BAR_WIDTH + _TICK_WIDTH
    canvas = Image.new("RGB", (width, picture.height), "white")
    canvas.paste(picture)
    left = picture.width + _BAR_GAP
    top, bottom = 10, picture.height - 10
    column = np.linspace(1, 0, bottom - top, dtype=np.float32)[:, None]
    bar = np.repeat(_colours(column), _BAR_WIDTH, axis=1)
    canvas.paste(Image.fromarray(np.rint(bar).astype(np.uint8)), (left, top))
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(size=12)
    for share in (0.0, 0.5, 1.0):
        row = bottom - 1 - share * (bottom - 1 - top)
        edge = left + _BAR_WIDTH
        draw.line([(edge, row), (edge + 4, row)], fill="black")
        draw.text((edge + 7, row), f"{share:g}", fill="black", font=font, anchor="lm")
    return canvas


def _grey(pixels: NDArray[np.float32], longer_side: int | None) -> Image.Image:
    image = Image.fromarray(np.rint(pixels * 255).clip(0, 255).astype(np.uint8))
    return _at_most(image, longer_side)


def _at_most(image: Image.Image, longer_side: int | None) -> Image.Image:
    """Return the picture, made smaller in place if its longer side is over a limit."""
    if longer_side is not None and max(image.size) > longer_side:
        image.thumbnail((longer_side, longer_side), Image.Resampling.BOX)
    return image


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=6)
    return buffer.getvalue()
