"""Whether a picture can be a chest film at all."""

from dataclasses import dataclass

from carina.domain.document import Plain


@dataclass(frozen=True, slots=True)
class GateMeasures:
    """What the gate looks at.

    Attributes:
        height: pixel rows.
        width: pixel columns.
        contrast: 95th minus 5th percentile of the grey values, in `[0, 1]`.
    """

    height: int
    width: int
    contrast: float


class Gate(Plain):
    """Limits outside which a picture cannot be a chest film.

    Attributes:
        min_side_px: shortest side below which the lungs cannot be judged.
        max_aspect_ratio: longer side / shorter side; chest detectors are 1 to 1.25,
            and heavily cropped films stay under 2.
        min_contrast: least difference between the 95th and the 5th percentile of the
            grey values; below it the picture is blank.
    """

    min_side_px: int = 28
    max_aspect_ratio: float = 2.5
    min_contrast: float = 0.04

    def apply(self, measures: GateMeasures) -> str:
        """Return why the picture is refused, in words, or "" if it may pass.

        >>> Gate().apply(GateMeasures(height=20, width=400, contrast=0.5))
        'too small to judge: 400 x 20 pixels, and the shorter side must be 28 or more'
        """
        size = f"{measures.width} x {measures.height} pixels"
        shorter, longer = sorted((measures.height, measures.width))
        if shorter < self.min_side_px:
            return (
                f"too small to judge: {size}, and the shorter side must be "
                f"{self.min_side_px} or more"
            )
        if longer / shorter > self.max_aspect_ratio:
            return (
                f"not the shape of a chest film: {size} is {longer / shorter:.1f} to 1, "
                f"and {self.max_aspect_ratio:g} to 1 is the most"
            )
        if measures.contrast < self.min_contrast:
            return (
                f"blank: 90 % of its grey values lie within {100 * measures.contrast:.1f} % "
                f"of the range, and a film needs {100 * self.min_contrast:g} %"
            )
        return ""
