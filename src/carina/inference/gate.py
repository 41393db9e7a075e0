"""Is this a film we know? What the gate looks at, measured."""

from carina.domain.gate import GateMeasures
from carina.domain.radiograph import Radiograph
from carina.imaging.digests import contrast


def measure(radiograph: Radiograph) -> GateMeasures:
    """Return what a `Gate` judges a film by."""
    return GateMeasures(
        height=radiograph.height, width=radiograph.width, contrast=contrast(radiograph.pixels)
    )
