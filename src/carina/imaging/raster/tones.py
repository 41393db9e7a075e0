"""How bright a file says that its values are: gamma, from a PNG's chunk or a colour profile.

Carina takes grey values as they are stored and applies no profile and no gamma. A profile says
how a screen shall show the values, not what the film measured; it is lost or added whenever a
program saves the picture again; and applying it would make two films of one. Where a file asks for
a brightness far from what screens use, a viewer that applies it shows another picture, and a
caution says so.
"""

from __future__ import annotations

import math
import struct

# From the 1.8 of old Macintosh screens to the 2.4 of ITU-R BT.1886, with room for the curves of
# printers (dot gain); sRGB is near 2.2.
_USUAL_GAMMA = (1.5, 2.7)
_MAX_TAGS = 100
_GREY_CURVE, _GREEN_CURVE = b"kTRC", b"gTRC"


def gamma_caution(gamma: float | None) -> str | None:
    """Return the sentence about an unusual gamma, or None.

    >>> gamma_caution(2.2)
    >>> gamma_caution(1.0)[:40]
    'the file asks for a gamma of 1.0 (screen'
    """
    if gamma is None or _USUAL_GAMMA[0] <= gamma <= _USUAL_GAMMA[1]:
        return None
    return (
        f"the file asks for a gamma of {gamma:.1f} (screens have about 2.2), which is not applied: "
        "grey values are taken as they are stored"
    )


def profile_gamma(profile: bytes) -> float | None:
    """Return the gamma that an ICC profile's grey or green curve has in its middle.

    Args:
        profile: the bytes of the profile, which need not be sound.

    Returns:
        log(y) / log(0.5), where the curve gives y for 0.5; None if no simple curve is found.

    References:
        ICC.1:2022, sections 7.3 (tag table), 10.6 (curveType) and 10.18 (parametricCurveType).
    """
    try:
        curve = _curve(profile)
        middle = None if curve is None else _middle(curve)
    except struct.error:
        return None
    if middle is None or not 0 < middle < 1:
        return None
    return math.log(middle) / math.log(0.5)


def _curve(profile: bytes) -> bytes | None:
    (n_tags,) = struct.unpack_from(">I", profile, 128)
    curves = {}
    for number in range(min(n_tags, _MAX_TAGS)):
        kind, offset, size = struct.unpack_from(">4sII", profile, 132 + 12 * number)
        curves[kind] = profile[offset : offset + size]
    return curves.get(_GREY_CURVE, curves.get(_GREEN_CURVE))


def _middle(curve: bytes) -> float | None:
    """Return what a curve gives for 0.5."""
    if curve.startswith(b"curv"):
        (n_points,) = struct.unpack_from(">I", curve, 8)
        if n_points == 0:
            return 0.5
        if n_points == 1:  # u8Fixed8Number
            return float(0.5 ** (struct.unpack_from(">H", curve, 12)[0] / 256))
        lower, upper = (n_points - 1) // 2, n_points // 2
        values = [struct.unpack_from(">H", curve, 12 + 2 * n)[0] for n in (lower, upper)]
        return float(sum(values)) / 2 / 65535
    if curve.startswith(b"para"):
        return _parametric_middle(curve)
    return None


def _parametric_middle(curve: bytes) -> float | None:
    """Return what a parametric curve gives for 0.5: (a x + b) ** g + c above its straight part."""
    (kind,) = struct.unpack_from(">H", curve, 8)
    n_parameters = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}.get(kind)
    if n_parameters is None:
        return None
    values = [value / 65536 for value in struct.unpack_from(f">{n_parameters}i", curve, 12)]
    exponent, scale, shift = (*values, 1.0, 0.0)[:3] if n_parameters == 1 else values[:3]
    raised = values[3] if kind == 2 else values[5] if kind == 4 else 0.0
    inner = scale * 0.5 + shift
    if not 0 < inner <= 4 or not 0 < exponent <= 16:
        return None
    return float(inner**exponent + raised)
